//! The writer as a whole, seen through the dump.

use std::fs::File;

use super::super::specimen::{self, Nodes};
use super::{Ext4, Features, dump};
use crate::base::Bytes;
use crate::fs::features::Switches;
use crate::rootfs::tree::{Kind, Meta, Timestamp, TreePath};

fn written(mib: u64, nodes: Nodes, features: Features) -> File {
    specimen::written(&Ext4 { features }, Bytes::mib(mib), nodes)
}

fn dumped(mib: u64, nodes: Nodes, features: Features) -> String {
    dump(&mut written(mib, nodes, features)).expect("it is as we write it")
}

/// One of each form.
pub fn forms() -> Nodes {
    let mut n = Nodes::default();
    n.push("file", Kind::File { size: 5000 }, &[]);
    n.push("empty", Kind::File { size: 0 }, &[]);
    n.push("holes", Kind::File { size: 7 * 4096 }, &[]);
    n.push("depth 1", Kind::File { size: 2 * 300 * 4096 }, &[("security.selinux", 30)]);
    n.push("depth 2", Kind::File { size: 2 * 1400 * 4096 }, &[]);
    n.push("in the inode", Kind::Symlink { target: vec![b'i'; 59] }, &[]);
    n.push("in a block", Kind::Symlink { target: vec![b'b'; 60] }, &[("security.selinux", 30)]);
    n.push("null", Kind::CharDevice { major: 1, minor: 3 }, &[("security.selinux", 30)]);
    n.push("nvme", Kind::BlockDevice { major: 259, minor: 70_000 }, &[]);
    n.push("fifo", Kind::Fifo, &[("trusted.both", 60), ("trusted.block", 300)]);
    n.push("socket", Kind::Socket, &[("trusted.block", 4036)]);
    let meta = Meta {
        mode: 0o7751,
        uid: 4_000_000_000,
        gid: 70_000,
        mtime: Timestamp { secs: 4_294_967_296, nanos: 999_999_999 },
        ..Meta::default()
    };
    n.push_with("late/child", Kind::Directory, meta.clone());
    n.push_with("late", Kind::Directory, meta);
    n.push("lost+found/#12", Kind::File { size: 0 }, &[]);
    n.push(b"odd/\xff\n", Kind::File { size: 0 }, &[]);
    n.push([b"odd/", &[b'n'; 255][..]].concat(), Kind::File { size: 0 }, &[]);
    n.crowd("block", 253);
    n.crowd("index", 600);
    n
}

/// A directory with an index of two levels and two nodes: 511 blocks of 15 names of 255 bytes.
pub fn crowded() -> Nodes {
    let mut n = Nodes::default();
    n.push("file", Kind::File { size: 1 }, &[]);
    let target = TreePath::new("file").expect("a path");
    for i in 0..511 * 15 {
        n.push(format!("d/{i:0255}"), Kind::HardLink { target: target.clone() }, &[]);
    }
    n
}

/// Every choice of features, each with a name.
pub fn choices() -> Vec<(String, Features)> {
    let flags = [false, true];
    let all = flags.map(|checked| flags.map(|wide| flags.map(|journal| (checked, wide, journal))));
    let named = |(metadata_csum, bit64, journal): (bool, bool, bool)| {
        let words = [(metadata_csum, "csum"), (bit64, "64bit"), (journal, "journal")];
        let on: Vec<&str> = words.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
        let name = if on.is_empty() { "plain".into() } else { on.join("-") };
        (name, Features { metadata_csum, bit64, journal })
    };
    all.concat().concat().into_iter().map(named).collect()
}

#[test]
fn an_empty_filesystem_of_each_choice() {
    for (name, features) in choices() {
        // With a second group, which has copies of superblock and descriptors.
        insta::assert_snapshot!(format!("empty-{name}"), dumped(150, Nodes::default(), features));
    }
}

#[test]
fn one_of_each_form() {
    insta::assert_snapshot!(dumped(40, forms(), Features::default()));
}

#[test]
fn one_of_each_form_for_el7() {
    insta::assert_snapshot!(dumped(40, forms(), Features::for_kernel("3.10")));
}

#[test]
fn an_index_of_two_levels() {
    insta::assert_snapshot!(dumped(60, crowded(), Features::default()));
}

#[test]
fn a_flipped_bit_is_seen() {
    use std::os::unix::fs::FileExt;
    let mut file = written(40, forms(), Features::default());
    let text = dump(&mut file).expect("it is as we write it");
    let after = |words: &str| {
        let rest = &text[text.find(words).expect("in the dump") + words.len()..];
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next().expect("a number");
        digits.parse::<u64>().expect("a number")
    };
    let block = |at: u64| at * 4096;
    // The superblock's volume name, a descriptor, both bitmaps, the root inode and blocks that inodes point to.
    for (offset, says) in [
        (1024 + 0x78, "the superblock".to_string()),
        (block(1) + 4, "descriptor 0".into()),
        (block(after("maps at ")) + 900, "block bitmap 0".into()),
        (block(after("and ")) + 900, "inode bitmap 0".into()),
        (block(after("table at ")) + 256 + 1, "inode 2".into()),
        (
            block(after("attributes in block ")) + 32,
            format!("attribute block {}", after("attributes in block ")),
        ),
    ] {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).expect("read");
        file.write_all_at(&[byte[0] ^ 1], offset).expect("written");
        let error = dump(&mut file).expect_err("a wrong checksum");
        assert_eq!(error.to_string(), format!("the checksum of {says} is wrong"));
        file.write_all_at(&byte, offset).expect("written");
    }
    dump(&mut file).expect("whole again");
}
