//! The xfs writer against xfsprogs, the kernel and GRUB.

pub mod kernel;
mod layout;
mod random;
mod refused;
mod used;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;

use osimg::base::features::XFS;
use osimg::base::{Bytes, Digest};
use osimg::fs::features::Switches;
use osimg::fs::xfs::{Features, Xfs};
use osimg::rootfs::tree::{Kind, Meta, Timestamp, TreePath};

use crate::ext4::tree::{Content, Sample, meta};
use kernel::{check, db, format, prove};

const MIB: u64 = 1 << 20;

fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut out = 2u32.to_le_bytes().to_vec();
    for (tag, perm, id) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(perm.to_le_bytes());
        out.extend(id.to_le_bytes());
    }
    out
}

fn with_xattrs(mode: u16, list: &[(&str, &[u8])]) -> Meta {
    let xattrs = list.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.to_vec())).collect();
    Meta { xattrs, ..meta(mode) }
}

/// One of everything; times after 2038 only where `bigtime` keeps them.
fn zoo(bigtime: bool) -> Sample {
    let mut s = Sample::default();
    s.push("", Kind::Directory, Meta { uid: 3, ..meta(0o751) });
    s.file("late/child/before its parents", "x");
    s.push("late", Kind::Directory, Meta { gid: 70_000, ..meta(0o2770) });
    s.file("hello", "hello\n");
    s.push("hello again", Kind::HardLink { target: TreePath::new("hello").expect("path") }, meta(0));
    s.push("late/hello", Kind::HardLink { target: TreePath::new("hello again").expect("path") }, meta(0));
    s.push("short", Kind::Symlink { target: b"hello".to_vec() }, meta(0o777));
    for n in [135usize, 136, 137, 335, 336, 337, 1022, 1023] {
        s.push(format!("link{n}"), Kind::Symlink { target: vec![b'l'; n] }, meta(0o777));
    }
    s.push("link again", Kind::HardLink { target: TreePath::new("link337").expect("path") }, meta(0));
    s.push("dev-null", Kind::CharDevice { major: 1, minor: 3 }, meta(0o666));
    s.push("dev-new", Kind::CharDevice { major: 259, minor: 70_000 }, meta(0o600));
    s.push("dev-sda", Kind::BlockDevice { major: 8, minor: 0 }, meta(0o660));
    s.push("dev-big", Kind::BlockDevice { major: 511, minor: (1 << 18) - 1 }, meta(0o660));
    s.push("fifo", Kind::Fifo, meta(0o600));
    s.push("socket", Kind::Socket, meta(0o755));
    s.push("su", Kind::File { size: 0 }, Meta { uid: 4_000_000_000, gid: 3_999_999_999, ..meta(0o6755) });
    s.push("tmp", Kind::Directory, meta(0o1777));
    let late: &[i64] = if bigtime { &[2_147_483_648, 4_294_967_296, 16_299_260_423] } else { &[] };
    for (i, secs) in [-2_147_483_648, -1, 0, 2_147_483_647].iter().chain(late).enumerate() {
        let mtime = Timestamp { secs: *secs, nanos: 999_999_999 };
        s.push(format!("time{i}"), Kind::File { size: 0 }, Meta { mtime, ..meta(0o644) });
    }
    attributes(&mut s);
    s.file(b"names/no utf-8 \xff\xfe\x80", "1");
    s.file(b"names/line\nbreak", "2");
    s.file([&b"names/"[..], &[b'n'; 255]].concat(), "3");
    s.file([&b"names/"[..], &[0xff; 255]].concat(), "4");
    s.file("names/ leading, trailing \\ and \"", "5");
    for size in [1u64, 4095, 4096, 4097, 65_536, MIB - 1, MIB, MIB + 1, 3 * MIB + 5] {
        s.pattern(format!("files/dense{size}"), size, 1, 1);
    }
    // Extents: 21 in the inode, 251 a block, and where the last two blocks share.
    for extents in [1u64, 20, 21, 22, 251, 252, 253, 502, 503, 700, 2000] {
        s.pattern(format!("files/holes{extents}"), (2 * extents - 1) * 4096, 2, 1);
    }
    s.pattern("files/zeros", 5 * MIB + 3, 2, 0);
    s.pattern("files/ends in a hole", 100 * 4096, 50, 1);
    s.push_with(
        "files/begins with a hole",
        Kind::File { size: 9000 },
        meta(0o600),
        Content::Bytes([vec![0; 8999], vec![1]].concat()),
    );
    s
}

