//! A throw-away disk over an image: what the guest writes goes to a qcow2 file in a private folder, the image is only
//! read, and the folder goes when the value is dropped.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::command::{Call, CommandError};
use super::qemu::Tools;
use crate::base::{Bytes, NodeReporter};

/// Why there is no overlay.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    #[error("{doing} `{path}`: {source}")]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// A disk of one run and the folder that holds it and the run's other files.
pub struct Overlay {
    folder: TempDir,
    tools: Tools,
}

impl Overlay {
    /// An overlay over the raw `image`, in a folder of its own that nobody else may enter.
    pub async fn create(
        tools: &Tools,
        image: &Path,
        cancel: &CancellationToken,
    ) -> Result<Overlay, OverlayError> {
        let image = fs::canonicalize(image).map_err(|source| OverlayError::Io {
            doing: "opening",
            path: image.to_path_buf(),
            source,
        })?;
        let folder = tempfile::Builder::new().prefix("osimg-boot-").tempdir().map_err(|source| {
            OverlayError::Io { doing: "making a folder in", path: std::env::temp_dir(), source }
        })?;
        let overlay = Overlay { folder, tools: tools.clone() };
        Call::new(&tools.img)
            .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
            .arg(&image)
            .arg(overlay.disk())
            .run(&NodeReporter::silent(), cancel)
            .await?;
        Ok(overlay)
    }

    /// The qcow2 file.
    pub fn disk(&self) -> PathBuf {
        self.folder.path().join("disk.qcow2")
    }

    /// A place for another file of the run.
    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `bytes` at `offset` of the disk; the image stays as it is.
    pub async fn write(
        &self,
        offset: Bytes,
        bytes: &[u8],
        cancel: &CancellationToken,
    ) -> Result<(), OverlayError> {
        // qemu-io splits its command at blanks, so the file goes by a name without any in the working folder
        let name = "patch";
        let path = self.folder.path().join(name);
        let io = |source| OverlayError::Io { doing: "writing", path: path.clone(), source };
        fs::File::create(&path).and_then(|mut f| f.write_all(bytes)).map_err(io)?;
        Call::new(&self.tools.io)
            .args(["-f", "qcow2", "-c"])
            .arg(format!("write -s {name} {} {}", offset.0, bytes.len()))
            .arg("disk.qcow2")
            .directory(self.folder.path())
            .run(&NodeReporter::silent(), cancel)
            .await?;
        fs::remove_file(&path).map_err(io)
    }

    /// `length` bytes at `offset` as the disk has them now, also while a guest runs on it; what is not flushed may be missing.
    pub async fn read(
        &self,
        offset: Bytes,
        length: usize,
        cancel: &CancellationToken,
    ) -> Result<Vec<u8>, OverlayError> {
        let name = "piece";
        let path = self.folder.path().join(name);
        Call::new(&self.tools.img)
            // shared with the guest that writes to it
            .args(["dd", "-U", "-f", "qcow2", "-O", "raw", "bs=512", "if=disk.qcow2"])
            .arg(format!("of={name}"))
            .arg(format!("skip={}", offset.0 / 512))
            // releases differ in whether `count` is from the input's start or from what is skipped: enough for both
            .arg(format!("count={}", (offset.0 as usize + length).div_ceil(512)))
            .directory(self.folder.path())
            .run(&NodeReporter::silent(), cancel)
            .await?;
        let mut bytes =
            fs::read(&path).map_err(|source| OverlayError::Io { doing: "reading", path, source })?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Copies `from` into the folder under `name`, writable, and gives its path.
    pub fn copy_in(&self, from: &Path, name: &str) -> Result<PathBuf, OverlayError> {
        let to = self.folder.path().join(name);
        // read and written, not copied, so that a template's read-only mode is not taken over
        fs::read(from).and_then(|bytes| fs::write(&to, bytes)).map_err(|source| OverlayError::Io {
            doing: "copying",
            path: from.to_path_buf(),
            source,
        })?;
        Ok(to)
    }
}
