//! The allocator and the sink together: where a new block comes from and where its bytes go.
//!
//! What holds: once a block past the filesystem's end was taken, nothing is written any more.

use super::super::FsError;
use super::super::sink::Sink;
use super::alloc::Allocator;
use super::{BLOCK, Block};

/// The allocator and the sink: where a new block comes from and where its bytes go.
pub struct Store<'a> {
    pub alloc: Allocator,
    pub sink: Sink<'a>,
}

impl Store<'_> {
    /// Takes `count` blocks in one run, see [`Allocator::take`].
    pub fn take(&mut self, count: u64) -> u64 {
        let first = self.alloc.take(count);
        if self.alloc.overflowed() {
            self.sink.discard();
        }
        first
    }

    /// Room for as many blocks as lie in a row, at least one.
    pub fn room(&mut self) -> Result<&mut [u8], FsError> {
        let most = self.alloc.contiguous().saturating_mul(BLOCK as u64);
        let room = self.sink.room(self.alloc.cursor())?;
        let length = most.min(room.len() as u64) as usize;
        Ok(&mut room[..length])
    }

    /// Puts `bytes` into a new block and says which.
    pub fn append(&mut self, bytes: &Block) -> Result<u64, FsError> {
        let block = self.take(1);
        self.sink.put(block, bytes)?;
        Ok(block)
    }
}
