//! A directory as text: its one block of names, or its index with each name's hash computed again.

use std::fmt::{self, Write as _};
use std::io::{self, Read, Seek};

use super::super::BLOCK;
use super::super::checksum::crc;
use super::super::hash::half_md4;
use super::inode::Extent;
use super::{Dump, get16, get32, line, sealed, wrong};

/// Where index entries begin in the root and in a node; a block of names has its checksum in the last 12 bytes.
const ROOT_INDEX: usize = 0x20;
const NODE_INDEX: usize = 8;
const TAIL: usize = 12;
/// Names that are shown; the others are counted.
const SHOWN: usize = 24;

impl<R: Read + Seek> Dump<'_, R> {
    pub(super) fn directory(&mut self, number: u32, indexed: bool, extents: &[Extent]) -> io::Result<()> {
        let blocks: Vec<u64> = extents.iter().flat_map(|[_, at, length]| *at..at + length).collect();
        if indexed {
            let first = self.block(blocks[0])?;
            let above = first[30];
            line!(self, "    index of {} level(s), hash {}", above + 1, first[28]);
            return self.index(number, &blocks, 0, above, (0, u32::MAX));
        }
        for (logical, at) in (0..).zip(blocks) {
            self.linear(number, logical, at)?;
        }
        Ok(())
    }

    /// The blocks below the index in block `logical`, `above` of whose levels are nodes, not names. Names below hash to
    /// the first of `hashes` or more, and at most to the second.
    fn index(
        &mut self,
        number: u32,
        blocks: &[u64],
        logical: u32,
        above: u8,
        hashes: (u32, u32),
    ) -> io::Result<()> {
        let block = self.block(blocks[logical as usize])?;
        let start = if logical == 0 { ROOT_INDEX } else { NODE_INDEX };
        let (limit, count) =
            (usize::from(get16(&block[..], start)), usize::from(get16(&block[..], start + 2)));
        if let Some(seed) = self.sums.inode(number) {
            let sum = crc(crc(seed, &block[..start + 8 * count]), &[0; 8]);
            let stored = get32(&block[..], start + 8 * limit + 4);
            sealed(Some(sum), stored, format!("index block {logical} of directory {number}"))?;
        }
        line!(self, "    {logical}: {count} of {limit} blocks below");
        let entry = |i: usize| {
            let hash = if i == 0 { hashes.0 } else { get32(&block[..], start + 8 * i) };
            (hash, get32(&block[..], start + 8 * i + 4))
        };
        for i in 0..count {
            let (from, below) = entry(i);
            // Hashes are even; the low bit says that the block before ends on the same hash.
            let to =
                if i + 1 < count { entry(i + 1).0.wrapping_sub(1) | entry(i + 1).0 & 1 } else { hashes.1 };
            if above > 0 {
                self.index(number, blocks, below, above - 1, (from, to))?;
            } else {
                self.leaf(number, below, blocks[below as usize], (from & !1, to))?;
            }
        }
        Ok(())
    }

    /// The names of a directory that has no index.
    fn linear(&mut self, number: u32, logical: u32, at: u64) -> io::Result<()> {
        let names = self.names(number, logical, at)?;
        let shown: Vec<String> = names.iter().take(SHOWN).map(Name::to_string).collect();
        let more = if names.len() > SHOWN { format!(" … {} in all", names.len()) } else { String::new() };
        line!(self, "    {logical}: {}{more}", shown.join(" "));
        Ok(())
    }

    /// A block below an index, whose names' hashes must lie in `hashes`, both ends included.
    fn leaf(&mut self, number: u32, logical: u32, at: u64, hashes: (u32, u32)) -> io::Result<()> {
        let names = self.names(number, logical, at)?;
        for name in &names {
            if !(hashes.0..=hashes.1).contains(&half_md4(&name.bytes, self.hash_seed)) {
                return Err(wrong(format!("{name} of directory {number} is not where its hash says")));
            }
        }
        line!(self, "    {logical}: {} names from hash {:08x} on", names.len(), hashes.0);
        Ok(())
    }

    fn names(&mut self, number: u32, logical: u32, at: u64) -> io::Result<Vec<Name>> {
        let block = self.block(at)?;
        let end = if self.sums.filesystem().is_some() { BLOCK - TAIL } else { BLOCK };
        let sum = self.sums.inode(number).map(|seed| crc(seed, &block[..end]));
        sealed(sum, get32(&block[..], BLOCK - 4), format!("block {logical} of directory {number}"))?;
        let (mut place, mut names) = (0, Vec::new());
        while place < end {
            let (inode, length) = (get32(&block[..], place), usize::from(get16(&block[..], place + 4)));
            let name = 8 + usize::from(block[place + 6]);
            if length < name.max(12) || place + length > end {
                return Err(wrong(format!("block {logical} of directory {number} is cut off")));
            }
            if inode != 0 {
                let bytes = block[place + 8..place + name].to_vec();
                names.push(Name { bytes, inode, kind: block[place + 7] });
            }
            place += length;
        }
        Ok(names)
    }
}

/// A name and what it names.
struct Name {
    bytes: Vec<u8>,
    inode: u32,
    kind: u8,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}/{}", self.bytes.escape_ascii(), self.inode, self.kind)
    }
}
