//! Hands out blocks in order, group after group, and inode chunks among them.
//!
//! What holds: no block is handed out twice and none of the fixed metadata; what is left in a group stays at least what
//! its own trees need. Past the filesystem's end the allocator goes on counting, so that a tree that is too large can
//! say by how much. Block numbers are linear.

use std::ops::Range;

use super::geometry::Geometry;
use super::{CHUNK_BLOCKS, INODES_PER_CHUNK};

/// Chunks taken at once: their inodes stay together and the data between them is long.
const BATCH: u32 = 16;

/// A cursor over the blocks, and the inode chunks.
#[derive(Debug)]
pub struct Allocator {
    geometry: Geometry,
    group: u32,
    cursor: u64,
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
        self.gaps.push(self.cursor..end);
        self.group += 1;
        self.chunks_here = 0;
        self.cursor = self.geometry.start(self.group) + u64::from(self.geometry.first_free(self.group));
    }

    /// How many blocks can be taken in one run: at least 1.
    pub fn contiguous(&mut self) -> u64 {
        loop {
            let end = self.end(0);
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

    fn next_batch(&mut self) {
        let alignment = u64::from(self.geometry.inode_alignment());
        loop {
            self.contiguous();
            let group = self.geometry.start(self.group);
            let start = match self.chunks.is_empty() {
                true => u64::from(self.geometry.root_chunk()),
                false => group + (self.cursor - group).next_multiple_of(alignment),
            };
            let room = self.end(BATCH).saturating_sub(start) / u64::from(CHUNK_BLOCKS);
            let count = room.min(BATCH.into()) as u32;
            if count == 0 {
                self.leave_group();
                continue;
            }
            if start > self.cursor {
                self.gaps.push(self.cursor..start);
            }
            self.cursor = start + u64::from(count * CHUNK_BLOCKS);
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
