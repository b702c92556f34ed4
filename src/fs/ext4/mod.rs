//! Ext4 without a kernel: a tree in, a clean filesystem out, in one pass over the tree.
//!
//! What enters is a stream of nodes, each file with its data behind it; what leaves is a filesystem that `e2fsck -f`
//! calls clean and Linux mounts read-write. Blocks of 4 KiB and inodes of 256 bytes, always. The way of a node:
//!
//! - [`features`]: what kernel and GRUB may be too old for; [`geometry`]: pure arithmetic from the partition's size: groups, inode count, where metadata lies
//! - [`alloc`] and [`store`]: data blocks in order of arrival, past the metadata, written in long runs
//! - [`names`](super::names): the namespace held in memory; [`inode`], [`xattr`], [`extents`], [`directory`] and [`journal`]: values
//!   to the bytes of one structure each; [`format`] the superblock and group descriptors; [`checksum`] theirs
//! - [`write`]: the pass itself; [`finish`]: directories and all that is known only at the end
//! - [`dump`](fn@dump): a finished filesystem as text, for tests
//!
//! Memory: 256 bytes an inode plus its names (about 60 bytes and the name's length each) and 1 MiB of buffer: 340 bytes
//! a file measured, 37 MB for 100,000 files. Nothing grows with the size of files; while one file is written its extent
//! tree holds a block a level.
//!
//! The same tree in the same order gives the same bytes. Another order moves inodes and data, never names inside a
//! directory. The filesystem fills its partition, but for a last group too short for its own metadata (under 10 MiB),
//! which is left out.
//!
//! The specification is the kernel's Documentation/filesystems/ext4/, and e2fsprogs where that is silent.

mod alloc;
mod checksum;
mod directory;
mod dump;
mod extents;
mod features;
mod finish;
mod format;
mod geometry;
mod hash;
mod inode;
mod journal;
mod store;
mod write;
mod xattr;

#[cfg(test)]
pub(super) mod tests;

use crate::rootfs::tree::TreeSource;

use super::walk::walk;
use super::{BLOCK, Block, Formatter, FsError, Request, WriteAt, Written};

pub use dump::dump;
pub use features::Features;

/// The ext4 writer.
///
/// Unrepresentable, and so an error: extended attributes that do not fit an inode and one block, or have no known
/// prefix; symlinks that are empty or longer than 4,095 bytes; files over 16 TiB; more than 65,000 names of one file;
/// device numbers above 12 bits of major or 20 of minor; a partition over 16 TiB; a `/lost+found` that is no
/// directory. Times outside 1901 to 2310 are clamped. Inodes get the tree's mtime as atime too,
/// and `created` as ctime and birth time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ext4 {
    pub features: Features,
}

impl Formatter for Ext4 {
    fn format(
        &self,
        request: &Request,
        tree: &mut dyn TreeSource,
        out: &mut dyn WriteAt,
    ) -> Result<Written, FsError> {
        let pass = write::Pass::begin(self.features, request, out)?;
        let (pass, walked) = walk(pass, request.created, tree)?;
        pass.finish(walked)
    }
}
