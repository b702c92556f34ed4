//! One of everything, in the sizes at which a format changes its forms.

use osimg::rootfs::tree::{Kind, Meta, Timestamp, TreePath};

use crate::filesystem::MIB;
use crate::tree::{Content, Sample, meta, with_xattrs};

/// The label of a file under SELinux.
pub const LABEL: &[u8] = b"system_u:object_r:bin_t:s0\0";

/// Where the forms of one format have their borders.
pub struct Borders<'a> {
    /// Bytes of symlinks' targets; each is there, the last but one has a second name.
    pub targets: &'a [usize],
    /// The largest block device.
    pub device: (u32, u32),
    /// Times after 2038.
    pub late: &'a [i64],
    /// Extents of files with holes between.
    pub extents: &'a [u64],
}

fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut out = 2u32.to_le_bytes().to_vec();
    for (tag, perm, id) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(perm.to_le_bytes());
        out.extend(id.to_le_bytes());
    }
    out
}

/// What every format holds; sizes are those of `borders`.
pub fn zoo(borders: &Borders<'_>) -> Sample {
    let mut s = Sample::default();
    s.push("", Kind::Directory, Meta { uid: 3, ..meta(0o751) });
    s.file("late/child/before its parents", "x");
    s.push("late", Kind::Directory, Meta { gid: 70_000, ..meta(0o2770) });
    let link = |to: &str| Kind::HardLink { target: TreePath::new(to).expect("path") };
    s.file("hello", "hello\n");
    s.push("hello again", link("hello"), meta(0));
    s.push("late/hello", link("hello again"), meta(0));
    s.push("short", Kind::Symlink { target: b"hello".to_vec() }, meta(0o777));
    for n in borders.targets {
        s.push(format!("link{n}"), Kind::Symlink { target: vec![b'l'; *n] }, meta(0o777));
    }
    let long = borders.targets[borders.targets.len() - 2];
    s.push("link again", link(&format!("link{long}")), meta(0));
    let (major, minor) = borders.device;
    s.push("dev-null", Kind::CharDevice { major: 1, minor: 3 }, meta(0o666));
    s.push("dev-new", Kind::CharDevice { major: 259, minor: 70_000 }, meta(0o600));
    s.push("dev-sda", Kind::BlockDevice { major: 8, minor: 0 }, meta(0o660));
    s.push("dev-big", Kind::BlockDevice { major, minor }, meta(0o660));
    s.push("fifo", Kind::Fifo, meta(0o600));
    s.push("socket", Kind::Socket, meta(0o755));
    s.push("su", Kind::File { size: 0 }, Meta { uid: 4_000_000_000, gid: 3_999_999_999, ..meta(0o6755) });
    s.push("tmp", Kind::Directory, meta(0o1777));
    for (i, secs) in [-2_147_483_648, -1, 0, 2_147_483_647].iter().chain(borders.late).enumerate() {
        let mtime = Timestamp { secs: *secs, nanos: 999_999_999 };
        s.push(format!("time{i}"), Kind::File { size: 0 }, Meta { mtime, ..meta(0o644) });
    }
    attributes(&mut s);
    names(&mut s);
    files(&mut s, borders.extents);
    s
}

/// Attributes that fit every format.
fn attributes(s: &mut Sample) {
    let capability = hex::decode("0100000200200000000000000000000000000000").expect("hex");
    s.push("ping", Kind::File { size: 0 }, with_xattrs(0o755, &[("security.capability", &capability)]));
    let labelled = with_xattrs(0o755, &[("security.selinux", LABEL), ("user.a", b"")]);
    s.push("bash", Kind::File { size: 0 }, labelled);
    let long = [b'v'; 1500];
    for (name, target) in [("slow", 99), ("fast", 9), ("over", 137), ("full", 1000)] {
        for (kind, value) in [("short", LABEL), ("long", &long)] {
            let target = vec![b'm'; target];
            let meta = with_xattrs(0o777, &[("trusted.x", value)]);
            s.push(format!("sel-{name}-{kind}"), Kind::Symlink { target }, meta);
        }
    }
    s.push("sel-fifo", Kind::Fifo, with_xattrs(0o600, &[("security.selinux", LABEL)]));
    s.push("sel-socket", Kind::Socket, with_xattrs(0o600, &[("trusted.long", &long)]));
    let null = Kind::CharDevice { major: 1, minor: 3 };
    s.push("sel-null", null, with_xattrs(0o600, &[("trusted.long", &long)]));
    let none = u32::MAX;
    let access = acl(&[(1, 6, none), (2, 4, 1000), (4, 4, none), (8, 7, 2000), (16, 5, none), (32, 0, none)]);
    let default = acl(&[(1, 7, none), (4, 5, none), (32, 1, none)]);
    s.push("acl", Kind::File { size: 0 }, with_xattrs(0o650, &[("system.posix_acl_access", &access)]));
    let both = [("system.posix_acl_access", &access[..]), ("system.posix_acl_default", &default)];
    s.push("acl-dir", Kind::Directory, with_xattrs(0o650, &both));
}

fn names(s: &mut Sample) {
    s.file(b"names/no utf-8 \xff\xfe\x80", "1");
    s.file(b"names/line\nbreak", "2");
    s.file([&b"names/"[..], &[b'n'; 255]].concat(), "3");
    s.file([&b"names/"[..], &[0xff; 255]].concat(), "4");
    s.file("names/ leading, trailing \\ and \"", "5");
}

fn files(s: &mut Sample, extents: &[u64]) {
    for size in [1u64, 4095, 4096, 4097, 65_536, MIB - 1, MIB, MIB + 1, 3 * MIB + 5] {
        s.pattern(format!("files/dense{size}"), size, 1, 1);
    }
    for extents in extents {
        s.pattern(format!("files/holes{extents}"), (2 * extents - 1) * 4096, 2, 1);
        s.pattern(format!("files/holes{extents} and one"), 2 * extents * 4096, 2, 1);
    }
    s.pattern("files/zeros", 5 * MIB + 3, 2, 0);
    s.pattern("files/ends in a hole", 100 * 4096, 50, 1);
    let begins = Content::Bytes([vec![0; 8999], vec![1]].concat());
    s.push_with("files/begins with a hole", Kind::File { size: 9000 }, meta(0o600), begins);
}
