//! Names of modules and filesystems are words: dracut gets them on its command line.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let help = "letters, digits, `_`, `-` and `.`, each module an item of its own: `virtio_blk`";
    for slot in case.slots() {
        let dracut = &slot.dracut;
        let modules = dracut.drivers.iter().chain(&dracut.omit_drivers);
        case.each_fits(codes::DRACUT_MODULE_NAME, modules, words::MODULE, "kernel module", help, found);
        case.each_fits(
            codes::DRACUT_MODULE_NAME,
            dracut.filesystems.iter(),
            words::MODULE,
            "filesystem",
            help,
            found,
        );
        for driver in dracut.drivers.iter() {
            if let Some(omitted) = dracut.omit_drivers.iter().find(|o| o.value == driver.value) {
                let message = format!("the module `{}` is both added and left out", driver.value);
                found.push(
                    case.error(codes::DRACUT_CONFLICT, message, omitted.span, "left out here")
                        .and(driver.span, "added here")
                        .help("keep one of them"),
                );
            }
        }
    }
}
