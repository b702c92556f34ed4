//! The optional features as the superblock says them; the facts about them are in [`base::features`](crate::base::features).
//!
//! Always on are CRC32c, file types in directories, 32-bit project ids and version 2 logs.

use crate::base::features::{Table, XFS};
use crate::fs::features::{Flag, Row, Switches};

/// A choice of optional features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// A B+tree of inode chunks with free inodes.
    pub finobt: bool,
    /// Inode chunks may have holes, so that inodes can be made where free space is in pieces.
    pub sparse_inodes: bool,
    /// A B+tree that says who owns each block.
    pub rmapbt: bool,
    /// Files may share blocks; counted in a B+tree, which is empty in a new filesystem.
    pub reflink: bool,
    /// Times until 2486 and not 2038.
    pub bigtime: bool,
    /// The inode B+trees' sizes stand in the AG header.
    pub inobtcount: bool,
    /// Extent counters of 47 bits.
    pub nrext64: bool,
}

/// `sb_features_incompat`: file types in directory entries are always on.
const FTYPE: u32 = 1;

const ROWS: &[Row<Features>] = &[
    Row {
        feature: XFS.row("finobt"),
        flag: Flag::ReadOnly(1),
        get: |f| f.finobt,
        set: |f, on| f.finobt = on,
    },
    Row {
        feature: XFS.row("sparse"),
        flag: Flag::Incompatible(2),
        get: |f| f.sparse_inodes,
        set: |f, on| f.sparse_inodes = on,
    },
    Row {
        feature: XFS.row("rmapbt"),
        flag: Flag::ReadOnly(2),
        get: |f| f.rmapbt,
        set: |f, on| f.rmapbt = on,
    },
    Row {
        feature: XFS.row("reflink"),
        flag: Flag::ReadOnly(4),
        get: |f| f.reflink,
        set: |f, on| f.reflink = on,
    },
    Row {
        feature: XFS.row("bigtime"),
        flag: Flag::Incompatible(8),
        get: |f| f.bigtime,
        set: |f, on| f.bigtime = on,
    },
    Row {
        feature: XFS.row("inobtcount"),
        flag: Flag::ReadOnly(8),
        get: |f| f.inobtcount,
        set: |f, on| f.inobtcount = on,
    },
    Row {
        feature: XFS.row("nrext64"),
        flag: Flag::Incompatible(0x20),
        get: |f| f.nrext64,
        set: |f, on| f.nrext64 = on,
    },
];

impl Switches for Features {
    const TABLE: &'static Table = &XFS;
    const ROWS: &'static [Row<Features>] = ROWS;
}

impl Features {
    /// `sb_features_ro_compat` and `sb_features_incompat`.
    pub(super) fn words(&self) -> (u32, u32) {
        let [_, read_only, incompatible] = self.bits();
        (read_only, incompatible | FTYPE)
    }
}
