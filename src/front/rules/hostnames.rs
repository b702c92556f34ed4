//! A host name is one by RFC 1123, and short enough for the kernel (64 bytes).

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        let name = &slot.hostname;
        let defaulted = name.span == slot.name.span;
        if words::fits(words::HOSTNAME, name) && name.len() <= 64 {
            continue;
        }
        let (message, help) = match defaulted {
            true => (
                format!("the slot's name `{}` cannot be its host name", name.value),
                "state a `hostname`: letters, digits and inner `-`, parts joined by `.`",
            ),
            false => (
                format!("`{}` is no host name", name.value.escape_debug()),
                "letters, digits and inner `-`, parts joined by `.`, at most 64 characters",
            ),
        };
        found.push(case.error(codes::HOST_NAME, message, case.line(name.span), "").help(help));
    }
}
