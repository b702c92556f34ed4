//! `--from` names a stage that stands in front of its own.
//!
//! An engine knows stages by name or by number. A later stage is empty to BuildKit, so that the files are missing, while Podman
//! makes it first: what works with one engine only is an error that the manifest can allow, and it is said only of stages that
//! the target needs. Variables are not replaced in `--from`.

use super::Case;
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::front::dockerfile::Fault;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for (slot, source, dockerfile) in case.read_dockerfiles() {
        let needed = dockerfile.needed(slot.target.as_ref().map(|t| t.value.as_str()));
        for misplaced in &dockerfile.misplaced {
            let name = misplaced.name.escape_debug();
            let count = dockerfile.stages.len();
            let (message, label, help) = match misplaced.fault {
                Fault::Itself => (
                    format!("a stage cannot take from itself, as `{name}` does here"),
                    "this is the stage it stands in",
                    "copy with `RUN cp`, or name another stage".to_string(),
                ),
                Fault::Later(_) if !needed.contains(&misplaced.stage) => continue,
                Fault::Later(_) => (
                    format!("the stage `{name}` comes later"),
                    "there is nothing in it yet",
                    "move that stage in front of this one".to_string(),
                ),
                Fault::OutOfRange => (
                    format!("there is no stage {name}"),
                    "no such stage",
                    format!("the Dockerfile has {count} of them, counted from 0; better name them with `AS`"),
                ),
                Fault::Variable => (
                    format!("`{name}` is taken word by word here: no engine replaces variables in it"),
                    "no variable here",
                    "write `FROM` with the variable and `AS name` in front, and name that stage".to_string(),
                ),
            };
            let mut finding = Diagnostic::error(codes::DOCKERFILE_STAGE, message)
                .at(source, misplaced.name.span, label)
                .help(help);
            if let Fault::Later(stage) = misplaced.fault {
                let place = &dockerfile.stages[stage];
                finding = finding.and(place.name.as_ref().map_or(place.from, |n| n.span), "it is made here");
            }
            found.push(finding);
        }
    }
}
