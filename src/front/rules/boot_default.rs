//! `boot.default` names a slot.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::suggest;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let Some(default) = &case.resolved.boot.default else { return };
    let mut names: Vec<String> = case.slots().iter().map(|s| s.name.to_string()).collect();
    // two slots of one name are another rule's finding
    names.dedup();
    // without slots their absence is the finding
    if !names.is_empty() && !names.contains(&default.value) {
        let message = format!("no slot is called `{}`", default.value.escape_debug());
        let finding = case
            .error(codes::BOOT_DEFAULT_UNKNOWN, message, default.span, "the slot that boots by default")
            .help(suggest::words(default, &names));
        found.push(suggest::fix(finding, default.span, default, &names));
    }
}
