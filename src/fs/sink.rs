//! Blocks to the target, gathered into writes of up to 1 MiB.
//!
//! What holds: blocks reach the target in the order they were put; once discarding, nothing is written any more.

use std::io;

use super::{BLOCK, Block, FsError, WriteAt};

/// Bytes gathered before a write.
const BUFFER: usize = 1 << 20;

/// A buffered writer of blocks.
pub struct Sink<'a> {
    out: &'a mut dyn WriteAt,
    buffer: Vec<u8>,
    /// The block that the buffer's first byte belongs to.
    start: u64,
    filled: usize,
    discard: bool,
}

impl<'a> Sink<'a> {
    pub fn new(out: &'a mut dyn WriteAt) -> Sink<'a> {
        Sink { out, buffer: vec![0; BUFFER], start: 0, filled: 0, discard: false }
    }

    /// From now on nothing is written.
    pub fn discard(&mut self) {
        self.discard = true;
    }

    /// Room for the blocks from `block` on, at least one; its bytes are whatever stood there before.
    pub fn room(&mut self, block: u64) -> Result<&mut [u8], FsError> {
        if self.filled == BUFFER || block != self.start + (self.filled / BLOCK) as u64 {
            self.flush()?;
            self.start = block;
        }
        Ok(&mut self.buffer[self.filled..])
    }

    /// Takes the first `blocks` blocks of the room as written.
    pub fn keep(&mut self, blocks: usize) {
        self.filled += blocks * BLOCK;
    }

    pub fn put(&mut self, block: u64, bytes: &Block) -> Result<(), FsError> {
        self.room(block)?[..BLOCK].copy_from_slice(bytes);
        self.keep(1);
        Ok(())
    }

    pub fn flush(&mut self) -> Result<(), FsError> {
        let filled = std::mem::take(&mut self.filled);
        if filled > 0 && !self.discard {
            self.write_at(self.start * BLOCK as u64, filled).map_err(FsError::Write)?;
        }
        Ok(())
    }

    fn write_at(&mut self, offset: u64, length: usize) -> io::Result<()> {
        self.out.write_at(offset, &self.buffer[..length])
    }

    /// Writes bytes that are no whole block, past the buffer.
    pub fn put_bytes(&mut self, offset: u64, bytes: &[u8]) -> Result<(), FsError> {
        self.flush()?;
        if self.discard { Ok(()) } else { self.out.write_at(offset, bytes).map_err(FsError::Write) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_joined_and_jumps_kept() {
        let mut out: Vec<u8> = Vec::new();
        let mut sink = Sink::new(&mut out);
        for n in [2u64, 3, 300, 301] {
            sink.put(n, &[n as u8; BLOCK]).expect("memory");
        }
        sink.flush().expect("memory");
        assert_eq!(out.len(), 302 * BLOCK);
        for n in [2usize, 3, 300, 301] {
            assert_eq!(out[n * BLOCK..][..BLOCK], [n as u8; BLOCK]);
        }
        assert_eq!(out[4 * BLOCK..5 * BLOCK], [0; BLOCK]);
    }
}
