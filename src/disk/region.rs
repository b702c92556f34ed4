//! A stretch of an image that exists already: everything in it is written anew, nothing outside is touched.
//!
//! What holds: the stretch reads as zeros when it is opened, and again unless [`Region::keep`] was reached, so a writer
//! that failed midway leaves nothing that could be taken for a filesystem.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::base::Bytes;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// The stretch; the file is locked while it is open.
pub struct Region {
    file: File,
    start: Bytes,
    length: Bytes,
    kept: bool,
}

/// Why there is no such stretch.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    #[error("another process is writing it")]
    Busy,
    #[error("it is no regular file")]
    NotAFile,
    /// Both in bytes, for messages.
    #[error("it ends at byte {have}, which is before byte {end}")]
    PastEnd { end: u64, have: u64 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Region {
    /// Opens `length` bytes from `start` on of the file at `path`, and zeroes them.
    pub fn open(path: &Path, start: Bytes, length: Bytes) -> Result<Region, RegionError> {
        // a device or a FIFO is not even opened, for that alone may do something
        if !std::fs::metadata(path)?.is_file() {
            return Err(RegionError::NotAFile);
        }
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RegionError::Busy),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let have = file.metadata()?.len();
        let end = start.0.saturating_add(length.0);
        if end > have {
            return Err(RegionError::PastEnd { end, have });
        }
        let region = Region { file, start, length, kept: false };
        region.zero()?;
        Ok(region)
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Makes what was written since last.
    pub fn keep(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        self.kept = true;
        Ok(())
    }

    fn zero(&self) -> io::Result<()> {
        if self.length.0 == 0 {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match fallocate(&self.file, flags, self.start.0, self.length.0) {
            Ok(()) => Ok(()),
            // not every filesystem has holes
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(),
            Err(errno) => Err(errno.into()),
        }
    }

    fn write_zeros(&self) -> io::Result<()> {
        let mut done = 0;
        while done < self.length.0 {
            let part = (self.length.0 - done).min(ZEROS.len() as u64) as usize;
            self.file.write_all_at(&ZEROS[..part], self.start.0 + done)?;
            done += part as u64;
        }
        Ok(())
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if !self.kept {
            // the failure that led here is the one to tell
            let _ = self.zero();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("disk.img");
        std::fs::write(&path, [7; 200_000]).expect("an image");
        path
    }

    /// The bytes that differ from 7, as a range and whether all of them are `byte`.
    fn changed(path: &Path, byte: u8) -> (usize, usize) {
        let bytes = std::fs::read(path).expect("readable");
        assert_eq!(bytes.len(), 200_000);
        let first = bytes.iter().position(|b| *b != 7).unwrap_or(0);
        let end = bytes.iter().rposition(|b| *b != 7).map_or(0, |at| at + 1);
        assert!(bytes[first..end].iter().all(|b| *b == byte));
        (first, end)
    }

    #[test]
    fn only_the_stretch_is_touched_and_it_is_zero_unless_kept() {
        let folder = tempfile::tempdir().expect("folder");
        let path = image(folder.path());
        let open = || Region::open(&path, Bytes(512), Bytes(150_001)).expect("opens");
        let region = open();
        assert_eq!(changed(&path, 0), (512, 150_513));
        region.file().write_all_at(&[9; 150_001], 512).expect("writes");
        drop(region);
        assert_eq!(changed(&path, 0), (512, 150_513));
        let region = open();
        region.file().write_all_at(&[9; 150_001], 512).expect("writes");
        region.keep().expect("syncs");
        assert_eq!(changed(&path, 9), (512, 150_513));
        open().write_zeros().expect("writes");
        assert_eq!(changed(&path, 0), (512, 150_513));
    }

    #[test]
    fn refuses_what_it_must_not_write() {
        let folder = tempfile::tempdir().expect("folder");
        let path = image(folder.path());
        let end = Region::open(&path, Bytes(199_680), Bytes(512)).err();
        assert!(matches!(end, Some(RegionError::PastEnd { end: 200_192, have: 200_000 })));
        assert!(Region::open(&path, Bytes(u64::MAX - 511), Bytes(1024)).is_err());
        assert_eq!(changed(&path, 7), (0, 0));
        assert!(matches!(Region::open(folder.path(), Bytes(0), Bytes(1)), Err(RegionError::NotAFile)));
        assert!(matches!(
            Region::open(Path::new("/dev/null"), Bytes(0), Bytes(1)),
            Err(RegionError::NotAFile)
        ));
        let first = Region::open(&path, Bytes(0), Bytes(1)).expect("opens");
        assert!(matches!(Region::open(&path, Bytes(512), Bytes(1)), Err(RegionError::Busy)));
        drop(first);
    }
}
