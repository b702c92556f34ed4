//! Xfs without a kernel: a tree in, a clean filesystem (version 5) out, in one pass over the tree.
//!
//! What enters is a stream of nodes, each file with its data behind it; what leaves is a filesystem that `xfs_repair -n`
//! calls clean and Linux mounts read-write. Blocks of 4 KiB, sectors and inodes of 512 bytes, always. The way of a node:
//!
//! - [`features`]: what kernel and GRUB may be too old for; [`geometry`]: pure arithmetic from the partition's size
//! - [`alloc`] and [`store`]: blocks and inode chunks in order of arrival, written in long runs; [`owners`]: whose they are
//! - [`names`](super::names): the namespace held in memory; [`inode`], [`extents`], [`xattr`], [`xattr_blocks`], [`directory`] over
//!   [`hash_tree`], [`btree`] and [`log`]: values to the bytes of one structure each; [`format`] the headers of the
//!   allocation groups; [`bytes`] and [`hash`] what all of them need
//! - [`write`]: the pass itself; [`finish`]: directories and all that is known only at the end; [`groups`]: the groups' trees
//! - [`dump`](fn@dump): a finished filesystem as text, for tests
//!
//! Memory: an inode in short form (about 170 bytes) plus its names (about 60 bytes and the name's length each) and 1 MiB
//! of buffer. Nothing grows with the size of files, but for `rmapbt`, which holds 32 bytes for each extent.
//!
//! The same tree in the same order gives the same bytes. Another order moves inodes and data, never names inside a
//! directory. The filesystem fills its partition, but for a last group under 16 MiB, which is left out.
//!
//! The specification is "XFS Algorithms & Data Structures" (3rd edition, and its sources in xfs-documentation).

mod alloc;
mod btree;
mod bytes;
mod directory;
mod dump;
mod extents;
mod features;
mod finish;
mod format;
mod geometry;
mod groups;
mod hash;
mod hash_tree;
mod inode;
mod log;
mod owners;
mod store;
mod write;
mod xattr;
mod xattr_blocks;

#[cfg(test)]
pub(super) mod tests;

use crate::rootfs::tree::TreeSource;

use super::walk::walk;
use super::{BLOCK, Block, Formatter, FsError, Request, WriteAt, Written};

pub use dump::dump;
pub use features::Features;

/// Bytes of an inode.
const INODE_SIZE: usize = 512;
const INODES_PER_BLOCK: u32 = (BLOCK / INODE_SIZE) as u32;
const INODES_PER_BLOCK_LOG: u32 = INODES_PER_BLOCK.trailing_zeros();
/// Inodes are made in chunks of so many.
const INODES_PER_CHUNK: u32 = 64;
const CHUNK_BLOCKS: u32 = INODES_PER_CHUNK / INODES_PER_BLOCK;

/// The xfs writer.
///
/// Unrepresentable, and so an error: extended attributes of an unknown prefix or with values over 64 KiB; symlinks that
/// are empty or longer than 1,023 bytes; files over 8 EiB; device numbers above 9 bits of major or 18 of minor; a
/// directory of more than 32 GiB; a feature without the one it needs. Times outside 1901 to 2038 (with `bigtime` 2486)
/// are clamped. Inodes get the tree's mtime as atime too, and `created` as ctime and birth time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Xfs {
    pub features: Features,
}

impl Formatter for Xfs {
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
