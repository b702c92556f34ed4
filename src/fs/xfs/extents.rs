//! The extent list of one fork, built while its blocks are handed out.
//!
//! Extents enter in order of their place in the file; a block of the tree leaves once its right neighbour's number is
//! known, so at most two blocks a level are in memory. What holds: all leaves lie equally deep; every block but the root is
//! at least half full (xfs_repair counts). XFS Algorithms & Data Structures, "Data Extents".

use super::super::FsError;
use super::bytes::{put, put16, put64};
use super::format::Header;
use super::inode::{Fork, Form};
use super::owners::{ATTRIBUTE_FORK, EXTENT_TREE};
use super::store::Store;
use super::{BLOCK, Block};

/// Blocks of one extent at most (21 bits).
const LONGEST: u64 = (1 << 21) - 1;
/// Bytes of a block before its records.
const RECORDS: usize = 72;
/// Bytes of a record: an extent, or a key and a pointer.
const RECORD: usize = 16;
/// Records of a block, leaf or node.
const IN_BLOCK: usize = (BLOCK - RECORDS) / RECORD;

/// A run of blocks: place in the file, linear block, length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    offset: u64,
    block: u64,
    count: u64,
}

/// A record: a packed extent, or a key (place in the file) and a pointer.
type Record = (u64, u64);

/// A full block that waits for the number of its right neighbour.
#[derive(Debug)]
struct Waiting {
    block: u64,
    left: Option<u64>,
    records: Vec<Record>,
}

#[derive(Debug, Default)]
struct Level {
    waiting: Option<Waiting>,
    records: Vec<Record>,
}

/// An extent list under construction.
#[derive(Debug)]
pub struct ExtentMap {
    /// The inode's number on disk.
    inode: u64,
    attributes: bool,
    /// Bytes that the fork has in the inode.
    room: usize,
    last: Option<Extent>,
    levels: Vec<Level>,
    extents: u64,
    blocks: u64,
}

/// The place in the file of a leaf's record.
fn key(record: Record, level: usize) -> u64 {
    if level == 0 { record.0 >> 9 } else { record.0 }
}

impl ExtentMap {
    pub fn new(inode: u64, attributes: bool, room: usize) -> ExtentMap {
        ExtentMap {
            inode,
            attributes,
            room,
            last: None,
            levels: vec![Level::default()],
            extents: 0,
            blocks: 0,
        }
    }

    /// Adds `count` blocks, joined with the last extent where they continue it. `offset` is in blocks.
    pub fn push(
        &mut self,
        offset: u64,
        block: u64,
        count: u64,
        store: &mut Store<'_>,
    ) -> Result<(), FsError> {
        self.blocks += count;
        let mut new = Extent { offset, block, count };
        let last = self.last.as_mut();
        if let Some(last) = last.filter(|l| l.offset + l.count == offset && l.block + l.count == block) {
            let part = count.min(LONGEST - last.count);
            last.count += part;
            new = Extent { offset: offset + part, block: block + part, count: count - part };
        }
        while new.count > 0 {
            let part = new.count.min(LONGEST);
            if let Some(done) = self.last.replace(Extent { count: part, ..new }) {
                self.record(done, store)?;
            }
            new = Extent { offset: new.offset + part, block: new.block + part, count: new.count - part };
        }
        Ok(())
    }

    /// Takes a block for the fork's next block `offset` and writes `bytes` there.
    pub fn append(
        &mut self,
        offset: u64,
        bytes: &mut Block,
        kind: Header,
        store: &mut Store<'_>,
    ) -> Result<(), FsError> {
        let at = store.take_one();
        store.put(at, bytes, kind, self.inode)?;
        self.push(offset, at, 1, store)
    }

    fn record(&mut self, extent: Extent, store: &mut Store<'_>) -> Result<(), FsError> {
        let Extent { offset, block, count } = extent;
        self.extents += 1;
        let flag = if self.attributes { ATTRIBUTE_FORK } else { 0 };
        store.owners.file(block, count as u32, self.inode, offset | flag);
        let fsb = store.fsb(block);
        // 1 bit unwritten, 54 of place, 52 of block, 21 of length.
        self.insert(0, (offset << 9 | fsb >> 43, fsb << 21 | count), store)
    }

