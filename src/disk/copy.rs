//! An image as a list of pieces over zeros, written to a file in one ascending pass. A filesystem with reflinks shares the
//! blocks and copies nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::copy_file_range;
use rustix::io::Errno;

/// Bytes between two looks at whether to go on.
const STRIDE: u64 = 4 << 20;
/// Bytes read at once where the kernel cannot copy.
const BUFFER: usize = 256 << 10;

/// A stretch of the image that holds data. Pieces ascend and do not overlap; between them are zeros.
pub struct Piece<'a> {
    /// Offset in the image.
    pub at: u64,
    pub length: u64,
    pub source: Source<'a>,
}

/// Where a piece's bytes come from.
pub enum Source<'a> {
    /// Exactly the piece's length.
    Bytes(&'a [u8]),
    /// From `at` on.
    File { file: &'a File, at: u64 },
}

/// Writes the pieces into `target`. `go_on` is told the bytes written, and ends the pass by saying no: then the answer
/// is false.
pub fn write(pieces: &[Piece<'_>], target: &File, go_on: &mut dyn FnMut(u64) -> bool) -> io::Result<bool> {
    let mut copier = Copier { target, go_on, written: 0, in_kernel: true, buffer: Vec::new() };
    for piece in pieces {
        match piece.source {
            Source::Bytes(bytes) => {
                target.write_all_at(bytes, piece.at)?;
                if !copier.goes_on(piece.length) {
                    return Ok(false);
                }
            }
            Source::File { file, at } => {
                if !copier.copy(file, at, piece.at, piece.length)? {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}

struct Copier<'a> {
    target: &'a File,
    go_on: &'a mut dyn FnMut(u64) -> bool,
    written: u64,
    /// Whether `copy_file_range` works between these two files.
    in_kernel: bool,
    buffer: Vec<u8>,
}

impl Copier<'_> {
    fn goes_on(&mut self, more: u64) -> bool {
        self.written += more;
        (self.go_on)(self.written)
    }

    /// False when the pass is to end.
    fn copy(&mut self, file: &File, from: u64, to: u64, length: u64) -> io::Result<bool> {
        let mut done = 0;
        while done < length {
            let want = (length - done).min(STRIDE);
            let copied = if self.in_kernel {
                match self.kernel_copy(file, from + done, to + done, want)? {
                    Some(n) => n,
                    None => {
                        self.in_kernel = false;
                        continue;
                    }
                }
            } else {
                self.buffer.resize(BUFFER, 0);
                let part = &mut self.buffer[..want.min(BUFFER as u64) as usize];
                file.read_exact_at(part, from + done).map_err(reading)?;
                self.target.write_all_at(part, to + done)?;
                part.len() as u64
            };
            done += copied;
            if !self.goes_on(copied) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The bytes copied, or `None` where the kernel cannot copy between these filesystems.
    fn kernel_copy(&self, file: &File, mut from: u64, mut to: u64, want: u64) -> io::Result<Option<u64>> {
        let want = usize::try_from(want).map_err(io::Error::other)?;
        match copy_file_range(file, Some(&mut from), self.target, Some(&mut to), want) {
            // the source was longer when it was looked at; reading it says so properly
            Ok(0) => Ok(None),
            Ok(n) => Ok(Some(n as u64)),
            Err(Errno::INTR) => Ok(Some(0)),
            Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::PERM) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// A copy reads and writes; an error has to say which it was.
fn reading(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("a filesystem's file cannot be read: {error}"))
}
