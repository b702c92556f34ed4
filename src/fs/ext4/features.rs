//! The optional features as the superblock says them; the facts about them are in [`base::features`](crate::base::features).
//!
//! All the rest (extents, flex groups, hashed directories, the resize inode, nanosecond times ...) is read by every ext4
//! since Linux 2.6.28 and always on.

use crate::base::features::{EXT4, Table};
use crate::fs::features::{Flag, Row, Switches};

/// A choice of optional features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// CRC32c over every structure (`metadata_csum`). Without it group descriptors alone have a CRC16 (`uninit_bg`).
    pub metadata_csum: bool,
    /// Descriptors of 64 bytes (`64bit`). Lets the filesystem grow past 16 TiB.
    pub bit64: bool,
    /// A journal (`has_journal`), of the size that mke2fs would choose.
    pub journal: bool,
}

impl Default for Features {
    /// What is usual for a new kernel.
    fn default() -> Features {
        Features { metadata_csum: true, bit64: true, journal: true }
    }
}

const COMPAT_EXT_ATTR: u32 = 0x8;
const COMPAT_RESIZE_INODE: u32 = 0x10;
const COMPAT_DIR_INDEX: u32 = 0x20;
const INCOMPAT_FILETYPE: u32 = 0x2;
const INCOMPAT_EXTENTS: u32 = 0x40;
const INCOMPAT_FLEX_BG: u32 = 0x200;
const RO_SPARSE_SUPER: u32 = 0x1;
const RO_LARGE_FILE: u32 = 0x2;
const RO_HUGE_FILE: u32 = 0x8;
const RO_GDT_CSUM: u32 = 0x10;
const RO_DIR_NLINK: u32 = 0x20;
const RO_EXTRA_ISIZE: u32 = 0x40;

/// The bits of every filesystem.
const ALWAYS: [u32; 3] = [
    COMPAT_EXT_ATTR | COMPAT_RESIZE_INODE | COMPAT_DIR_INDEX,
    RO_SPARSE_SUPER | RO_LARGE_FILE | RO_HUGE_FILE | RO_DIR_NLINK | RO_EXTRA_ISIZE,
    INCOMPAT_FILETYPE | INCOMPAT_EXTENTS | INCOMPAT_FLEX_BG,
];

const ROWS: &[Row<Features>] = &[
    Row {
        feature: EXT4.row("has_journal"),
        flag: Flag::Compatible(0x4),
        get: |f| f.journal,
        set: |f, on| f.journal = on,
    },
    Row {
        feature: EXT4.row("64bit"),
        flag: Flag::Incompatible(0x80),
        get: |f| f.bit64,
        set: |f, on| f.bit64 = on,
    },
    Row {
        feature: EXT4.row("metadata_csum"),
        flag: Flag::ReadOnly(0x400),
        get: |f| f.metadata_csum,
        set: |f, on| f.metadata_csum = on,
    },
];

impl Switches for Features {
    const TABLE: &'static Table = &EXT4;
    const ROWS: &'static [Row<Features>] = ROWS;
}

impl Features {
    /// The feature words: compatible, read-only compatible, incompatible.
    pub(super) fn words(&self) -> [u32; 3] {
        let [compatible, mut read_only, incompatible] = self.bits();
        if !self.metadata_csum {
            read_only |= RO_GDT_CSUM;
        }
        [compatible | ALWAYS[0], read_only | ALWAYS[1], incompatible | ALWAYS[2]]
    }
}
