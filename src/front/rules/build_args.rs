//! Build arguments have names that a Dockerfile can have, and the Dockerfile declares them.

use super::{Case, Reading};
use crate::diag::{Diagnostics, codes};
use crate::front::{suggest, words};

/// Arguments that every build has without declaring them (Dockerfile reference, "Predefined ARGs").
const PREDEFINED: &[&str] =
    &["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "SOURCE_DATE_EPOCH"];

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for (slot, look) in case.slots().iter().zip(case.dockerfiles) {
        let help = "letters, digits and `_`, not a digit first";
        case.each_fits(
            codes::BUILD_ARG_NAME,
            slot.build_args.iter().map(|(k, _)| k),
            words::BUILD_ARG,
            "name of an `ARG`",
            help,
            found,
        );
        let Reading::Done(dockerfile) = look else { continue };
        for (name, _) in &slot.build_args {
            let known = PREDEFINED.contains(&name.to_uppercase().as_str())
                || name.starts_with("BUILDKIT_")
                || dockerfile.args.contains(&name.value);
            if !known && words::fits(words::BUILD_ARG, name) {
                let path = slot.dockerfile.value.display();
                let message = format!("`{path}` has no `ARG {}`", name.value);
                let help = match suggest::nearest(name, &dockerfile.args) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "declare it in the Dockerfile, or remove it here".to_string(),
                };
                found.push(
                    case.warning(codes::BUILD_ARG_UNUSED, message, name.span, "this value goes nowhere")
                        .help(help),
                );
            }
        }
    }
}
