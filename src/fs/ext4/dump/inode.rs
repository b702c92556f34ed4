//! An inode as text: its metadata, its map of any form, its extended attributes, and for directories their names.

use std::fmt::Write as _;
use std::io::{self, Read, Seek};

use super::super::BLOCK;
use super::super::checksum::crc;
use super::super::geometry::INODE_SIZE;
use super::super::inode::{EXTENTS, INDEX, RESIZE};
use super::super::xattr::IN_INODE;
use super::{Dump, get16, get32, line, read, sealed, wrong};

/// Type bits of a mode.
const TYPE: u16 = 0o170_000;
const DIRECTORY: u16 = 0o040_000;
const SYMLINK: u16 = 0o120_000;
/// What begins an area of attributes.
const ATTRIBUTES: u32 = 0xEA02_0000;
/// What begins a node of an extent tree.
const EXTENT_TREE: u16 = 0xF30A;

/// A run of a file's blocks: place in the file, block, length.
pub type Extent = [u64; 3];

impl<R: Read + Seek> Dump<'_, R> {
    pub(super) fn inode(&mut self, number: u32) -> io::Result<()> {
        let (group, inside) = ((number - 1) / self.inodes_per_group, (number - 1) % self.inodes_per_group);
        let mut i = [0; INODE_SIZE];
        let offset = self.tables[group as usize] * BLOCK as u64 + u64::from(inside) * INODE_SIZE as u64;
        read(self.image, offset, &mut i)?;
        // Reserved and never used.
        if i == [0; INODE_SIZE] {
            return Ok(());
        }
        let stored = u32::from(get16(&i, 0x7C)) | u32::from(get16(&i, 0x82)) << 16;
        let mut bare = i;
        bare[0x7C..0x7E].fill(0);
        bare[0x82..0x84].fill(0);
        sealed(self.sums.inode(number).map(|seed| crc(seed, &bare)), stored, format!("inode {number}"))?;
        let wide = |low: usize, high: usize| u32::from(get16(&i, low)) | u32::from(get16(&i, high)) << 16;
        let (mode, flags) = (get16(&i, 0x00), get32(&i, 0x20));
        let size = u64::from(get32(&i, 0x04)) | u64::from(get32(&i, 0x6C)) << 32;
        let sectors = u64::from(get32(&i, 0x1C)) | u64::from(get16(&i, 0x74)) << 32;
        line!(
            self,
            "\ninode {number}: mode {mode:o}, owner {}:{}, links {}, size {size}, sectors {sectors}, flags {flags:x}",
            wide(0x02, 0x78),
            wide(0x18, 0x7A),
            get16(&i, 0x1A)
        );
        line!(self, "  modified {}, changed {}", time(&i, 0x10, 0x88), time(&i, 0x0C, 0x84));
        self.content(number, &i, mode & TYPE, size)?;
        self.attributes(number, &i)
    }

    fn content(&mut self, number: u32, i: &[u8], kind: u16, size: u64) -> io::Result<()> {
        let map = &i[0x28..0x64];
        if get32(i, 0x20) & EXTENTS != 0 {
            let mut extents = Vec::new();
            let levels = self.extents(number, map, &mut extents)?;
            line!(self, "  {levels} level(s) of extents: {}", places(&extents));
            if kind == DIRECTORY {
                return self.directory(number, get32(i, 0x20) & INDEX != 0, &extents);
            }
        } else if number == RESIZE {
            let list = get32(map, 13 * 4);
            let block = self.block(list.into())?;
            let tables = block.chunks_exact(4).filter(|entry| get32(entry, 0) != 0).count();
            line!(self, "  double indirect block {list}: {tables} blocks for descriptors");
        } else if kind == SYMLINK {
            line!(self, "  target {}", map[..size as usize].escape_ascii());
        } else if get32(map, 0) != 0 || get32(map, 4) != 0 {
            line!(self, "  device {:x} {:x}", get32(map, 0), get32(map, 4));
        }
        Ok(())
    }

    /// All extents below a node of the tree of inode `number`; returns the levels below it.
    fn extents(&mut self, number: u32, node: &[u8], out: &mut Vec<Extent>) -> io::Result<u16> {
        let (entries, depth) = (usize::from(get16(node, 2)), get16(node, 6));
        if get16(node, 0) != EXTENT_TREE || entries > usize::from(get16(node, 4)) {
            return Err(wrong(format!("inode {number} has no extent tree")));
        }
        for e in node[12..].chunks_exact(12).take(entries) {
            if depth == 0 {
                let at = u64::from(get32(e, 8)) | u64::from(get16(e, 6)) << 32;
                out.push([get32(e, 0).into(), at, get16(e, 4).into()]);
                continue;
            }
            let at = u64::from(get32(e, 4)) | u64::from(get16(e, 8)) << 32;
            let block = self.block(at)?;
            let sum = self.sums.inode(number).map(|seed| crc(seed, &block[..BLOCK - 4]));
            sealed(sum, get32(&block[..], BLOCK - 4), format!("extent block {at}"))?;
            let first = out.len();
            if self.extents(number, &block[..], out)? + 1 != depth || out[first][0] != u64::from(get32(e, 0))
            {
                return Err(wrong(format!("extent block {at} is not where its index says")));
            }
        }
        Ok(depth)
    }

    fn attributes(&mut self, number: u32, i: &[u8]) -> io::Result<()> {
        let body = &i[INODE_SIZE - IN_INODE..];
        if get32(body, 0) == ATTRIBUTES {
            line!(self, "  attributes in the inode: {}", entries(&body[4..], &body[4..]));
        }
        let at = u64::from(get32(i, 0x68)) | u64::from(get16(i, 0x76)) << 32;
        if at != 0 {
            let block = self.block(at)?;
            if get32(&block[..], 0) != ATTRIBUTES {
                return Err(wrong(format!("inode {number} has no attributes in block {at}")));
            }
            let mut bare = block.clone();
            bare[16..20].fill(0);
            let sum = self.sums.filesystem().map(|seed| crc(crc(seed, &at.to_le_bytes()), &bare[..]));
            sealed(sum, get32(&block[..], 16), format!("attribute block {at}"))?;
            line!(self, "  attributes in block {at}: {}", entries(&block[32..], &block[..]));
        }
        Ok(())
    }
}

