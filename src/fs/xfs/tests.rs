//! The writer as a whole, seen through the dump.

use std::fs::File;

use super::super::specimen::{self, Nodes};
use super::{Features, Xfs, dump};
use crate::base::Bytes;
use crate::fs::features::Switches;
use crate::rootfs::tree::Kind;

fn written(nodes: Nodes, features: Features) -> File {
    specimen::written(&Xfs { features }, Bytes(300 << 20), nodes)
}

fn dumped(nodes: Nodes, features: Features) -> String {
    dump(&mut written(nodes, features)).expect("it is as we write it")
}

/// One of each form.
pub fn forms() -> Nodes {
    let mut n = Nodes::default();
    n.push("file", Kind::File { size: 5000 }, &[]);
    n.push("pieces", Kind::File { size: 2 * 300 * 4096 }, &[("security.selinux", 30)]);
    n.push("null", Kind::CharDevice { major: 1, minor: 3 }, &[("security.selinux", 30)]);
    n.push("link", Kind::Symlink { target: b"file".to_vec() }, &[]);
    n.push("far", Kind::Symlink { target: vec![b'f'; 500] }, &[]);
    n.push("values", Kind::Fifo, &[("trusted.a", 300), ("trusted.b", 5000)]);
    let names: Vec<String> = (0..9).map(|i| format!("trusted.{i}")).collect();
    let many: Vec<(&str, usize)> = names.iter().map(|name| (&name[..], 1000)).collect();
    n.push("leaves", Kind::Fifo, &many);
    n.crowd("block", 50);
    n.crowd("leaf", 300);
    n.crowd("nodes", 1200);
    n
}

#[test]
fn an_empty_filesystem_for_each_kernel() {
    for kernel in ["3.10", "4.18", "6.1"] {
        let text = dumped(Nodes::default(), Features::for_kernel(kernel));
        insta::assert_snapshot!(format!("empty-for-{kernel}"), text);
    }
}

#[test]
fn one_of_each_form() {
    insta::assert_snapshot!(dumped(forms(), Features::for_kernel("6.1")));
}

#[test]
fn the_owners_of_everything() {
    insta::assert_snapshot!(dumped(forms(), Features::all()));
}

#[test]
fn a_flipped_bit_is_seen() {
    use std::os::unix::fs::FileExt;
    let mut file = written(forms(), Features::for_kernel("6.1"));
    // In the root inode's chunk, the first group's header, and its tree of free space.
    for (offset, says) in [(16 * 4096 + 200, "inode 128"), (512 + 20, "AGF 0"), (4096 + 60, "tree block 0/1")]
    {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).expect("read");
        file.write_all_at(&[byte[0] ^ 1], offset).expect("written");
        let error = dump(&mut file).expect_err("a wrong checksum");
        assert_eq!(error.to_string(), format!("the checksum of {says} is wrong"));
        file.write_all_at(&byte, offset).expect("written");
    }
    dump(&mut file).expect("whole again");
}
