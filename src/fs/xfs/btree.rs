//! The B+trees of an allocation group, built from sorted records: free space, inodes, reverse map, reference counts.
//!
//! What holds: all leaves lie equally deep; every block but the root is at least half full (xfs_repair counts), as
//! records are dealt out evenly. XFS Algorithms & Data Structures, "Short Format B+trees".

use super::bytes::{put, put16, put32};
use super::format::{NO_BLOCK, Tree};
use super::{BLOCK, Block};

/// Bytes before the records.
const RECORDS: usize = 56;

/// What distinguishes the trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    magic: &'static [u8; 4],
    record: usize,
    /// Bytes of a key in a node: the record's first ones, but see `ranges`.
    key: usize,
    /// Records overlap (reverse map): nodes have the lowest and the highest key below them, 20 bytes each.
    ranges: bool,
}

impl Kind {
    pub const BY_BLOCK: Kind = Kind { magic: b"AB3B", record: 8, key: 8, ranges: false };
    pub const BY_SIZE: Kind = Kind { magic: b"AB3C", record: 8, key: 8, ranges: false };
    pub const INODES: Kind = Kind { magic: b"IAB3", record: 16, key: 4, ranges: false };
    pub const FREE_INODES: Kind = Kind { magic: b"FIB3", record: 16, key: 4, ranges: false };
    pub const REFERENCES: Kind = Kind { magic: b"R3FC", record: 12, key: 4, ranges: false };
    pub const REVERSE: Kind = Kind { magic: b"RMB3", record: 24, key: 40, ranges: true };

    /// How many records these bytes are.
    pub fn count(self, records: &[u8]) -> usize {
        records.len() / self.record
    }

    fn records_per_leaf(self) -> usize {
        (BLOCK - RECORDS) / self.record
    }

    fn keys_per_node(self) -> usize {
        (BLOCK - RECORDS) / (self.key + 4)
    }

    /// Blocks of a tree with this many records.
    pub fn blocks(self, records: usize) -> u32 {
        let mut level = records.div_ceil(self.records_per_leaf()).max(1);
        let mut total = level;
        while level > 1 {
            level = level.div_ceil(self.keys_per_node());
            total += level;
        }
        total as u32
    }

    /// The key under which a node finds these records.
    fn key_of(self, records: &[u8]) -> Vec<u8> {
        if !self.ranges {
            return records[..self.key].to_vec();
        }
        let mut key = reverse_key(&records[..self.record], 0);
        // The highest: each record's last block, and what follows it in order.
        let highest = records
            .chunks_exact(self.record)
            .map(|record| {
                reverse_key(record, u32::from_be_bytes([record[4], record[5], record[6], record[7]]) - 1)
            })
            .max();
        key.extend(highest.expect("a leaf has records"));
        key
    }

    /// The key of a node above these keys.
    fn key_above(self, keys: &[Vec<u8>]) -> Vec<u8> {
        let mut key = keys[0].clone();
        if self.ranges {
            let highest = keys.iter().map(|k| &k[self.key / 2..]).max().expect("a node has keys");
            key[self.key / 2..].copy_from_slice(highest);
        }
        key
    }
}

/// The key of a reverse map record, moved on by `ahead` blocks: block, owner, offset. The flag of unwritten extents would
/// not count; we write none.
fn reverse_key(record: &[u8], ahead: u32) -> Vec<u8> {
    let block = u32::from_be_bytes([record[0], record[1], record[2], record[3]]) + ahead;
    let mut key = block.to_be_bytes().to_vec();
    key.extend_from_slice(&record[8..16]);
    let mut offset = u64::from_be_bytes(record[16..24].try_into().expect("eight bytes"));
    // Offsets move on with the block where a file's data has one.
    let owner = u64::from_be_bytes(record[8..16].try_into().expect("eight bytes"));
    if owner < 1 << 63 && offset & super::owners::EXTENT_TREE == 0 {
        offset += u64::from(ahead);
    }
    key.extend_from_slice(&offset.to_be_bytes());
    key
}

/// A finished tree with its blocks, each ready but for its address: block inside the group and bytes.
pub struct Built {
    pub tree: Tree,
    pub blocks: Vec<(u32, Box<Block>)>,
}

/// Builds a tree of `records`, one after another. `places` are as many blocks as [`Kind::blocks`] says, the root first.
pub fn build(kind: Kind, records: &[u8], places: &[u32]) -> Built {
    let count = kind.count(records);
    let mut places = places.iter().copied();
    let root = places.next().expect("a tree has a root");
    let mut built = Built { tree: Tree { root, levels: 0, blocks: 0 }, blocks: Vec::new() };
    // Leaves.
    let leaves = count.div_ceil(kind.records_per_leaf()).max(1);
    let mut bodies: Vec<(Vec<u8>, usize)> = Vec::new();
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for part in shares(count, leaves) {
        let bytes = &records[part.start * kind.record..part.end * kind.record];
        bodies.push((bytes.to_vec(), part.len()));
        if leaves > 1 {
            keys.push(kind.key_of(bytes));
        }
    }
    loop {
        let level = built.tree.levels as u16;
        let here: Vec<u32> =
            if bodies.len() == 1 { vec![root] } else { places.by_ref().take(bodies.len()).collect() };
        assert_eq!(here.len(), bodies.len(), "places were counted by `Kind::blocks`");
        for (i, (body, records)) in bodies.iter().enumerate() {
            let mut block: Box<Block> = Box::new([0; BLOCK]);
            put(&mut block[..], 0, kind.magic);
            put16(&mut block[..], 4, level);
            put16(&mut block[..], 6, *records as u16);
            put32(&mut block[..], 8, if i > 0 { here[i - 1] } else { NO_BLOCK });
            put32(&mut block[..], 12, here.get(i + 1).copied().unwrap_or(NO_BLOCK));
            put(&mut block[..], RECORDS, body);
            built.blocks.push((here[i], block));
        }
        built.tree.levels += 1;
        built.tree.blocks += here.len() as u32;
        if here.len() == 1 {
            return built;
        }
        // Nodes over them: keys first, then as many pointers as there would be keys.
        let nodes = here.len().div_ceil(kind.keys_per_node());
        let pointers = kind.keys_per_node() * kind.key;
        bodies.clear();
        let mut above = Vec::new();
        for part in shares(here.len(), nodes) {
            let mut body = vec![0; pointers + 4 * part.len()];
            for (i, child) in part.clone().enumerate() {
                put(&mut body, i * kind.key, &keys[child]);
                put32(&mut body, pointers + 4 * i, here[child]);
            }
            bodies.push((body, part.len()));
            above.push(kind.key_above(&keys[part]));
        }
        keys = above;
    }
}

/// `count` things in `parts` parts of equal size, give or take one.
fn shares(count: usize, parts: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..parts).map(move |i| count * i / parts..count * (i + 1) / parts)
}
