//! An image as a list of pieces over zeros: written to a file, and hashed, each in one ascending pass.
//!
//! Both passes read the sources for themselves, so that they can run side by side: what one has read, the other finds
//! in the page cache. A filesystem with reflinks shares the blocks and copies nothing.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use rustix::fs::copy_file_range;
use rustix::io::Errno;

use crate::base::Digest;
use crate::base::digest::HashWriter;

/// Bytes between two looks at whether to stop.
const STRIDE: u64 = 4 << 20;
/// Bytes read at once.
const BUFFER: usize = 256 << 10;
/// Buffers that are read before they are hashed.
const AHEAD: usize = 4;
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

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

/// Writes the pieces into `target`; returns early, without an error, once `stop` is set.
pub fn write(pieces: &[Piece<'_>], target: &File, stop: &AtomicBool) -> io::Result<()> {
    let mut copier = Copier { target, stop, in_kernel: true, buffer: Vec::new() };
    for piece in pieces {
        match piece.source {
            Source::Bytes(bytes) => target.write_all_at(bytes, piece.at)?,
            Source::File { file, at } => copier.copy(file, at, piece.at, piece.length)?,
        }
    }
    Ok(())
}

struct Copier<'a> {
    target: &'a File,
    stop: &'a AtomicBool,
    /// Whether `copy_file_range` works between these two files.
    in_kernel: bool,
    buffer: Vec<u8>,
}

impl Copier<'_> {
    fn copy(&mut self, file: &File, from: u64, to: u64, length: u64) -> io::Result<()> {
        let mut done = 0;
        while done < length && !self.stop.load(Ordering::Relaxed) {
            let want = (length - done).min(STRIDE);
            done += if self.in_kernel {
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
        }
        Ok(())
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

/// Both passes read and write; an error has to say which it was.
fn reading(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("a filesystem's file cannot be read: {error}"))
}

/// The digest of an image of `total` bytes. `go_on` is told the bytes behind us, and ends the pass by saying no:
/// then there is no digest. Hashing takes longest of all that an image needs, so a thread of its own reads for it.
pub fn digest(
    pieces: &[Piece<'_>],
    total: u64,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> io::Result<Option<Digest>> {
    thread::scope(|scope| {
        // in here, so that our ends go before the thread is waited for: a pass that ends early must end it too
        let (full, read) = mpsc::sync_channel(AHEAD);
        let (hashed, empty) = mpsc::channel();
        scope.spawn(move || read_ahead(pieces, &full, &empty));
        Pass { hasher: HashWriter::new(io::sink()), done: 0, told: 0, go_on }
            .run(pieces, total, &read, &hashed)
    })
}

/// Reads what the pieces take from files, in their order, until all is read, a read fails, or nobody takes it any more.
fn read_ahead(pieces: &[Piece<'_>], full: &SyncSender<io::Result<Vec<u8>>>, empty: &Receiver<Vec<u8>>) {
    for piece in pieces {
        let Source::File { file, at } = piece.source else { continue };
        let mut done = 0;
        while done < piece.length {
            let mut buffer = empty.try_recv().unwrap_or_default();
            buffer.resize((piece.length - done).min(BUFFER as u64) as usize, 0);
            let result = file.read_exact_at(&mut buffer, at + done).map_err(reading);
            done += buffer.len() as u64;
            let failed = result.is_err();
            if full.send(result.map(|()| buffer)).is_err() || failed {
                return;
            }
        }
    }
}

struct Pass<'a> {
    hasher: HashWriter<io::Sink>,
    done: u64,
    told: u64,
    go_on: &'a mut dyn FnMut(u64) -> bool,
}

impl Pass<'_> {
    fn run(
        mut self,
        pieces: &[Piece<'_>],
        total: u64,
        read: &Receiver<io::Result<Vec<u8>>>,
        hashed: &Sender<Vec<u8>>,
    ) -> io::Result<Option<Digest>> {
        for piece in pieces {
            if !self.zeros(piece.at)? {
                return Ok(None);
            }
            if let Source::Bytes(bytes) = piece.source
                && !self.bytes(bytes)?
            {
                return Ok(None);
            }
            let end = piece.at + piece.length;
            while self.done < end {
                let buffer = read.recv().map_err(|_| io::Error::other("the reading thread died"))??;
                if !self.bytes(&buffer)? {
                    return Ok(None);
                }
                // nobody reads any more once all is read
                let _ = hashed.send(buffer);
            }
        }
        if !self.zeros(total)? {
            return Ok(None);
        }
        (self.go_on)(total);
        Ok(Some(self.hasher.finish().1))
    }

    /// False when the pass is to end.
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<bool> {
        self.hasher.write_all(bytes)?;
        self.done += bytes.len() as u64;
        if self.done - self.told < STRIDE {
            return Ok(true);
        }
        self.told = self.done;
        Ok((self.go_on)(self.done))
    }

    fn zeros(&mut self, until: u64) -> io::Result<bool> {
        while self.done < until {
            let n = (until - self.done).min(ZEROS.len() as u64) as usize;
            if !self.bytes(&ZEROS[..n])? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
