//! Trees made in memory, and what a mounted copy of one must look like.

use std::collections::BTreeMap;
use std::io::{self, Read};

use osimg::rootfs::tree::{Item, Kind, Meta, Node, Timestamp, TreePath, TreeSource};

/// A file's data.
#[derive(Clone, Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    /// Of each `period` blocks of 4 KiB the first `present` have data, the others are zeros.
    Pattern {
        seed: u8,
        period: u64,
        present: u64,
    },
}

impl Content {
    /// The bytes at `offset`.
    pub fn fill(&self, offset: u64, out: &mut [u8]) {
        match self {
            Content::Bytes(bytes) => {
                let from = offset as usize;
                out.copy_from_slice(&bytes[from..from + out.len()]);
            }
            Content::Pattern { seed, period, present } => {
                // A block at a time: tests run unoptimised.
                let (mut at, mut rest) = (offset, out);
                while !rest.is_empty() {
                    let block = at / 4096;
                    let (now, later) = rest.split_at_mut(rest.len().min((4096 - at % 4096) as usize));
                    let there = block % period < *present;
                    now.fill(if there { ((block as u8).wrapping_mul(31) ^ seed) | 1 } else { 0 });
                    at += now.len() as u64;
                    rest = later;
                }
            }
        }
    }
}

/// A tree as a list, to be streamed in that order.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub nodes: Vec<(Node, Content)>,
}

pub fn meta(mode: u16) -> Meta {
    Meta { mode, mtime: Timestamp { secs: 1_600_000_000, nanos: 123_456_789 }, ..Meta::default() }
}

pub fn with_xattrs(mode: u16, list: &[(&str, &[u8])]) -> Meta {
    let xattrs = list.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.to_vec())).collect();
    Meta { xattrs, ..meta(mode) }
}

impl Sample {
    pub fn push(&mut self, path: impl AsRef<[u8]>, kind: Kind, meta: Meta) {
        self.push_with(path, kind, meta, Content::Bytes(Vec::new()));
    }

    pub fn push_with(&mut self, path: impl AsRef<[u8]>, kind: Kind, meta: Meta, content: Content) {
        let path = TreePath::new(path).expect("a valid path");
        self.nodes.push((Node { path, kind, meta }, content));
    }

    pub fn dir(&mut self, path: impl AsRef<[u8]>) {
        self.push(path, Kind::Directory, meta(0o755));
    }

    pub fn file(&mut self, path: impl AsRef<[u8]>, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        let kind = Kind::File { size: bytes.len() as u64 };
        self.push_with(path, kind, meta(0o644), Content::Bytes(bytes));
    }

    pub fn pattern(&mut self, path: impl AsRef<[u8]>, size: u64, period: u64, present: u64) {
        let content = Content::Pattern { seed: size as u8, period, present };
        self.push_with(path, Kind::File { size }, meta(0o644), content);
    }

    pub fn stream(&self) -> Stream<'_> {
        Stream { sample: self, next: 0, reader: None }
    }

    /// So many FIFOs in a directory, with names of at least `length` bytes.
    pub fn crowd(&mut self, name: &str, count: usize, length: usize) {
        self.dir(name);
        for i in 0..count {
            self.push(format!("{name}/{i:0length$}"), Kind::Fifo, meta(0o644));
        }
    }

    /// The tree as it must be found: implied directories added, hard links resolved to the node they name. `own` are
    /// the directories that the filesystem makes by itself, with their modes.
    pub fn expected(&self, created: Timestamp, own: &[(&[u8], u16)]) -> BTreeMap<Vec<u8>, Expected<'_>> {
        let mut out: BTreeMap<Vec<u8>, Expected<'_>> = BTreeMap::new();
        let mut groups = 0;
        for (node, content) in &self.nodes {
            let path = node.path.as_bytes().to_vec();
            let found = if let Kind::HardLink { target } = &node.kind {
                out[target.as_bytes()].clone()
            } else {
                groups += 1;
                Expected {
                    kind: node.kind.clone(),
                    meta: node.meta.clone(),
                    content: Some(content),
                    group: groups,
                }
            };
            out.insert(path, found);
        }
        for (path, mode) in own {
            groups += 1;
            out.entry(path.to_vec()).or_insert(Expected {
                kind: Kind::Directory,
                meta: Meta { mode: *mode, mtime: created, ..Meta::default() },
                content: None,
                group: groups,
            });
        }
        for (node, _) in &self.nodes {
            let mut parent = node.path.parent();
            while let Some(path) = parent {
                parent = path.parent();
                let meta = Meta { mode: 0o755, mtime: created, ..Meta::default() };
                groups += 1;
                out.entry(path.as_bytes().to_vec()).or_insert(Expected {
                    kind: Kind::Directory,
                    meta,
                    content: None,
                    group: groups,
                });
            }
        }
        out
    }
}

/// One path of the finished tree; paths with the same `group` are names of one inode.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    pub kind: Kind,
    pub meta: Meta,
    pub content: Option<&'a Content>,
    pub group: usize,
}

/// The stream of a sample.
pub struct Stream<'a> {
    sample: &'a Sample,
    next: usize,
    reader: Option<ContentReader<'a>>,
}

struct ContentReader<'a> {
    content: &'a Content,
    at: u64,
    size: u64,
}

impl Read for ContentReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // Short reads on purpose, as pipes give them.
        let n = (out.len() as u64).min(self.size - self.at).min(700_001) as usize;
        self.content.fill(self.at, &mut out[..n]);
        self.at += n as u64;
        Ok(n)
    }
}

impl TreeSource for Stream<'_> {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let Some((node, content)) = self.sample.nodes.get(self.next) else { return Ok(None) };
        self.next += 1;
        let size = if let Kind::File { size } = node.kind { size } else { 0 };
        let data = self.reader.insert(ContentReader { content, at: 0, size });
        Ok(Some(Item { node: node.clone(), data }))
    }
}
