//! Hands out blocks in order, group after group, and inode chunks among them.
//!
//! What holds: no block is handed out twice and none of the fixed metadata; what is left in a group stays at least what
//! its own trees need. Past the filesystem's end the allocator goes on counting, so that a tree that is too large can
//! say by how much. Block numbers are linear.

use std::ops::Range;

use super::geometry::Geometry;
use super::{CHUNK_BLOCKS, INODES_PER_CHUNK};

/// Chunks taken at once: their inodes stay together and the data between them is long.
pub const BATCH: u32 = 16;

/// A cursor over the blocks, and the inode chunks.
#[derive(Debug)]
pub struct Allocator {
    geometry: Geometry,
    group: u32,
    cursor: u64,
    /// Blocks ahead of the cursor that are a batch of chunks: it goes around.
    ahead: Range<u64>,
    /// Blocks passed by, in order.
    gaps: Vec<Range<u64>>,
    /// The first block of each inode chunk, in order of inodes.
    chunks: Vec<u64>,
    /// Chunks of the current group.
    chunks_here: u32,
    /// Chunks of the batch that are not handed out: the first's block, and how many.
    batch: (u64, u32),
    inodes: u32,
    taken: u64,
}

impl Allocator {
    pub fn new(geometry: Geometry) -> Allocator {
        let cursor = u64::from(geometry.first_free(0));
        Allocator {
            geometry,
            group: 0,
            cursor,
            ahead: 0..0,
            gaps: Vec::new(),
            chunks: Vec::new(),
            chunks_here: 0,
            batch: (0, 0),
            inodes: 0,
            taken: 0,
        }
    }

    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Where this group's part ends, with `more` chunks in it; groups that the filesystem does not have have no end.
    fn end(&self, more: u32) -> u64 {
        if self.group >= self.geometry.groups {
            return u64::MAX;
        }
        let usable = self.geometry.usable(self.group, self.chunks_here + more);
        self.geometry.start(self.group) + u64::from(self.geometry.first_free(self.group) + usable)
    }

    fn leave_group(&mut self) {
        let end = self.geometry.start(self.group) + u64::from(self.geometry.length(self.group));
        let ahead = std::mem::take(&mut self.ahead);
        if ahead.is_empty() {
            self.gaps.push(self.cursor..end);
        } else {
            self.gaps.extend([self.cursor..ahead.start, ahead.end..end]);
        }
        self.group += 1;
        self.chunks_here = 0;
        self.cursor = self.geometry.start(self.group) + u64::from(self.geometry.first_free(self.group));
    }

    /// How many blocks can be taken in one run: at least 1.
    pub fn contiguous(&mut self) -> u64 {
        loop {
            if self.cursor == self.ahead.start && !self.ahead.is_empty() {
                self.cursor = std::mem::take(&mut self.ahead).end;
            }
            let end = if self.ahead.is_empty() { self.end(0) } else { self.ahead.start };
            if self.cursor < end {
                return end - self.cursor;
            }
            self.leave_group();
        }
    }

    /// The first of `count` blocks in a row; `count` is at most [`Allocator::contiguous`].
    pub fn take(&mut self, count: u64) -> u64 {
        let room = self.contiguous();
        assert!(count <= room, "a run of {count} blocks was asked for where {room} are free");
        let first = self.cursor;
        self.cursor += count;
        self.taken += count;
        first
    }

    /// Finds the next batch at or after the cursor, right behind one that is still ahead.
    fn next_batch(&mut self) {
        let alignment = u64::from(self.geometry.inode_alignment());
        loop {
            let group = self.geometry.start(self.group);
            let first = if self.ahead.is_empty() { self.cursor } else { self.ahead.end };
            let start = match self.chunks.is_empty() {
                true => u64::from(self.geometry.root_chunk()),
                false => group + (first - group).next_multiple_of(alignment),
            };
            let room = self.end(BATCH).saturating_sub(start) / u64::from(CHUNK_BLOCKS);
            let count = room.min(BATCH.into()) as u32;
            if count == 0 {
                self.leave_group();
                continue;
            }
            let end = start + u64::from(count * CHUNK_BLOCKS);
            self.ahead = if self.ahead.is_empty() { start..end } else { self.ahead.start..end };
            self.batch = (start, count);
            self.chunks_here += count;
            return;
        }
    }