/// Seconds and nanoseconds; the word at `extra` has two more bits of seconds above which the 34-bit range is signed.
fn time(i: &[u8], at: usize, extra: usize) -> String {
    let more = get32(i, extra);
    format!("{}.{:09}", i64::from(get32(i, at) as i32) + (i64::from(more & 3) << 32), more >> 2)
}

/// Attributes by the number of their prefix and their name, each with the beginning of its value; places of values
/// count from `base`'s first byte.
fn entries(list: &[u8], base: &[u8]) -> String {
    let (mut at, mut out) = (0, Vec::new());
    while get32(list, at) != 0 {
        let length = usize::from(list[at]);
        let (place, size) = (usize::from(get16(list, at + 2)), get32(list, at + 8) as usize);
        let name = list[at + 16..at + 16 + length].escape_ascii();
        let value = base[place..place + size.min(24)].escape_ascii();
        out.push(format!("{}:{name}={value} ({size} bytes)", list[at + 1]));
        at += (16 + length).next_multiple_of(4);
    }
    out.join(" ")
}

fn places(extents: &[Extent]) -> String {
    let one = |[logical, block, length]: &Extent| format!("{logical}:{block}+{length}");
    // A file in many pieces is told by its first ones.
    let more = if extents.len() > 8 { format!(" … {} in all", extents.len()) } else { String::new() };
    extents.iter().take(8).map(one).collect::<Vec<_>>().join(" ") + &more
}
