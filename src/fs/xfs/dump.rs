//! A filesystem's structure as text: the allocation groups with their trees, each inode with the forms of its forks.
//!
//! What enters is a filesystem of ours, what leaves says where everything lies, in an order that makes two dumps
//! comparable. Every checksum on the way is computed again. It reads only what the writer writes: no sparse chunks,
//! nothing shared, no trees of unwritten extents.

use std::fmt::Write as _;
use std::io::{self, Read, Seek, SeekFrom};

use crate::fs::features::{Flag, Switches};

use super::bytes::{checksum, get16, get32, get64};
use super::features::Features;
use super::format::{Header, NO_BLOCK, SECTOR};
use super::{BLOCK, Block, INODE_SIZE, INODES_PER_BLOCK, INODES_PER_BLOCK_LOG, INODES_PER_CHUNK};

/// The filesystem in `image`, which begins with it.
///
/// # Errors
/// Reading failed, or something is not as the writer writes it: what and where.
pub fn dump<R: Read + Seek>(image: &mut R) -> io::Result<String> {
    let mut dump =
        Dump { image, out: String::new(), group_blocks: 0, group_log: 0, sparse: false, wide: false };
    dump.superblock()?;
    Ok(dump.out)
}

struct Dump<'a, R> {
    image: &'a mut R,
    out: String,
    group_blocks: u64,
    group_log: u32,
    sparse: bool,
    /// Extent counters are wide (`nrext64`).
    wide: bool,
}

