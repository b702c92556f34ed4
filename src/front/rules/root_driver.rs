//! The initramfs can mount the root: the root filesystem's module is in it.
//!
//! dracut takes a module in when `--add-drivers` or `--filesystems` names it. `--filesystems` also shuts out every other
//! filesystem; without it a generic initramfs has those that dracut finds itself, which inside a container build
//! is not to be relied on for xfs. Ubuntu's kernels have ext4 built in.

use super::Case;
use crate::diag::{Diagnostics, Source, Span, Spanned, codes};
use crate::front::model::{Distro, FilesystemKind};
use crate::front::resolved::Words;

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
        found.push(match one_more(case.source(), &dracut.drivers, name).filter(|_| dracut.drivers_stated) {
            Some((at, text)) => finding.fix(help, at, text),
            None => finding,
        });
    }
}

/// Where to insert what, so that a list as it is written has one word more. `None` for a list that an alias repeats.
fn one_more(source: &Source, list: &Spanned<Words>, word: &str) -> Option<(Span, String)> {
    let insert = |at: usize, text: String| Some((Span::new(at, at), text));
    let flow = source.text[list.span.start..].starts_with('[');
    let (Some(first), Some(last)) = (list.value.first(), list.value.last()) else {
        return flow.then(|| insert(list.span.start + 1, word.to_string())).flatten();
    };
    if first.span.start < list.span.start || last.span.end > list.span.end {
        return None;
    }
    if flow {
        return insert(last.span.end, format!(", {word}"));
    }
    // a dash that follows another one (`- - a`) begins no line
    let line = source.text[..first.span.start].rfind('\n').map_or(0, |at| at + 1);
    let (indent, _) =
        source.text[line..first.span.start].split_once('-').filter(|parts| parts.1.trim().is_empty())?;
    // behind a comment of the last item
    let rest = source.text[last.span.end..].split('\n').next().unwrap_or_default();
    let (rest, ending) = rest.strip_suffix('\r').map_or((rest, "\n"), |rest| (rest, "\r\n"));
    let at = last.span.end + rest.len();
    indent.trim().is_empty().then(|| insert(at, format!("{ending}{indent}- {word}"))).flatten()
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
