//! Filesystem writers: a tree in, a finished filesystem in an image at an offset, in one pass, without root.

pub mod ext4;
pub mod fat;
pub mod features;
mod names;
#[cfg(test)]
mod pinned;
mod sink;
#[cfg(test)]
mod specimen;
pub mod target;
mod walk;
pub mod writeback;
pub mod xfs;
mod zeros;

use std::io;

use uuid::Uuid;

use crate::base::Bytes;
use crate::rootfs::tree::{Timestamp, TreePath, TreeSource};

pub use target::{Window, WriteAt};

/// The block size of ext4 and xfs in bytes: the page size of the machines we make disks for.
const BLOCK: usize = 4096;

/// One block's bytes.
type Block = [u8; BLOCK];

/// What every filesystem is told.
#[derive(Clone, Debug)]
pub struct Request {
    /// The partition's length; the filesystem fills it but for a tail smaller than one block.
    pub size: Bytes,
    pub uuid: Uuid,
    /// Seed of directory hashes, where the format has them.
    pub hash_seed: Uuid,
    /// At most 12 bytes for xfs, 16 for ext4; longer labels are cut at a character.
    pub label: String,
    /// The time the filesystem says it was made, and that of inodes that the tree does not give.
    pub created: Timestamp,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub inodes: u64,
    /// Bytes of file data.
    pub data: Bytes,
    /// Free for the user once mounted.
    pub free: Bytes,
}

/// Why a filesystem could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// `need` is a partition size that is sure to hold the tree.
    #[error("the tree needs a partition of {need}, this one has {have}")]
    TooSmall { need: Bytes, have: Bytes },
    #[error("{path}: {problem}")]
    Unrepresentable { path: String, problem: String },
    #[error("reading the tree: {0}")]
    Read(#[source] io::Error),
    #[error("writing the filesystem: {0}")]
    Write(#[source] io::Error),
}

impl FsError {
    fn unrepresentable(path: &TreePath, problem: impl Into<String>) -> FsError {
        FsError::Unrepresentable { path: path.to_string(), problem: problem.into() }
    }
}

/// A filesystem format.
pub trait Formatter {
    /// Writes the whole filesystem to `out`, whose byte 0 is the partition's first and which reads as zeros
    /// everywhere before the call.
    fn format(
        &self,
        request: &Request,
        tree: &mut dyn TreeSource,
        out: &mut dyn WriteAt,
    ) -> Result<Written, FsError>;
}
