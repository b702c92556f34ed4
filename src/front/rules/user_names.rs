//! Users have valid names, each once in a slot; so have their groups and shells, which a shell line takes.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

const NAME: &str =
    "start with a lower-case letter or `_`; then lower-case letters, digits, `_` and `-`, 32 at most";

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        let names = || slot.users.iter().map(|u| &u.name);
        case.each_fits(codes::USER_NAME, names(), words::USER, "user's name", NAME, found);
        let groups = slot.users.iter().flat_map(|u| &u.groups);
        case.each_fits(codes::USER_GROUP, groups, words::USER, "group's name", NAME, found);
        let shells = slot.users.iter().filter_map(|u| u.shell.as_ref());
        case.each_fits(
            codes::USER_SHELL,
            shells,
            words::SHELL,
            "shell",
            "write a program's absolute path: `/bin/bash`",
            found,
        );
        let help = "put both entries' settings into one";
        case.duplicates(names(), codes::USER_DUPLICATE, "users of this slot are called", help, found);
    }
}
