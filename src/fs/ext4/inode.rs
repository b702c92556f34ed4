//! Inode records: 256 bytes each, held in memory until the pass is over.
//!
//! Kernel documentation, "Index Nodes". The extra part is 32 bytes, which leaves 96 for extended attributes.

use crate::rootfs::tree::{Meta, Timestamp};

use super::super::names::Type;
use super::checksum::{Checksums, crc};
use super::geometry::{INODE_SIZE, INODES_PER_BLOCK};
use super::xattr::IN_INODE;
use super::{BLOCK, Block};

pub const ROOT: u32 = 2;
pub const RESIZE: u32 = 7;
pub const JOURNAL: u32 = 8;
/// The first inode that is not reserved, and by custom that of `lost+found`.
pub const LOST_AND_FOUND: u32 = 11;

/// The file is mapped by extents.
pub const EXTENTS: u32 = 0x0008_0000;
/// The directory has a hash index.
pub const INDEX: u32 = 0x1000;
/// Names that one inode can have.
pub const MOST_LINKS: u16 = 65_000;
/// Bytes of the block map, which holds an extent tree's root, a short symlink's target or a device number.
pub const MAP: usize = 60;
/// Bytes of the extra part that we fill.
pub const EXTRA: u16 = 32;

/// An inode's record, read and written in place.
pub struct Record<'a>(&'a mut [u8]);

/// Seconds as stored: 32 signed bits, and in the extra word two more bits above nanoseconds. The kernel reads 1901-12-13
/// to 2446-05-10, but e2fsck takes what comes after 2310-04-03 for a date before 1970 that was badly written, and wants
/// to mend it. So times outside 1901-12-13 to 2310-04-03 become the range's ends.
fn time(t: Timestamp) -> (u32, u32) {
    const FIRST: i64 = i32::MIN as i64;
    const LAST: i64 = 0x2_7FFF_FFFF;
    let secs = t.secs.clamp(FIRST, LAST);
    let nanos = if secs == t.secs { t.nanos.min(999_999_999) } else { 0 };
    let epoch = (secs - i64::from(secs as i32)) >> 32;
    (secs as u32, nanos << 2 | (epoch as u32 & 3))
}

