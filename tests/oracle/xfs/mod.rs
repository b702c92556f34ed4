//! The xfs writer against xfsprogs, the kernel and GRUB.

mod layout;

use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;

use osimg::base::Bytes;
use osimg::base::features::XFS;
use osimg::fs::features::Switches;
use osimg::fs::xfs::{Features, Xfs};
use osimg::rootfs::tree::{Kind, Meta};

use crate::filesystem::{Filesystem, MIB, format, mount, oracles, prove};
use crate::image::Image;
use crate::program::output;
use crate::refused::what_fails;
use crate::tree::{Content, Sample, meta, with_xattrs};
use crate::zoo::{Borders, LABEL, zoo};

oracles!(Xfs);

impl Filesystem for Xfs {
    const LEAST: u64 = 300;
    const ROOMY: u64 = 300;
    const SPARE_MIB: u64 = 3;
    const LABEL: &'static str = "root-a-lang-ä";
    const MAGIC: (usize, &'static [u8]) = (0, b"XFSB");
    /// Xfs refuses a UUID that is mounted already, and tests run beside each other.
    const MOUNT: &'static str = "loop,nouuid";
    const OWN: &'static [(&'static [u8], u16)] = &[(b"", 0o755)];
    const MOST_LINKS: u64 = u64::MAX;
    const LONGEST_TARGET: usize = 1023;
    const DEVICES: (u32, u32) = (1 << 9, 1 << 18);
    const LARGEST_VALUE: usize = 60_000;

    /// Each feature alone (with the one it needs), none, those of each kernel, and all.
    fn every() -> Vec<Xfs> {
        let mut sets = vec![Features::default(), Features::all()];
        sets.extend(["4.4", "4.15", "4.18", "6.1"].map(Features::for_kernel));
        for row in XFS.optional {
            let on = |f: Features, name: &str| f.with(name, true).expect("a feature of the table");
            let alone = on(Features::default(), row.name);
            sets.push(row.needs.map_or(alone, |needs| on(alone, needs)));
        }
        sets.into_iter().map(|features| Xfs { features }).collect()
    }

    fn some() -> Vec<Xfs> {
        let sets = [Features::for_kernel("6.1"), Features::default(), Features::all()];
        sets.map(|features| Xfs { features }).to_vec()
    }

    /// What a feature needs is on too.
    fn from_bits(bits: u8) -> Xfs {
        let mut features = Features::default();
        for (_, row) in XFS.optional.iter().enumerate().filter(|(i, _)| bits & 1 << i != 0) {
            for name in [Some(row.name), row.needs].into_iter().flatten() {
                features = features.with(name, true).expect("a feature of the table");
            }
        }
        Xfs { features }
    }

    fn last_second(&self) -> i64 {
        if self.features.bigtime { 16_299_260_423 } else { i32::MAX.into() }
    }

    fn has_journal(&self) -> bool {
        true
    }

    fn zoo(&self) -> Sample {
        let late: &[i64] = &[2_147_483_648, 4_294_967_296, 16_299_260_423];
        let mut s = zoo(&Borders {
            targets: &[135, 136, 137, 335, 336, 337, 1022, 1023],
            device: (511, (1 << 18) - 1),
            late: if self.features.bigtime { late } else { &[] },
            // 21 in the inode, 251 a block, and where the last two blocks share.
            extents: &[1, 20, 21, 22, 251, 252, 253, 502, 503, 700, 2000],
        });
        attributes(&mut s);
        s
    }

    /// All that a random node has, it holds.
    fn fit_attributes(_: &mut Meta) {}

    /// `xfs_repair -n` and the debugger's walk over every block find nothing at all.
    fn check(image: &Image) {
        let text = output("xfs_repair", &["-n".as_ref(), "-f".as_ref(), image.path.as_os_str()]);
        let usual = |line: &str| {
            let line = line.trim_start();
            // It asks for the sector size of the disk under an image file, where there may be none to see.
            let geometry = ["Cannot get host", "Repair may fail if", "the image and the host"];
            ["Phase ", "- ", "No modify flag set"]
                .iter()
                .chain(&geometry)
                .any(|start| line.starts_with(start))
        };
        let odd: Vec<&str> = text.lines().filter(|line| !usual(line)).collect();
        assert!(odd.is_empty(), "{text}");
        // The debugger's own walk over every block says nothing either.
        let said = db(image, &["check"]);
        assert!(said.is_empty(), "xfs_db: {said}");
    }

    fn check_used(image: &Image) {
        Xfs::check(image);
    }

    fn fillable(promised: u64, mib: u64) -> RangeInclusive<u64> {
        promised..=promised + mib * MIB / 100
    }

    fn grow(image: &Image) {
        mount::<Xfs>(image).run(&["xfs_growfs", "{}"]);
    }

    fn rescue(image: &Image) {
        let text = output("xfs_repair", &["-f".as_ref(), image.path.as_os_str()]);
        assert!(text.contains("found candidate secondary superblock"), "{text}");
    }

    fn bytes(image: &Image) -> u64 {
        4096 * number(image, "dblocks")
    }
}

