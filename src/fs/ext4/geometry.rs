//! Where everything lies, from the partition's size alone: pure arithmetic.
//!
//! What holds: metadata areas are disjoint and inside the filesystem; the tables of a flex group lie together at its
//! start; sizes are those mke2fs would choose for 4 KiB blocks (inode ratio, journal, reserved descriptors).

use std::ops::Range;

use crate::base::Bytes;

use super::journal;
use super::{BLOCK, Features};

/// Blocks of a group: one block of bitmap.
pub const GROUP_BLOCKS: u64 = 8 * BLOCK as u64;
/// Bytes of an inode.
pub const INODE_SIZE: usize = 256;
/// Inodes in a block of the table.
pub const INODES_PER_BLOCK: u32 = (BLOCK / INODE_SIZE) as u32;
/// The fewest blocks we make a filesystem of (8 MiB): below it mke2fs leaves the journal out.
const MIN_BLOCKS: u64 = 2048;
/// Blocks that an ext4 of 32-bit block numbers can have; more needs no resize inode but meta_bg, for the growth.
pub const MAX_BLOCKS: u64 = u32::MAX as u64;
/// A last group with less room than this beside its metadata is left out.
const MIN_ROOM: u64 = 50;

/// The layout of a filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub blocks: u64,
    pub groups: u32,
    pub inodes_per_group: u32,
    /// Blocks of each group's inode table.
    pub table_blocks: u32,
    /// Bytes of a group descriptor.
    pub descriptor_size: usize,
    /// Blocks of the group descriptor table.
    pub descriptor_blocks: u32,
    /// Blocks kept behind that table for the filesystem to grow into.
    pub reserved_blocks: u32,
    /// Groups of a flex group, a power of two.
    pub flex: u32,
    pub journal_blocks: u32,
}

/// Smaller filesystems are of mke2fs.conf's `small` type, in bytes.
const SMALL: u64 = 512 << 20;
/// More MiB than a last group can have that is left out: superblock, descriptors and table are under 13 MiB.
const TAIL_MIB: u64 = 16;

/// Bytes for each inode: mke2fs.conf's `small` type, its default above.
fn inode_ratio(blocks: u64) -> u64 {
    if blocks * (BLOCK as u64) < SMALL { 4096 } else { 16384 }
}

/// Descriptor blocks to reserve, so that the filesystem can grow 1024-fold as after mke2fs; at most what one
/// indirect block lists.
fn reserved(blocks: u64, descriptor_blocks: u64, per_block: u64) -> u64 {
    let most = (blocks * 1024).min(MAX_BLOCKS);
    most.div_ceil(GROUP_BLOCKS).div_ceil(per_block).saturating_sub(descriptor_blocks).min(BLOCK as u64 / 4)
}

impl Geometry {
    /// The layout of a partition of `size`; `None` if that is under 8 MiB or over [`MAX_BLOCKS`].
    pub fn new(size: Bytes, features: Features) -> Option<Geometry> {
        let blocks = size.0 / BLOCK as u64;
        if !(MIN_BLOCKS..=MAX_BLOCKS).contains(&blocks) {
            return None;
        }
        let geometry = Geometry::of_blocks(blocks, features);
        let tail = blocks % GROUP_BLOCKS;
        let last = geometry.groups - 1;
        if last > 0 && tail > 0 {
            let overhead = geometry.super_area(last) + 2 + u64::from(geometry.table_blocks);
            if tail < overhead + MIN_ROOM {
                return Some(Geometry::of_blocks(blocks - tail, features));
            }
        }
        Some(geometry)
    }

    /// The smallest layout there is.
    pub fn smallest(features: Features) -> Geometry {
        Geometry::of_blocks(MIN_BLOCKS, features)
    }

    fn of_blocks(blocks: u64, features: Features) -> Geometry {
        let groups = blocks.div_ceil(GROUP_BLOCKS);
        let inodes = blocks * BLOCK as u64 / inode_ratio(blocks);
        let table_blocks = inodes.div_ceil(groups).div_ceil(INODES_PER_BLOCK.into());
        let descriptor_size = if features.bit64 { 64 } else { 32 };
        let per_block = (BLOCK / descriptor_size) as u64;
        let descriptor_blocks = groups.div_ceil(per_block);
        let reserved_blocks = reserved(blocks, descriptor_blocks, per_block);
        let mut flex = 16;
        // All tables of a flex group lie in its first group.
        while 1 + descriptor_blocks + reserved_blocks + flex * (2 + table_blocks) > GROUP_BLOCKS {
            flex /= 2;
        }
        Geometry {
            blocks,
            groups: groups as u32,
            inodes_per_group: table_blocks as u32 * INODES_PER_BLOCK,
            table_blocks: table_blocks as u32,
            descriptor_size,
            descriptor_blocks: descriptor_blocks as u32,
            reserved_blocks: reserved_blocks as u32,
            flex: flex as u32,
            journal_blocks: if features.journal { journal::blocks(blocks) } else { 0 },
        }
    }

