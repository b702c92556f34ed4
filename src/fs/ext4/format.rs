//! The superblock and group descriptors as bytes.
//!
//! Kernel documentation, "Super Block" and "Block Group Descriptors"; all fields little-endian.

use uuid::Uuid;

use crate::rootfs::tree::Timestamp;

use super::checksum::{Checksums, crc};
use super::geometry::{GROUP_BLOCKS, Geometry, INODE_SIZE};
use super::inode::{EXTRA, JOURNAL, LOST_AND_FOUND};
use super::{Features, hash};

/// Bytes of a superblock; the first lies 1024 bytes into the filesystem.
pub const SUPERBLOCK: usize = 1024;

/// No inode of the group was ever used: its bitmap need not be read.
pub const INODE_UNINIT: u16 = 1;
/// No block of the group beside its own metadata is used.
pub const BLOCK_UNINIT: u16 = 2;
/// The inode table reads as zeros, so nobody needs to write them at the first mount.
pub const ITABLE_ZEROED: u16 = 4;

/// What a superblock says beside the geometry.
pub struct Superblock<'a> {
    pub geometry: &'a Geometry,
    pub features: Features,
    pub uuid: Uuid,
    pub hash_seed: Uuid,
    pub label: &'a str,
    pub created: Timestamp,
    pub free_blocks: u64,
    pub free_inodes: u32,
    /// The journal inode's block map and size, for the case that the inode is lost.
    pub journal: Option<([u8; 60], u64)>,
}

/// Blocks only root may use: 1 %. mke2fs's 5 % were chosen for small disks; what root needs to log in and clean up
/// does not grow with the disk.
pub fn reserved_for_root(blocks: u64) -> u64 {
    blocks / 100
}

/// The label cut to 16 bytes at a character.
fn label(text: &str) -> &[u8] {
    let end = (0..=text.len().min(16)).rev().find(|at| text.is_char_boundary(*at));
    &text.as_bytes()[..end.unwrap_or(0)]
}

impl Superblock<'_> {
    /// The copy that stands in `group`.
    pub fn encode(&self, group: u32) -> [u8; SUPERBLOCK] {
        let mut out = [0; SUPERBLOCK];
        let g = self.geometry;
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        let time = self.created.secs.clamp(0, (1 << 40) - 1) as u64;
        let [compat, ro_compat, incompat] = self.features.words();
        let root_blocks = reserved_for_root(g.blocks);
        for (at, value) in [
            (0x00, g.groups * g.inodes_per_group),
            (0x04, g.blocks as u32),
            (0x08, root_blocks as u32),
            (0x0C, self.free_blocks as u32),
            (0x10, self.free_inodes),
            (0x18, 2), // log2 of the block size less 10
            (0x1C, 2), // that of a cluster
            (0x20, GROUP_BLOCKS as u32),
            (0x24, GROUP_BLOCKS as u32),
            (0x28, g.inodes_per_group),
            (0x30, time as u32), // written
            (0x40, time as u32), // checked
            (0x4C, 1),           // revision with inodes of any size
            (0x54, LOST_AND_FOUND),
            (0x5C, compat),
            (0x60, incompat),
            (0x64, ro_compat),
            (0xE0, if self.journal.is_some() { JOURNAL } else { 0 }),
            (0x100, 0xC), // mount with user_xattr and acl
            (0x108, time as u32),
            (0x150, (g.blocks >> 32) as u32),
            (0x154, (root_blocks >> 32) as u32),
            (0x158, (self.free_blocks >> 32) as u32),
            (0x160, 1), // directory hashes of signed characters
        ] {
            put(at, &value.to_le_bytes());
        }
        for (at, value) in [
            (0x36, u16::MAX), // no check after a number of mounts
            (0x38, 0xEF53),
            (0x3A, 1), // clean
            (0x3C, 1), // go on after an error
            (0x58, INODE_SIZE as u16),
            (0x5A, group as u16),
            (0xCE, g.reserved_blocks as u16),
            (0xFE, if self.features.bit64 { g.descriptor_size as u16 } else { 0 }),
            (0x15C, EXTRA),
            (0x15E, EXTRA),
        ] {
            put(at, &value.to_le_bytes());
        }
        put(0x68, self.uuid.as_bytes());
        put(0x78, label(self.label));
        put(0xEC, self.hash_seed.as_bytes());
        put(0xFC, &[hash::HALF_MD4, u8::from(self.journal.is_some())]);
        if let Some((map, size)) = &self.journal {
            put(0x10C, map);
            put(0x148, &((size >> 32) as u32).to_le_bytes());
            put(0x14C, &(*size as u32).to_le_bytes());
        }
        put(0x174, &[g.flex.ilog2() as u8, u8::from(self.features.metadata_csum)]);
        let high = (time >> 32) as u8;
        put(0x274, &[high, 0, high, high]); // written, mounted, made, checked
        if self.features.metadata_csum {
            let sum = crc(!0, &out[..SUPERBLOCK - 4]);
            out[SUPERBLOCK - 4..].copy_from_slice(&sum.to_le_bytes());
        }
        out
    }
}

/// What a group descriptor says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Descriptor {
    pub block_bitmap: u64,
    pub inode_bitmap: u64,
    pub inode_table: u64,
    pub free_blocks: u32,
    pub free_inodes: u32,
    pub directories: u32,
    pub flags: u16,
    /// Inodes at the table's end that were never used.
    pub unused_inodes: u32,
    pub block_bitmap_sum: u32,
    pub inode_bitmap_sum: u32,
}

impl Descriptor {
    /// Appends `size` bytes (32 or 64) to `out`.
    pub fn encode(&self, group: u32, size: usize, sums: &Checksums, out: &mut Vec<u8>) {
        let mut d = [0u8; 64];
        let mut wide = |low: usize, high: usize, value: u64| {
            d[low..low + 4].copy_from_slice(&(value as u32).to_le_bytes());
            d[high..high + 4].copy_from_slice(&((value >> 32) as u32).to_le_bytes());
        };
        wide(0x00, 0x20, self.block_bitmap);
        wide(0x04, 0x24, self.inode_bitmap);
        wide(0x08, 0x28, self.inode_table);
        let mut narrow = |low: usize, high: usize, value: u32| {
            d[low..low + 2].copy_from_slice(&(value as u16).to_le_bytes());
            d[high..high + 2].copy_from_slice(&((value >> 16) as u16).to_le_bytes());
        };
        narrow(0x0C, 0x2C, self.free_blocks);
        narrow(0x0E, 0x2E, self.free_inodes);
        narrow(0x10, 0x30, self.directories);
        narrow(0x1C, 0x32, self.unused_inodes);
        narrow(0x18, 0x38, self.block_bitmap_sum);
        narrow(0x1A, 0x3A, self.inode_bitmap_sum);
        d[0x12..0x14].copy_from_slice(&self.flags.to_le_bytes());
        let sum = sums.descriptor(group, &d[..size]);
        d[0x1E..0x20].copy_from_slice(&sum.to_le_bytes());
        out.extend_from_slice(&d[..size]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_at_a_character() {
        assert_eq!(label("root"), b"root");
        assert_eq!(label("0123456789abcdefg"), b"0123456789abcdef");
        assert_eq!(label("0123456789abcde\u{fc}"), b"0123456789abcde");
        assert_eq!(label(""), b"");
    }
}
