//! Build arguments have names that a Dockerfile can have, and the Dockerfile declares them.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::{suggest, words};

/// Arguments that every build has without declaring them (Dockerfile reference, "Predefined ARGs").
const PREDEFINED: &[&str] =
    &["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "SOURCE_DATE_EPOCH"];

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        let help = "letters, digits and `_`, not a digit first";
        let names = slot.build_args.iter().map(|(k, _)| k);
        case.each_fits(codes::BUILD_ARG_NAME, names, words::BUILD_ARG, "name of an `ARG`", help, found);
    }
    for (slot, source, dockerfile) in case.read_dockerfiles() {
        // a slip may hide an `ARG`
        if dockerfile.is_cut() {
            continue;
        }
        let declared: Vec<String> = dockerfile.args.iter().map(|a| a.value.clone()).collect();
        for (name, _) in &slot.build_args {
            let known = PREDEFINED.contains(&name.to_uppercase().as_str())
                || name.starts_with("BUILDKIT_")
                || declared.contains(&name.value);
            if known || !words::fits(words::BUILD_ARG, name) {
                continue;
            }
            let message = format!("`{}` has no `ARG {}`", source.name, name.value);
            let finding =
                case.warning(codes::BUILD_ARG_UNUSED, message, name.span, "this value goes nowhere");
            let near = suggest::nearest(name, &declared);
            found.push(match dockerfile.args.iter().find(|a| Some(&a.value) == near) {
                Some(near) => finding
                    .fix(format!("write `{}`", near.value), name.span, near.value.clone())
                    .at(source, near.span, "this one is declared")
                    .help(format!("did you mean `{}`?", near.value)),
                None => finding.help("declare it in the Dockerfile, or remove it here"),
            });
        }
    }
}