    /// The index of a new inode, counted from 0; `None` after 2^32 of them.
    pub fn take_inode(&mut self) -> Option<u32> {
        if self.inodes.is_multiple_of(INODES_PER_CHUNK) {
            if self.batch.1 == 0 {
                self.next_batch();
            }
            self.chunks.push(self.batch.0);
            self.taken += u64::from(CHUNK_BLOCKS);
            self.batch = (self.batch.0 + u64::from(CHUNK_BLOCKS), self.batch.1 - 1);
        }
        self.inodes = self.inodes.checked_add(1)?;
        Some(self.inodes - 1)
    }

    /// The number on disk of the inode with this index.
    pub fn inode_number(&self, index: u32) -> u64 {
        let chunk = self.chunks[(index / INODES_PER_CHUNK) as usize];
        self.geometry.inode_number(chunk) + u64::from(index % INODES_PER_CHUNK)
    }

    /// The first block of each inode chunk, in order of inodes.
    pub fn chunks(&self) -> &[u64] {
        &self.chunks
    }

    pub fn inodes(&self) -> u32 {
        self.inodes
    }

    /// Whether blocks were handed out that the filesystem does not have.
    pub fn overflowed(&self) -> bool {
        self.group >= self.geometry.groups
    }

    /// The first block that was not handed out.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Blocks handed out, whole inode chunks and those past the end included.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// What is free in each group, by group: runs (first block inside the group and length) in order, not touching.
    pub fn into_free(mut self) -> Vec<Vec<(u32, u32)>> {
        let rest = self.batch.0..self.batch.0 + u64::from(self.batch.1 * CHUNK_BLOCKS);
        self.gaps.push(rest);
        while self.group < self.geometry.groups {
            self.leave_group();
        }
        self.gaps.retain(|gap| !gap.is_empty());
        self.gaps.sort_unstable_by_key(|gap| gap.start);
        let mut free: Vec<Vec<(u32, u32)>> = vec![Vec::new(); self.geometry.groups as usize];
        for gap in self.gaps {
            let runs = &mut free[self.geometry.group_of(gap.start) as usize];
            let (start, length) = (self.geometry.inside(gap.start), (gap.end - gap.start) as u32);
            match runs.last_mut() {
                Some((first, count)) if *first + *count == start => *count += length,
                _ => runs.push((start, length)),
            }
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::super::features::Features;
    use super::*;
    use crate::base::Bytes;
    use crate::fs::features::Switches;
    use proptest::prelude::*;

    fn allocator(mib: u64) -> Allocator {
        let features = Features::for_kernel("6.1");
        Allocator::new(Geometry::new(Bytes(mib << 20), features).expect("large enough"))
    }

    proptest! {
        /// What is handed out, what is free and what is fixed are all blocks, each once.
        #[test]
        fn each_block_has_one_use(steps in prop::collection::vec((0..700u32, 1..900u64), 1..120)) {
            let mut a = allocator(300);
            let geometry = *a.geometry();
            let mut used: Vec<Range<u64>> = Vec::new();
            // The root directory comes before all else.
            a.take_inode();
            for (inodes, blocks) in steps {
                for _ in 0..inodes {
                    a.take_inode();
                }
                let count = blocks.min(a.contiguous());
                let first = a.take(count);
                used.push(first..first + count);
            }
            prop_assume!(!a.overflowed());
            prop_assert_eq!(a.chunks()[0], u64::from(geometry.root_chunk()));
            used.extend(a.chunks().iter().map(|chunk| *chunk..chunk + u64::from(CHUNK_BLOCKS)));
            let taken: u64 = used.iter().map(|run| run.end - run.start).sum();
            prop_assert_eq!(taken, a.taken());
            for chunk in a.chunks() {
                prop_assert_eq!(geometry.inside(*chunk) % geometry.inode_alignment(), 0);
            }
            for (group, free) in (0..).zip(a.into_free()) {
                let start = geometry.start(group);
                used.push(start..start + u64::from(geometry.first_free(group)));
                used.extend(free.iter().map(|(first, count)| start + u64::from(*first)..start + u64::from(first + count)));
                prop_assert!(free.windows(2).all(|w| w[0].0 + w[0].1 < w[1].0));
            }
            used.sort_unstable_by_key(|run| run.start);
            prop_assert_eq!(used[0].start, 0);
            prop_assert_eq!(used[used.len() - 1].end, geometry.blocks);
            prop_assert!(used.windows(2).all(|w| w[0].end == w[1].start));
        }
    }

    #[test]
    fn it_counts_on_past_the_end() {
        let mut a = allocator(300);
        let mut total = 0;
        while total < 100_000 {
            let count = a.contiguous().min(5000);
            a.take(count);
            total += count;
        }
        assert!(a.overflowed());
        assert_eq!(a.taken(), total);
    }
}
