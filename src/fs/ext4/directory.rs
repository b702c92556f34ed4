//! Directories to blocks: one linear block, or an index over hashed names.
//!
//! What enters are the entries sorted by name; blocks leave in logical order. Kernel documentation, "Directory
//! Entries" and "Hash Tree Directories". An index has at most two levels (`large_dir` is not used), which is room for
//! more than 3 million names of 255 bytes.

use super::super::FsError;
use super::super::names::{Directory, Entry};
use super::checksum::crc;
use super::hash::{HALF_MD4, half_md4};
use super::{BLOCK, Block};

/// Bytes of the tail that holds a block's checksum, in the form of an entry of type 0xDE.
const TAIL: usize = 12;
/// Where index entries start in the root and in a node.
const ROOT_INDEX: usize = 0x20;
const NODE_INDEX: usize = 8;

/// How blocks are made in one directory.
pub struct Style {
    /// The inode's checksum seed.
    pub seed: Option<u32>,
    pub hash_seed: [u32; 4],
}

/// What a directory became.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    pub blocks: u32,
    pub indexed: bool,
}

/// A block that takes entries one after another.
struct Leaf {
    bytes: Box<Block>,
    at: usize,
    /// Where the last entry starts.
    last: usize,
    end: usize,
}

fn length(name: &[u8]) -> usize {
    (8 + name.len()).next_multiple_of(4)
}

impl Leaf {
    fn new(seed: Option<u32>) -> Leaf {
        let end = if seed.is_some() { BLOCK - TAIL } else { BLOCK };
        Leaf { bytes: Box::new([0; BLOCK]), at: 0, last: 0, end }
    }

    fn put(&mut self, inode: u32, kind: u8, name: &[u8]) {
        let size = length(name);
        entry(&mut self.bytes[self.at..], inode, size, kind, name);
        self.last = self.at;
        self.at += size;
    }

    /// Stretches the last entry to the end and puts in the checksum.
    fn finish(mut self, seed: Option<u32>) -> Box<Block> {
        let rest = (self.end - self.last) as u16;
        self.bytes[self.last + 4..self.last + 6].copy_from_slice(&rest.to_le_bytes());
        if let Some(seed) = seed {
            let sum = crc(seed, &self.bytes[..self.end]);
            entry(&mut self.bytes[self.end..], 0, TAIL, 0xDE, b"");
            self.bytes[BLOCK - 4..].copy_from_slice(&sum.to_le_bytes());
        }
        self.bytes
    }
}

fn entry(out: &mut [u8], inode: u32, size: usize, kind: u8, name: &[u8]) {
    out[0..4].copy_from_slice(&inode.to_le_bytes());
    out[4..6].copy_from_slice(&(size as u16).to_le_bytes());
    out[6] = name.len() as u8;
    out[7] = kind;
    out[8..8 + name.len()].copy_from_slice(name);
}

/// Index entries that fit from `start` on; one slot's room is the checksum's.
fn limit(start: usize, seed: Option<u32>) -> usize {
    (BLOCK - start) / 8 - usize::from(seed.is_some())
}

