//! What the front end must know of the disk, asked through the caller: so a test needs no files.

use std::io;
use std::path::Path;

/// The caller's view of files and folders.
pub trait Probe {
    /// The file's bytes; `None` where there is no such file.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;
    fn is_file(&self, path: &Path) -> bool;
    fn is_dir(&self, path: &Path) -> bool;
}
