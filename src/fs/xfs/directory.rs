//! Directories to bytes: in the inode, in one block, or in data blocks with an index of name hashes.
//!
//! What enters are the entries sorted by name; blocks leave in order of their place in the directory: data from 0, the hash
//! index from 32 GiB, the free index from 64 GiB. XFS Algorithms & Data Structures, "Directories".

use super::super::FsError;
use super::super::names::Type;
use super::bytes::{put, put16, put32, put64};
use super::format::Header;
use super::hash::hash;
use super::hash_tree::{self, leaf_places};
use super::{BLOCK, Block};

/// Bytes before the entries of a data block, the entries of an index leaf, and the counts of a free index block.
const DATA: usize = 64;
/// The smallest place of an entry in a data block that is neither `.` nor `..`.
const FIRST_OFFSET: usize = DATA + 16 + 16;
/// Blocks of 4 KiB before the hash index and the free index.
const INDEX_START: u32 = 8 << 20;
const FREE_START: u32 = 16 << 20;
/// Entries of an index leaf, 8 bytes each.
const IN_LEAF: usize = (BLOCK - DATA) / 8;
/// Data blocks that one block of the free index counts, 2 bytes each.
const IN_FREE: usize = (BLOCK - DATA) / 2;
const LEAF_ALONE: u16 = 0x3DF1;
const LEAF: u16 = 0x3DFF;
/// The most bytes a directory's data may have: the index begins behind.
pub const MOST_BYTES: u64 = 32 << 30;

/// One entry as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub name: &'a [u8],
    /// The number on disk.
    pub inode: u64,
    pub kind: Type,
}

/// Where blocks go: the place in the directory, the bytes, the kind of header.
pub type Emit<'a> = &'a mut dyn FnMut(u64, &mut Block, Header) -> Result<(), FsError>;

/// Bytes of an entry in a data block: number, length, name, type, and its own place at the end.
fn length(name: &[u8]) -> usize {
    (8 + 1 + name.len() + 1 + 2).next_multiple_of(8)
}

