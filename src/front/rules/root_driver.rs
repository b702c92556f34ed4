//! The initramfs can mount the root: the root filesystem's module is in it.
//!
//! dracut takes a module in when `--add-drivers` or `--filesystems` names it. `--filesystems` also shuts out every other
//! filesystem; without it a generic initramfs has those that dracut finds itself, which inside a container build
//! is not to be relied on for xfs. Ubuntu's kernels have ext4 built in.

use super::Case;
use crate::diag::{Diagnostics, Spanned, codes};
use crate::front::model::{Distro, FilesystemKind};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        let (dracut, kind) = (&slot.dracut, slot.filesystem.kind);
        let name = kind.as_str();
        let has = |list: &[Spanned<String>]| list.iter().any(|w| w.value == name);
        if let Some(omitted) = dracut.omit_drivers.iter().find(|w| w.value == name) {
            let message = format!("the initramfs of `{}` could not mount its root", slot.name.value);
            found.push(
                case.error(codes::DRIVER_MISSING, message, omitted.span, "left out here")
                    .and(slot.filesystem.span, format!("the root is {name}"))
                    .help(format!("remove `{name}` from `dracut.omit_drivers`")),
            );
            continue;
        }
        let built_in = kind == FilesystemKind::Ext4
            && (slot.distro.as_ref().is_some_and(|d| d.value == Distro::Ubuntu)
                || !dracut.filesystems_stated);
        if has(&dracut.drivers) || has(&dracut.filesystems) || built_in {
            continue;
        }
        let list = match dracut.filesystems_stated {
            true => dracut.filesystems.span,
            false => dracut.drivers.span,
        };
        let message = format!("the initramfs of `{}` could not mount its root", slot.name.value);
        found.push(
            case.error(
                codes::DRIVER_MISSING,
                message,
                case.line(list),
                &format!("`{name}` is not in this list"),
            )
            .and(slot.filesystem.span, format!("the root is {name}"))
            .help(format!("add `{name}` to `dracut.drivers`")),
        );
    }
}
