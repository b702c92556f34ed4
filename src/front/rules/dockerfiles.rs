//! Every Dockerfile is there, can be read and is one.

use super::{Case, Reading};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::front::dockerfile::{INSTRUCTIONS, Problem, Syntax};
use crate::front::resolved::Slot;
use crate::front::suggest;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for (slot, look) in case.slots().iter().zip(case.dockerfiles) {
        let path = slot.dockerfile.value.display();
        let (message, help) = match look {
            Reading::Done(source, dockerfile) => {
                for problem in &dockerfile.problems {
                    let finding = Diagnostic::error(codes::DOCKERFILE_SYNTAX, problem.kind.to_string());
                    let finding = finding.at(source, problem.span, "");
                    found.push(named_here(case, slot, suggested(problem, finding)));
                }
                continue;
            }
            Reading::NotUtf8(source, span) => {
                let finding = Diagnostic::error(codes::DOCKERFILE_SYNTAX, "the Dockerfile is not UTF-8 text");
                let finding = finding.at(source, *span, "this begins no character");
                let help = "save it as UTF-8, such as with `iconv -f latin1 -t utf-8`";
                found.push(named_here(case, slot, finding.help(help)));
                continue;
            }
            Reading::Missing if case.probe.is_dir(&slot.dockerfile.value) => {
                (format!("`{path}` is a folder"), "name the Dockerfile in it")
            }
            Reading::Missing => {
                (format!("there is no Dockerfile `{path}`"), "paths are relative to the manifest's folder")
            }
            Reading::Unreadable(why) => (
                format!("the Dockerfile `{path}` cannot be read: {why}"),
                "see that it is a Dockerfile, and that you may read it",
            ),
        };
        // a slot without the field has been told so
        if !case.resolved.is_stand_in(&slot.dockerfile.value) {
            found.push(case.error(codes::DOCKERFILE_MISSING, message, slot.dockerfile.span, "").help(help));
        }
    }
}

/// With the manifest's words that lead to the Dockerfile.
fn named_here(case: &Case<'_>, slot: &Slot, finding: Diagnostic) -> Diagnostic {
    finding.at(case.source(), slot.dockerfile.span, format!("the Dockerfile of slot `{}`", slot.name.value))
}

/// With the nearest word that could stand there.
fn suggested(problem: &Problem, finding: Diagnostic) -> Diagnostic {
    let words: &[&str] = match &problem.kind {
        Syntax::Unknown(_) => &INSTRUCTIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>()[..],
        Syntax::Flag(instruction, _) => {
            INSTRUCTIONS.iter().find(|(name, _)| name == instruction).map_or(&[], |(_, flags)| flags)
        }
        _ => &[],
    };
    let words: Vec<String> = words.iter().map(|w| w.to_string()).collect();
    let (given, dashes) = match &problem.kind {
        Syntax::Unknown(word) => (word.as_str(), ""),
        Syntax::Flag(_, name) => (name.as_str(), "--"),
        _ => ("", ""),
    };
    match suggest::nearest(given, &words) {
        Some(near) => {
            let near = format!("{dashes}{near}");
            let finding = finding.help(format!("did you mean `{near}`?"));
            finding.fix(format!("write `{near}`"), problem.span, near)
        }
        None => finding.help(problem.kind.help()),
    }
}
