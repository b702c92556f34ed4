//! Where everything lies, from the partition's size alone: pure arithmetic, and the choices of mkfs.xfs.
//!
//! What holds: allocation groups are of one length but for the last; the log lies inside one group; block numbers
//! here are linear (block 0 is the partition's first), on disk they are [`Geometry::fsb`].

use std::ops::Range;

use crate::base::Bytes;
use crate::base::partitioning::XFS_MIN;

use super::alloc::BATCH;
use super::features::Features;
use super::{BLOCK, CHUNK_BLOCKS};

/// The smallest filesystem mkfs.xfs makes without `--unsupported` (300 MiB), in blocks.
const MIN_BLOCKS: u64 = XFS_MIN.0 / BLOCK as u64;
/// A last group of less than this (16 MiB) is left out (`XFS_AG_MIN_BYTES`).
const MIN_GROUP: u64 = (16 << 20) / BLOCK as u64;
/// The longest group: a block under 1 TiB (`XFS_AG_MAX_BLOCKS`).
const MAX_GROUP: u64 = ((1 << 40) - 1) / BLOCK as u64;
/// From here on groups are of that length.
const LARGE: u64 = (4 << 40) / BLOCK as u64;
/// The log's bounds (64 MiB, and 2 GiB less 10 MiB), between them a 2048th of the filesystem.
const LOG: Range<u64> = (64 << 20) / BLOCK as u64..((2 << 30) - (10 << 20)) / BLOCK as u64;
/// The most blocks: group numbers have 32 bits, and this is far below (8 EiB less a group).
const MAX_BLOCKS: u64 = (8 << 60) / BLOCK as u64 - MAX_GROUP;
/// Blocks of the AG headers: four sectors of 512 bytes in one block.
const HEADERS: u32 = 1;

/// The layout of a filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub features: Features,
    pub blocks: u64,
    pub groups: u32,
    /// Blocks of a group.
    pub group_blocks: u32,
    pub log_blocks: u32,
    /// How much of the filesystem inodes may fill, in percent.
    pub inode_percent: u8,
}

/// Blocks of a B+tree of `records` where each leaf holds at least `leaf` and each node at least `node`.
fn tree_blocks(records: u64, leaf: u64, node: u64) -> u64 {
    let (mut level, mut total) = (records.div_ceil(leaf), 0);
    loop {
        total += level;
        if level <= 1 {
            return total;
        }
        level = level.div_ceil(node);
    }
}

impl Geometry {
    /// The layout of a partition of `size`; `None` if that is under 300 MiB.
    pub fn new(size: Bytes, features: Features) -> Option<Geometry> {
        let blocks = size.0 / BLOCK as u64;
        (blocks >= MIN_BLOCKS).then(|| Geometry::of_blocks(blocks.min(MAX_BLOCKS), features))
    }

    /// The smallest layout there is.
    pub fn smallest(features: Features) -> Geometry {
        Geometry::of_blocks(MIN_BLOCKS, features)
    }

    fn of_blocks(mut blocks: u64, features: Features) -> Geometry {
        let group = if blocks >= LARGE { MAX_GROUP } else { blocks.div_ceil(4).min(MAX_GROUP) };
        let tail = blocks % group;
        if tail > 0 && tail < MIN_GROUP {
            blocks -= tail;
        }
        let inode_percent = match (blocks * BLOCK as u64) >> 40 {
            0 => 25,
            1..50 => 5,
            _ => 1,
        };
        Geometry {
            features,
            blocks,
            groups: blocks.div_ceil(group) as u32,
            group_blocks: group as u32,
            log_blocks: (blocks / 2048).clamp(LOG.start, LOG.end) as u32,
            inode_percent,
        }
    }

    /// Bits of a block's number inside its group.
    pub fn group_log(&self) -> u32 {
        self.group_blocks.next_power_of_two().trailing_zeros()
    }

    pub fn start(&self, group: u32) -> u64 {
        u64::from(group) * u64::from(self.group_blocks)
    }

    /// Blocks of this group; fewer in the last, none past it.
    pub fn length(&self, group: u32) -> u32 {
        self.blocks.saturating_sub(self.start(group)).min(self.group_blocks.into()) as u32
    }

    pub fn group_of(&self, block: u64) -> u32 {
        (block / u64::from(self.group_blocks)) as u32
    }

    /// A block's number inside its group.
    pub fn inside(&self, block: u64) -> u32 {
        (block % u64::from(self.group_blocks)) as u32
    }

    /// A block's number on disk: the group's above that inside the group.
    pub fn fsb(&self, block: u64) -> u64 {
        u64::from(self.group_of(block)) << self.group_log() | u64::from(self.inside(block))
    }