fn attributes(s: &mut Sample) {
    let capability = hex::decode("0100000200200000000000000000000000000000").expect("hex");
    s.push("ping", Kind::File { size: 0 }, with_xattrs(0o755, &[("security.capability", &capability)]));
    let label = b"system_u:object_r:bin_t:s0\0";
    s.push(
        "bash",
        Kind::File { size: 0 },
        with_xattrs(0o755, &[("security.selinux", label), ("user.a", b"")]),
    );
    let long = [b'v'; 1500];
    for (name, target) in [("slow", 99), ("fast", 9), ("over", 137), ("full", 1000)] {
        for (kind, value) in [("short", &label[..]), ("long", &long)] {
            let target = vec![b'm'; target];
            let meta = with_xattrs(0o777, &[("trusted.x", value)]);
            s.push(format!("sel-{name}-{kind}"), Kind::Symlink { target }, meta);
        }
    }
    s.push("sel-fifo", Kind::Fifo, with_xattrs(0o600, &[("security.selinux", label)]));
    s.push("sel-socket", Kind::Socket, with_xattrs(0o600, &[("trusted.long", &long)]));
    s.push(
        "sel-null",
        Kind::CharDevice { major: 1, minor: 3 },
        with_xattrs(0o600, &[("trusted.long", &long)]),
    );
    // In the inode up to 255; beside the name below 3,072 with the entry's 4 bytes; in blocks of 4,040.
    for n in [
        0usize, 1, 254, 255, 256, 1000, 3063, 3064, 3065, 3066, 3067, 3068, 3069, 4040, 4041, 8080, 8081,
        65_536,
    ] {
        let value = vec![b'x'; n];
        s.push(format!("xattr{n}"), Kind::File { size: 0 }, with_xattrs(0o644, &[("user.a", &value)]));
    }
    for (file, count, length) in [("few", 12, 20), ("leaf", 60, 60), ("leaves", 90, 90), ("nodes", 200, 300)]
    {
        let many: Vec<(String, Vec<u8>)> =
            (0..count).map(|i| (format!("user.{file}{i}"), vec![i as u8; i * length / count])).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let data = Content::Bytes(file.into());
        let kind = Kind::File { size: file.len() as u64 };
        s.push_with(format!("xattrs {file}"), kind, with_xattrs(0o644, &many), data);
    }
    for length in [1, 100, 249, 250] {
        let name = format!("user.{}", "n".repeat(length));
        for value in [1, 3000, 5000] {
            let value = vec![b'v'; value];
            let meta = with_xattrs(0o644, &[(&name, &value), ("user.b", b"b")]);
            s.push(format!("xattr-name{length}-{}", value.len()), Kind::File { size: 0 }, meta);
        }
    }
    let none = u32::MAX;
    let access = acl(&[(1, 6, none), (2, 4, 1000), (4, 4, none), (8, 7, 2000), (16, 5, none), (32, 0, none)]);
    let default = acl(&[(1, 7, none), (4, 5, none), (32, 1, none)]);
    s.push("acl", Kind::File { size: 0 }, with_xattrs(0o650, &[("system.posix_acl_access", &access)]));
    s.push(
        "acl-dir",
        Kind::Directory,
        with_xattrs(0o650, &[("system.posix_acl_access", &access), ("system.posix_acl_default", &default)]),
    );
    // Files in pieces beside attributes of each form.
    for (name, value) in [("short", &label[..]), ("full", &[b'f'; 250]), ("long", &long)] {
        for extents in [1u64, 2, 3, 8, 9, 17, 18, 300] {
            let meta = with_xattrs(0o644, &[("security.selinux", value)]);
            let content = Content::Pattern { seed: 1, period: 2, present: 1 };
            let size = (2 * extents - 1) * 4096;
            s.push_with(format!("xattr-holes-{name}{extents}"), Kind::File { size }, meta, content);
        }
    }
}

