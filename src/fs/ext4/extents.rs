//! The extent tree of one file, built while its data streams by.
//!
//! Extents enter in order of their logical block; a level's block leaves as soon as it is full, so at most one block
//! a level is in memory. What holds: all leaves lie equally deep, every block but the last of a level is full, and the
//! root in the inode has at most four entries. Kernel documentation, "Extent Tree".

use super::super::FsError;
use super::checksum::crc;
use super::store::Store;
use super::{BLOCK, Block};

/// Blocks of one initialised extent at most.
const LONGEST: u64 = 32768;
/// Entries of the root in the inode.
const IN_ROOT: usize = 4;
/// Entries of a block: 12 bytes each after a header of 12; the last 4 are the checksum.
const IN_BLOCK: usize = (BLOCK - 12) / 12;
const MAGIC: u16 = 0xF30A;

#[derive(Clone, Copy, Debug)]
struct Entry {
    logical: u32,
    /// Blocks; 0 in an index.
    length: u16,
    physical: u64,
}

/// A tree under construction.
#[derive(Debug)]
pub struct ExtentTree {
    seed: Option<u32>,
    /// The unfinished block of each level, leaves first.
    levels: Vec<Vec<Entry>>,
    blocks: u64,
}

/// A finished tree.
#[derive(Debug)]
pub struct Root {
    /// What stands in the inode.
    pub bytes: [u8; 60],
    /// Blocks that the file occupies, those of the tree included.
    pub blocks: u64,
}

fn encode(entries: &[Entry], max: usize, depth: usize, out: &mut [u8]) {
    out[0..2].copy_from_slice(&MAGIC.to_le_bytes());
    out[2..4].copy_from_slice(&(entries.len() as u16).to_le_bytes());
    out[4..6].copy_from_slice(&(max as u16).to_le_bytes());
    out[6..8].copy_from_slice(&(depth as u16).to_le_bytes());
    for (entry, slot) in entries.iter().zip(out[12..].chunks_exact_mut(12)) {
        slot[0..4].copy_from_slice(&entry.logical.to_le_bytes());
        let low = (entry.physical as u32).to_le_bytes();
        let high = ((entry.physical >> 32) as u16).to_le_bytes();
        if depth == 0 {
            slot[4..6].copy_from_slice(&entry.length.to_le_bytes());
            slot[6..8].copy_from_slice(&high);
            slot[8..12].copy_from_slice(&low);
        } else {
            slot[4..8].copy_from_slice(&low);
            slot[8..10].copy_from_slice(&high);
        }
    }
}

impl ExtentTree {
    /// `seed` is the inode's checksum seed.
    pub fn new(seed: Option<u32>) -> ExtentTree {
        ExtentTree { seed, levels: vec![Vec::new()], blocks: 0 }
    }

    /// Adds `count` blocks, joined with the last extent where they continue it.
    pub fn push(
        &mut self,
        mut logical: u32,
        mut physical: u64,
        mut count: u64,
        store: &mut Store<'_>,
    ) -> Result<(), FsError> {
        self.blocks += count;
        while count > 0 {
            if let Some(last) = self.levels[0].last_mut() {
                let length = u64::from(last.length);
                if u64::from(last.logical) + length == u64::from(logical)
                    && last.physical + length == physical
                    && length < LONGEST
                {
                    let part = count.min(LONGEST - length);
                    last.length += part as u16;
                    (logical, physical, count) = (logical + part as u32, physical + part, count - part);
                    continue;
                }
            }
            let part = count.min(LONGEST);
            self.insert(0, Entry { logical, length: part as u16, physical }, store)?;
            // The last block of the largest file ends at 2^32.
            logical = logical.wrapping_add(part as u32);
            (physical, count) = (physical + part, count - part);
        }
        Ok(())
    }

    fn insert(&mut self, level: usize, entry: Entry, store: &mut Store<'_>) -> Result<(), FsError> {
        if level == self.levels.len() {
            self.levels.push(Vec::new());
        }
        if self.levels[level].len() == IN_BLOCK {
            self.write_level(level, store)?;
        }
        self.levels[level].push(entry);
        Ok(())
    }

    /// Writes the level's block and enters it into the level above.
    fn write_level(&mut self, level: usize, store: &mut Store<'_>) -> Result<(), FsError> {
        let entries = std::mem::take(&mut self.levels[level]);
        let mut block: Block = [0; BLOCK];
        encode(&entries, IN_BLOCK, level, &mut block);
        if let Some(seed) = self.seed {
            let sum = crc(seed, &block[..BLOCK - 4]);
            block[BLOCK - 4..].copy_from_slice(&sum.to_le_bytes());
        }
        let physical = store.append(&block)?;
        self.blocks += 1;
        self.insert(level + 1, Entry { logical: entries[0].logical, length: 0, physical }, store)
    }

    pub fn finish(mut self, store: &mut Store<'_>) -> Result<Root, FsError> {
        let mut level = 0;
        while level + 1 < self.levels.len() || self.levels[level].len() > IN_ROOT {
            self.write_level(level, store)?;
            level += 1;
        }
        let mut bytes = [0; 60];
        encode(&self.levels[level], IN_ROOT, level, &mut bytes);
        Ok(Root { bytes, blocks: self.blocks })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sink::Sink;
    use super::super::alloc::Allocator;
    use super::*;

    fn tree(extents: &[(u32, u64, u64)]) -> (Root, Vec<u8>) {
        let mut out = Vec::new();
        let mut store = Store { alloc: Allocator::new(Vec::new(), 1000), sink: Sink::new(&mut out) };
        let mut tree = ExtentTree::new(Some(0));
        for (logical, physical, count) in extents {
            tree.push(*logical, *physical, *count, &mut store).expect("memory");
        }
        let root = tree.finish(&mut store).expect("memory");
        store.sink.flush().expect("memory");
        (root, out)
    }

    fn head(bytes: &[u8]) -> (u16, u16) {
        (u16::from_le_bytes([bytes[2], bytes[3]]), u16::from_le_bytes([bytes[6], bytes[7]]))
    }

    #[test]
    fn neighbours_join_up_to_the_longest() {
        let (root, _) = tree(&[(0, 100, 5), (5, 105, 5)]);
        assert_eq!((head(&root.bytes), root.blocks), ((1, 0), 10));
        let (root, _) = tree(&[(0, 100, 32768), (32768, 32868, 1)]);
        assert_eq!(head(&root.bytes), (2, 0));
        let (root, _) = tree(&[(0, 100, 5), (6, 105, 5)]);
        assert_eq!(head(&root.bytes), (2, 0));
    }

    #[test]
    fn the_tree_grows_by_levels() {
        let extents = |n: u32| (0..n).map(|i| (2 * i, 1000 + u64::from(2 * i), 1)).collect::<Vec<_>>();
        for (count, entries, depth, tree_blocks) in
            [(4, 4, 0, 0), (5, 1, 1, 1), (340, 1, 1, 1), (341, 2, 1, 2), (1360, 4, 1, 4), (1361, 1, 2, 6)]
        {
            let (root, out) = tree(&extents(count));
            assert_eq!(head(&root.bytes), (entries, depth), "{count} extents");
            assert_eq!(root.blocks, u64::from(count) + tree_blocks);
            assert_eq!(out.len() as u64, tree_blocks * BLOCK as u64);
        }
    }
}
