//! Ext4 without a kernel: a tree in, a clean filesystem out, in one pass over the tree.
//!
//! What enters is a stream of nodes, each file with its data behind it; what leaves is a filesystem that `e2fsck -f`
//! calls clean and Linux mounts read-write. Blocks of 4 KiB and inodes of 256 bytes, always. The way of a node:
//!
//! - [`geometry`]: pure arithmetic from the partition's size: groups, inode count, where metadata lies
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

/// What a kernel and a boot loader may be too old for. All the rest (extents, flex groups, hashed directories, the
/// resize inode, nanosecond times …) is read by every ext4 since Linux 2.6.28 and always on. `orphan_file` and
/// `metadata_csum_seed` are never used: GRUB 2.02 refuses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// CRC32c over every structure (`metadata_csum`): Linux 3.18 in earnest, e2fsprogs 1.43 (el7 has 1.42.9, whose
    /// fsck refuses it). Without it group descriptors alone have a CRC16 (`uninit_bg`).
    pub metadata_csum: bool,
    /// Descriptors of 64 bytes (`64bit`): Linux 2.6.28, e2fsprogs 1.42. Lets the filesystem grow past 16 TiB.
    pub bit64: bool,
    /// A journal (`has_journal`), of the size that mke2fs would choose.
    pub journal: bool,
}

impl Default for Features {
    fn default() -> Features {
        Features { metadata_csum: true, bit64: true, journal: true }
    }
}

impl Features {
    /// What Linux `version` (as `uname -r` says it) and the fsck of its time read. Before 4.4 neither `metadata_csum` nor
    /// `64bit`: the kernel of el7 mounts both, but the e2fsprogs beside it refuses to check them and the boot stops
    /// there. A version that cannot be read counts as a new one.
    pub fn for_kernel(version: &str) -> Features {
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < (4, 4) => {
                Features { metadata_csum: false, bit64: false, journal: true }
            }
            _ => Features::default(),
        }
    }
}

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

#[cfg(test)]
mod for_kernels {
    use super::*;

    #[test]
    fn an_old_kernel_gets_an_old_filesystem() {
        for old in ["3.10.0-1160.11.1.el7.x86_64", "2.6.32-754.el6.x86_64", "4.3.0"] {
            assert!(!Features::for_kernel(old).metadata_csum, "{old}");
        }
        for new in ["4.4.0-210-generic", "4.18.0-240.10.1.el8_3.x86_64", "6.1.0-56-amd64", "x"] {
            assert_eq!(Features::for_kernel(new), Features::default(), "{new}");
        }
    }
}
