//! Hands out blocks in order, past the metadata.
//!
//! What holds: no block is handed out twice, and every block below [`Allocator::cursor`] is either metadata or handed
//! out. Past the filesystem's end the allocator goes on counting, so that a tree that is too large can say by how
//! much.

use std::ops::Range;

/// A cursor over the blocks that are no metadata.
#[derive(Debug)]
pub struct Allocator {
    /// Metadata still ahead, the nearest last.
    ahead: Vec<Range<u64>>,
    cursor: u64,
    end: u64,
    taken: u64,
}

impl Allocator {
    /// `metadata` in order and disjoint, all below `end`.
    pub fn new(mut metadata: Vec<Range<u64>>, end: u64) -> Allocator {
        metadata.reverse();
        Allocator { ahead: metadata, cursor: 0, end, taken: 0 }
    }

    /// How many blocks can be taken in one run: at least 1.
    pub fn contiguous(&mut self) -> u64 {
        while let Some(area) = self.ahead.last() {
            if area.start > self.cursor {
                return area.start - self.cursor;
            }
            self.cursor = area.end;
            self.ahead.pop();
        }
        if self.cursor < self.end { self.end - self.cursor } else { u64::MAX }
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

    /// Whether blocks were handed out that the filesystem does not have.
    pub fn overflowed(&self) -> bool {
        self.cursor > self.end
    }

    /// The first block that was not handed out.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Blocks handed out, past the end included.
    pub fn taken(&self) -> u64 {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_around_metadata_and_past_the_end() {
        let mut a = Allocator::new(vec![0..3, 5..6, 6..7], 10);
        assert_eq!(a.contiguous(), 2);
        assert_eq!(a.take(2), 3);
        assert_eq!(a.contiguous(), 3);
        assert_eq!(a.take(3), 7);
        assert!(!a.overflowed());
        assert_eq!(a.take(5), 10);
        assert!(a.overflowed());
        assert_eq!(a.taken(), 10);
    }
}
