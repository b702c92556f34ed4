//! The ext4 writer against e2fsprogs, the kernel and GRUB.

mod features;
mod layout;

use std::fs::{self, File};
use std::ops::RangeInclusive;

use osimg::base::Bytes;
use osimg::fs::ext4::{Ext4, Features};
use osimg::fs::features::Switches;
use osimg::rootfs::tree::{Kind, Meta, TreePath};

use crate::filesystem::{Filesystem, MIB, format, mount, oracles, prove};
use crate::image::Image;
use crate::program::{output, sh};
use crate::refused::what_fails;
use crate::tree::{Sample, meta, with_xattrs};
use crate::zoo::{Borders, zoo};

oracles!(Ext4);

impl Filesystem for Ext4 {
    const LEAST: u64 = 8;
    const ROOMY: u64 = 100;
    const SPARE_MIB: u64 = 2;
    const LABEL: &'static str = "root-über-lang-label";
    const MAGIC: (usize, &'static [u8]) = (0x438, &[0x53, 0xEF]);
    const MOUNT: &'static str = "loop";
    const OWN: &'static [(&'static [u8], u16)] = &[(b"", 0o755), (b"lost+found", 0o700)];
    const MOST_LINKS: u64 = 65_000;
    const LONGEST_TARGET: usize = 4095;
    const DEVICES: (u32, u32) = (1 << 12, 1 << 20);
    const LARGEST_VALUE: usize = 2000;

    fn every() -> Vec<Ext4> {
        (0..8).map(Ext4::from_bits).collect()
    }

    /// As they come, those for el7, and the plainest.
    fn some() -> Vec<Ext4> {
        let plain = Features { metadata_csum: false, bit64: false, journal: false };
        [Features::default(), Features::for_kernel("3.10"), plain].map(|features| Ext4 { features }).to_vec()
    }

    fn from_bits(bits: u8) -> Ext4 {
        let on = |bit: u8| bits & 1 << bit != 0;
        Ext4 { features: Features { metadata_csum: on(0), bit64: on(1), journal: on(2) } }
    }

    fn last_second(&self) -> i64 {
        10_737_418_239
    }

    fn has_journal(&self) -> bool {
        self.features.journal
    }

    fn zoo(&self) -> Sample {
        let mut s = zoo(&Borders {
            targets: &[59, 60, 61, 255, 4094, 4095],
            device: (4095, (1 << 20) - 1),
            late: &[2_147_483_648, 4_294_967_296, 10_737_418_239],
            // 4 in the inode, 340 a block.
            extents: &[1, 4, 5, 340, 341, 1360, 1361],
        });
        attributes(&mut s);
        s
    }

    /// They share one block where they do not fit the inode; an entry has 16 bytes before name and value.
    fn fit_attributes(meta: &mut Meta) {
        let mut left: usize = 4060;
        meta.xattrs.retain(|name, value| {
            let name = name.len() - name.iter().position(|b| *b == b'.').map_or(0, |dot| dot + 1);
            let cost = (16 + name).next_multiple_of(4) + value.len().next_multiple_of(4);
            let fits = cost <= left;
            left -= if fits { cost } else { 0 };
            fits
        });
    }

    fn check(image: &Image) {
        check_but_for(image, "no such line");
    }

    /// The kernel leaves extent trees wider than they need be.
    fn check_used(image: &Image) {
        check_but_for(image, "could be narrower");
    }

    /// But for blocks of the file's own extent tree.
    fn fillable(promised: u64, mib: u64) -> RangeInclusive<u64> {
        promised - (4 + mib / 512) * 4096..=promised
    }

    /// The kernel wants CAP_SYS_RESOURCE for it, which a container's root may lack; then it is grown unmounted.
    fn grow(image: &Image) {
        const SYS_RESOURCE: u64 = 1 << 24;
        let status = fs::read_to_string("/proc/self/status").expect("our capabilities");
        let effective = status.lines().find_map(|l| l.strip_prefix("CapEff:")).expect("our capabilities");
        if u64::from_str_radix(effective.trim(), 16).expect("hexadecimal") & SYS_RESOURCE != 0 {
            mount::<Ext4>(image).run(&["resize2fs", "{device}"]);
        } else {
            eprintln!("no CAP_SYS_RESOURCE: the kernel lets nobody grow a mounted ext4");
            output("resize2fs", &["-f".as_ref(), image.path.as_os_str()]);
        }
    }

    fn rescue(image: &Image) {
        let folder = image.folder.path();
        let said = sh(folder, "e2fsck -fy -b 32768 -B 4096 part.img 2>&1 || [ $? = 1 ]");
        assert!(said.contains("FILE SYSTEM WAS MODIFIED"), "{said}");
    }

    fn bytes(image: &Image) -> u64 {
        4096 * number(image, "Block count:")
    }
}

