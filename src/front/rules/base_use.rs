//! A base is there for a Dockerfile to name.

use super::{Case, Look};
use crate::diag::{Diagnostics, codes};
use crate::front::resolved::Base;

/// Whether an image reference means this base: by its bare name or with the tag `latest`.
fn names(image: &str, base: &Base) -> bool {
    image.strip_suffix(":latest").unwrap_or(image) == base.name.as_str()
}

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let mut images = Vec::new();
    for look in case.dockerfiles {
        match look {
            Look::Read(dockerfile) => images.extend(&dockerfile.images),
            // an unread Dockerfile may name any base
            _ => return,
        }
    }
    for base in &case.resolved.bases {
        if !images.iter().any(|image| names(image, base)) {
            let message = format!("no Dockerfile names the base `{}`", base.name.value);
            found.push(
                case.warning(codes::BASE_UNUSED, message, base.name.span, "it would be made for nothing")
                    .help(format!("write `FROM {}` in a Dockerfile, or remove the base", base.name.value)),
            );
        }
    }
}