    fn insert(&mut self, level: usize, record: Record, store: &mut Store<'_>) -> Result<(), FsError> {
        if level == self.levels.len() {
            self.levels.push(Level::default());
        }
        if self.levels[level].records.len() == IN_BLOCK {
            self.rotate(level, store)?;
        }
        self.levels[level].records.push(record);
        Ok(())
    }

    fn take(&mut self, store: &mut Store<'_>) -> u64 {
        let block = store.take_one();
        let flag = if self.attributes { ATTRIBUTE_FORK } else { 0 };
        store.owners.file(block, 1, self.inode, EXTENT_TREE | flag);
        self.blocks += 1;
        block
    }

    /// Gives the level's records a block; that block waits, and the one that waited is written.
    fn rotate(&mut self, level: usize, store: &mut Store<'_>) -> Result<(), FsError> {
        let block = self.take(store);
        let records = std::mem::take(&mut self.levels[level].records);
        let before = self.levels[level].waiting.take();
        let left = before.as_ref().map(|b| b.block);
        self.levels[level].waiting = Some(Waiting { block, left, records });
        match before {
            Some(before) => self.write(level, before, Some(block), store),
            None => Ok(()),
        }
    }

    /// Writes a block and enters it into the level above.
    fn write(
        &mut self,
        level: usize,
        done: Waiting,
        right: Option<u64>,
        store: &mut Store<'_>,
    ) -> Result<(), FsError> {
        let mut block: Block = [0; BLOCK];
        put(&mut block, 0, b"BMA3");
        put16(&mut block, 4, level as u16);
        put16(&mut block, 6, done.records.len() as u16);
        let neighbour = |block: Option<u64>| block.map_or(u64::MAX, |block| store.fsb(block));
        put64(&mut block, 8, neighbour(done.left));
        put64(&mut block, 16, neighbour(right));
        encode(&done.records, level, IN_BLOCK, &mut block[RECORDS..]);
        store.put(done.block, &mut block, Header::EXTENT_TREE, self.inode)?;
        let pointer = store.fsb(done.block);
        self.insert(level + 1, (key(done.records[0], level), pointer), store)
    }

    /// Gives the rest of a level its blocks; the last two share where the last would be less than half full.
    fn close(&mut self, level: usize, store: &mut Store<'_>) -> Result<(), FsError> {
        let Level { waiting, records } = &mut self.levels[level];
        if let Some(waiting) = waiting.as_mut().filter(|_| records.len() < IN_BLOCK / 2) {
            let all = waiting.records.len() + records.len();
            let mut moved = waiting.records.split_off(all.div_ceil(2));
            moved.append(records);
            *records = moved;
        }
        self.rotate(level, store)?;
        let last = self.levels[level].waiting.take().expect("rotate leaves a block waiting");
        self.write(level, last, None, store)
    }

    /// What stands in the inode, and how many blocks the fork has.
    pub fn finish(mut self, store: &mut Store<'_>) -> Result<(Fork, u64), FsError> {
        if let Some(last) = self.last.take() {
            self.record(last, store)?;
        }
        let mut level = 0;
        loop {
            let Level { waiting, records } = &self.levels[level];
            let (most, head) =
                if level == 0 { (self.room / RECORD, 0) } else { ((self.room - 4) / RECORD, 4) };
            if waiting.is_some() || records.len() > most {
                self.close(level, store)?;
                level += 1;
                continue;
            }
            let mut bytes = vec![0; head];
            if level > 0 {
                put16(&mut bytes, 0, level as u16);
                put16(&mut bytes, 2, records.len() as u16);
            }
            // Pointers stand behind the room of all keys that would fit.
            let length = if level == 0 { records.len() * RECORD } else { most * 8 + records.len() * 8 };
            bytes.resize(head + length, 0);
            encode(records, level, most, &mut bytes[head..]);
            let form = if level == 0 { Form::Extents } else { Form::Tree };
            return Ok((Fork { form, bytes: bytes.into(), extents: self.extents }, self.blocks));
        }
    }
}