/// The directory as it stands in the inode if that is at most `room` bytes.
pub fn short(parent: u64, entries: &[Entry<'_>], room: usize) -> Option<Vec<u8>> {
    // At least 8 bytes an entry: no need to look at more.
    if entries.len() > room / 8 {
        return None;
    }
    let wide = |number: u64| number > u64::from(u32::MAX);
    let wide_count = entries.iter().filter(|e| wide(e.inode)).count() + usize::from(wide(parent));
    let number = |value: u64| value.to_be_bytes()[if wide_count > 0 { 0 } else { 4 }..].to_vec();
    let mut out = vec![entries.len() as u8, wide_count as u8];
    out.extend(number(parent));
    let mut offset = FIRST_OFFSET;
    for entry in entries {
        out.push(entry.name.len() as u8);
        out.extend((offset as u16).to_be_bytes());
        out.extend(entry.name);
        out.push(entry.kind.entry());
        out.extend(number(entry.inode));
        offset += length(entry.name);
    }
    (out.len() <= room).then_some(out)
}

/// A block that takes entries one after another.
struct Data {
    bytes: Box<Block>,
    at: usize,
}

impl Data {
    fn new() -> Data {
        Data { bytes: Box::new([0; BLOCK]), at: DATA }
    }

    fn put(&mut self, entry: &Entry<'_>) {
        let (at, size) = (self.at, length(entry.name));
        let out = &mut self.bytes[at..at + size];
        put64(out, 0, entry.inode);
        out[8] = entry.name.len() as u8;
        put(out, 9, entry.name);
        out[9 + entry.name.len()] = entry.kind.entry();
        put16(out, size - 2, at as u16);
        self.at += size;
    }

    /// Marks what is left before `end` as free, and says how much that is.
    fn finish(&mut self, magic: &[u8; 4], end: usize) -> u16 {
        put(&mut self.bytes[..], 0, magic);
        let free = end - self.at;
        if free > 0 {
            put16(&mut self.bytes[..], self.at, 0xFFFF);
            put16(&mut self.bytes[..], self.at + 2, free as u16);
            put16(&mut self.bytes[..], end - 2, self.at as u16);
            put16(&mut self.bytes[..], 48, self.at as u16);
            put16(&mut self.bytes[..], 50, free as u16);
        }
        free as u16
    }
}

/// A name's hash and its entry's place in units of 8 bytes.
type Pointer = (u32, u32);

fn put_pointers(out: &mut [u8], pointers: &[Pointer]) {
    for (i, (hash, place)) in pointers.iter().enumerate() {
        put32(out, 8 * i, *hash);
        put32(out, 8 * i + 4, *place);
    }
}

/// Writes the blocks of a directory that is too large for its inode; returns its size in bytes. `Ok(None)` if it would
/// be over [`MOST_BYTES`].
pub fn write(
    number: u64,
    parent: u64,
    entries: &[Entry<'_>],
    emit: Emit<'_>,
) -> Result<Option<u64>, FsError> {
    let dots = [(&b"."[..], number), (&b".."[..], parent)].map(|(name, inode)| Entry {
        name,
        inode,
        kind: Type::Directory,
    });
    let all = || dots.iter().chain(entries);
    let bytes: usize = all().map(|e| length(e.name)).sum();
    // A block's own index: a hash and a place for each, and two counts at the end.
    let own_index = 8 * (entries.len() + 2) + 8;
    if DATA + bytes + own_index <= BLOCK {
        return one_block(all(), own_index, emit).map(Some);
    }
    let mut pointers: Vec<Pointer> = Vec::with_capacity(entries.len() + 2);
    let mut free: Vec<u16> = Vec::new();
    let mut data = Data::new();
    for entry in all() {
        if data.at + length(entry.name) > BLOCK {
            free.push(data.finish(b"XDD3", BLOCK));
            emit(free.len() as u64 - 1, &mut data.bytes, Header::DIRECTORY)?;
            data = Data::new();
        }
        pointers.push((hash(entry.name), ((free.len() * BLOCK + data.at) / 8) as u32));
        data.put(entry);
        if free.len() as u64 * BLOCK as u64 >= MOST_BYTES {
            return Ok(None);
        }
    }
    free.push(data.finish(b"XDD3", BLOCK));
    emit(free.len() as u64 - 1, &mut data.bytes, Header::DIRECTORY)?;
    pointers.sort_unstable();
    if DATA + 8 * pointers.len() + 2 * free.len() + 4 <= BLOCK {
        lone_leaf(&pointers, &free, emit)?;
    } else {
        index(&pointers, emit)?;
        free_index(&free, emit)?;
    }
    Ok(Some(free.len() as u64 * BLOCK as u64))
}

fn one_block<'a>(
    entries: impl Iterator<Item = &'a Entry<'a>>,
    own_index: usize,
    emit: Emit<'_>,
) -> Result<u64, FsError> {
    let mut data = Data::new();
    let mut pointers: Vec<Pointer> = Vec::new();
    for entry in entries {
        pointers.push((hash(entry.name), (data.at / 8) as u32));
        data.put(entry);
    }
    pointers.sort_unstable();
    let end = BLOCK - own_index;
    data.finish(b"XDB3", end);
    put_pointers(&mut data.bytes[end..], &pointers);
    put32(&mut data.bytes[..], BLOCK - 8, pointers.len() as u32);
    emit(0, &mut data.bytes, Header::DIRECTORY)?;
    Ok(BLOCK as u64)
}

/// An index of one leaf, which counts the free bytes of the data blocks too.
fn lone_leaf(pointers: &[Pointer], free: &[u16], emit: Emit<'_>) -> Result<(), FsError> {
    let mut block: Block = [0; BLOCK];
    put16(&mut block, 8, LEAF_ALONE);
    put16(&mut block, 56, pointers.len() as u16);
    put_pointers(&mut block[DATA..], pointers);
    let counts = BLOCK - 4 - 2 * free.len();
    for (i, bytes) in free.iter().enumerate() {
        put16(&mut block, counts + 2 * i, *bytes);
    }
    put32(&mut block, BLOCK - 4, free.len() as u32);
    emit(INDEX_START.into(), &mut block, Header::HASH_TREE)
}

/// An index of leaves and nodes.
fn index(pointers: &[Pointer], emit: Emit<'_>) -> Result<(), FsError> {
    let parts: Vec<&[Pointer]> = pointers.chunks(IN_LEAF).collect();
    let highest: Vec<u32> = parts.iter().map(|part| part[part.len() - 1].0).collect();
    let mut nodes = hash_tree::nodes(&highest, INDEX_START).into_iter().peekable();
    if let Some((at, mut root)) = nodes.next() {
        emit(u64::from(INDEX_START + at), &mut root, Header::HASH_TREE)?;
    }
    for (part, place) in parts.iter().zip(leaf_places(parts.len())) {
        let mut block: Block = [0; BLOCK];
        hash_tree::head(&mut block, place, INDEX_START, LEAF);
        put16(&mut block, 56, part.len() as u16);
        put_pointers(&mut block[DATA..], part);
        emit(u64::from(INDEX_START + place.at), &mut block, Header::HASH_TREE)?;
    }
    for (at, mut node) in nodes {
        emit(u64::from(INDEX_START + at), &mut node, Header::HASH_TREE)?;
    }
    Ok(())
}

/// How many bytes in a row each data block has free.
fn free_index(free: &[u16], emit: Emit<'_>) -> Result<(), FsError> {
    for (i, part) in free.chunks(IN_FREE).enumerate() {
        let mut block: Block = [0; BLOCK];
        put(&mut block, 0, b"XDF3");
        put32(&mut block, 48, (i * IN_FREE) as u32);
        put32(&mut block, 52, part.len() as u32);
        put32(&mut block, 56, part.len() as u32);
        for (k, bytes) in part.iter().enumerate() {
            put16(&mut block, DATA + 2 * k, *bytes);
        }
        emit(u64::from(FREE_START) + i as u64, &mut block, Header::DIRECTORY)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::bytes::{get16, get32, get64};
    use super::*;

    fn entry(name: &[u8], inode: u64) -> Entry<'_> {
        Entry { name, inode, kind: Type::File }
    }

    #[test]
    fn short_ones_have_narrow_or_wide_numbers() {
        let narrow = short(128, &[entry(b"a", 131), entry(b"bc", 132)], 336).expect("it is short");
        assert_eq!(
            hex::encode(narrow),
            "020000000080010060610100000083020070626301\
                                         00000084"
        );
        let wide = short(128, &[entry(b"a", 1 << 32)], 336).expect("it is short");
        assert_eq!(
            hex::encode(wide),
            "010100000000000000800100606101\
                                       0000000100000000"
        );
        assert_eq!(short(128, &[entry(&[b'n'; 255], 131)], 200), None);
        // A wide parent counts too.
        assert_eq!(short(1 << 32, &[], 336).expect("it is short").len(), 2 + 8);
    }

    /// Every name is found by its hash, in every form.
    #[test]
    fn the_index_finds_every_name() {
        for count in [1usize, 100, 124, 125, 400, 501, 5000] {
            let names: Vec<Vec<u8>> = (0..count).map(|i| format!("{i:08}").into_bytes()).collect();
            let entries: Vec<Entry<'_>> =
                names.iter().zip(1000..).map(|(name, inode)| entry(name, inode)).collect();
            let mut blocks: Vec<(u64, Block)> = Vec::new();
            let size = write(128, 128, &entries, &mut |at, block, _| {
                blocks.push((at, *block));
                Ok(())
            });
            let size = size.expect("no errors").expect("it is not too large");
            assert!(blocks.windows(2).all(|w| w[0].0 < w[1].0), "blocks come in order");
            let data = |place: u32| {
                let at = place as usize * 8;
                let block = &blocks[at / BLOCK].1[at % BLOCK..];
                (get64(block, 0), block[9..9 + usize::from(block[8])].to_vec())
            };
            let mut pointers: Vec<(u32, u32)> = Vec::new();
            let mut take = |bytes: &[u8], count: usize| {
                pointers.extend(bytes.chunks_exact(8).take(count).map(|p| (get32(p, 0), get32(p, 4))));
            };
            for (_, block) in &blocks {
                match get16(block, 8) {
                    _ if block.starts_with(b"XDB3") => {
                        let n = get32(block, BLOCK - 8) as usize;
                        take(&block[BLOCK - 8 - 8 * n..], n);
                    }
                    LEAF | LEAF_ALONE => take(&block[DATA..], get16(block, 56).into()),
                    _ => {}
                }
            }
            assert_eq!(pointers.len(), count + 2);
            assert!(pointers.windows(2).all(|w| w[0] <= w[1]));
            for (name, inode) in names.iter().zip(1000..) {
                let hits = pointers.iter().filter(|(h, _)| *h == hash(name));
                assert!(hits.map(|(_, place)| data(*place)).any(|found| found == (inode, name.clone())));
            }
            assert_eq!(size % BLOCK as u64, 0);
        }
    }
}
