//! Trees in memory and the images that a writer makes of them, for tests.

use std::fs::File;
use std::io::{self, Read};

use uuid::uuid;

use super::{Formatter, Request, Window};
use crate::base::Bytes;
use crate::rootfs::tree::{Item, Kind, Meta, Node, Timestamp, TreePath, TreeSource};

/// Nodes in order; a file's data is of byte 7, every other block of zeros.
#[derive(Clone, Default)]
pub struct Nodes {
    all: Vec<Node>,
    next: usize,
    data: Stripes,
}

/// Where in a file, and where it ends.
#[derive(Clone, Default)]
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
        let Some(node) = self.all.get(self.next).cloned() else { return Ok(None) };
        self.next += 1;
        let size = if let Kind::File { size } = node.kind { size } else { 0 };
        self.data = Stripes(0, size);
        Ok(Some(Item { node, data: &mut self.data }))
    }
}

impl Nodes {
    /// Extended attributes are given by name and length.
    pub fn push(&mut self, path: impl AsRef<[u8]>, kind: Kind, xattrs: &[(&str, usize)]) {
        let xattrs =
            xattrs.iter().map(|(name, length)| (name.as_bytes().to_vec(), vec![b'v'; *length])).collect();
        self.push_with(path, kind, Meta { mode: 0o755, xattrs, ..Meta::default() });
    }

    pub fn push_with(&mut self, path: impl AsRef<[u8]>, kind: Kind, meta: Meta) {
        self.all.push(Node { path: TreePath::new(path).expect("a valid path"), kind, meta });
    }

    /// So many more names of `file` in the directory `name`.
    pub fn crowd(&mut self, name: &str, count: usize) {
        let target = TreePath::new("file").expect("a valid path");
        for i in 0..count {
            self.push(format!("{name}/{i:05}"), Kind::HardLink { target: target.clone() }, &[]);
        }
    }
}

pub fn request(size: Bytes) -> Request {
    Request {
        size,
        uuid: uuid!("0f3c9a52-7b1e-5d4f-8a60-112233445566"),
        hash_seed: uuid::Uuid::nil(),
        label: "root".into(),
        created: Timestamp { secs: 1_700_000_000, nanos: 5 },
    }
}

/// An image of `size` with the tree, in a file without a name.
pub fn written(formatter: &dyn Formatter, size: Bytes, mut nodes: Nodes) -> File {
    let file = tempfile::tempfile().expect("a file");
    file.set_len(size.0).expect("its size");
    let mut window = Window::new(&file, Bytes(0), size);
    formatter.format(&request(size), &mut nodes, &mut window).expect("it fits");
    file
}