/// A number that dumpe2fs says.
fn number(image: &Image, name: &str) -> u64 {
    let text = output("dumpe2fs", &["-h".as_ref(), image.path.as_os_str()]);
    let line = text.lines().find_map(|l| l.strip_prefix(name));
    line.and_then(|l| l.trim().parse().ok()).unwrap_or_else(|| panic!("{name} {text}"))
}

fn check_but_for(image: &Image, harmless: &str) {
    let text = output("e2fsck", &["-fn".as_ref(), image.path.as_os_str()]);
    let lines: Vec<&str> = text.lines().filter(|l| !l.is_empty() && !l.contains(harmless)).collect();
    // Its version, five passes, and the summary.
    assert!(lines.len() == 7 && !lines.iter().any(|l| l.contains('?')), "{text}");
}

fn attributes(s: &mut Sample) {
    for n in [0usize, 1, 67, 68, 69, 1000, 4040] {
        let value = vec![b'x'; n];
        s.push(format!("xattr{n}"), Kind::File { size: 0 }, with_xattrs(0o644, &[("user.a", &value)]));
    }
    let many: Vec<(String, Vec<u8>)> =
        (0..60u8).map(|i| (format!("user.n{i}"), vec![i; usize::from(i)])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    s.push("xattrs", Kind::File { size: 0 }, with_xattrs(0o644, &many));
}

#[test]
fn dumpe2fs_names_the_features() {
    for ext4 in Ext4::every() {
        let (image, _) = format(&ext4, &Sample::default(), Bytes(10 * MIB)).expect("it fits");
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
    for ext4 in [Ext4::default(), Ext4 { features: Features { metadata_csum: false, ..Features::default() } }]
    {
        let (image, _) = format(&ext4, &s, Bytes(600 * MIB)).expect("it fits");
        prove::<Ext4>(&image, &s);
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
    prove::<Ext4>(&image, &s);
    let mount = mount::<Ext4>(&image);
    for i in (0..100_000).step_by(3) {
        fs::remove_file(mount.point.join(format!("d/file number {i}"))).expect("removed");
        fs::write(mount.point.join(format!("d/another {i}")), b"").expect("made");
    }
    drop(mount);
    Ext4::check_used(&image);
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
    prove::<Ext4>(&image, &s);
    s.push("one more", Kind::HardLink { target: TreePath::new("f").expect("path") }, meta(0));
    let error = format(&Ext4::default(), &s, Bytes(2048 * MIB)).err().expect("65,001 names");
    assert_eq!(error.to_string(), "/one more: ext4 allows 65,000 names of one file");
}

/// `resize2fs` grows it far, unmounted too, into the blocks kept for descriptors: nothing has to move.
#[test]
fn it_grows_unmounted() {
    for ext4 in Ext4::some() {
        let sample = ext4.zoo();
        for to in [101 * MIB, 1 << 30, 40 << 30] {
            let (image, _) = format(&ext4, &sample, Bytes(100 * MIB)).expect("it fits");
            let kept = number(&image, "Reserved GDT blocks:");
            let file = File::options().write(true).open(&image.path).expect("the image");
            file.set_len(to).expect("a larger partition");
            output("resize2fs", &["-f".as_ref(), image.path.as_os_str()]);
            prove::<Ext4>(&image, &sample);
            assert_eq!(number(&image, "Block count:"), to / 4096);
            // Descriptors of 128 MiB each, 64 or 128 a block; the first block was there.
            let groups = to.div_ceil(128 * MIB);
            let blocks = groups.div_ceil(if ext4.features.bit64 { 64 } else { 128 });
            assert_eq!(number(&image, "Reserved GDT blocks:"), kept + 1 - blocks);
        }
    }
}

#[test]
fn what_ext4_has_no_place_for_is_said() {
    let fails = |make: &dyn Fn(&mut Sample)| what_fails(&Ext4::default(), make);
    assert_eq!(fails(&|s| s.file("lost+found", "")), "/lost+found: ext4 needs a directory of this name");
    assert_eq!(
        fails(&|s| s.push("a", Kind::Fifo, with_xattrs(0o600, &[("user.a", &[1; 4041])]))),
        "/a: its extended attributes take 4064 bytes, and the block that ext4 has for them 4060; a larger one would be an \
         inode of its own (ea_inode), and GRUB reads no filesystem with such"
    );
}

#[test]
fn a_lost_and_found_of_the_tree_is_kept() {
    let mut s = Sample::default();
    s.file("lost+found/#17", "found");
    s.push("lost+found", Kind::Directory, Meta { gid: 5, ..meta(0o750) });
    let (image, _) = format(&Ext4::default(), &s, Bytes(16 * MIB)).expect("it fits");
    prove::<Ext4>(&image, &s);
    // Where only what is in it was named, it is as closed as mke2fs makes it.
    let mut s = Sample::default();
    s.file("lost+found/#17", "found");
    let (image, _) = format(&Ext4::default(), &s, Bytes(16 * MIB)).expect("it fits");
    prove::<Ext4>(&image, &s);
}
