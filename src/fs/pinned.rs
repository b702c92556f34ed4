//! The bytes of every writer, pinned: a digest that changes here is a change of every image, and wants `Op::version` of
//! the filesystem to be raised. Each image is written twice, for one that was made by chance would pass once.

use std::fmt::Write as _;
use std::io::{Seek, SeekFrom};

use super::Formatter;
use super::ext4::{self, Ext4};
use super::fat::Fat;
use super::features::Switches;
use super::specimen::{Nodes, written};
use super::xfs::{self, Xfs};
use crate::base::{Bytes, Digest, Lba};
use crate::rootfs::tree::Kind;

/// The digest of an image, the same both times.
fn digest(formatter: &dyn Formatter, mib: u64, nodes: &Nodes) -> String {
    let [one, two] = [(); 2].map(|()| {
        let mut file = written(formatter, Bytes::mib(mib), nodes.clone());
        file.seek(SeekFrom::Start(0)).expect("at its start");
        Digest::of_reader(&mut file).expect("reading it").to_string()
    });
    assert_eq!(one, two, "the same tree gave other bytes");
    one
}

fn plain() -> Nodes {
    let mut n = Nodes::default();
    n.push("EFI/BOOT/BOOTX64.EFI", Kind::File { size: 300_001 }, &[]);
    n.push("grub/a name that is long", Kind::File { size: 0 }, &[]);
    for i in 0..200 {
        n.push(format!("many/{i}"), Kind::File { size: i }, &[]);
    }
    n
}

#[test]
fn the_bytes_of_ext4() {
    let mut digests = String::new();
    for (name, features) in ext4::tests::choices() {
        let digest = digest(&Ext4 { features }, 40, &ext4::tests::forms());
        writeln!(digests, "{name} {digest}").expect("text");
    }
    let crowded = digest(&Ext4::default(), 60, &ext4::tests::crowded());
    writeln!(digests, "crowded {crowded}").expect("text");
    insta::assert_snapshot!(digests);
}

#[test]
fn the_bytes_of_xfs() {
    let mut digests = String::new();
    let kernels = ["3.10", "4.18", "6.1"].map(|kernel| (kernel, xfs::Features::for_kernel(kernel)));
    for (name, features) in kernels.into_iter().chain([("all", xfs::Features::all())]) {
        let digest = digest(&Xfs { features }, 300, &xfs::tests::forms());
        writeln!(digests, "{name} {digest}").expect("text");
    }
    insta::assert_snapshot!(digests);
}

#[test]
fn the_bytes_of_fat() {
    let fat = Fat { volume_id: 0x1a2b_3c4d, start: Lba(2048) };
    insta::assert_snapshot!(digest(&fat, 40, &plain()));
}