    /// The number of the first inode in `block`, which must belong to a chunk.
    pub fn inode_number(&self, block: u64) -> u64 {
        self.fsb(block) << super::INODES_PER_BLOCK_LOG
    }

    /// Where the B+tree roots lie inside a group: free space by block and by size, inodes, free inodes, reverse
    /// map, reference counts; the order is mkfs.xfs's.
    pub fn roots(&self) -> Roots {
        let mut next = HEADERS;
        let mut place = |wanted: bool| {
            wanted.then(|| {
                next += 1;
                next - 1
            })
        };
        let (by_block, by_size, inodes) = (place(true), place(true), place(true));
        let free_inodes = place(self.features.finobt);
        let reverse = place(self.features.rmapbt);
        let references = place(self.features.reflink);
        let known = |root: Option<u32>| root.expect("every group has these three trees");
        Roots {
            by_block: known(by_block),
            by_size: known(by_size),
            inodes: known(inodes),
            free_inodes,
            reverse,
            references,
            end: next,
        }
    }

    /// Blocks in the free list of each group, for trees of one level (`xfs_alloc_min_freelist`).
    pub fn free_list(&self) -> u32 {
        if self.features.rmapbt { 6 } else { 4 }
    }

    /// The group with the log, and the log's first block inside it.
    pub fn log(&self) -> (u32, u32) {
        (self.groups / 2, self.roots().end)
    }

    /// The first block of a group's free list.
    pub fn free_list_start(&self, group: u32) -> u32 {
        let log = if self.log().0 == group { self.log_blocks } else { 0 };
        self.roots().end + log
    }

    /// The first block of a group that is no fixed metadata.
    pub fn first_free(&self, group: u32) -> u32 {
        self.free_list_start(group) + self.free_list()
    }

    /// Inode chunks begin at a multiple of this many blocks inside their group.
    pub fn inode_alignment(&self) -> u32 {
        // A cluster of 8 KiB for inodes of 256 bytes grows with the inode to 4 blocks; sparse chunks are aligned
        // to their whole length.
        if self.features.sparse_inodes { CHUNK_BLOCKS } else { 4 }
    }

    /// Where the root directory's chunk begins in the first group: xfs_repair computes the same.
    pub fn root_chunk(&self) -> u32 {
        self.first_free(0).next_multiple_of(self.inode_alignment())
    }

    /// Blocks of a group that the kernel sets aside at mount for its trees to grow into (`xfs_ag_resv`). Data goes
    /// elsewhere, else a full group could fail to record a change.
    pub fn set_aside(&self, group: u32) -> u32 {
        let length = u64::from(self.length(group));
        let mut total = 0;
        if self.features.finobt {
            total += tree_blocks(length / u64::from(CHUNK_BLOCKS), 126, 252);
        }
        if self.features.reflink {
            total += tree_blocks(length, 168, 252);
        }
        if self.features.rmapbt {
            total += tree_blocks(length, 84, 45).max(length / 100);
        }
        total as u32
    }

    /// Blocks of a group for files, directories and inodes when it holds `chunks` inode chunks: without headers,
    /// log, free list, what the kernel sets aside, the inode B+trees and a few for the free space ones.
    pub fn usable(&self, group: u32, chunks: u32) -> u32 {
        let trees = chunk_trees(chunks.into()) as u32 + SLACK;
        self.length(group).saturating_sub(self.first_free(group) + self.set_aside(group) + trees)
    }

    /// How many of `free` blocks users can fill once it is mounted: the kernel keeps a 20th (at most 32 MiB) for itself,
    /// and in each group what it sets aside, 8 blocks for the free list, and as many for trees that grow meanwhile.
    pub fn for_users(&self, free: u64) -> u64 {
        let groups: u64 = (0..self.groups).map(|group| u64::from(self.set_aside(group)) + 16).sum();
        free.saturating_sub((self.blocks / 20).min(8192) + groups)
    }

    /// A partition size in whole MiB from `least` on that holds `blocks` blocks of content in files, directories and
    /// whole inode chunks, of which `chunks` there are.
    pub fn sufficient(least: Bytes, blocks: u64, chunks: u64, features: Features) -> Bytes {
        // A batch of chunks that is not used up; the trees over all chunks, wherever they are.
        let wanted = blocks + u64::from(BATCH * CHUNK_BLOCKS) + chunk_trees(chunks);
        let mut mib = (least.0 >> 20).max((MIN_BLOCKS * BLOCK as u64) >> 20);
        loop {
            let size = Bytes(mib << 20);
            let missing = Geometry::new(size, features).map_or(1, |g| {
                let room: u64 =
                    (0..g.groups).map(|group| u64::from(g.usable(group, 0).saturating_sub(WASTE))).sum();
                wanted.saturating_sub(room)
            });
            if missing == 0 {
                return size;
            }
            mib += ((missing * BLOCK as u64) >> 20).max(1);
        }
    }
}

