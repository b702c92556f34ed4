//! The FAT writer before fsck.vfat, mtools, and GRUB's own reader. Not every kernel of a test machine has vfat.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use osimg::base::{Bytes, Lba};
use osimg::boot::partition::Content;
use osimg::fs::fat::Fat;
use osimg::fs::{Formatter, Request, Window};
use osimg::rootfs::tree::{Timestamp, TreePath};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::program::output;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

const MTIME: Timestamp = Timestamp { secs: 1_700_000_000, nanos: 0 };

type Files = BTreeMap<String, Vec<u8>>;

/// A filesystem of `mib` MiB with these files, in a new image.
fn image(folder: &Path, mib: u64, files: &Files) -> PathBuf {
    let path = folder.join("fat.img");
    let file = File::create(&path).expect("image");
    file.set_len(mib << 20).expect("length");
    let request = Request {
        size: Bytes::mib(mib),
        uuid: uuid::Uuid::nil(),
        hash_seed: uuid::Uuid::nil(),
        label: "osimg".into(),
        created: Timestamp { secs: 1_600_000_000, nanos: 0 },
    };
    let files: Vec<(TreePath, Vec<u8>)> =
        files.iter().map(|(n, b)| (TreePath::new(n).expect("path"), b.clone())).collect();
    let fat = Fat { volume_id: 0x1a2b_3c4d, start: Lba(2048) };
    fat.format(&request, &mut Content::new(files, MTIME), &mut Window::new(&file, Bytes(0), Bytes::mib(mib)))
        .expect("formats");
    path
}

/// The directories and files of a tree, the root counted as fsck.vfat counts it.
fn items(files: &Files) -> usize {
    let directories: BTreeSet<&str> =
        files.keys().flat_map(|name| name.match_indices('/').map(|(at, _)| &name[..at])).collect();
    1 + directories.len() + files.len()
}

/// Clean, nothing that fsck.vfat would mend, and as many files and directories as there should be.
fn check(path: &Path, items: usize) {
    let verdict = output("fsck.vfat", &["-n", "-v", text(path)]);
    for word in ["orphan", "rong", "differ", "bad", "emoving", "Unused", "Reclaim", "uninitialized"] {
        assert!(!verdict.contains(word), "{word}: {verdict}");
    }
    assert!(verdict.contains(&format!(": {items} files, ")), "{items}: {verdict}");
}

/// Writes the files below `folder`, and has GRUB compare each with the image.
fn grub_compares(path: &Path, folder: &Path, files: &Files) {
    for (name, bytes) in files {
        let to = folder.join(name);
        fs::create_dir_all(to.parent().expect("a parent")).expect("folder");
        fs::write(to, bytes).expect("file");
    }
    output("grub-fstest", &[text(path), "cmp", "(loop0)/", text(folder)]);
}

fn walk(at: &Path, root: &Path, into: &mut Files) {
    for entry in fs::read_dir(at).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            walk(&path, root, into);
        } else {
            let name = text(path.strip_prefix(root).expect("below")).to_string();
            into.insert(name, fs::read(&path).expect("file"));
        }
    }
}

fn some_files() -> Files {
    let data = |n: usize| (0..n).map(|i| ((i * 7919) >> 3) as u8).collect::<Vec<u8>>();
    let mut files = Files::from([
        ("EFI/BOOT/BOOTX64.EFI".to_string(), data(300_000)),
        ("grub/grub.cfg".to_string(), data(1000)),
        ("grub/empty".to_string(), Vec::new()),
        ("grub/x86_64-efi/one sector".to_string(), data(512)),
        ("Grüße/日本語 – ein langer Name 🐧.txt".to_string(), data(513)),
        (format!("{}.x", "n".repeat(253)), data(1)),
    ]);
    for i in 0..700 {
        files.insert(format!("many/a module with a long name {i}.mod"), data(i));
    }
    for i in 0..40 {
        files.insert(format!("a name at the root {i}"), data(i * 100));
    }
    files
}

