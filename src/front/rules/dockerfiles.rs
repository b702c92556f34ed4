//! Every Dockerfile is there and can be read.

use super::{Case, Reading};
use crate::diag::{Diagnostics, codes};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for (slot, look) in case.slots().iter().zip(case.dockerfiles) {
        let path = slot.dockerfile.value.display();
        let (code, message, help) = match look {
            Reading::Done(_) => continue,
            Reading::Missing if case.probe.is_dir(&slot.dockerfile.value) => {
                (codes::DOCKERFILE_MISSING, format!("`{path}` is a folder"), "name the Dockerfile in it")
            }
            Reading::Missing => (
                codes::DOCKERFILE_MISSING,
                format!("there is no Dockerfile `{path}`"),
                "paths are relative to the manifest's folder",
            ),
            Reading::Unreadable(why) => (
                codes::DOCKERFILE_MISSING,
                format!("the Dockerfile `{path}` cannot be read: {why}"),
                "see that it is text, and that you may read it",
            ),
            Reading::Broken(why) => (
                codes::DOCKERFILE_SYNTAX,
                format!("the Dockerfile `{path}` cannot be understood: {why}"),
                "mend the Dockerfile",
            ),
        };
        // a slot without the field has been told so
        if case.resolved.dir != slot.dockerfile.value {
            found.push(case.error(code, message, slot.dockerfile.span, "").help(help));
        }
    }
}
