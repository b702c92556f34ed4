//! The writer as a whole, seen through the dump.

use std::fs::File;
use std::io::{self, Read};

use uuid::uuid;

use super::super::{Formatter, Request, Window};
use super::{Features, Xfs, dump};
use crate::base::Bytes;
use crate::fs::features::Switches;
use crate::rootfs::tree::{Item, Kind, Meta, Node, Timestamp, TreePath, TreeSource};

/// Nodes in order; a file's data is of byte 7, every other block of zeros.
#[derive(Default)]
struct Nodes(Vec<Node>, Option<Stripes>);

struct Stripes(u64, u64);

impl Read for Stripes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = (out.len() as u64).min(self.1 - self.0) as usize;
        for (at, byte) in (self.0..).zip(&mut out[..n]) {
            *byte = if at / 4096 % 2 == 0 { 7 } else { 0 };
        }
        self.0 += n as u64;
        Ok(n)
    }
}

impl TreeSource for Nodes {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let node = self.0.remove(0);
        let size = if let Kind::File { size } = node.kind { size } else { 0 };
        Ok(Some(Item { node, data: self.1.insert(Stripes(0, size)) }))
    }
}

impl Nodes {
    fn push(&mut self, path: impl AsRef<[u8]>, kind: Kind, xattrs: &[(&str, usize)]) {
        let xattrs =
            xattrs.iter().map(|(name, length)| (name.as_bytes().to_vec(), vec![b'v'; *length])).collect();
        let meta = Meta { mode: 0o755, xattrs, ..Meta::default() };
        self.0.push(Node { path: TreePath::new(path).expect("a valid path"), kind, meta });
    }

    fn crowd(&mut self, name: &str, count: usize) {
        let target = TreePath::new("file").expect("a valid path");
        for i in 0..count {
            self.push(format!("{name}/{i:05}"), Kind::HardLink { target: target.clone() }, &[]);
        }
    }
}

fn written(mut nodes: Nodes, features: Features) -> File {
    let size = Bytes(300 << 20);
    let file = tempfile::tempfile().expect("a file");
    file.set_len(size.0).expect("its size");
    let request = Request {
        size,
        uuid: uuid!("0f3c9a52-7b1e-5d4f-8a60-112233445566"),
        hash_seed: uuid::Uuid::nil(),
        label: "root".into(),
        created: Timestamp { secs: 1_700_000_000, nanos: 5 },
    };
    Xfs { features }.format(&request, &mut nodes, &mut Window::new(&file, Bytes(0), size)).expect("it fits");
    file
}

fn dumped(nodes: Nodes, features: Features) -> String {
    dump(&mut written(nodes, features)).expect("it is as we write it")
}

fn forms() -> Nodes {
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