    pub fn inodes(&self) -> u64 {
        u64::from(self.groups) * u64::from(self.inodes_per_group)
    }

    pub fn first_block(&self, group: u32) -> u64 {
        u64::from(group) * GROUP_BLOCKS
    }

    /// Blocks of this group; fewer in the last.
    pub fn group_blocks(&self, group: u32) -> u64 {
        (self.blocks - self.first_block(group)).min(GROUP_BLOCKS)
    }

    /// Whether this group has a copy of the superblock and the descriptors (`sparse_super`): 0, 1 and the powers
    /// of 3, 5 and 7.
    pub fn has_super(&self, group: u32) -> bool {
        group <= 1
            || [3u32, 5, 7].iter().any(|base| {
                let mut n = group;
                while n.is_multiple_of(*base) {
                    n /= base;
                }
                n == 1
            })
    }

    /// Blocks at the group's start taken by superblock, descriptors and reserved descriptors.
    pub fn super_area(&self, group: u32) -> u64 {
        if self.has_super(group) { 1 + u64::from(self.descriptor_blocks + self.reserved_blocks) } else { 0 }
    }

    /// The first group of this one's flex group, and how many groups that has.
    fn flex_of(&self, group: u32) -> (u32, u32) {
        let first = group - group % self.flex;
        (first, self.flex.min(self.groups - first))
    }

    /// Whether this group holds the tables of its flex group.
    pub fn leads_flex(&self, group: u32) -> bool {
        group.is_multiple_of(self.flex)
    }

    fn tables(&self, first: u32) -> u64 {
        self.first_block(first) + self.super_area(first)
    }

    pub fn block_bitmap(&self, group: u32) -> u64 {
        let (first, _) = self.flex_of(group);
        self.tables(first) + u64::from(group - first)
    }

    pub fn inode_bitmap(&self, group: u32) -> u64 {
        let (first, count) = self.flex_of(group);
        self.tables(first) + u64::from(count + group - first)
    }

    pub fn inode_table(&self, group: u32) -> u64 {
        let (first, count) = self.flex_of(group);
        self.tables(first) + u64::from(2 * count) + u64::from(self.table_blocks) * u64::from(group - first)
    }

    /// All fixed metadata, in order and disjoint.
    pub fn metadata(&self) -> Vec<Range<u64>> {
        let mut areas = Vec::new();
        for group in 0..self.groups {
            let start = self.first_block(group);
            let mut length = self.super_area(group);
            if self.leads_flex(group) {
                length += u64::from(self.flex_of(group).1) * (2 + u64::from(self.table_blocks));
            }
            if length > 0 {
                areas.push(start..start + length);
            }
        }
        areas
    }

    /// Blocks left for files, directories and what belongs to them, the resize inode's own block taken off.
    pub fn room(&self) -> u64 {
        let metadata: u64 = self.metadata().iter().map(|a| a.end - a.start).sum();
        self.blocks.saturating_sub(metadata + u64::from(self.journal_blocks) + 1)
    }

    /// Areas of metadata that lie within the first `blocks` blocks of room.
    fn cuts(&self, blocks: u64) -> u64 {
        let (mut left, mut cursor, mut cuts) = (blocks, 0, 0);
        for area in self.metadata() {
            let gap = area.start - cursor;
            if gap >= left {
                break;
            }
            (left, cursor, cuts) = (left - gap, area.end, cuts + u64::from(gap > 0));
        }
        cuts
    }

    /// How many blocks and inodes it lacks for a content of so many, however the metadata cuts the content up.
    fn lacks(&self, blocks: u64, inodes: u64) -> (u64, u64) {
        // An area of metadata can cut one extent in two, which costs one tree leaf at worst and less than another block for
        // the index above it; the journal's own tree is within the spare ones.
        let all = blocks + 2 * self.cuts(blocks + u64::from(self.journal_blocks)) + 4;
        (all.saturating_sub(self.room()), inodes.saturating_sub(self.inodes()))
    }

