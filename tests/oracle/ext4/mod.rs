//! The ext4 writer against e2fsprogs, the kernel and GRUB.

pub mod kernel;
pub mod random;
mod refused;
pub mod tree;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use osimg::base::features::EXT4;
use osimg::base::{Bytes, Digest};
use osimg::fs::ext4::{Ext4, Features};
use osimg::fs::features::Switches;
use osimg::rootfs::tree::{Kind, Meta, Timestamp, TreePath};

use crate::program::output;
use kernel::{Image, format};
use tree::{Content, Sample, meta};

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

/// One of everything.
fn zoo() -> Sample {
    let mut s = Sample::default();
    s.push("", Kind::Directory, Meta { uid: 3, ..meta(0o751) });
    s.file("late/child/before its parents", "x");
    s.push("late", Kind::Directory, Meta { gid: 70_000, ..meta(0o2770) });
    s.file("hello", "hello\n");
    s.push("hello again", Kind::HardLink { target: TreePath::new("hello").expect("path") }, meta(0));
    s.push("late/hello", Kind::HardLink { target: TreePath::new("hello again").expect("path") }, meta(0));
    s.push("short", Kind::Symlink { target: b"hello".to_vec() }, meta(0o777));
    for n in [59usize, 60, 61, 255, 4094, 4095] {
        s.push(format!("link{n}"), Kind::Symlink { target: vec![b'l'; n] }, meta(0o777));
    }
    s.push("link again", Kind::HardLink { target: TreePath::new("link60").expect("path") }, meta(0));
    s.push("dev-null", Kind::CharDevice { major: 1, minor: 3 }, meta(0o666));
    s.push("dev-new", Kind::CharDevice { major: 259, minor: 70_000 }, meta(0o600));
    s.push("dev-sda", Kind::BlockDevice { major: 8, minor: 0 }, meta(0o660));
    s.push("dev-big", Kind::BlockDevice { major: 4095, minor: (1 << 20) - 1 }, meta(0o660));
    s.push("fifo", Kind::Fifo, meta(0o600));
    s.push("socket", Kind::Socket, meta(0o755));
    s.push("su", Kind::File { size: 0 }, Meta { uid: 4_000_000_000, gid: 3_999_999_999, ..meta(0o6755) });
    s.push("tmp", Kind::Directory, meta(0o1777));
    for (i, secs) in [-2_147_483_648, -1, 0, 2_147_483_647, 2_147_483_648, 4_294_967_296, 10_737_418_239]
        .iter()
        .enumerate()
    {
        let mtime = Timestamp { secs: *secs, nanos: 999_999_999 };
        s.push(format!("time{i}"), Kind::File { size: 0 }, Meta { mtime, ..meta(0o644) });
    }
    let capability = hex::decode("0100000200200000000000000000000000000000").expect("hex");
    s.push("ping", Kind::File { size: 0 }, with_xattrs(0o755, &[("security.capability", &capability)]));
    let label = b"system_u:object_r:bin_t:s0\0";
    s.push(
        "bash",
        Kind::File { size: 0 },
        with_xattrs(0o755, &[("security.selinux", label), ("user.a", b"")]),
    );
    s.push(
        "sel-link",
        Kind::Symlink { target: b"bash".to_vec() },
        with_xattrs(0o777, &[("security.selinux", label)]),
    );
    let long = [b'v'; 1500];
    s.push("sel-slow", Kind::Symlink { target: vec![b'm'; 99] }, with_xattrs(0o777, &[("trusted.x", &long)]));
    s.push("sel-fast", Kind::Symlink { target: vec![b'm'; 9] }, with_xattrs(0o777, &[("trusted.x", &long)]));
    for n in [0usize, 1, 67, 68, 69, 1000, 4040] {
        let value = vec![b'x'; n];
        s.push(format!("xattr{n}"), Kind::File { size: 0 }, with_xattrs(0o644, &[("user.a", &value)]));
    }
    let many: Vec<(String, Vec<u8>)> =
        (0..60u8).map(|i| (format!("user.n{i}"), vec![i; usize::from(i)])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    s.push("xattrs", Kind::File { size: 0 }, with_xattrs(0o644, &many));
    let none = u32::MAX;
    let access = acl(&[(1, 6, none), (2, 4, 1000), (4, 4, none), (8, 7, 2000), (16, 5, none), (32, 0, none)]);
    let default = acl(&[(1, 7, none), (4, 5, none), (32, 1, none)]);
    s.push("acl", Kind::File { size: 0 }, with_xattrs(0o650, &[("system.posix_acl_access", &access)]));
    s.push(
        "acl-dir",
        Kind::Directory,
        with_xattrs(0o650, &[("system.posix_acl_access", &access), ("system.posix_acl_default", &default)]),
    );
    s.file(b"names/no utf-8 \xff\xfe\x80", "1");
    s.file(b"names/line\nbreak", "2");
    s.file([&b"names/"[..], &[b'n'; 255]].concat(), "3");
    s.file([&b"names/"[..], &[0xff; 255]].concat(), "4");
    s.file("names/ leading, trailing \\ and \"", "5");
    for size in [1u64, 4095, 4096, 4097, 65_536, MIB - 1, MIB, MIB + 1, 3 * MIB + 5] {
        s.pattern(format!("files/dense{size}"), size, 1, 1);
    }
    for blocks in [1u64, 7, 9, 679, 680, 681, 682, 2720, 2722] {
        s.pattern(format!("files/holes{blocks}"), blocks * 4096, 2, 1);
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

fn every_feature_set() -> Vec<Ext4> {
    let mut out = Vec::new();
    for metadata_csum in [true, false] {
        for bit64 in [true, false] {
            for journal in [true, false] {
                out.push(Ext4 { features: Features { metadata_csum, bit64, journal } });
            }
        }
    }
    out
}

/// The features as they come, the plainest, and those for el7.
fn some_feature_sets() -> [Ext4; 3] {
    let plain = Features { metadata_csum: false, bit64: false, journal: false };
    [Ext4::default(), Ext4 { features: plain }, Ext4 { features: Features { journal: true, ..plain } }]
}

#[test]
fn one_of_everything_in_every_feature_set() {
    let sample = zoo();
    for ext4 in every_feature_set() {
        let (image, written) = format(&ext4, &sample, Bytes(100 * MIB)).expect("it fits");
        image.prove(&sample);
        assert!(written.free.0 > 40 * MIB, "{written:?}");
        let text = output("dumpe2fs", &["-h".as_ref(), image.path.as_os_str()]);
        let says = |name: &str| text.contains(&format!(" {name}"));
        assert_eq!(says("metadata_csum"), ext4.features.metadata_csum, "{text}");
        assert_eq!(says("uninit_bg"), !ext4.features.metadata_csum, "{text}");
        assert_eq!(says("64bit"), ext4.features.bit64, "{text}");
        assert_eq!(says("has_journal"), ext4.features.journal, "{text}");
        // 16 bytes of the label.
        assert!(text.contains("ber-lang-\n"), "{text}");
    }
}

#[test]
fn one_of_everything_twice_is_the_same_bytes() {
    let sample = zoo();
    let digest = |image: &Image| {
        Digest::of_reader(&mut File::open(&image.path).expect("the image")).expect("reading it")
    };
    let size = Bytes(100 * MIB);
    let (one, _) = format(&Ext4::default(), &sample, size).expect("it fits");
    let (two, _) = format(&Ext4::default(), &sample, size).expect("it fits");
    assert_eq!(digest(&one), digest(&two));
}

/// Directories of each shape: a block, an index of one level, of two, and names that hash alike.
#[test]
fn directories_of_every_size() {
    let mut s = Sample::default();
    let fill = |s: &mut Sample, name: &str, count: usize, length: usize| {
        s.dir(name);
        for i in 0..count {
            let entry = format!("{name}/{i:0length$}");
            s.push(entry, Kind::File { size: 0 }, meta(0o644));
        }
    };
    // 4084 bytes hold `.`, `..` and 253 entries of 16 bytes.
    fill(&mut s, "exactly a block", 253, 8);
    fill(&mut s, "one too many", 254, 8);
    fill(&mut s, "a level", 7000, 255);
    // 15 names of 255 bytes a leaf, 507 leaves a root, or 508 without checksums.
    fill(&mut s, "the root is full", 507 * 15, 255);
    fill(&mut s, "two levels", 508 * 15 + 1, 255);
    fill(&mut s, "two nodes", 511 * 15, 255);
    for i in 0..300 {
        s.dir(format!("children/{i}"));
    }
    for ext4 in [Ext4::default(), every_feature_set()[4]] {
        let (image, _) = format(&ext4, &s, Bytes(600 * MIB)).expect("it fits");
        image.prove(&s);
        for (name, indexed) in [
            ("exactly a block", false),
            ("one too many", ext4.features.metadata_csum),
            ("two levels", true),
            ("a level", true),
        ] {
            let stat = output(
                "debugfs",
                &["-R".as_ref(), format!("stat \"{name}\"").as_ref(), image.path.as_os_str()],
            );
            assert_eq!(stat.contains("Flags: 0x81000"), indexed, "{name}: {stat}");
        }
        let dump =
            output("debugfs", &["-R".as_ref(), "htree_dump \"two levels\"".as_ref(), image.path.as_os_str()]);
        assert!(dump.contains("Indirect levels: 1"), "{}", &dump[..400]);
    }
}

#[test]
fn a_hundred_thousand_names_in_one_directory() {
    let mut s = Sample::default();
    for i in 0..100_000 {
        s.push(format!("d/file number {i}"), Kind::File { size: 0 }, meta(0o644));
    }
    let (image, written) = format(&Ext4::default(), &s, Bytes(2048 * MIB)).expect("it fits");
    // With the 10 reserved inodes, lost+found and `d`; the root is a reserved one.
    assert_eq!(written.inodes, 100_012);
    image.prove(&s);
    let mount = image.mount();
    for i in (0..100_000).step_by(3) {
        fs::remove_file(mount.point.join(format!("d/file number {i}"))).expect("removed");
        fs::write(mount.point.join(format!("d/another {i}")), b"").expect("made");
    }
    drop(mount);
    image.check();
}

/// More subdirectories than a link count counts, and more names than a file may have.
#[test]
fn link_counts_at_their_limits() {
    let mut s = Sample::default();
    for i in 0..65_100 {
        s.dir(format!("d/{i}"));
    }
    s.file("f", "f");
    for i in 1..65_000 {
        s.push(format!("l/{i}"), Kind::HardLink { target: TreePath::new("f").expect("path") }, meta(0));
    }
    let (image, _) = format(&Ext4::default(), &s, Bytes(2048 * MIB)).expect("it fits");
    image.prove(&s);
    s.push("one more", Kind::HardLink { target: TreePath::new("f").expect("path") }, meta(0));
    let error = format(&Ext4::default(), &s, Bytes(2048 * MIB)).err().expect("65,001 names");
    assert_eq!(error.to_string(), "/one more: ext4 allows 65,000 names of one file");
}

/// The mounted filesystem is used until nothing more fits, and is clean again.
#[test]
fn it_can_be_used() {
    let sample = zoo();
    for ext4 in some_feature_sets() {
        let (image, written) = format(&ext4, &sample, Bytes(100 * MIB)).expect("it fits");
        let mount = image.mount();
        let at = |name: String| mount.point.join(name);
        for i in 0..500 {
            fs::create_dir_all(at(format!("new/{}", i % 7))).expect("a directory");
            fs::write(at(format!("new/{}/{i}", i % 7)), vec![i as u8; i * 37]).expect("a file");
            if i % 3 == 0 {
                fs::rename(at(format!("new/{}/{i}", i % 7)), at(format!("late/renamed {i}")))
                    .expect("renamed");
            }
            if i % 5 == 0 {
                let mut file = OpenOptions::new().append(true).open(at("hello".into())).expect("a file");
                file.write_all(&[7; 1000]).expect("appended");
            }
        }
        for entry in fs::read_dir(at("files".into())).expect("files") {
            let path = entry.expect("an entry").path();
            let file = OpenOptions::new().write(true).open(&path).expect("a file");
            file.write_all_at(b"overwritten", 4096 * 3 + 5).expect("into a hole or not");
        }
        fs::remove_dir_all(at("names".into())).expect("removed");
        drop(mount);
        image.check_used();
        let mount = image.mount();
        let mut filled = 0;
        let mut fill = File::create(mount.point.join("fill")).expect("a file");
        let full = loop {
            match fill.write(&[1; 1 << 16]) {
                Ok(n) => filled += n as u64,
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert!(
            filled + 12 * MIB > written.free.0 && filled < written.free.0 + MIB,
            "{filled} of {written:?}"
        );
        drop(fill);
        fs::remove_file(mount.point.join("fill")).expect("removed");
        drop(mount);
        image.check_used();
    }
}

/// All that was promised as free can be written at once by root.
#[test]
fn what_is_free_can_be_filled() {
    for mib in [8, 30, 200] {
        let mut s = Sample::default();
        s.file("x", "x");
        let (image, written) = format(&Ext4::default(), &s, Bytes(mib * MIB)).expect("it fits");
        let mount = image.mount();
        let mut file = File::create(mount.point.join("fill")).expect("a file");
        let mut filled = 0;
        while let Ok(n) = file.write(&[1; 4096]) {
            filled += n as u64;
        }
        // But for blocks of the file's own extent tree.
        assert!(filled <= written.free.0 && filled + 4 * 4096 >= written.free.0, "{filled} of {written:?}");
        drop(file);
        drop(mount);
        image.check();
    }
}

#[test]
fn partitions_of_many_sizes() {
    let mut s = Sample::default();
    s.pattern("some data", 2 * MIB, 1, 1);
    for ext4 in
        [Ext4::default(), Ext4 { features: Features { metadata_csum: false, bit64: false, journal: true } }]
    {
        for kib in [
            8 << 10,
            (8 << 10) + 3,
            9 << 10,
            64 << 10,
            127 << 10,
            128 << 10,
            (128 << 10) + 4,
            129 << 10,
            140 << 10,
            500 << 10,
            512 << 10,
            513 << 10,
            1 << 20,
            3_000_001,
            17 << 20,
            100 << 20,
            1 << 30,
        ] {
            let (image, _) = format(&ext4, &s, Bytes(kib << 10)).expect("it fits");
            image.check();
            let mount = image.mount();
            kernel::compare(&mount.point, &s.expected(kernel::CREATED));
            fs::write(mount.point.join("new"), [5; 100_000]).expect("a file");
            drop(mount);
            image.check();
        }
    }
}

/// `resize2fs` grows it, far past what the descriptors it was made with describe.
#[test]
fn it_grows() {
    let sample = zoo();
    for ext4 in some_feature_sets() {
        for to in [101 * MIB, 1 << 30, 40 << 30] {
            let (image, _) = format(&ext4, &sample, Bytes(100 * MIB)).expect("it fits");
            let file = OpenOptions::new().write(true).open(&image.path).expect("the image");
            file.set_len(to).expect("a larger partition");
            output("resize2fs", &["-f".as_ref(), image.path.as_os_str()]);
            image.prove(&sample);
            let text = output("dumpe2fs", &["-h".as_ref(), image.path.as_os_str()]);
            let blocks = format!("{}\n", to / 4096);
            assert!(text.contains(&blocks), "{text}");
            // The descriptors grew into the blocks kept for them: nothing had to move.
            let kept = 13 - (to >> 33).max(1);
            assert!(to < 1 << 33 || !ext4.features.bit64 || text.contains(&format!("{kept}\n")), "{text}");
        }
    }
}

#[test]
fn grub_reads_it() {
    let sample = zoo();
    for ext4 in some_feature_sets() {
        let (image, _) = format(&ext4, &sample, Bytes(100 * MIB)).expect("it fits");
        for (node, content) in &sample.nodes {
            let Kind::File { size } = node.kind else { continue };
            // GRUB cuts names that are no text out of its arguments.
            if size > 8 * MIB || std::str::from_utf8(node.path.as_bytes()).is_err() {
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

/// Groups, tables, backups, reserved descriptors and the resize inode lie where mke2fs puts them, so what its
/// filesystems can do (grow online, be rescued from a backup) ours can too.
#[test]
fn laid_out_as_mke2fs_does() {
    let layout = |image: &std::path::Path| {
        let text = output("dumpe2fs", &[image.as_os_str()]);
        // The last flex group, where it is not full, has gaps in mke2fs's layout that ours does without.
        let full = text.matches("\nGroup ").count() / 16 * 16;
        let (mut group, mut out) = (0, Vec::new());
        for line in text.lines().map(str::trim_start) {
            let starts = |list: &[&str]| list.iter().any(|start| line.starts_with(start));
            if let Some(rest) = line.strip_prefix("Group ").and_then(|l| l.split_once(": (Blocks")) {
                group = rest.0.parse().expect("a group's number");
                out.push(
                    line.split(" csum").next().unwrap_or(line).split(" [").next().unwrap_or(line).to_string(),
                );
            } else if starts(&[
                "Primary",
                "Backup",
                "Reserved GDT",
                "Inodes per group",
                "Total journal blocks",
            ]) || (group < full && starts(&["Block bitmap", "Inode bitmap", "Inode table"]))
            {
                out.push(line.split(", csum").next().unwrap_or(line).to_string());
            }
        }
        out
    };
    let resize = |image: &std::path::Path| {
        let text = output("debugfs", &["-R".as_ref(), "blocks <7>".as_ref(), image.as_os_str()]);
        text.split_whitespace().filter_map(|n| n.parse().ok()).collect::<BTreeSet<u64>>()
    };
    for (features, options) in [
        (Features::default(), "64bit,metadata_csum,^metadata_csum_seed,^orphan_file"),
        (Features { metadata_csum: false, bit64: false, journal: true }, "^64bit,^metadata_csum,uninit_bg"),
    ] {
        for mib in [8, 40, 140, 511, 512, 600, 9_000, 100 << 10] {
            let (ours, _) =
                format(&Ext4 { features }, &Sample::default(), Bytes(mib * MIB)).expect("it fits");
            let theirs = ours.folder.path().join("mke2fs.img");
            File::create(&theirs).expect("a file").set_len(mib * MIB).expect("its size");
            let args = ["-q", "-t", "ext4", "-b", "4096", "-O", options].map(OsStr::new);
            output("mke2fs", &[&args[..], &[theirs.as_os_str()]].concat());
            assert_eq!(layout(&ours.path), layout(&theirs), "{mib} MiB");
            // But for the double indirect block itself, which each puts where it allocates it.
            let (a, b) = (resize(&ours.path), resize(&theirs));
            assert!(a.difference(&b).count() <= 1 && a.len() == b.len(), "{mib} MiB");
        }
    }
}

/// Every choice of features gives the feature words that mke2fs gives for the same names; an el7 slot gets those of el7's
/// own mke2fs.conf, but for `64bit`.
#[test]
fn the_feature_words_are_those_of_mke2fs() {
    let words = |path: &std::path::Path| {
        let mut bytes = [0; 12];
        File::open(path).expect("the image").read_exact_at(&mut bytes, 1024 + 0x5C).expect("a superblock");
        bytes
    };
    let same = |features: Features, options: &str| {
        let (ours, _) = format(&Ext4 { features }, &Sample::default(), Bytes(64 * MIB)).expect("it fits");
        let theirs = ours.folder.path().join("mke2fs.img");
        File::create(&theirs).expect("a file").set_len(64 * MIB).expect("its size");
        let args = ["-q", "-t", "ext4", "-b", "4096", "-O", options].map(OsStr::new);
        output("mke2fs", &[&args[..], &[theirs.as_os_str()]].concat());
        assert_eq!(words(&ours.path), words(&theirs), "{options}");
    };
    // what osimg never writes, off by name: mke2fs knows each name of the table
    let never = EXT4.fixed.iter().filter(|row| !row.on && row.name != "uninit_bg");
    let never = never.map(|row| format!("^{}", row.name)).collect::<Vec<_>>().join(",");
    for bits in 0..1 << EXT4.optional.len() {
        let (mut features, mut options) = (Features::none(), never.clone());
        for (at, name) in EXT4.names().enumerate() {
            let on = bits & 1 << at != 0;
            features = features.with(name, on).expect("a feature of the table");
            options += &format!(",{}{name}", if on { "" } else { "^" });
        }
        if !features.metadata_csum {
            options += ",uninit_bg";
        }
        same(features, &options);
    }
    let el7 = "none,sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr,has_journal,extent,huge_file,\
               flex_bg,uninit_bg,dir_nlink,extra_isize";
    same(Features::for_kernel("3.10.0-1160.el7.x86_64"), el7);
    // and what it always writes is in that list
    for fixed in EXT4.fixed.iter().filter(|row| row.on) {
        assert!(el7.contains(fixed.name), "{}", fixed.name);
    }
}
