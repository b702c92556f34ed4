//! A whole filesystem in the eyes of its checkers, of the kernel and of GRUB: content, sizes, growth.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use osimg::base::{Bytes, Digest};
use osimg::rootfs::tree::Kind;

use crate::filesystem::{Filesystem, MIB, format, look, prove};
use crate::tree::Sample;

pub fn one_of_everything_in_every_feature_set<F: Filesystem>() {
    for fs in F::every() {
        let sample = fs.zoo();
        let (image, written) = format(&fs, &sample, Bytes(F::ROOMY * MIB)).expect("it fits");
        prove::<F>(&image, &sample);
        assert!(written.free.0 > 40 * MIB, "{written:?}");
    }
}

pub fn one_of_everything_twice_is_the_same_bytes<F: Filesystem>() {
    let digest = |fs: &F| {
        let (image, _) = format(fs, &fs.zoo(), Bytes(F::ROOMY * MIB)).expect("it fits");
        Digest::of_reader(&mut File::open(&image.path).expect("the image")).expect("reading it")
    };
    for fs in F::every() {
        assert_eq!(digest(&fs), digest(&fs));
    }
}

pub fn grub_reads_it<F: Filesystem>() {
    for fs in F::some() {
        let mut sample = fs.zoo();
        // Directories of every form, of whose files some are read.
        for count in [10, 100, 400, 501, 3000] {
            (0..count).for_each(|i| sample.file(format!("of {count}/{i:08}"), i.to_string()));
        }
        let (image, _) = format(&fs, &sample, Bytes(F::ROOMY * MIB)).expect("it fits");
        for (node, content) in &sample.nodes {
            let Kind::File { size } = node.kind else { continue };
            // GRUB cuts names that are no text out of its arguments.
            let path = node.path.as_bytes();
            let skipped = path.starts_with(b"of ") && !path.ends_with(b"99") && !path.ends_with(b"00");
            if skipped || size > 8 * MIB || std::str::from_utf8(path).is_err() {
                continue;
            }
            let name = [b"(loop0)/", path].concat();
            let out = Command::new("grub-fstest")
                .args([image.path.as_os_str(), "cat".as_ref(), OsStr::from_bytes(&name)])
                .output()
                .expect("grub-fstest runs");
            let mut want = vec![0; size as usize];
            content.fill(0, &mut want);
            let said = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.success() && out.stdout == want, "{}: {said}", node.path);
        }
    }
}

pub fn partitions_of_many_sizes<F: Filesystem>() {
    let mut s = Sample::default();
    s.pattern("some data", 2 * MIB, 1, 1);
    let least = F::LEAST << 10;
    let kib = [
        least,
        least + 3,
        least + 4,
        least + 8,
        least + 13,
        least + 1024,
        64 << 10,
        127 << 10,
        128 << 10,
        (128 << 10) + 4,
        129 << 10,
        140 << 10,
        500 << 10,
        511 << 10,
        512 << 10,
        513 << 10,
        1 << 20,
        3_000_001,
        17 << 20,
        100 << 20,
        1 << 30,
        (4 << 30) + (5 << 10),
        (4 << 30) + (17 << 10),
    ];
    for fs in F::some() {
        for kib in kib.into_iter().filter(|kib| *kib >= least) {
            let (image, _) = format(&fs, &s, Bytes(kib << 10)).expect("it fits");
            F::check(&image);
            let mount = look::<F>(&image, &s);
            fs::write(mount.point.join("new"), [5; 100_000]).expect("a file");
            drop(mount);
            F::check(&image);
        }
    }
}

/// It grows while it is mounted: by a little, by groups, and far past what it was made for.
pub fn it_grows<F: Filesystem>() {
    for fs in F::every() {
        let sample = fs.zoo();
        for to in [(F::ROOMY + 1) * MIB, (F::ROOMY + 80) * MIB, 1 << 30, 40 << 30] {
            let (image, _) = format(&fs, &sample, Bytes(F::ROOMY * MIB)).expect("it fits");
            let file = OpenOptions::new().write(true).open(&image.path).expect("the image");
            file.set_len(to).expect("a larger partition");
            F::grow(&image);
            let bytes = F::bytes(&image);
            assert!(bytes > to - 17 * MIB && bytes <= to, "{bytes} of {to}");
            prove::<F>(&image, &sample);
        }
    }
}

pub fn it_is_remounted_as_it_was_left<F: Filesystem>() {
    for fs in F::some() {
        let sample = fs.zoo();
        let (image, _) = format(&fs, &sample, Bytes(F::ROOMY * MIB)).expect("it fits");
        for _ in 0..3 {
            drop(look::<F>(&image, &sample));
        }
        F::check(&image);
    }
}

/// A file of many GiB, whose zeros take no room; what a first block of zeros becomes is the format's own choice.
pub fn zeros_take_no_room<F: Filesystem>() {
    let mut s = Sample::default();
    // A block of data each 100 MiB, past what 32 bits count.
    s.pattern("sparse", 5 << 30, 25_600, 1);
    s.pattern("empty", 64 * MIB + 1, 1, 0);
    s.pattern("runs of zeros", 64 * MIB, 8192, 10);
    let (image, _) = format(&F::some()[0], &s, Bytes(F::ROOMY * MIB)).expect("it fits");
    let mounted = look::<F>(&image, &s);
    for (name, blocks) in [("sparse", 52), ("empty", 0), ("runs of zeros", 20)] {
        let taken = fs::metadata(mounted.point.join(name)).expect("a file").blocks() / 8;
        // And blocks that list the extents, and the first block of zeros where it is kept.
        assert!((blocks..blocks + 3).contains(&taken), "{name}: {taken} blocks");
    }
    drop(mounted);
    F::check(&image);
}
