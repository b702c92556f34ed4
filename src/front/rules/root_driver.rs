//! The initramfs can mount the root: the root filesystem's module is in it.
//!
//! dracut takes a module in when `--add-drivers` or `--filesystems` names it. `--filesystems` also shuts out every other
//! filesystem; without it a generic initramfs has those that dracut finds itself, which inside a container build
//! is not to be relied on for xfs. Ubuntu's kernels have ext4 built in.

use super::Case;
use crate::diag::{Diagnostics, Spanned, codes};
use crate::front::addition::one_more;
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
        let help = format!("add `{name}` to `dracut.drivers`");
        let label = format!("`{name}` is not in this list");
        let finding = case
            .error(codes::DRIVER_MISSING, message, case.line(list), &label)
            .and(slot.filesystem.span, format!("the root is {name}"))
            .help(&help);
        let more = one_more(case.source(), dracut.drivers.span, &dracut.drivers.value);
        found.push(match more.filter(|_| dracut.drivers_stated) {
            Some(insertion) => finding.fix(help, insertion.span(), insertion.text(name)),
            None => finding,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::*;
    use crate::front::{Probe, load};

    struct Anywhere;

    impl Probe for Anywhere {
        fn read(&self, _: &Path) -> io::Result<Option<Vec<u8>>> {
            Ok(Some(b"FROM a\n".to_vec()))
        }

        fn is_file(&self, _: &Path) -> bool {
            true
        }

        fn is_dir(&self, _: &Path) -> bool {
            true
        }

        fn list(&self, _: &Path) -> Option<Vec<String>> {
            None
        }
    }

    /// The lines of `dracut` after the first fix, once it has mended the manifest.
    fn mended(dracut: &str) -> String {
        let text = format!(
            "version: 1\nname: n\nslots:\n  - name: one\n    dockerfile: a/Dockerfile\n    filesystem: {{type: xfs}}\n    \
             dracut:{dracut}\n"
        );
        let missing = |text: &str| {
            let (_, found) = load("m", text.as_bytes(), Path::new("/m"), &Anywhere);
            found.into_iter().find(|d| d.code == codes::DRIVER_MISSING)
        };
        let finding = missing(&text).unwrap_or_else(|| panic!("{text}"));
        let Some(fix) = finding.fixes.first() else { return "no fix".into() };
        let mut after = text.clone();
        for edit in &fix.edits {
            after.replace_range(edit.span.start..edit.span.end, &edit.text);
        }
        assert!(missing(&after).is_none(), "{after}");
        after.split_once("dracut:").expect("the section is there").1.trim_end().to_string()
    }

    #[test]
    fn the_fix_adds_the_driver_as_the_list_is_written() {
        assert_eq!(mended(" {drivers: [virtio_blk, ext4]}"), " {drivers: [virtio_blk, ext4, xfs]}");
        assert_eq!(mended(" {drivers: []}"), " {drivers: [xfs]}");
        assert_eq!(
            mended("\n      drivers: [\n        \"a\", # why\n       ]"),
            "\n      drivers: [\n        \"a\", xfs, # why\n       ]"
        );
        assert_eq!(
            mended(
                "\n      drivers:\n        - virtio_blk # disk\n        # more\n      filesystems: [ext4]"
            ),
            "\n      drivers:\n        - virtio_blk # disk\n        - xfs\n        # more\n      filesystems: [ext4]"
        );
        assert_eq!(
            mended("\r\n      drivers:\r\n      - a\r"),
            "\r\n      drivers:\r\n      - a\r\n      - xfs"
        );
        assert_eq!(
            mended(" {drivers: &a [b], filesystems: &c [d]}"),
            " {drivers: &a [b, xfs], filesystems: &c [d]}"
        );
    }
}
