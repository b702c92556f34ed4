//! What the front end must know of the disk, asked through the caller: so a test needs no files.

use std::io;
use std::path::Path;

/// The caller's view of files and folders.
pub trait Probe {
    /// The file's bytes; `None` where there is no such file.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;
    fn is_file(&self, path: &Path) -> bool;
    fn is_dir(&self, path: &Path) -> bool;
    /// The names in a folder, of whatever kind they are, in order; `None` where there is no folder or it cannot be read.
    /// Names that are not UTF-8 may be left out.
    fn list(&self, path: &Path) -> Option<Vec<String>>;
}