/// What `xfs_db` prints for these commands.
pub fn db(image: &Image, commands: &[&str]) -> String {
    let mut args = vec![OsStr::new("-r"), OsStr::new("-f")];
    for command in commands {
        args.push(OsStr::new("-c"));
        args.push(OsStr::new(command));
    }
    args.push(image.path.as_os_str());
    output("xfs_db", &args)
}

/// What the superblock says of one field.
fn number(image: &Image, field: &str) -> u64 {
    let text = db(image, &["sb 0", &format!("p {field}")]);
    let value = text.trim().rsplit(' ').next().unwrap_or_default();
    let parsed = match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => value.parse(),
    };
    parsed.unwrap_or_else(|e| panic!("{field}: {text}: {e}"))
}

fn attributes(s: &mut Sample) {
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
    // Files in pieces beside attributes of each form.
    for (name, value) in [("short", LABEL), ("full", &[b'f'; 250]), ("long", &[b'v'; 1500])] {
        for extents in [1u64, 2, 3, 8, 9, 17, 18, 300] {
            let meta = with_xattrs(0o644, &[("security.selinux", value)]);
            let content = Content::Pattern { seed: 1, period: 2, present: 1 };
            let size = (2 * extents - 1) * 4096;
            s.push_with(format!("xattr-holes-{name}{extents}"), Kind::File { size }, meta, content);
        }
    }
}

/// Directories of each form: in the inode, a block, a leaf, a lone leaf beside a free index, nodes of one and two levels.
#[test]
fn directories_of_every_size() {
    let mut s = Sample::default();
    // 6 bytes of head, 8 + 4 an entry with a name of 4 bytes: 27 fit into 336.
    s.crowd("in-the-inode", 27, 4);
    s.crowd("one-too-many", 28, 4);
    // An entry has 24 bytes and 8 in the index; `.` and `..` 16 each.
    s.crowd("exactly-a-block", 124, 8);
    s.crowd("two-blocks", 125, 8);
    for (name, count) in [("leaf", 490), ("alone", 501), ("full", 502), ("nodes", 503)] {
        s.crowd(name, count, 8);
    }
    // 14 entries of 272 bytes a block, 2,016 blocks counted in one block of the free index.
    s.crowd("free-index", 2016 * 14 + 5, 255);
    for i in 0..300 {
        s.dir(format!("children/{i}"));
    }
    for xfs in [Xfs::default(), Xfs { features: Features::all() }] {
        let (image, _) = format(&xfs, &s, Bytes(600 * MIB)).expect("it fits");
        prove::<Xfs>(&image, &s);
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
    prove::<Xfs>(&image, &s);
    let mount = mount::<Xfs>(&image);
    for i in (0..300_000).step_by(31) {
        fs::remove_file(mount.point.join(format!("d/file number {i}"))).expect("removed");
        fs::write(mount.point.join(format!("d/another {i}")), b"").expect("made");
    }
    drop(mount);
    Xfs::check(&image);
}

/// Data over all groups, in pieces: every tree of a group has several levels.
#[test]
fn large_trees_in_every_group() {
    let mut s = Sample::default();
    for i in 0..60 {
        s.pattern(format!("pieces{i}"), 2 * 600 * 4096, 2, 1);
        s.pattern(format!("dense{i}"), 3 * MIB, 1, 1);
        s.crowd(&format!("crowd{i}"), 1100, 10);
    }
    for features in [Features::all(), Features::for_kernel("6.1"), Features::default()] {
        let (image, _) = format(&Xfs { features }, &s, Bytes(700 * MIB)).expect("it fits");
        prove::<Xfs>(&image, &s);
    }
}

#[test]
fn what_xfs_has_no_place_for_is_said() {
    assert_eq!(
        what_fails(&Xfs::default(), &|s| s.push(
            "a",
            Kind::Fifo,
            with_xattrs(0o600, &[("user.a", &[1; 65_537])])
        )),
        "/a: the value of user.a has 65537 bytes, 65,536 are allowed"
    );
    let xfs = Xfs { features: Features { inobtcount: true, ..Features::default() } };
    assert_eq!(what_fails(&xfs, &|_| ()), "/: the feature inobtcount needs the feature finobt");
}
