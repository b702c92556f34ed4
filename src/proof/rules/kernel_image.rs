//! The kernel image is one that GRUB loads, and of the version that its name says.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::model::Slot;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let Ok(choice) = &case.choice else { return };
    let kernel = &choice.kernel;
    let span = |slot: &Slot| slot.kernel.version.as_ref().map_or(slot.name.span, |v| v.span);
    match case.survey.images.get(&kernel.image) {
        Some(None) => {
            let message = format!("{} is no kernel that GRUB can load", kernel.image);
            let help = "an x86 kernel begins with the header of a bzImage; install the distribution's kernel package";
            found.push(case.at(codes::KERNEL_IMAGE, message, span, "").help(help));
        }
        Some(Some(header)) => {
            if let Some(version) = header.version.as_ref().filter(|v| **v != kernel.version) {
                let message = format!("{} is kernel {version}", kernel.image);
                let help = format!(
                    "it would look for its modules in /lib/modules/{version}: name the file by that version, or put the \
                     right kernel there"
                );
                found.push(case.at(codes::KERNEL_IMAGE, message, span, "").help(help));
            }
        }
        // the file has another name, by a hard link
        None => {}
    }
}
