//! Between asynchronous engines, files and synchronous writers: readers that count, report and can be stopped, a writer
//! that keeps the disk busy.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, Bytes as Chunk};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;
use crate::fs::writeback::Writeback;

/// Bytes between two reports.
const REPORT_EVERY: u64 = 4 << 20;

/// A reader that reports what passed and fails once the run is cancelled.
pub struct Watched<R> {
    inner: R,
    cancel: CancellationToken,
    reporter: NodeReporter,
    total: Option<u64>,
    done: u64,
    reported: u64,
}

impl<R: Read> Watched<R> {
    pub fn new(
        inner: R,
        total: Option<u64>,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Watched<R> {
        Watched { inner, cancel: cancel.clone(), reporter: reporter.clone(), total, done: 0, reported: 0 }
    }
}

impl<R> Watched<R> {
    fn passed(&mut self, bytes: u64) {
        self.done += bytes;
        if self.done - self.reported >= REPORT_EVERY {
            self.reported = self.done;
            self.reporter.bytes(self.done, self.total);
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("interrupted"));
        }
        let n = self.inner.read(buffer)?;
        self.passed(n as u64);
        Ok(n)
    }
}

impl<R: Seek> Seek for Watched<R> {
    /// What is passed over counts as done.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let before = self.inner.stream_position()?;
        let after = self.inner.seek(to)?;
        self.passed(after.saturating_sub(before));
        Ok(after)
    }
}

/// A file that is written from its start on, and goes to the disk meanwhile.
pub struct Appended<'a> {
    file: &'a File,
    at: u64,
    writeback: Writeback,
}

impl<'a> Appended<'a> {
    pub fn new(file: &'a File) -> Appended<'a> {
        Appended { file, at: 0, writeback: Writeback::default() }
    }
}

impl Write for Appended<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.writeback.wrote(self.file, self.at, n as u64);
        self.at += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The receiving end of an export as a reader, for a thread that may block.
pub struct ChannelReader {
    receiver: mpsc::Receiver<Chunk>,
    current: Chunk,
    ended: Arc<AtomicBool>,
}

impl ChannelReader {
    /// The flag tells, after a failure, whether the sender had ended first.
    pub fn new(receiver: mpsc::Receiver<Chunk>) -> (ChannelReader, Arc<AtomicBool>) {
        let ended = Arc::new(AtomicBool::new(false));
        (ChannelReader { receiver, current: Chunk::new(), ended: ended.clone() }, ended)
    }
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.current.has_remaining() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = chunk,
                None => {
                    self.ended.store(true, Ordering::SeqCst);
                    return Ok(0);
                }
            }
        }
        let n = buffer.len().min(self.current.remaining());
        self.current.copy_to_slice(&mut buffer[..n]);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_reader_fails() {
        let cancel = CancellationToken::new();
        let mut reader = Watched::new(&b"abc"[..], None, &NodeReporter::silent(), &cancel);
        let mut buffer = [0; 2];
        assert_eq!(reader.read(&mut buffer).expect("reads"), 2);
        cancel.cancel();
        assert!(reader.read(&mut buffer).is_err());
    }

    #[test]
    fn a_channel_reads_as_one_stream() {
        let (sender, receiver) = mpsc::channel(4);
        let (mut reader, ended) = ChannelReader::new(receiver);
        for part in [&b"ab"[..], b"", b"cde"] {
            sender.blocking_send(Chunk::from_static(part)).expect("open");
        }
        drop(sender);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).expect("reads");
        assert_eq!(all, b"abcde");
        assert!(ended.load(Ordering::SeqCst));
    }
}
