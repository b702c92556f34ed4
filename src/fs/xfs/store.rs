//! The allocator, the sink and the owners together: where a new block comes from, where its bytes go, whose it is.
//!
//! What holds: once a block past the filesystem's end was taken, nothing is written any more.

use uuid::Uuid;

use super::super::FsError;
use super::super::sink::Sink;
use super::alloc::Allocator;
use super::format::Header;
use super::owners::Owners;
use super::{BLOCK, Block};

/// The allocator and the sink: where a new block comes from and where its bytes go; and who owns which blocks.
pub struct Store<'a> {
    pub alloc: Allocator,
    pub sink: Sink<'a>,
    pub owners: Owners,
    /// The filesystem's UUID, which stands in every block of metadata.
    pub uuid: Uuid,
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

    pub fn take_one(&mut self) -> u64 {
        self.alloc.contiguous();
        self.take(1)
    }

    /// A linear block's number on disk.
    pub fn fsb(&self, block: u64) -> u64 {
        self.alloc.geometry().fsb(block)
    }

    /// Takes a new inode, see [`Allocator::take_inode`].
    pub fn take_inode(&mut self) -> Option<u32> {
        let index = self.alloc.take_inode();
        if self.alloc.overflowed() {
            self.sink.discard();
        }
        index
    }

    /// Puts a block of metadata of `owner` to its place.
    pub fn put(&mut self, at: u64, bytes: &mut Block, kind: Header, owner: u64) -> Result<(), FsError> {
        kind.seal(bytes, self.uuid, owner, at);
        self.sink.put(at, bytes)
    }
}
