//! There is a kernel, of the pinned version, with an initramfs.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::model::Slot;
use crate::rootfs::inspect::NoKernel;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let Err(why) = &case.choice else { return };
    let version = |slot: &Slot| slot.kernel.version.as_ref().map_or(slot.name.span, |v| v.span);
    found.push(match why {
        NoKernel::None => case.at(codes::KERNEL_MISSING, why, |slot| slot.dockerfile.span, "").help(
            "the Dockerfile or `packages` took the kernel out again, or /boot is a mount point in the image",
        ),
        NoKernel::NotThere { .. } => case
            .at(codes::KERNEL_MISSING, why, version, "")
            .help("pin one of those, or leave `version` out for the newest"),
        NoKernel::EmptyImage { .. } => case
            .at(codes::KERNEL_MISSING, why, version, "")
            .help("an interrupted install leaves such files: `apply --refresh`"),
        NoKernel::NoInitramfs { .. } | NoKernel::EmptyInitramfs { .. } => case
            .at(codes::INITRAMFS_MISSING, why, |slot| slot.dracut.span, "")
            .help("dracut's output is in the build's log: `apply -v --refresh` shows it"),
    });
}