/// Leaves have records side by side, nodes `most` keys and then the pointers.
fn encode(records: &[Record], level: usize, most: usize, out: &mut [u8]) {
    for (i, record) in records.iter().enumerate() {
        let (first, second) = if level == 0 { (RECORD * i, RECORD * i + 8) } else { (8 * i, 8 * (most + i)) };
        put64(out, first, record.0);
        put64(out, second, record.1);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::super::sink::Sink;
    use super::super::alloc::Allocator;
    use super::super::bytes::{get16, get64};
    use super::super::features::Features;
    use super::super::geometry::Geometry;
    use super::super::owners::Owners;
    use super::*;
    use crate::base::Bytes;

    struct Finished {
        fork: Fork,
        blocks: u64,
        out: Vec<u8>,
    }

    fn finished(room: usize, extents: impl Iterator<Item = (u64, u64, u64)>) -> Finished {
        let mut out = Vec::new();
        let geometry = Geometry::new(Bytes::gib(1), Features::default()).expect("large enough");
        let mut store = Store {
            alloc: Allocator::new(geometry),
            sink: Sink::new(&mut out),
            owners: Owners::new(false),
            uuid: Uuid::nil(),
        };
        let mut map = ExtentMap::new(131, false, room);
        for (offset, block, count) in extents {
            map.push(offset, block, count, &mut store).expect("memory");
        }
        let (fork, blocks) = map.finish(&mut store).expect("memory");
        store.sink.flush().expect("memory");
        Finished { fork, blocks, out }
    }

    #[test]
    fn neighbours_join_up_to_the_longest() {
        let of = |extents: &[(u64, u64, u64)]| finished(336, extents.iter().copied()).fork.extents;
        assert_eq!(of(&[(0, 100, 5), (5, 105, 5)]), 1);
        assert_eq!(of(&[(0, 100, 5), (6, 105, 5)]), 2);
        assert_eq!(of(&[(0, 100, 5), (5, 106, 5)]), 2);
        assert_eq!(of(&[(0, 100, LONGEST), (LONGEST, 100 + LONGEST, 1)]), 2);
        assert_eq!(of(&[(0, 100, LONGEST - 1), (LONGEST - 1, 99 + LONGEST, 3)]), 2);
        assert_eq!(of(&[(0, 100, 3 * LONGEST + 1)]), 4);
        assert_eq!(of(&[]), 0);
    }

    #[test]
    fn a_record_is_packed() {
        // 54 bits of place, 52 of block (group 1, block 9 in 65,536 blocks a group), 21 of length.
        let one = finished(336, [(0x12_3456, 65_536 + 9, 7)].into_iter());
        assert_eq!(get64(&one.fork.bytes, 0), 0x12_3456 << 9);
        assert_eq!(get64(&one.fork.bytes, 8), (1 << 16 | 9) << 21 | 7);
    }

    /// Levels of the tree and blocks it took, and that no block but a lone one is less than half full.
    #[test]
    fn the_tree_grows_by_levels() {
        for (room, count, form, level, tree) in [
            (336, 21, Form::Extents, 0, 0),
            (336, 22, Form::Tree, 1, 1),
            (40, 2, Form::Extents, 0, 0),
            (40, 3, Form::Tree, 1, 1),
            (336, 251, Form::Tree, 1, 1),
            (336, 252, Form::Tree, 1, 2),
            (40, 3 * 251, Form::Tree, 2, 4),
            (336, 20 * 251, Form::Tree, 1, 20),
            (336, 20 * 251 + 1, Form::Tree, 2, 22),
            (336, 252 * 251, Form::Tree, 2, 254),
        ] {
            let done = finished(room, (0..count).map(|i| (2 * i, 100 + 2 * i, 1)));
            let root = if level > 0 { get16(&done.fork.bytes, 0) } else { 0 };
            assert_eq!((done.fork.form, root, done.blocks - count), (form, level, tree), "{count} in {room}");
            let trees = done.out.chunks_exact(BLOCK).filter(|block| block.starts_with(b"BMA3"));
            let mut by_level = [Vec::new(), Vec::new()];
            trees.for_each(|block| by_level[usize::from(get16(block, 4))].push(get16(block, 6)));
            assert_eq!(
                by_level[0].iter().map(|n| u64::from(*n)).sum::<u64>(),
                if tree > 0 { count } else { 0 }
            );
            for counts in by_level {
                assert!(counts.len() == 1 || counts.iter().all(|n| *n >= 125), "{counts:?}");
            }
        }
    }
}
