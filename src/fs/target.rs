//! Where filesystems are written: anything that takes bytes at a position.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::writeback::Writeback;
use crate::base::Bytes;

/// A target of positioned writes. What was never written reads as zeros.
pub trait WriteAt {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// A part of a file, `start..start + length`; a write past its end is an error and not a write into its neighbour.
pub struct Window<'a> {
    file: &'a File,
    start: Bytes,
    length: Bytes,
    writeback: Writeback,
}

impl<'a> Window<'a> {
    pub fn new(file: &'a File, start: Bytes, length: Bytes) -> Window<'a> {
        Window { file, start, length, writeback: Writeback::default() }
    }
}

impl WriteAt for Window<'_> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > self.length.0) {
            return Err(io::Error::other(format!(
                "{} bytes at {offset} do not fit a partition of {} bytes",
                bytes.len(),
                self.length.0
            )));
        }
        let at = self.start.0 + offset;
        self.file.write_all_at(bytes, at)?;
        self.writeback.wrote(self.file, at, bytes.len() as u64);
        Ok(())
    }
}

impl WriteAt for Vec<u8> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + bytes.len();
        if self.len() < end {
            self.resize(end, 0);
        }
        self[start..end].copy_from_slice(bytes);
        Ok(())
    }
}
