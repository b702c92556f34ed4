//! A base is there for a Dockerfile to name.

use super::{Case, Reading};
use crate::diag::{Diagnostics, codes};
use crate::front::model::image_is;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let mut images = Vec::new();
    for look in case.dockerfiles {
        match look {
            Reading::Done(dockerfile) => images.extend(&dockerfile.images),
            // an unread Dockerfile may name any base
            _ => return,
        }
    }
    for base in &case.resolved.bases {
        if !images.iter().any(|image| image_is(image, &base.name)) {
            let message = format!("no Dockerfile names the base `{}`", base.name.value);
            found.push(
                case.warning(codes::BASE_UNUSED, message, base.name.span, "it would be made for nothing")
                    .help(format!("write `FROM {}` in a Dockerfile, or remove the base", base.name.value)),
            );
        }
    }
}