/// Each feature alone (with the one it needs), none, those of each kernel, and all.
fn every_feature_set() -> Vec<Xfs> {
    let mut sets = vec![Features::default(), Features::all()];
    sets.extend(["4.4", "4.15", "4.18", "6.1"].map(Features::for_kernel));
    for row in XFS.optional {
        let on = |f: Features, name: &str| f.with(name, true).expect("a feature of the table");
        let alone = on(Features::default(), row.name);
        sets.push(row.needs.map_or(alone, |needs| on(alone, needs)));
    }
    sets.into_iter().map(|features| Xfs { features }).collect()
}

#[test]
fn one_of_everything_in_every_feature_set() {
    for xfs in every_feature_set() {
        let sample = zoo(xfs.features.bigtime);
        let (image, written) = format(&xfs, &sample, Bytes(300 * MIB)).expect("it fits");
        prove(&image, &sample);
        assert!(written.free.0 > 40 * MIB, "{written:?}");
    }
}

#[test]
fn one_of_everything_twice_is_the_same_bytes() {
    let digest = |xfs: &Xfs| {
        let (image, _) = format(xfs, &zoo(true), Bytes(300 * MIB)).expect("it fits");
        Digest::of_reader(&mut File::open(&image.path).expect("the image")).expect("reading it")
    };
    for xfs in every_feature_set() {
        assert_eq!(digest(&xfs), digest(&xfs));
    }
}

/// The bytes of one tree are pinned: a change here is a change of every image.
#[test]
fn the_bytes_of_a_tree_are_known() {
    let mut s = Sample::default();
    s.file("etc/hostname", "host\n");
    s.push("bin", Kind::Symlink { target: b"usr/bin".to_vec() }, meta(0o777));
    s.pattern("usr/bin/sh", 100_000, 3, 2);
    for i in 0..100 {
        s.file(format!("many/{i}"), [b'x'; 10]);
    }
    let mut digests = Vec::new();
    for kernel in ["3.10", "4.18", "6.1"] {
        let xfs = Xfs { features: Features::for_kernel(kernel) };
        let (image, _) = format(&xfs, &s, Bytes(300 * MIB)).expect("it fits");
        let digest = Digest::of_reader(&mut File::open(&image.path).expect("the image"));
        digests.push(digest.expect("reading it").to_string());
    }
    assert_eq!(digests, PINNED);
}

const PINNED: [&str; 3] = [
    "e05779157c243308b5f577b01179db84a8d88c27c3ef082bc0364aff7d29d403",
    "36d57934352871554f77bf24ce34df5731bdc259d9d95028b006ed2892a4c713",
    "e1de8068bac92f9884006459196cf8e0f8e1acaafe9e12b7296a2f7df0178ae6",
];

fn crowd(s: &mut Sample, name: &str, count: usize, length: usize) {
    s.dir(name);
    for i in 0..count {
        s.push(format!("{name}/{i:0length$}"), Kind::Fifo, meta(0o644));
    }
}

/// Directories of each form: in the inode, a block, a leaf, a lone leaf beside a free index, nodes of one and two levels.
#[test]
fn directories_of_every_size() {
    let mut s = Sample::default();
    // 6 bytes of head, 8 + 4 an entry with a name of 4 bytes: 27 fit into 336.
    crowd(&mut s, "in-the-inode", 27, 4);
    crowd(&mut s, "one-too-many", 28, 4);
    // An entry has 24 bytes and 8 in the index; `.` and `..` 16 each.
    crowd(&mut s, "exactly-a-block", 124, 8);
    crowd(&mut s, "two-blocks", 125, 8);
    for (name, count) in [("leaf", 490), ("alone", 501), ("full", 502), ("nodes", 503)] {
        crowd(&mut s, name, count, 8);
    }
    // 14 entries of 272 bytes a block, 2,016 blocks counted in one block of the free index.
    crowd(&mut s, "free-index", 2016 * 14 + 5, 255);
    for i in 0..300 {
        s.dir(format!("children/{i}"));
    }
    for xfs in [Xfs::default(), Xfs { features: Features::all() }] {
        let (image, _) = format(&xfs, &s, Bytes(600 * MIB)).expect("it fits");
        prove(&image, &s);
        for (name, form) in [
            ("in-the-inode", "1 (local)"),
            ("one-too-many", "2 (extents)"),
            ("exactly-a-block", "2 (extents)"),
        ] {
            let text = db(&image, &[&format!("path /{name}"), "p core.format"]);
            assert!(text.contains(form), "{name}: {text}");
        }
        for (name, block, magic) in [
            ("exactly-a-block", 0u32, "0x58444233"),
            ("two-blocks", 0, "0x58444433"),
            ("leaf", 8 << 20, "0x3df1"),
            ("alone", 8 << 20, "0x3dff"),
            ("nodes", 8 << 20, "0x3ebe"),
            ("free-index", 16 << 20, "0x58444633"),
        ] {
            let text = db(&image, &[&format!("path /{name}"), &format!("dblock {block}"), "p"]);
            assert!(text.contains(magic), "{name}: {}", text.lines().take(9).collect::<String>());
        }
    }
}