impl Record<'_> {
    fn put16(&mut self, at: usize, value: u16) {
        self.0[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    fn put32(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Type, permissions, owner and times. Leaves links, size, map and attributes as they are.
    pub fn set_meta(&mut self, kind: Type, meta: &Meta, created: Timestamp) {
        self.put16(0x00, kind.mode() | (meta.mode & 0o7777));
        self.put16(0x02, meta.uid as u16);
        self.put16(0x18, meta.gid as u16);
        self.put16(0x78, (meta.uid >> 16) as u16);
        self.put16(0x7A, (meta.gid >> 16) as u16);
        self.put16(0x80, EXTRA);
        let (mtime, mtime_extra) = time(meta.mtime);
        let (now, now_extra) = time(created);
        self.put32(0x08, mtime); // atime
        self.put32(0x0C, now); // ctime
        self.put32(0x10, mtime);
        self.put32(0x84, now_extra);
        self.put32(0x88, mtime_extra);
        self.put32(0x8C, mtime_extra);
        self.put32(0x90, now); // birth
        self.put32(0x94, now_extra);
    }

    pub fn set_links(&mut self, links: u16) {
        self.put16(0x1A, links);
    }

    pub fn links(&self) -> u16 {
        u16::from_le_bytes([self.0[0x1A], self.0[0x1B]])
    }

    /// In bytes.
    pub fn set_size(&mut self, size: u64) {
        self.put32(0x04, size as u32);
        self.put32(0x6C, (size >> 32) as u32);
    }

    /// Adds blocks of 4 KiB to those the inode occupies.
    pub fn add_blocks(&mut self, blocks: u64) {
        let old = u64::from(u32::from_le_bytes([self.0[0x1C], self.0[0x1D], self.0[0x1E], self.0[0x1F]]))
            | u64::from(u16::from_le_bytes([self.0[0x74], self.0[0x75]])) << 32;
        let sectors = old + blocks * (BLOCK as u64 / 512);
        self.put32(0x1C, sectors as u32);
        self.put16(0x74, (sectors >> 32) as u16);
    }

    pub fn set_flags(&mut self, flags: u32) {
        self.put32(0x20, flags);
    }

    pub fn set_map(&mut self, map: &[u8; MAP]) {
        self.0[0x28..0x28 + MAP].copy_from_slice(map);
    }

    pub fn set_body(&mut self, attributes: &[u8; IN_INODE]) {
        self.0[INODE_SIZE - IN_INODE..].copy_from_slice(attributes);
    }

    /// The block with more extended attributes.
    pub fn set_attribute_block(&mut self, block: u64) {
        self.put32(0x68, block as u32);
        self.put16(0x76, (block >> 32) as u16);
        self.add_blocks(1);
    }

    fn seal(&mut self, seed: u32) {
        let sum = crc(seed, self.0);
        self.put16(0x7C, sum as u16);
        self.put16(0x82, (sum >> 16) as u16);
    }
}

/// A device's number in the block map: the old form where it fits, as the kernel does. `None` over 12 bits of major
/// or 20 of minor.
pub fn device(major: u32, minor: u32) -> Option<[u8; MAP]> {
    let mut map = [0; MAP];
    if major < 256 && minor < 256 {
        map[0..4].copy_from_slice(&(major << 8 | minor).to_le_bytes());
    } else if major < 1 << 12 && minor < 1 << 20 {
        let number = (minor & 0xFF) | major << 8 | (minor & !0xFF) << 12;
        map[4..8].copy_from_slice(&number.to_le_bytes());
    } else {
        return None;
    }
    Some(map)
}

/// All inodes from number 1 on, in blocks of the inode table.
pub struct InodeTable {
    blocks: Vec<Box<Block>>,
    /// Inodes in use, the reserved ones included.
    used: u32,
}

impl InodeTable {
    /// With the reserved inodes and `lost+found` in use, all empty.
    pub fn new() -> InodeTable {
        InodeTable { blocks: vec![Box::new([0; BLOCK])], used: LOST_AND_FOUND }
    }

    /// The number of a new, empty inode; `None` after 2^32.
    pub fn add(&mut self) -> Option<u32> {
        self.used = self.used.checked_add(1)?;
        if (self.blocks.len() as u64) * u64::from(INODES_PER_BLOCK) < u64::from(self.used) {
            self.blocks.push(Box::new([0; BLOCK]));
        }
        Some(self.used)
    }

    pub fn used(&self) -> u32 {
        self.used
    }

    pub fn record(&mut self, number: u32) -> Record<'_> {
        let index = number as usize - 1;
        let per_block = INODES_PER_BLOCK as usize;
        let at = index % per_block * INODE_SIZE;
        Record(&mut self.blocks[index / per_block][at..at + INODE_SIZE])
    }

    /// Puts a checksum into every inode in use. Empty ones need none.
    pub fn seal(&mut self, sums: &Checksums) {
        for number in 1..=self.used {
            if let Some(seed) = sums.inode(number) {
                let mut record = self.record(number);
                if record.links() > 0 {
                    record.seal(seed);
                }
            }
        }
    }

    /// Blocks of the table, from inode 1 on.
    pub fn blocks(&self) -> &[Box<Block>] {
        &self.blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_34_bits() {
        let at = |secs, nanos| time(Timestamp { secs, nanos });
        assert_eq!(at(0, 5), (0, 20));
        assert_eq!(at(-1, 0), (u32::MAX, 0));
        assert_eq!(at(0x7FFF_FFFF, 0), (0x7FFF_FFFF, 0));
        // The table in the kernel's documentation.
        assert_eq!(at(0x8000_0000, 0), (0x8000_0000, 1));
        assert_eq!(at(0x1_7FFF_FFFF, 0), (0x7FFF_FFFF, 1));
        assert_eq!(at(0x1_8000_0000, 1), (0x8000_0000, 2 | 4));
        assert_eq!(at(0x2_7FFF_FFFF, 1), (0x7FFF_FFFF, 2 | 4));
        assert_eq!(at(0x2_8000_0000, 7), (0x7FFF_FFFF, 2));
        assert_eq!(at(i64::MIN, 7), (0x8000_0000, 0));
    }

    #[test]
    fn device_numbers() {
        let words = |major, minor| {
            device(major, minor).map(|m| {
                (u32::from_le_bytes([m[0], m[1], m[2], m[3]]), u32::from_le_bytes([m[4], m[5], m[6], m[7]]))
            })
        };
        assert_eq!(words(1, 3), Some((0x103, 0)));
        assert_eq!(words(8, 256), Some((0, 0x0010_0800)));
        assert_eq!(words(259, 70_000), Some((0, (70_000 & 0xFF) | 259 << 8 | (70_000 & !0xFF) << 12)));
        assert_eq!(words(4096, 0), None);
        assert_eq!(words(0, 1 << 20), None);
    }
}
