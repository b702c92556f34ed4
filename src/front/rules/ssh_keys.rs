//! An ssh key is a public one, on one line.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for key in case.slots().iter().flat_map(|s| s.users.iter()).flat_map(|u| &u.ssh_keys) {
        if words::fits(words::SSH_KEY, key.trim_end()) && !key.trim_end().contains('\n') {
            continue;
        }
        let (code, message, help) = if key.contains("PRIVATE KEY") {
            (
                codes::USER_PRIVATE_KEY,
                "a private ssh key stands in the manifest",
                "remove it from the manifest, and write the public one (the `.pub` file)",
            )
        } else if key.ends_with(".pub") {
            (
                codes::USER_SSH_KEY,
                "the name of a key file",
                "write the file's content: `ssh-ed25519 AAAA… comment`",
            )
        } else {
            (
                codes::USER_SSH_KEY,
                "this is no public ssh key",
                "write a line of a `.pub` file: `ssh-ed25519 AAAA… comment`",
            )
        };
        let finding = case.error(code, message, case.line(key.span), "").help(help);
        found.push(match code {
            codes::USER_PRIVATE_KEY => finding.secret(key.span),
            _ => finding,
        });
    }
}
