//! Packages are words: the package manager gets them on its command line.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let help = "one package an item, without options: `openssh-server`";
    for slot in case.slots() {
        case.each_fits(
            codes::PACKAGE_NAME,
            slot.packages.iter(),
            words::PACKAGE,
            "package name",
            help,
            found,
        );
    }
}
