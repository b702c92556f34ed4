//! A filesystem's structure as text: the superblock, the groups with their bitmaps, each inode with its map and blocks.
//!
//! What enters is a filesystem of ours, what leaves says where everything lies, in an order that makes two dumps
//! comparable. Every checksum on the way is computed again, counts are held against the bitmaps, backups against the
//! first superblock, and each name of an indexed directory against the hashes of its leaf. It reads only what the writer
//! writes: no holes in directories, no unwritten extents, no attributes in inodes of their own.

mod inode;
mod names;

use std::fmt::Write as _;
use std::io::{self, Read, Seek, SeekFrom};

use uuid::Uuid;

use super::checksum::{Checksums, crc};
use super::format::{BLOCK_UNINIT, INODE_UNINIT, ITABLE_ZEROED, SUPERBLOCK};
use super::geometry::GROUP_BLOCKS;
use super::{BLOCK, Block, hash};

/// Where the three words of feature bits lie, and what their bits are called.
const FEATURES: [(usize, &[(u32, &str)]); 3] = [
    (0x5C, &[(0x4, "has_journal"), (0x8, "ext_attr"), (0x10, "resize_inode"), (0x20, "dir_index")]),
    (0x60, &[(0x2, "filetype"), (0x40, "extent"), (0x80, "64bit"), (0x200, "flex_bg")]),
    (
        0x64,
        &[
            (0x1, "sparse_super"),
            (0x2, "large_file"),
            (0x8, "huge_file"),
            (0x10, "uninit_bg"),
            (0x20, "dir_nlink"),
            (0x40, "extra_isize"),
            (0x400, "metadata_csum"),
        ],
    ),
];

/// The filesystem in `image`, which begins with it.
///
/// # Errors
/// Reading failed, or something is not as the writer writes it: what and where.
pub fn dump<R: Read + Seek>(image: &mut R) -> io::Result<String> {
    let mut superblock = [0; SUPERBLOCK];
    read(image, 1024, &mut superblock)?;
    let named = |name: &str| {
        FEATURES
            .iter()
            .any(|(at, bits)| bits.iter().any(|(bit, n)| *n == name && get32(&superblock, *at) & bit != 0))
    };
    let (checked, wide) = (named("metadata_csum"), named("64bit"));
    let uuid = |at: usize| Uuid::from_slice(&superblock[at..at + 16]).map_err(wrong);
    let mut dump = Dump {
        image,
        out: String::new(),
        sums: Checksums::new(uuid(0x68)?, checked),
        hash_seed: hash::seed(uuid(0xEC)?),
        blocks: get32(&superblock, 0x04).into(),
        inodes_per_group: get32(&superblock, 0x28),
        descriptor_size: if wide { 64 } else { 32 },
        tables: Vec::new(),
    };
    dump.superblock(&superblock)?;
    dump.groups(&superblock)?;
    Ok(dump.out)
}

struct Dump<'a, R> {
    image: &'a mut R,
    out: String,
    sums: Checksums,
    hash_seed: [u32; 4],
    blocks: u64,
    inodes_per_group: u32,
    descriptor_size: usize,
    /// The first block of each group's inode table.
    tables: Vec<u64>,
}