/// Writes index entries (hash and logical block) from `start` on; the first one's hash is not stored.
fn index(out: &mut Block, start: usize, entries: &[(u32, u32)], seed: Option<u32>) {
    let most = limit(start, seed);
    out[start..start + 2].copy_from_slice(&(most as u16).to_le_bytes());
    out[start + 2..start + 4].copy_from_slice(&(entries.len() as u16).to_le_bytes());
    for (i, (hash, block)) in entries.iter().enumerate() {
        let at = start + 8 * i;
        if i > 0 {
            out[at..at + 4].copy_from_slice(&hash.to_le_bytes());
        }
        out[at + 4..at + 8].copy_from_slice(&block.to_le_bytes());
    }
    if let Some(seed) = seed {
        // Over what is used, the reserved word and a zero in the checksum's place.
        let sum = crc(crc(seed, &out[..start + 8 * entries.len()]), &[0; 8]);
        let tail = start + 8 * most;
        out[tail + 4..tail + 8].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Blocks in logical order, out of the module.
type Emit<'a> = &'a mut dyn FnMut(&Block) -> Result<(), FsError>;

/// Writes the directory `number`, at least `least` blocks of it where it stays linear. `Ok(None)` if an index of two
/// levels is too small.
pub fn write(
    number: u32,
    directory: &Directory,
    least: u32,
    style: &Style,
    emit: Emit<'_>,
) -> Result<Option<Shape>, FsError> {
    let mut leaf = Leaf::new(style.seed);
    let size: usize = directory.entries.keys().map(|n| length(n)).sum();
    if 24 + size > leaf.end {
        return indexed(number, directory, style, emit);
    }
    leaf.put(number, 2, b".");
    leaf.put(directory.parent, 2, b"..");
    for (name, entry) in &directory.entries {
        leaf.put(entry.inode, entry.kind.entry(), name);
    }
    emit(&leaf.finish(style.seed))?;
    for _ in 1..least {
        emit(&Leaf::new(style.seed).finish(style.seed))?;
    }
    Ok(Some(Shape { blocks: least.max(1), indexed: false }))
}

/// A leaf's entries, as a range of the hashed names, and its hash in the index.
struct Part {
    names: std::ops::Range<usize>,
    hash: u32,
}

/// Cuts the names, sorted by hash, into leaves as full as they get. A leaf that goes on with the hash the one before
/// ended on says so in the low bit.
fn cut(names: &[(u32, &[u8], Entry)], room: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut start, mut used) = (0, 0);
    let part = |start: usize, end: usize| Part {
        names: start..end,
        hash: names[start].0 | u32::from(start > 0 && names[start - 1].0 == names[start].0),
    };
    for (i, (_, name, _)) in names.iter().enumerate() {
        if used + length(name) > room {
            parts.push(part(start, i));
            (start, used) = (i, 0);
        }
        used += length(name);
    }
    parts.push(part(start, names.len()));
    parts
}

fn indexed(
    number: u32,
    directory: &Directory,
    style: &Style,
    emit: Emit<'_>,
) -> Result<Option<Shape>, FsError> {
    let seed = style.seed;
    let mut names: Vec<(u32, &[u8], Entry)> =
        directory.entries.iter().map(|(n, e)| (half_md4(n, style.hash_seed), &n[..], *e)).collect();
    names.sort_by_key(|(hash, name, _)| (*hash, *name));
    let parts = cut(&names, Leaf::new(seed).end);
    let in_root = limit(ROOT_INDEX, seed);
    let in_node = limit(NODE_INDEX, seed);
    let nodes = if parts.len() <= in_root { 0 } else { parts.len().div_ceil(in_node) };
    if nodes > in_root {
        return Ok(None);
    }
    // Logical blocks: the root, then nodes, then leaves.
    let leaves: Vec<(u32, u32)> =
        parts.iter().enumerate().map(|(i, p)| (p.hash, (1 + nodes + i) as u32)).collect();
    let tops: Vec<(u32, u32)> = if nodes == 0 {
        leaves.clone()
    } else {
        leaves.chunks(in_node).enumerate().map(|(i, chunk)| (chunk[0].0, 1 + i as u32)).collect()
    };
    let mut root: Block = [0; BLOCK];
    entry(&mut root, number, 12, 2, b".");
    entry(&mut root[12..], directory.parent, BLOCK - 12, 2, b"..");
    root[28] = HALF_MD4;
    root[29] = 8; // bytes of this information
    root[30] = u8::from(nodes > 0);
    index(&mut root, ROOT_INDEX, &tops, seed);
    emit(&root)?;
    if nodes > 0 {
        for chunk in leaves.chunks(in_node) {
            let mut node: Block = [0; BLOCK];
            entry(&mut node, 0, BLOCK, 0, b"");
            index(&mut node, NODE_INDEX, chunk, seed);
            emit(&node)?;
        }
    }
    for part in &parts {
        let mut leaf = Leaf::new(seed);
        for (_, name, entry) in &names[part.names.clone()] {
            leaf.put(entry.inode, entry.kind.entry(), name);
        }
        emit(&leaf.finish(seed))?;
    }
    Ok(Some(Shape { blocks: (1 + nodes + parts.len()) as u32, indexed: true }))
}
