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

#[cfg(test)]
mod tests {
    use super::super::bytes::{get16, get32};
    use super::*;

    /// Records read back through the tree, and the smallest block's share of what it could hold.
    fn read(kind: Kind, built: &Built, at: u32, level: u32, out: &mut Vec<u8>) {
        let (_, block) = built.blocks.iter().find(|(place, _)| *place == at).expect("a block of the tree");
        let (here, count) = (u32::from(get16(&block[..], 4)), usize::from(get16(&block[..], 6)));
        assert_eq!(here, level);
        let most = if level == 0 { kind.records_per_leaf() } else { kind.keys_per_node() };
        assert!(count <= most && (at == built.tree.root || 2 * count >= most), "{count} of {most}");
        if level == 0 {
            out.extend(&block[RECORDS..RECORDS + count * kind.record]);
            return;
        }
        for i in 0..count {
            let child = get32(&block[..], RECORDS + most * kind.key + 4 * i);
            let before = out.len();
            read(kind, built, child, level - 1, out);
            let key = &block[RECORDS + i * kind.key..][..kind.key.min(8)];
            assert_eq!(key[..4], out[before..before + 4]);
        }
    }

    #[test]
    fn what_goes_in_comes_out() {
        for (kind, counts) in [
            (Kind::BY_BLOCK, &[0usize, 1, 505, 506, 1000, 505 * 300][..]),
            (Kind::INODES, &[252, 253, 252 * 505, 252 * 505 + 1]),
            (Kind::REVERSE, &[168, 169, 168 * 91, 168 * 91 + 1, 200_000]),
        ] {
            for count in counts {
                let mut records = vec![0; count * kind.record];
                for (i, record) in records.chunks_exact_mut(kind.record).enumerate() {
                    put32(record, 0, 3 * i as u32);
                    put32(record, 4, 2);
                }
                let places: Vec<u32> = (100..100 + kind.blocks(*count)).collect();
                let built = build(kind, &records, &places);
                assert_eq!(built.blocks.len(), places.len());
                assert_eq!((built.tree.root, built.tree.blocks as usize), (100, places.len()));
                let mut out = Vec::new();
                read(kind, &built, 100, built.tree.levels - 1, &mut out);
                assert_eq!(out, records, "{count} records");
            }
        }
    }

    #[test]
    fn ranges_reach_to_the_last_block_below() {
        let mut records = vec![0; 24 * 169];
        for (i, record) in records.chunks_exact_mut(24).enumerate() {
            put32(record, 0, 10 * i as u32);
            put32(record, 4, 10);
            put32(record, 12, 131); // a file
            put32(record, 20, 1000 * i as u32);
        }
        let built = build(Kind::REVERSE, &records, &[1, 2, 3]);
        let root = &built.blocks[2].1;
        // Lowest block and offset, then highest, of the first of two leaves of 84 records.
        assert_eq!((get32(&root[..], 56), get32(&root[..], 72)), (0, 0));
        assert_eq!((get32(&root[..], 76), get32(&root[..], 92)), (839, 83_009));
    }
}