/// Blocks of the two trees over inode chunks.
fn chunk_trees(chunks: u64) -> u64 {
    2 * tree_blocks(chunks, 200, 200)
}

/// Blocks kept for the free space trees to be written into, and for a reverse map's first leaves.
const SLACK: u32 = 48;
/// Blocks that may stay free at a group's end because no aligned chunk fitted, those that an extent cut in two there costs
/// in its file's tree, and those by which the groups' parts of the chunk trees are more than one tree over all.
const WASTE: u32 = 2 * CHUNK_BLOCKS + 8;

/// See [`Geometry::roots`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roots {
    pub by_block: u32,
    pub by_size: u32,
    pub inodes: u32,
    pub free_inodes: Option<u32>,
    pub reverse: Option<u32>,
    pub references: Option<u32>,
    /// The first block after them.
    pub end: u32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fs::features::Switches;

    #[test]
    fn as_mkfs_would() {
        // `mkfs.xfs -N` of these sizes in MiB: groups, blocks of one, of the log, blocks, inodes' share.
        for (mib, groups, group_blocks, log, blocks, percent) in [
            (300u64, 4, 19_200, 16_384, 76_800u64, 25),
            (102_400, 4, 6_553_600, 16_384, 26_214_400, 25),
            (600_000, 4, 38_400_000, 75_000, 153_600_000, 25),
            (3000 << 10, 4, 196_608_000, 384_000, 786_432_000, 5),
            (4_194_310, 4, 268_435_455, 521_728, 1_073_741_820, 5),
            (4200 << 10, 5, 268_435_455, 521_728, 1_101_004_800, 5),
        ] {
            let g = Geometry::new(Bytes(mib << 20), Features::default()).expect("large enough");
            assert_eq!((g.groups, g.group_blocks, g.log_blocks), (groups, group_blocks, log), "{mib} MiB");
            assert_eq!((g.blocks, g.inode_percent), (blocks, percent), "{mib} MiB");
        }
        assert_eq!(Geometry::new(Bytes((300 << 20) - 1), Features::default()), None);
        assert!(Geometry::new(Bytes(u64::MAX), Features::default()).is_some());
    }

    #[test]
    fn the_root_directory_lies_where_xfs_repair_looks() {
        let root = |features| Geometry::smallest(features).root_chunk();
        assert_eq!(root(Features::default()), 8);
        assert_eq!(root(Features { finobt: true, ..Features::default() }), 12);
        assert_eq!(root(Features::for_kernel("6.1")), 16);
        assert_eq!(root(Features::all()), 16);
    }

    proptest! {
        #[test]
        fn numbers_name_one_block(mib in 300u64..20_000_000, part in 0.0..1.0f64) {
            let g = Geometry::new(Bytes(mib << 20), Features::all()).expect("large enough");
            let block = ((g.blocks - 1) as f64 * part) as u64;
            let (group, inside) = (g.group_of(block), g.inside(block));
            prop_assert!(group < g.groups && inside < g.length(group));
            prop_assert_eq!(g.start(group) + u64::from(inside), block);
            prop_assert_eq!(g.fsb(block) >> g.group_log(), u64::from(group));
            let lengths: u64 = (0..g.groups).map(|group| u64::from(g.length(group))).sum();
            prop_assert_eq!(lengths, g.blocks);
            prop_assert!((0..g.groups).all(|group| u64::from(g.length(group)) >= MIN_GROUP));
            let log_end = g.log().1 + g.log_blocks;
            prop_assert!(log_end + g.free_list() <= g.length(g.log().0));
        }

        #[test]
        fn the_sufficient_size_suffices(have in 1u64..3_000, blocks in 0u64..300_000, chunks in 0u64..5_000) {
            let features = Features::for_kernel("6.1");
            let blocks = blocks + chunks * u64::from(CHUNK_BLOCKS);
            let size = Geometry::sufficient(Bytes(have << 20), blocks, chunks, features);
            prop_assert!(size.0 >= have << 20);
            let g = Geometry::new(size, features).expect("in range");
            let room: u64 = (0..g.groups).map(|group| u64::from(g.usable(group, 0))).sum();
            prop_assert!(room >= blocks);
        }
    }
}
