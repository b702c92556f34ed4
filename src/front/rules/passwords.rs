//! A password's hash is a hash: what crypt(5) reads.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        for user in slot.users.iter() {
            let Some(hash) = &user.password_hash else { continue };
            if words::fits(words::PASSWORD_HASH, hash) {
                continue;
            }
            // the message does not repeat what may be a password
            let (code, message, label) = match hash.starts_with('$') {
                true => {
                    (codes::USER_PASSWORD_HASH, "this is no password hash of crypt(5)", "cut off or unknown")
                }
                false => (codes::USER_CLEAR_PASSWORD, "a password written in clear", "a hash belongs here"),
            };
            let help = match hash.starts_with('$') {
                true => {
                    "write the whole output of `mkpasswd -m sha-512` or `openssl passwd -6`, in single quotes"
                }
                false => "write the output of `mkpasswd -m sha-512` or `openssl passwd -6`",
            };
            let finding = case.error(code, message, case.line(hash.span), label).help(help);
            found.push(finding.secret(hash.span));
        }
    }
}
