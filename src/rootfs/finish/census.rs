//! What a finished tree holds, and how much room it will take.
//!
//! Enters: the tree's nodes, one by one. Leaves: a [`Census`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::Bytes;
use crate::rootfs::tree::{Kind, Node, TreePath};

/// The block of the filesystems osimg writes.
const BLOCK: Bytes = Bytes(4 << 10);
/// A symbolic link of fewer bytes fits into its inode (ext4 has 60 bytes there, xfs more).
const SHORT_LINK: usize = 60;
/// Extended attributes up to about this many bytes fit into a 256-byte ext4 inode.
const SHORT_XATTRS: usize = 80;

/// Counts of a finished tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Nodes but hard links; the root is one of them.
    pub inodes: u64,
    pub directories: u64,
    /// Further names of inodes.
    pub hard_links: u64,
    /// Bytes of file data.
    pub data: Bytes,
    /// Whole 4 KiB blocks that data, directories, long symbolic links and large extended attributes take: a hint for
    /// `size: auto`. Inode tables, journal, bitmaps and extent trees come on top.
    pub blocks: Bytes,
}

impl Census {
    /// What the tree takes on a filesystem of 4 KiB blocks before its fixed parts: blocks, and an inode with its share of
    /// bitmaps and extent trees for each node.
    pub fn footprint(&self) -> Bytes {
        self.blocks + Bytes(self.inodes * 512)
    }
}

/// A census being taken.
#[derive(Default)]
pub struct Count {
    census: Census,
    /// Bytes of entries in each directory.
    directories: BTreeMap<TreePath, u64>,
}

impl Count {
    /// Counts a node that was written.
    pub fn add(&mut self, node: &Node) {
        if let Some(parent) = node.path.parent() {
            // a linear directory entry: 8 bytes and the name, in steps of 4
            let entry = 8 + node.path.name().len().next_multiple_of(4) as u64;
            *self.directories.entry(parent).or_default() += entry;
        }
        let mut blocks = Bytes(0);
        match &node.kind {
            Kind::HardLink { .. } => {
                self.census.hard_links += 1;
                return;
            }
            Kind::Directory => {
                self.census.directories += 1;
                self.directories.entry(node.path.clone()).or_default();
            }
            Kind::File { size } => {
                self.census.data = self.census.data + Bytes(*size);
                blocks = blocks + Bytes(*size).round_up(BLOCK);
            }
            Kind::Symlink { target } if target.len() >= SHORT_LINK => blocks = blocks + BLOCK,
            _ => {}
        }
        let xattrs: usize = node.meta.xattrs.iter().map(|(name, value)| name.len() + value.len() + 16).sum();
        if xattrs > SHORT_XATTRS {
            blocks = blocks + Bytes(xattrs as u64).round_up(BLOCK);
        }
        self.census.inodes += 1;
        self.census.blocks = self.census.blocks + blocks;
    }

    pub fn end(mut self) -> Census {
        for entries in self.directories.into_values() {
            // `.`, `..`, and what splitting leaves empty: blocks of a grown directory are three quarters full
            let bytes = Bytes(24 + entries * 4 / 3).round_up(BLOCK);
            self.census.blocks = self.census.blocks + bytes;
        }
        self.census
    }
}
