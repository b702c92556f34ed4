//! A file that appears under its name only when it is whole.
//!
//! It is written as `.<name>.partial` beside its target, so that the final rename stays inside one filesystem. Dropped
//! without [`Partial::publish`] it is removed and the target stays as it was. The name is fixed, not random: what a
//! killed run left behind is written over by the next one, and a lock keeps two runs off each other.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file being written.
pub struct Partial {
    file: File,
    path: PathBuf,
    folder: PathBuf,
    target: PathBuf,
    published: bool,
}

/// Why there is no such file.
#[derive(Debug)]
pub enum PartialError {
    /// Another process is writing the same target.
    Busy,
    /// The target is there and is no regular file, or has no name.
    NotAFile,
    Io(io::Error),
}

impl From<io::Error> for PartialError {
    fn from(error: io::Error) -> PartialError {
        PartialError::Io(error)
    }
}

impl Partial {
    /// An empty file for `target`, whose folder is created where missing.
    pub fn create(target: &Path) -> Result<Partial, PartialError> {
        if fs::symlink_metadata(target).is_ok_and(|m| !m.is_file() && !m.is_symlink())
            || fs::metadata(target).is_ok_and(|m| !m.is_file())
        {
            return Err(PartialError::NotAFile);
        }
        let name = target.file_name().ok_or(PartialError::NotAFile)?;
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&folder)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".partial");
        let path = folder.join(hidden);
        loop {
            // the length is cut only once the file is known to be ours
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(PartialError::Busy),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            // another run may have renamed or removed what was opened before it was locked
            let opened = file.metadata()?;
            if fs::metadata(&path).is_ok_and(|m| (m.dev(), m.ino()) == (opened.dev(), opened.ino())) {
                let partial = Partial { file, path, folder, target: target.to_path_buf(), published: false };
                partial.file.set_len(0)?;
                return Ok(partial);
            }
        }
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Syncs the file, gives it its name in place of what had it before, and syncs the folder.
    pub fn publish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, &self.target)?;
        self.published = true;
        File::open(&self.folder)?.sync_all()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.published {
            // nothing better can be done about a failure here than to leave it to the next run
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("folder")
            .map(|e| e.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("folder");
        let target = folder.path().join("deep/er/disk.img");
        let partial = Partial::create(&target).expect("partial");
        partial.file().write_all(b"new").expect("write");
        assert!(!target.exists());
        drop(partial);
        let inside = target.parent().expect("folder");
        assert_eq!(names(inside), [""; 0]);

        let partial = Partial::create(&target).expect("partial");
        partial.file().write_all(b"new").expect("write");
        partial.publish().expect("publish");
        assert_eq!(names(inside), ["disk.img"]);
        assert_eq!(fs::read(&target).expect("target"), b"new");
    }

    #[test]
    fn writes_over_what_a_killed_run_left_but_not_beside_a_living_one() {
        let folder = tempfile::tempdir().expect("folder");
        let target = folder.path().join("disk.img");
        fs::write(folder.path().join(".disk.img.partial"), b"old and longer").expect("write");
        let first = Partial::create(&target).expect("partial");
        assert!(matches!(Partial::create(&target), Err(PartialError::Busy)));
        first.file().write_all(b"x").expect("write");
        first.publish().expect("publish");
        assert_eq!(fs::read(&target).expect("target"), b"x");
        drop(Partial::create(&target).expect("free again"));
        assert_eq!(fs::read(&target).expect("target"), b"x");
    }

    #[test]
    fn refuses_a_target_that_is_no_file() {
        let folder = tempfile::tempdir().expect("folder");
        assert!(matches!(Partial::create(folder.path()), Err(PartialError::NotAFile)));
        assert!(matches!(Partial::create(Path::new("/dev/null")), Err(PartialError::NotAFile)));
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