#[test]
fn checkers_and_grub_read_it() {
    let folder = tempfile::tempdir().expect("folder");
    let files = some_files();
    for mib in [33, 64, 300] {
        let path = image(folder.path(), mib, &files);
        check(&path, items(&files));
        let local = tempfile::tempdir().expect("folder");
        grub_compares(&path, local.path(), &files);
        // the comparison is one that can fail
        fs::write(local.path().join("grub/grub.cfg"), "other").expect("write");
        let other =
            Command::new("grub-fstest").args([text(&path), "cmp", "(loop0)/", text(local.path())]).output();
        assert!(!other.expect("grub-fstest").status.success());
        assert_eq!(
            output("blkid", &["-p", "-o", "export", text(&path)])
                .lines()
                .filter(|l| ["UUID=", "LABEL=", "VERSION="].iter().any(|k| l.starts_with(k)))
                .collect::<Vec<_>>(),
            ["LABEL=OSIMG", "UUID=1A2B-3C4D", "VERSION=FAT32"]
        );
    }
}

#[test]
fn mtools_reads_it() {
    let folder = tempfile::tempdir().expect("folder");
    let files = some_files();
    let path = image(folder.path(), 64, &files);
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("folder");
    for name in ["EFI", "grub", "many"] {
        output("mcopy", &["-s", "-n", "-i", text(&path), &format!("::{name}"), text(&out)]);
    }
    let mut seen = Files::new();
    walk(&out, &out, &mut seen);
    let expected: Files = files
        .into_iter()
        .filter(|(n, _)| ["EFI/", "grub/", "many/"].iter().any(|d| n.starts_with(d)))
        .collect();
    assert!(seen == expected);
    let listing = output("mdir", &["-i", text(&path), "::grub"]);
    assert!(listing.contains("2023-11-14  22:13"), "{listing}");
}

#[test]
fn mtools_writes_into_it() {
    let folder = tempfile::tempdir().expect("folder");
    let files = some_files();
    let path = image(folder.path(), 64, &files);
    let new = folder.path().join("new");
    fs::write(&new, vec![5; 100_000]).expect("file");
    output("mcopy", &["-i", text(&path), text(&new), "::many/a new long name.txt"]);
    output("mdel", &["-i", text(&path), "::many/a module with a long name 13.mod"]);
    output("mmd", &["-i", text(&path), "::grub/new"]);
    check(&path, items(&files) + 1);
}

#[test]
fn random_trees() {
    let name = prop_oneof![
        "[A-Z0-9]{1,8}(\\.[A-Z0-9]{1,3})?",
        "[a-z0-9 +,;=\\[\\]~_.-]{0,30}[a-z0-9_]",
        "[a-zA-Zäöüßéñ漢字🐧.]{0,20}[a-z]",
    ]
    .prop_filter("no space first, no dots alone", |n: &String| !n.starts_with(' ') && n != "." && n != "..");
    let path = prop::collection::vec(name, 1..4).prop_map(|parts| parts.join("/"));
    let tree = prop::collection::vec((path, 0usize..3000, any::<u8>()), 0..60);
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner
        .run(&tree, |entries| {
            // what a FAT cannot tell apart is dropped: same path but for case, file where a directory is
            let folded = |t: &str| t.to_uppercase().to_lowercase();
            let mut files = Files::new();
            let mut spelled: BTreeMap<String, (String, bool)> = BTreeMap::new();
            for (path, length, byte) in entries {
                let ends: Vec<usize> = path.match_indices('/').map(|(i, _)| i).chain([path.len()]).collect();
                let fits = ends.iter().all(|end| {
                    let is_file = *end == path.len();
                    spelled
                        .get(&folded(&path[..*end]))
                        .is_none_or(|(same, file)| !is_file && !*file && *same == path[..*end])
                });
                if fits {
                    for end in ends {
                        let is_file = end == path.len();
                        spelled.insert(folded(&path[..end]), (path[..end].to_string(), is_file));
                    }
                    files.insert(path, vec![byte; length]);
                }
            }
            let folder = tempfile::tempdir().expect("folder");
            let path = image(folder.path(), 40, &files);
            check(&path, items(&files));
            let local = tempfile::tempdir().expect("folder");
            grub_compares(&path, local.path(), &files);
            Ok(())
        })
        .expect("every tree");
}
