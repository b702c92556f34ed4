//! The kernel can unpack its initramfs and start it, and the modules in it are this kernel's.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::rootfs::inspect::Listing;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let (Ok(choice), Some((path, listing))) = (&case.choice, case.listing()) else { return };
    let version = &choice.kernel.version;
    let mut push = |code, message: String, help: String| {
        found.push(case.at(code, message, |slot| slot.dracut.span, "").help(help));
    };
    match listing {
        Listing::Unreadable(why) => push(
            codes::INITRAMFS_UNREADABLE,
            format!("the kernel could not unpack {path}: {why}"),
            "dracut ran out of room, or something else wrote the file: `apply --refresh` makes it anew"
                .into(),
        ),
        Listing::Read(initramfs) if !initramfs.init => push(
            codes::INITRAMFS_UNREADABLE,
            format!("{path} has no /init for the kernel to run"),
            "an image of microcode or modules only is no initramfs; let dracut make it".into(),
        ),
        Listing::Read(initramfs) => {
            let others: Vec<&str> = initramfs.modules.keys().map(String::as_str).collect();
            if !others.is_empty() && !others.contains(&version.as_str()) {
                push(
                    codes::INITRAMFS_KERNEL,
                    format!("{path} was made for kernel {}, not for {version}", others.join(", ")),
                    format!("run dracut with `--kver {version}`"),
                );
            }
        }
    }
}