    /// The smallest partition above `above` in whole MiB that is sure to hold `blocks` blocks of content and `inodes`
    /// inodes; `None` if it would be over [`MAX_BLOCKS`]. It is more than the content needs by less than 1 MiB and three
    /// blocks for each area of metadata between.
    pub fn sufficient(above: Bytes, blocks: u64, inodes: u64, features: Features) -> Option<Bytes> {
        let mut mib = ((above.0 >> 20) + 1).max((MIN_BLOCKS * BLOCK as u64) >> 20);
        loop {
            let size = Bytes(mib << 20);
            let geometry = Geometry::new(size, features)?;
            let (missing, missing_inodes) = geometry.lacks(blocks, inodes);
            if missing == 0 && missing_inodes == 0 {
                return Some(size);
            }
            // Each MiB adds at most 256 blocks, and inodes by the ratio; once only a tail that was left out comes in, or
            // rounding falls in favour. At the border of the ratios inodes become fewer, and blocks many more.
            let each = (1 << 20) / inode_ratio(size.0 / BLOCK as u64);
            let groups = u64::from(geometry.groups) + missing_inodes / each / 128 + 1;
            let rounding = groups * u64::from(INODES_PER_BLOCK);
            let by_blocks = (missing / 256).saturating_sub(TAIL_MIB);
            let by_inodes = (missing_inodes.saturating_sub(rounding) / each).saturating_sub(TAIL_MIB);
            let next = mib + by_blocks.max(by_inodes).max(1);
            let border = SMALL >> 20;
            mib = if mib < border { next.min(border) } else { next };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_mke2fs_would() {
        // `mke2fs -t ext4 -b 4096` of these sizes, seen by dumpe2fs.
        let gib = Geometry::new(Bytes::gib(1), Features::default()).expect("fits");
        assert_eq!((gib.groups, gib.inodes_per_group, gib.reserved_blocks), (8, 8192, 127));
        assert_eq!((gib.descriptor_blocks, gib.journal_blocks, gib.flex), (1, 8192, 16));
        let big = Geometry::new(Bytes::gib(100), Features::default()).expect("fits");
        assert_eq!((big.groups, big.inodes_per_group, big.reserved_blocks), (800, 8192, 1024));
        assert_eq!((big.descriptor_blocks, big.journal_blocks), (13, 131072));
    }

    #[test]
    fn sizes_out_of_range() {
        let features = Features::default();
        assert_eq!(Geometry::new(Bytes((8 << 20) - 1), features), None);
        assert_eq!(Geometry::new(Bytes(16 << 40), features), None);
        assert!(Geometry::new(Bytes(8 << 20), features).is_some());
    }

    #[test]
    fn backups_are_sparse() {
        let g = Geometry::smallest(Features::default());
        let with: Vec<u32> = (0..130).filter(|n| g.has_super(*n)).collect();
        assert_eq!(with, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
    }

    proptest! {
        #[test]
        fn metadata_is_disjoint_and_inside(mib in 8u64..400_000, odd in 0u64..(1 << 20), bit64: bool) {
            let features = Features { bit64, ..Features::default() };
            let size = Bytes((mib << 20) + odd);
            let g = Geometry::new(size, features).expect("in range");
            prop_assert!(g.blocks * BLOCK as u64 <= size.0);
            let areas = g.metadata();
            let mut end = 0;
            for area in &areas {
                prop_assert!(area.start >= end && area.start < area.end);
                end = area.end;
            }
            prop_assert!(end <= g.blocks);
            for group in 0..g.groups {
                for block in [g.block_bitmap(group), g.inode_bitmap(group), g.inode_table(group),
                              g.inode_table(group) + u64::from(g.table_blocks) - 1] {
                    prop_assert!(areas.iter().any(|a| a.contains(&block)));
                }
            }
            prop_assert!(u64::from(g.inodes_per_group) <= GROUP_BLOCKS);
        }

        #[test]
        fn the_sufficient_size_suffices(have in 1u64..3_000, blocks in 0u64..300_000, inodes in 0u64..300_000) {
            let features = Features::default();
            let have = Bytes(have << 20);
            let size = Geometry::sufficient(have, blocks, inodes, features).expect("far from the limit");
            prop_assert!(size.0 > have.0);
            let g = Geometry::new(size, features).expect("in range");
            prop_assert!(g.room() >= blocks && g.inodes() >= inodes);
        }

        /// No size that was jumped over would have done.
        #[test]
        fn the_sufficient_size_is_the_smallest(
            have in 1u64..1500, blocks in 0u64..1_500_000, inodes in prop_oneof![0u64..2000, 0u64..150_000, 0u64..900_000],
            bit64: bool, journal: bool,
        ) {
            let features = Features { bit64, journal, ..Features::default() };
            let have = Bytes(have << 20);
            let size = Geometry::sufficient(have, blocks, inodes, features).expect("far from the limit");
            let too_small = |mib: u64| {
                Geometry::new(Bytes(mib << 20), features).is_none_or(|g| g.lacks(blocks, inodes) != (0, 0))
            };
            for mib in (have.0 >> 20) + 1..size.0 >> 20 {
                prop_assert!(too_small(mib), "{} MiB would do, not only {}", mib, size);
            }
        }
    }
}
