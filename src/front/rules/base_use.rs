//! A base is there for a Dockerfile to name.

use super::images::near_base;
use super::{Case, Reading};
use crate::diag::{Diagnostics, codes};
use crate::front::model::image_is;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let mut images = Vec::new();
    for look in case.dockerfiles {
        match look {
            Reading::Done(_, dockerfile) if !dockerfile.is_cut() && !dockerfile.more_images => {
                images.extend(&dockerfile.images);
            }
            // an unread Dockerfile may name any base
            _ => return,
        }
    }
    for base in &case.resolved.bases {
        // a Dockerfile that nearly names it has been told so
        let means = |image: &str| near_base(case, image).is_some_and(|near| near.name == base.name);
        if !images.iter().any(|image| image_is(image, &base.name) || means(image)) {
            let message = format!("no Dockerfile names the base `{}`", base.name.value);
            found.push(
                case.warning(codes::BASE_UNUSED, message, base.name.span, "it would be made for nothing")
                    .help(format!("write `FROM {}` in a Dockerfile, or remove the base", base.name.value)),
            );
        }
    }
}
