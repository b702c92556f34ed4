//! Early writing to the disk: what a file was given goes to the disk while more of it is made, so that the sync at its
//! end has little left to wait for.
//!
//! Enters: where bytes were just written. What holds: nothing is waited for, and nothing of the file's content depends on
//! it. Linux begins to write out a range that it is told will not be needed (`fadvise`, mm/fadvise.c); what it has not
//! written stays in the page cache, so most of it is still there for who reads it next.

use std::fs::File;
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};

/// Bytes written before the disk is told: few enough to keep it busy, enough for large requests.
const STRIDE: u64 = 32 << 20;

/// The stretch of a file that was written and that the disk was not told of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Writeback {
    start: u64,
    end: u64,
}

impl Writeback {
    /// Notes that `length` bytes were written at `offset`. Writers ascend; what lies elsewhere waits for the sync.
    pub fn wrote(&mut self, file: &File, offset: u64, length: u64) {
        let follows = (self.end..self.end.saturating_add(STRIDE)).contains(&offset);
        if !follows {
            self.tell(file);
            self.start = offset;
        }
        self.end = offset.saturating_add(length);
        if self.end - self.start >= STRIDE {
            self.tell(file);
        }
    }

    fn tell(&mut self, file: &File) {
        if let Some(length) = NonZeroU64::new(self.end - self.start)
            && length.get() >= STRIDE
        {
            // a hint: where it fails, the sync writes all
            let _ = fadvise(file, self.start, Some(length), Advice::DontNeed);
        }
        self.start = self.end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_told_of_ascending_stretches() {
        let file = tempfile::tempfile().expect("file");
        let mut writeback = Writeback::default();
        let untold = |w: &Writeback| (w.start, w.end);
        writeback.wrote(&file, 0, STRIDE - 1);
        assert_eq!(untold(&writeback), (0, STRIDE - 1));
        // a small gap is a hole of the same stretch
        writeback.wrote(&file, STRIDE + 100, 1);
        assert_eq!(untold(&writeback), (STRIDE + 101, STRIDE + 101));
        writeback.wrote(&file, 10 * STRIDE, 5);
        writeback.wrote(&file, 3, 4);
        assert_eq!(untold(&writeback), (3, 7));
    }
}
