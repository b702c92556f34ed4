//! `target` is a stage of the slot's Dockerfile.

use super::{Case, Reading};
use crate::diag::{Diagnostics, codes};
use crate::front::suggest;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for (slot, look) in case.slots().iter().zip(case.dockerfiles) {
        let (Some(target), Reading::Done(dockerfile)) = (&slot.target, look) else { continue };
        if dockerfile.has_stage(target) {
            continue;
        }
        let path = slot.dockerfile.value.display();
        let message = format!("`{path}` has no stage `{}`", target.value.escape_debug());
        let help = match dockerfile.stages.as_slice() {
            [] => "its stages have no names; name one with `FROM … AS name`".to_string(),
            stages => suggest::words(target, stages),
        };
        found.push(
            case.error(codes::TARGET_UNKNOWN, message, case.line(target.span), "no such stage")
                .and(slot.dockerfile.span, "in this Dockerfile")
                .help(help),
        );
    }
}
