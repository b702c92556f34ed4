//! Laid out as mkfs.xfs does.

use std::ffi::OsStr;
use std::fs::{self, File};

use osimg::base::Bytes;
use osimg::fs::features::Switches;
use osimg::fs::xfs::{Features, Xfs};

use super::{db, number};
use crate::filesystem::{Filesystem, MIB, format};
use crate::image::Image;
use crate::program::output;
use crate::tree::Sample;

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
    for Xfs { features } in Xfs::every() {
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
