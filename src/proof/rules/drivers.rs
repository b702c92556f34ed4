//! Each driver that the manifest declares, and the root filesystem's, is in the initramfs or part of the kernel.

use super::Case;
use crate::diag::{Diagnostic, Diagnostics, codes};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let (Ok(choice), Some((path, initramfs))) = (&case.choice, case.initramfs()) else { return };
    let (Some((model, slot)), Some(modules)) = (case.stated, case.modules()) else { return };
    // nothing is known of what such a kernel has built in
    if !modules.folder {
        return;
    }
    let version = &choice.kernel.version;
    for driver in case.drivers() {
        if case.has(initramfs, driver) {
            continue;
        }
        let root = slot.filesystem.kind.as_str() == driver;
        let known = !modules.listed || modules.names.contains(&driver.replace('-', "_"));
        let finding = if !known && !root {
            let message = format!("kernel {version} has no module `{driver}`");
            let help = "it may have another name, or be missing from a kernel cut down for virtual machines";
            case.about(codes::KERNEL_MODULE_UNKNOWN, message).help(help)
        } else {
            let cannot = match root {
                true => format!("could not mount its root, which is {driver}"),
                false => format!("lacks the driver `{driver}`"),
            };
            let message = format!("the initramfs {path} {cannot}");
            case.about(codes::INITRAMFS_DRIVER, message).help(match known {
                true => "dracut has not taken it in: something made the initramfs without osimg's configuration, or before it",
                false => "the kernel has no such module: install its package of further modules, or choose another filesystem",
            })
        };
        let place = &slot.places.drivers;
        let word = place.items.iter().find(|word| word.value == driver);
        found.push(match word {
            Some(word) => finding.at(&model.source, word.span, "declared here"),
            None if root => finding.at(&model.source, slot.filesystem.span, "the root filesystem"),
            None => declared_by_osimg(case, finding),
        });
    }
}

/// A driver of osimg's own list.
fn declared_by_osimg(case: &Case<'_>, finding: Diagnostic) -> Diagnostic {
    match case.stated {
        Some((model, slot)) => {
            let label = "without `dracut.drivers` these are virtio_blk, virtio_scsi and the root's";
            finding.at(&model.source, super::first_line(&model.source.text, slot.dracut.span), label)
        }
        None => finding,
    }
}