fn wrong(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

fn get16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn get32(bytes: &[u8], at: usize) -> u32 {
    u32::from(get16(bytes, at)) | u32::from(get16(bytes, at + 2)) << 16
}

fn read<R: Read + Seek>(image: &mut R, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    image.seek(SeekFrom::Start(offset))?;
    image.read_exact(bytes)
}

/// `computed` is `None` where the filesystem has no checksums.
fn sealed(computed: Option<u32>, stored: u32, what: impl std::fmt::Display) -> io::Result<()> {
    match computed {
        Some(sum) if sum != stored => Err(wrong(format!("the checksum of {what} is wrong"))),
        _ => Ok(()),
    }
}

/// The runs of set bits among the first `length`, `first + count` each.
fn runs(bitmap: &Block, length: u32) -> Vec<(u32, u32)> {
    let mut out: Vec<(u32, u32)> = Vec::new();
    for bit in (0..length).filter(|bit| bitmap[*bit as usize / 8] & 1 << (bit % 8) != 0) {
        match out.last_mut() {
            Some((first, count)) if *first + *count == bit => *count += 1,
            _ => out.push((bit, 1)),
        }
    }
    out
}

fn shown(runs: &[(u32, u32)]) -> String {
    let one = |(first, count): &(u32, u32)| format!("{first}+{count}");
    runs.iter().map(one).collect::<Vec<_>>().join(" ")
}

macro_rules! line {
    ($self:ident, $($arg:tt)*) => {
        writeln!($self.out, $($arg)*).map_err(wrong)?
    };
}
use line;

impl<R: Read + Seek> Dump<'_, R> {
    fn block(&mut self, at: u64) -> io::Result<Box<Block>> {
        let mut block: Box<Block> = Box::new([0; BLOCK]);
        read(self.image, at * BLOCK as u64, &mut block[..])?;
        Ok(block)
    }

    fn superblock(&mut self, s: &[u8; SUPERBLOCK]) -> io::Result<()> {
        if get16(s, 0x38) != 0xEF53 {
            return Err(wrong("there is no ext4"));
        }
        let sum = self.sums.filesystem().map(|_| crc(!0, &s[..SUPERBLOCK - 4]));
        sealed(sum, get32(s, SUPERBLOCK - 4), "the superblock")?;
        let names: Vec<&str> = FEATURES
            .iter()
            .flat_map(|(at, bits)| {
                bits.iter().filter(|(bit, _)| get32(s, *at) & bit != 0).map(|(_, name)| *name)
            })
            .collect();
        line!(self, "blocks {}, free {}, for root {}", get32(s, 0x04), get32(s, 0x0C), get32(s, 0x08));
        line!(self, "inodes {}, free {}, {} a group", get32(s, 0), get32(s, 0x10), get32(s, 0x28));
        line!(self, "features {}", names.join(" "));
        line!(self, "flex groups of {}, {} blocks for more descriptors", 1u32 << s[0x174], get16(s, 0xCE));
        Ok(())
    }

    fn groups(&mut self, superblock: &[u8; SUPERBLOCK]) -> io::Result<()> {
        let count = self.blocks.div_ceil(GROUP_BLOCKS) as u32;
        let mut descriptors = vec![0; count as usize * self.descriptor_size];
        read(self.image, BLOCK as u64, &mut descriptors)?;
        let (mut free_blocks, mut free_inodes, mut used) = (0, 0, Vec::new());
        for (group, d) in (0..).zip(descriptors.chunks_exact(self.descriptor_size)) {
            let (blocks, inodes) = self.group(group, d, &mut used)?;
            (free_blocks, free_inodes) = (free_blocks + blocks, free_inodes + inodes);
            self.backup(group, superblock, &descriptors)?;
        }
        if (free_blocks, free_inodes) != (get32(superblock, 0x0C), get32(superblock, 0x10)) {
            return Err(wrong(format!(
                "the groups have {free_blocks} free blocks and {free_inodes} free inodes"
            )));
        }
        for number in used {
            self.inode(number)?;
        }
        Ok(())
    }

    /// A group's free blocks and inodes; its inodes in use go to `used`.
    fn group(&mut self, group: u32, d: &[u8], used: &mut Vec<u32>) -> io::Result<(u32, u32)> {
        let wide = |low: usize, high: usize| {
            let more = if d.len() > 32 { u64::from(get32(d, high)) } else { 0 };
            u64::from(get32(d, low)) | more << 32
        };
        let narrow = |low: usize, high: usize| {
            let more = if d.len() > 32 { u32::from(get16(d, high)) } else { 0 };
            u32::from(get16(d, low)) | more << 16
        };
        let mut bare = d.to_vec();
        bare[0x1E..0x20].fill(0);
        let sum = self.sums.descriptor(group, &bare);
        sealed(Some(sum.into()), get16(d, 0x1E).into(), format!("descriptor {group}"))?;
        let (flags, free, free_inodes) = (get16(d, 0x12), narrow(0x0C, 0x2C), narrow(0x0E, 0x2E));
        let (block_bitmap, inode_bitmap, table) = (wide(0x00, 0x20), wide(0x04, 0x24), wide(0x08, 0x28));
        self.tables.push(table);
        let length = (self.blocks - u64::from(group) * GROUP_BLOCKS).min(GROUP_BLOCKS) as u32;
        let per_group = self.inodes_per_group;
        let names =
            [(BLOCK_UNINIT, "no block map"), (INODE_UNINIT, "no inode map"), (ITABLE_ZEROED, "table zeroed")];
        let flagged: Vec<&str> =
            names.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
        line!(
            self,
            "\ngroup {group}: maps at {block_bitmap} and {inode_bitmap}, table at {table}; {}",
            flagged.join(", ")
        );
        line!(self, "  free blocks {free}, free inodes {free_inodes}, directories {}", narrow(0x10, 0x30));
        // A checksum of 16 bits where descriptors are short.
        let mask = if d.len() > 32 { u32::MAX } else { 0xFFFF };
        if flags & BLOCK_UNINIT == 0 {
            let map = self.block(block_bitmap)?;
            let sum = self.sums.filesystem().map(|seed| crc(seed, &map[..]) & mask);
            sealed(sum, narrow(0x18, 0x38), format!("block bitmap {group}"))?;
            let runs = runs(&map, length);
            line!(self, "  blocks used {}", shown(&runs));
            counted(&runs, length - free, format!("block bitmap {group}"))?;
        }
        if flags & INODE_UNINIT == 0 {
            let map = self.block(inode_bitmap)?;
            let sum = self.sums.filesystem().map(|seed| crc(seed, &map[..per_group as usize / 8]) & mask);
            sealed(sum, narrow(0x1A, 0x3A), format!("inode bitmap {group}"))?;
            let runs = runs(&map, per_group);
            line!(self, "  inodes used {}", shown(&runs));
            counted(&runs, per_group - free_inodes, format!("inode bitmap {group}"))?;
            used.extend(
                runs.iter()
                    .flat_map(|(first, count)| *first..first + count)
                    .map(|i| group * per_group + i + 1),
            );
        }
        Ok((free, free_inodes))
    }

    /// Holds the group's copies of superblock and descriptors, where it has them, against the first ones.
    fn backup(&mut self, group: u32, first: &[u8; SUPERBLOCK], descriptors: &[u8]) -> io::Result<()> {
        let start = u64::from(group) * GROUP_BLOCKS * BLOCK as u64;
        let mut copy = [0; SUPERBLOCK];
        read(self.image, start, &mut copy)?;
        if group == 0 || get16(&copy, 0x38) != 0xEF53 {
            return Ok(());
        }
        let mut table = vec![0; descriptors.len()];
        read(self.image, start + BLOCK as u64, &mut table)?;
        let sum = self.sums.filesystem().map(|_| crc(!0, &copy[..SUPERBLOCK - 4]));
        sealed(sum, get32(&copy, SUPERBLOCK - 4), format!("superblock {group}"))?;
        // But for the number of the group that a copy stands in, and its checksum.
        let same = copy[..0x5A] == first[..0x5A] && copy[0x5C..SUPERBLOCK - 4] == first[0x5C..SUPERBLOCK - 4];
        if !same || u32::from(get16(&copy, 0x5A)) != group || table != descriptors {
            return Err(wrong(format!("the superblock or the descriptors of group {group} are no copies")));
        }
        line!(self, "  copies of superblock and descriptors");
        Ok(())
    }
}

fn counted(runs: &[(u32, u32)], used: u32, what: impl std::fmt::Display) -> io::Result<()> {
    let set: u32 = runs.iter().map(|(_, count)| count).sum();
    if set == used {
        Ok(())
    } else {
        Err(wrong(format!("{what} says {set} are used, the descriptor {used}")))
    }
}