fn wrong(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

fn sealed(bytes: &[u8], at: usize, what: impl std::fmt::Display) -> io::Result<()> {
    let stored = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if checksum(bytes, at) == stored {
        Ok(())
    } else {
        Err(wrong(format!("the checksum of {what} is wrong")))
    }
}

macro_rules! line {
    ($self:ident, $($arg:tt)*) => {
        writeln!($self.out, $($arg)*).map_err(wrong)?
    };
}

impl<R: Read + Seek> Dump<'_, R> {
    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.image.seek(SeekFrom::Start(offset))?;
        self.image.read_exact(bytes)
    }

    /// The linear number of a block's number on disk.
    fn linear(&self, fsb: u64) -> u64 {
        (fsb >> self.group_log) * self.group_blocks + (fsb & ((1 << self.group_log) - 1))
    }

    fn block(&mut self, at: u64) -> io::Result<Box<Block>> {
        let mut block: Box<Block> = Box::new([0; BLOCK]);
        self.read(at * BLOCK as u64, &mut block[..])?;
        Ok(block)
    }

    fn superblock(&mut self) -> io::Result<()> {
        let mut s = [0; SECTOR];
        self.read(0, &mut s)?;
        sealed(&s, 224, "the superblock")?;
        (self.group_blocks, self.group_log) = (get32(&s, 84).into(), s[124].into());
        let (read_only, incompatible) = (get32(&s, 212), get32(&s, 216));
        let on = Features::ROWS.iter().filter(|row| match row.flag {
            Flag::Compatible(_) => false,
            Flag::ReadOnly(bit) => read_only & bit != 0,
            Flag::Incompatible(bit) => incompatible & bit != 0,
        });
        let names: Vec<&str> = on.map(|row| row.feature.name).collect();
        (self.sparse, self.wide) = (names.contains(&"sparse"), names.contains(&"nrext64"));
        line!(self, "blocks {} in {} groups of {}", get64(&s, 8), get32(&s, 88), get32(&s, 84));
        line!(self, "features {}", names.join(" "));
        line!(self, "inodes {}, free {}; free blocks {}", get64(&s, 128), get64(&s, 136), get64(&s, 144));
        line!(self, "log {} + {}", self.linear(get64(&s, 48)), get32(&s, 96));
        let mut chunks = Vec::new();
        for group in 0..get32(&s, 88) {
            self.group(group, &mut chunks)?;
        }
        for (first, free) in chunks {
            for inside in (0..INODES_PER_CHUNK).filter(|bit| free & 1 << bit == 0) {
                self.inode(first + u64::from(inside))?;
            }
        }
        Ok(())
    }

    /// A group's headers and trees; its inode chunks (first number and free inodes) go to `chunks`.
    fn group(&mut self, group: u32, chunks: &mut Vec<(u64, u64)>) -> io::Result<()> {
        let start = u64::from(group) * self.group_blocks * BLOCK as u64;
        let mut headers = [0; 3 * SECTOR];
        self.read(start + SECTOR as u64, &mut headers)?;
        let (space, rest) = headers.split_at(SECTOR);
        let (inodes, list) = rest.split_at(SECTOR);
        sealed(space, 216, format!("AGF {group}"))?;
        sealed(inodes, 312, format!("AGI {group}"))?;
        sealed(list, 32, format!("AGFL {group}"))?;
        line!(self, "\ngroup {group}: length {}, free {}", get32(space, 12), get32(space, 52));
        let slots = (0..119).map(|slot| get32(list, 36 + 4 * slot)).filter(|block| *block != NO_BLOCK);
        line!(self, "  free list {:?}", slots.collect::<Vec<u32>>());
        let run = |r: &[u8]| format!("{}+{}", get32(r, 0), get32(r, 4));
        let owner = |r: &[u8]| {
            let number = get64(r, 8) as i64;
            format!("{}+{} of {number}@{:x}", get32(r, 0), get32(r, 4), get64(r, 16))
        };
        let chunk = |r: &[u8]| format!("{}:{:016x}", get32(r, 0), get64(r, 8));
        type Show<'s> = &'s dyn Fn(&[u8]) -> String;
        let trees: [(&str, u32, u32, usize, usize, Show<'_>); 6] = [
            ("by block", get32(space, 16), get32(space, 28), 8, 8, &run),
            ("by size", get32(space, 20), get32(space, 32), 8, 8, &run),
            ("owners", get32(space, 24), get32(space, 36), 24, 40, &owner),
            ("references", get32(space, 88), get32(space, 92), 12, 4, &run),
            ("inodes", get32(inodes, 20), get32(inodes, 24), 16, 4, &chunk),
            ("free inodes", get32(inodes, 328), get32(inodes, 332), 16, 4, &chunk),
        ];
        for (name, root, levels, record, key, show) in trees {
            if levels == 0 {
                continue;
            }
            let mut records = Vec::new();
            self.tree(group, root, levels, [record, key], &mut records)?;
            let shown: Vec<String> = records.chunks_exact(record).map(show).collect();
            line!(self, "  {name} at {root}, {levels} level(s): {}", shown.join(" "));
            if name == "inodes" {
                let base = u64::from(group) << self.group_log << INODES_PER_BLOCK_LOG;
                chunks.extend(records.chunks_exact(16).map(|r| (base + u64::from(get32(r, 0)), get64(r, 8))));
            }
        }
        Ok(())
    }

    /// All records below a block of a group's tree; `sizes` are those of a record and of a key.
    fn tree(
        &mut self,
        group: u32,
        at: u32,
        levels: u32,
        sizes: [usize; 2],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let block = self.block(u64::from(group) * self.group_blocks + u64::from(at))?;
        sealed(&block[..], Header::GROUP_TREE.checksum, format!("tree block {group}/{at}"))?;
        let (level, count) = (u32::from(get16(&block[..], 4)), usize::from(get16(&block[..], 6)));
        if level + 1 != levels {
            return Err(wrong(format!("tree block {group}/{at} says it is on level {level}")));
        }
        if level == 0 {
            out.extend_from_slice(&block[56..56 + count * sizes[0]]);
            return Ok(());
        }
        let pointers = 56 + (BLOCK - 56) / (sizes[1] + 4) * sizes[1];
        for i in 0..count {
            self.tree(group, get32(&block[..], pointers + 4 * i), level, sizes, out)?;
        }
        Ok(())
    }

    fn inode(&mut self, number: u64) -> io::Result<()> {
        let at = self.linear(number >> INODES_PER_BLOCK_LOG) * BLOCK as u64
            + number % u64::from(INODES_PER_BLOCK) * INODE_SIZE as u64;
        let mut core = [0; INODE_SIZE];
        self.read(at, &mut core)?;
        sealed(&core, 100, format!("inode {number}"))?;
        if get64(&core, 152) != number {
            return Err(wrong(format!("inode {number} says it is {}", get64(&core, 152))));
        }
        let mode = get16(&core, 2);
        line!(
            self,
            "\ninode {number}: mode {mode:o}, links {}, size {}, blocks {}",
            get32(&core, 16),
            get64(&core, 56),
            get64(&core, 64)
        );
        let (data, attributes) = match self.wide {
            true => (get64(&core, 24), get32(&core, 76)),
            false => (get32(&core, 76).into(), get16(&core, 80).into()),
        };
        let border = if core[82] == 0 { INODE_SIZE } else { 176 + 8 * usize::from(core[82]) };
        self.fork("data", core[5], data, &core[176..border], mode & 0o170_000 != 0o100_000)?;
        if core[82] != 0 {
            self.fork("attributes", core[83], attributes.into(), &core[border..], true)?;
        }
        Ok(())
    }

    /// One fork; of metadata each block is shown.
    fn fork(&mut self, name: &str, form: u8, count: u64, bytes: &[u8], metadata: bool) -> io::Result<()> {
        let mut extents: Vec<[u64; 3]> = Vec::new();
        match form {
            0 => line!(self, "  {name}: device {:x}", get32(bytes, 0)),
            1 => {
                line!(self, "  {name}: local {}", bytes.escape_ascii().to_string().trim_end_matches("\\x00"))
            }
            2 => {
                let records = bytes.chunks_exact(16).take(count as usize);
                extents.extend(records.map(|record| self.extent(record)));
                line!(self, "  {name}: extents {}", shown(&extents));
            }
            3 => {
                let (level, children) = (get16(bytes, 0), usize::from(get16(bytes, 2)));
                let pointers = 4 + (bytes.len() - 4) / 16 * 8;
                for i in 0..children {
                    self.extent_block(get64(bytes, pointers + 8 * i), level, &mut extents)?;
                }
                line!(
                    self,
                    "  {name}: tree of {level} level(s), {children} below, extents {}",
                    shown(&extents)
                );
            }
            other => return Err(wrong(format!("a fork has form {other}"))),
        }
        if extents.len() as u64 != count {
            return Err(wrong(format!("{} extents where {count} should be", extents.len())));
        }
        for [offset, block, length] in extents.into_iter().filter(|_| metadata) {
            for i in 0..length {
                self.metadata(offset + i, block + i)?;
            }
        }
        Ok(())
    }

    /// Place in the file, linear block, length.
    fn extent(&self, record: &[u8]) -> [u64; 3] {
        let (high, low) = (get64(record, 0), get64(record, 8));
        let fsb = (high & 0x1FF) << 43 | low >> 21;
        [high >> 9, self.linear(fsb), low & 0x1F_FFFF]
    }

    fn extent_block(&mut self, fsb: u64, level: u16, out: &mut Vec<[u64; 3]>) -> io::Result<()> {
        let block = self.block(self.linear(fsb))?;
        sealed(&block[..], Header::EXTENT_TREE.checksum, format!("extent block {fsb}"))?;
        if get16(&block[..], 4) + 1 != level {
            return Err(wrong(format!("extent block {fsb} is on the wrong level")));
        }
        let count = usize::from(get16(&block[..], 6));
        if level == 1 {
            out.extend(block[72..].chunks_exact(16).take(count).map(|record| self.extent(record)));
            return Ok(());
        }
        let pointers = 72 + (BLOCK - 72) / 16 * 8;
        for i in 0..count {
            self.extent_block(get64(&block[..], pointers + 8 * i), level - 1, out)?;
        }
        Ok(())
    }

    /// A block of a directory, an attribute list or a symlink.
    fn metadata(&mut self, offset: u64, at: u64) -> io::Result<()> {
        let block = self.block(at)?;
        let b = &block[..];
        let (header, text) = match (&b[..4], get16(b, 8)) {
            (b"XDB3", _) => {
                let entries = get32(b, BLOCK - 8);
                (Header::DIRECTORY, format!("directory block, {entries} entries, free {}", get16(b, 50)))
            }
            (b"XDD3", _) => (Header::DIRECTORY, format!("directory data, free {}", get16(b, 50))),
            (b"XDF3", _) => (Header::DIRECTORY, format!("free index of {} blocks", get32(b, 52))),
            (b"XSLM", _) => (Header::REMOTE, format!("target of {} bytes", get32(b, 8))),
            (b"XARM", _) => (Header::REMOTE, format!("value, {} bytes from {}", get32(b, 8), get32(b, 4))),
            (_, 0x3DF1) => (Header::HASH_TREE, format!("lone leaf, {} names", get16(b, 56))),
            (_, 0x3DFF) => (Header::HASH_TREE, format!("leaf, {} names", get16(b, 56))),
            (_, 0x3EBE) => {
                (Header::HASH_TREE, format!("node on level {}, {} below", get16(b, 58), get16(b, 56)))
            }
            (_, 0x3BEE) => (Header::HASH_TREE, format!("attribute leaf, {} names", get16(b, 56))),
            _ => return Err(wrong(format!("block {at} is no metadata"))),
        };
        sealed(b, header.checksum, format!("block {at}"))?;
        line!(self, "    {offset}: {text}");
        Ok(())
    }
}

fn shown(extents: &[[u64; 3]]) -> String {
    let one = |[offset, block, length]: &[u64; 3]| format!("{offset}:{block}+{length}");
    // A file in many pieces is told by its first ones.
    let more = if extents.len() > 8 { format!(" … {} in all", extents.len()) } else { String::new() };
    extents.iter().take(8).map(one).collect::<Vec<_>>().join(" ") + &more
}
