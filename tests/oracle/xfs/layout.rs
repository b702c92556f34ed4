//! Laid out as mkfs.xfs does, on partitions of every size, and growing.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};

use osimg::base::Bytes;
use osimg::fs::features::Switches;
use osimg::fs::xfs::{Features, Xfs};

use super::kernel::{self, CREATED, check, db, format, look, prove};
use super::{MIB, every_feature_set, zoo};
use crate::ext4::kernel::{Image, compare_links};
use crate::ext4::tree::Sample;
use crate::program::output;

#[test]
fn partitions_of_many_sizes() {
    let mut s = Sample::default();
    s.pattern("some data", 2 * MIB, 1, 1);
    for features in [Features::default(), Features::for_kernel("6.1"), Features::all()] {
        let xfs = Xfs { features };
        for kib in [
            300 << 10,
            (300 << 10) + 3,
            (300 << 10) + 4,
            (300 << 10) + 8,
            (300 << 10) + 13,
            511 << 10,
            1 << 20,
            3_000_001,
            17 << 20,
            100 << 20,
            1 << 30,
            (4 << 30) + (5 << 10),
            (4 << 30) + (17 << 10),
        ] {
            let (image, _) = format(&xfs, &s, Bytes(kib << 10)).expect("it fits");
            check(&image);
            let mount = kernel::mount(&image);
            compare_links(&mount.point, &s.expected_with(CREATED, &[(b"", 0o755)]), u64::MAX);
            fs::write(mount.point.join("new"), [5; 100_000]).expect("a file");
            drop(mount);
            check(&image);
        }
    }
}

/// `xfs_growfs` grows it while it is mounted: within the last group, by groups, and far.
#[test]
fn it_grows() {
    for xfs in every_feature_set() {
        let sample = zoo(xfs.features.bigtime);
        for to in [301 * MIB, 380 * MIB, 1 << 30, 40 << 30] {
            let (image, _) = format(&xfs, &sample, Bytes(300 * MIB)).expect("it fits");
            let file = OpenOptions::new().write(true).open(&image.path).expect("the image");
            file.set_len(to).expect("a larger partition");
            let mount = kernel::mount(&image);
            output(
                "nsenter",
                &[
                    "--mount".as_ref(),
                    format!("--target={}", mount.holder()).as_ref(),
                    "xfs_growfs".as_ref(),
                    image.folder.path().join("mnt").as_os_str(),
                ],
            );
            drop(mount);
            let blocks: u64 = number(&image, "dblocks");
            assert!(blocks * 4096 > to - 17 * MIB && blocks * 4096 <= to, "{blocks} of {to}");
            prove(&image, &sample);
        }
    }
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

/// The superblock of an empty filesystem and the headers of its groups are those of mkfs.xfs with the same features.
#[test]
fn as_mkfs_does() {
    let options = |f: Features| {
        let on = |flag: bool| u8::from(flag);
        let metadata = format!(
            "finobt={},rmapbt={},reflink={},bigtime={},inobtcount={}",
            on(f.finobt),
            on(f.rmapbt),
            on(f.reflink),
            on(f.bigtime),
            on(f.inobtcount)
        );
        (metadata, format!("sparse={},nrext64={}", on(f.sparse_inodes), on(f.nrext64)))
    };
    for Xfs { features } in every_feature_set() {
        let (metadata, inodes) = options(features);
        for mib in [
            300,
            301,
            1000,
            16 << 10,
            600_000,
            3 << 20,
            (4 << 20) - 1,
            4 << 20,
            (4 << 20) + 9,
            (4 << 20) + 20,
        ] {
            let args = ["-m", &metadata, "-i", &inodes];
            let (ours, _) = format(&Xfs { features }, &Sample::default(), Bytes(mib * MIB)).expect("it fits");
            same_as_mkfs(&ours, features, mib, &args);
        }
    }
}

/// The features for a kernel are the defaults of its time, as xfsprogs has kept them.
#[test]
fn the_features_of_long_term_kernels() {
    // For 4.19 xfsprogs left reflink off, which is no longer experimental from 4.16 on and on in el8's 4.18.
    for (conf, kernel, differ) in [
        ("lts_4.19", "4.19", &["reflink"][..]),
        ("lts_5.4", "5.4", &[]),
        ("lts_5.10", "5.10", &[]),
        ("lts_5.15", "5.15", &[]),
        ("lts_6.1", "6.1", &[]),
    ] {
        let mut features = Features::for_kernel(kernel);
        for name in differ {
            features = features.with(name, false).expect("known");
        }
        let (ours, _) = format(&Xfs { features }, &Sample::default(), Bytes(300 * MIB)).expect("it fits");
        // Debian's xfsprogs 6.1 stumbles over a line of its own files.
        let text =
            fs::read_to_string(format!("/usr/share/xfsprogs/mkfs/{conf}.conf")).expect("xfsprogs has it");
        let cut = ours.folder.path().join("mkfs.conf");
        fs::write(&cut, text.replace("nrext64=0\n", "")).expect("written");
        same_as_mkfs(&ours, features, 300, &["-c", &format!("options={}", cut.display())]);
    }
}

fn same_as_mkfs(ours: &Image, features: Features, mib: u64, args: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mkfs.img");
    File::create(&path).expect("a file").set_len(mib * MIB).expect("its size");
    let uuid = ["-q", "-m", "uuid=0f3c9a52-7b1e-5d4f-8a60-112233445566", "-L", "root-a-lang-"];
    let words = uuid.iter().chain(args).map(OsStr::new);
    output("mkfs.xfs", &words.chain([path.as_os_str()]).collect::<Vec<_>>());
    let theirs = Image { folder, path };
    let groups = number(ours, "agcount");
    let mut commands = vec!["sb 0".to_string(), "p".into()];
    for group in 0..groups {
        for header in ["agf", "agi", "agfl"] {
            commands.extend([format!("{header} {group}"), "p".into()]);
        }
        let (reverse, references) = (features.rmapbt, features.reflink);
        for (tree, _) in
            [("bnoroot", true), ("cntroot", true), ("rmaproot", reverse), ("refcntroot", references)]
                .into_iter()
                .filter(|(_, there)| *there)
        {
            commands.extend([format!("agf {group}"), format!("addr {tree}"), "p".into()]);
        }
    }
    commands.extend(["agi 0".into(), "addr root".into(), "p".into()]);
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let shown = |image: &Image| {
        let text = db(image, &commands);
        text.lines().filter(|l| !l.starts_with("crc = ")).map(str::to_string).collect::<Vec<_>>()
    };
    for (a, b) in shown(ours).iter().zip(&shown(&theirs)) {
        assert_eq!(a, b, "{mib} MiB {args:?}");
    }
    assert_eq!(shown(ours).len(), shown(&theirs).len());
}

#[test]
fn it_is_remounted_as_it_was_left() {
    let sample = zoo(true);
    let (image, _) = format(&Xfs { features: Features::all() }, &sample, Bytes(300 * MIB)).expect("it fits");
    for _ in 0..3 {
        drop(look(&image, &sample));
    }
    check(&image);
}