/// Two levels of nodes over the index, inode trees of two levels, and memory's bound in mind.
#[test]
fn three_hundred_thousand_names_in_one_directory() {
    let mut s = Sample::default();
    for i in 0..300_000 {
        s.push(format!("d/file number {i}"), Kind::File { size: 0 }, meta(0o644));
    }
    let xfs = Xfs { features: Features::for_kernel("6.1") };
    let (image, written) = format(&xfs, &s, Bytes(2048 * MIB)).expect("it fits");
    // With the root, `d` and the two inodes of the realtime section.
    assert_eq!(written.inodes, 300_004);
    prove(&image, &s);
    let mount = kernel::mount(&image);
    for i in (0..300_000).step_by(31) {
        fs::remove_file(mount.point.join(format!("d/file number {i}"))).expect("removed");
        fs::write(mount.point.join(format!("d/another {i}")), b"").expect("made");
    }
    drop(mount);
    check(&image);
}

/// Data over all groups, in pieces: every tree of a group has several levels.
#[test]
fn large_trees_in_every_group() {
    let mut s = Sample::default();
    for i in 0..60 {
        s.pattern(format!("pieces{i}"), 2 * 600 * 4096, 2, 1);
        s.pattern(format!("dense{i}"), 3 * MIB, 1, 1);
        crowd(&mut s, &format!("crowd{i}"), 1100, 10);
    }
    for features in [Features::all(), Features::for_kernel("6.1"), Features::default()] {
        let (image, _) = format(&Xfs { features }, &s, Bytes(700 * MIB)).expect("it fits");
        prove(&image, &s);
    }
}

#[test]
fn grub_reads_it() {
    for kernel in ["3.10", "4.18", "6.1"] {
        let xfs = Xfs { features: Features::for_kernel(kernel) };
        let mut sample = zoo(xfs.features.bigtime);
        // Directories of every form, of whose files some are read.
        for count in [10, 100, 400, 501, 3000] {
            (0..count).for_each(|i| sample.file(format!("of {count}/{i:08}"), i.to_string()));
        }
        let (image, _) = format(&xfs, &sample, Bytes(300 * MIB)).expect("it fits");
        for (node, content) in &sample.nodes {
            let Kind::File { size } = node.kind else { continue };
            // GRUB cuts names that are no text out of its arguments.
            let path = node.path.as_bytes();
            let skipped = path.starts_with(b"of ") && !path.ends_with(b"99") && !path.ends_with(b"00");
            if skipped || size > 8 * MIB || std::str::from_utf8(path).is_err() {
                continue;
            }
            let name = [b"(loop0)/", node.path.as_bytes()].concat();
            let out = std::process::Command::new("grub-fstest")
                .args([image.path.as_os_str(), "cat".as_ref(), OsStr::from_bytes(&name)])
                .output()
                .expect("grub-fstest runs");
            let mut want = vec![0; size as usize];
            content.fill(0, &mut want);
            assert!(
                out.status.success() && out.stdout == want,
                "{}: {}",
                node.path,
                String::from_utf8_lossy(&out.stderr)
            );
        }
    }
}
