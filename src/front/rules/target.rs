//! `target` is a stage of the slot's Dockerfile.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::suggest;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for (slot, source, dockerfile) in case.read_dockerfiles() {
        let Some(target) = &slot.target else { continue };
        // a Dockerfile with a slip in it may have more stages than could be read
        if dockerfile.is_cut() || dockerfile.stage(target).is_some() {
            continue;
        }
        let message = format!("`{}` has no stage `{}`", source.name, target.value.escape_debug());
        let names = dockerfile.stage_names();
        let line = case.line(target.span);
        let finding = case.error(codes::TARGET_UNKNOWN, message, line, "no such stage");
        let near = suggest::nearest(target, &names);
        let meant = dockerfile.stages.iter().find_map(|s| s.name.as_ref().filter(|n| Some(&n.value) == near));
        let finding = match (meant, dockerfile.stages.last()) {
            (Some(stage), _) => {
                let title = format!("write `{}`", stage.value);
                let finding = match line == target.span {
                    true => finding.fix(title, target.span, stage.value.clone()),
                    false => finding,
                };
                finding.at(source, stage.span, "this stage has nearly the name")
            }
            (None, Some(last)) => finding.at(source, last.from, "the last stage begins here"),
            (None, None) => finding,
        };
        let help = match names.as_slice() {
            [] => "its stages have no names; name one with `FROM … AS name`".to_string(),
            names => suggest::words(target, names),
        };
        found.push(finding.help(help));
    }
}
