//! Records of the disk format that lie at fixed places: the superblock, the headers of allocation groups, and the header
//! that every block of metadata has.
//!
//! XFS Algorithms & Data Structures, "Allocation Groups", "Self-Describing Metadata". All words are big-endian but for
//! checksums. Log sequence numbers are 0: older than anything that a log will ever hold.

use uuid::Uuid;

use super::bytes::{put, put16, put32, put64, seal};
use super::geometry::Geometry;
use super::{BLOCK, Block, INODE_SIZE, INODES_PER_BLOCK, INODES_PER_BLOCK_LOG};

/// Bytes of a sector: the superblock and the three group headers have one each.
pub const SECTOR: usize = 512;
/// No block, in 32 bits; in 64 bits all ones too.
pub const NO_BLOCK: u32 = u32::MAX;
/// Slots of a free list.
const FREE_LIST_SLOTS: u32 = 119;

/// Where a kind of metadata block keeps what describes it: its own address, UUID, owner, checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    block: usize,
    uuid: usize,
    owner: usize,
    /// Bytes of the owner: a group's number has 4, an inode's 8.
    owner_size: usize,
    pub checksum: usize,
}

impl Header {
    /// A B+tree of an allocation group.
    pub const GROUP_TREE: Header = Header { block: 16, uuid: 32, owner: 48, owner_size: 4, checksum: 52 };
    /// A file's extent B+tree.
    pub const EXTENT_TREE: Header = Header { block: 24, uuid: 40, owner: 56, owner_size: 8, checksum: 64 };
    /// A directory's data or free index.
    pub const DIRECTORY: Header = Header { block: 8, uuid: 24, owner: 40, owner_size: 8, checksum: 4 };
    /// A leaf or node of a hash index: directories and attributes.
    pub const HASH_TREE: Header = Header { block: 16, uuid: 32, owner: 48, owner_size: 8, checksum: 12 };
    /// A symlink's target or an attribute's value.
    pub const REMOTE: Header = Header { block: 40, uuid: 16, owner: 32, owner_size: 8, checksum: 12 };

    /// Puts in all of them; `at` is the block's linear number.
    pub fn seal(self, bytes: &mut Block, id: Uuid, owner: u64, at: u64) {
        put64(bytes, self.block, at * (BLOCK / SECTOR) as u64);
        put(bytes, self.uuid, id.as_bytes());
        put(bytes, self.owner, &owner.to_be_bytes()[8 - self.owner_size..]);
        seal(bytes, self.checksum);
    }
}

/// What the superblock says beside the geometry.
#[derive(Clone, Debug)]
pub struct Superblock<'a> {
    pub geometry: &'a Geometry,
    pub uuid: Uuid,
    pub label: &'a str,
    /// Inodes in chunks, and how many of them are free.
    pub inodes: u64,
    pub free_inodes: u64,
    /// Free blocks, those in free lists and in free space trees below their roots included.
    pub free_blocks: u64,
    pub root: u64,
    pub inode_percent: u8,
    /// Some inode has attributes.
    pub attributes: bool,
}

impl Superblock<'_> {
    pub fn encode(&self) -> [u8; SECTOR] {
        let (g, mut out) = (self.geometry, [0; SECTOR]);
        put(&mut out, 0, b"XFSB");
        put32(&mut out, 4, BLOCK as u32);
        put64(&mut out, 8, g.blocks);
        put(&mut out, 32, self.uuid.as_bytes());
        let (log_group, log_start) = g.log();
        put64(&mut out, 48, g.fsb(g.start(log_group) + u64::from(log_start)));
        // The root directory, and the two inodes that a realtime section would use.
        for (at, number) in [(56, self.root), (64, self.root + 1), (72, self.root + 2)] {
            put64(&mut out, at, number);
        }
        put32(&mut out, 80, 1); // realtime extent size
        put32(&mut out, 84, g.group_blocks);
        put32(&mut out, 88, g.groups);
        put32(&mut out, 96, g.log_blocks);
        // Version 5; link counts and project ids of 32 bits, aligned inodes, log version 2, unwritten extents,
        // directories version 2, more bits below.
        put16(&mut out, 100, 0xB4A5 | u16::from(self.attributes) << 4);
        put16(&mut out, 102, SECTOR as u16);
        put16(&mut out, 104, INODE_SIZE as u16);
        put16(&mut out, 106, INODES_PER_BLOCK as u16);
        put(&mut out, 108, label(self.label));
        out[120] = BLOCK.trailing_zeros() as u8;
        out[121] = SECTOR.trailing_zeros() as u8;
        out[122] = INODE_SIZE.trailing_zeros() as u8;
        out[123] = INODES_PER_BLOCK_LOG as u8;
        out[124] = g.group_log() as u8;
        out[127] = self.inode_percent;
        put64(&mut out, 128, self.inodes);
        put64(&mut out, 136, self.free_inodes);
        put64(&mut out, 144, self.free_blocks);
        put32(&mut out, 180, g.inode_alignment());
        put32(&mut out, 196, 1); // log stripe unit: none
        // Lazy counters, attributes version 2, project ids of 32 bits, checksums; the second copy must match.
        put32(&mut out, 200, 0x18A);
        put32(&mut out, 204, 0x18A);
        let (read_only, incompatible) = g.features.words();
        put32(&mut out, 212, read_only);
        put32(&mut out, 216, incompatible);
        put32(&mut out, 228, if g.features.sparse_inodes { 4 } else { 0 });
        seal(&mut out, 224);
        out
    }
}

/// The first 12 bytes of a label, cut at a character.
fn label(text: &str) -> &[u8] {
    let end = (0..=12.min(text.len())).rev().find(|n| text.is_char_boundary(*n)).unwrap_or(0);
    &text.as_bytes()[..end]
}

/// A B+tree as headers name it: block of the root, levels, blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    pub root: u32,
    pub levels: u32,
    pub blocks: u32,
}

/// What the three headers of a group say.
#[derive(Clone, Debug)]
pub struct GroupHeaders {
    pub group: u32,
    /// Blocks.
    pub length: u32,
    pub by_block: Tree,
    pub by_size: Tree,
    pub inodes: Tree,
    pub free_inodes: Option<Tree>,
    pub reverse: Option<Tree>,
    pub references: Option<Tree>,
    /// The first block of the free list, which is one run, and its length.
    pub free_list: (u32, u32),
    /// Blocks in the free space trees' records, and the longest run.
    pub free_blocks: u32,
    pub longest: u32,
    pub inode_count: u32,
    pub free_inode_count: u32,
    /// The newest inode chunk's first inode, inside the group.
    pub newest_chunk: Option<u32>,
}

impl GroupHeaders {
    /// Blocks of free space and reverse map trees that are no roots.
    pub fn tree_blocks(&self) -> u32 {
        let below = |tree: Tree| tree.blocks.saturating_sub(1);
        below(self.by_block) + below(self.by_size) + self.reverse.map_or(0, below)
    }

    /// The sectors 1 to 3 of the group.
    pub fn encode(&self, id: Uuid, inobtcount: bool) -> [u8; 3 * SECTOR] {
        let mut out = [0; 3 * SECTOR];
        let (space, rest) = out.split_at_mut(SECTOR);
        let (inodes, list) = rest.split_at_mut(SECTOR);
        self.encode_space(space, id);
        self.encode_inodes(inodes, id, inobtcount);
        self.encode_list(list, id);
        out
    }

    fn encode_common(&self, out: &mut [u8], magic: &[u8; 4]) {
        put(out, 0, magic);
        put32(out, 4, 1);
        put32(out, 8, self.group);
        put32(out, 12, self.length);
    }

    /// AGF: free space.
    fn encode_space(&self, out: &mut [u8], id: Uuid) {
        self.encode_common(out, b"XAGF");
        let reverse = self.reverse.unwrap_or_default();
        for (i, tree) in [self.by_block, self.by_size, reverse].iter().enumerate() {
            put32(out, 16 + 4 * i, tree.root);
            put32(out, 28 + 4 * i, tree.levels);
        }
        let count = self.free_list.1;
        // Slot 0 stays empty, as mkfs.xfs leaves it.
        for (at, value) in [
            (40, 1),
            (44, count),
            (48, count),
            (52, self.free_blocks),
            (56, self.longest),
            (60, self.tree_blocks()),
            (80, reverse.blocks),
        ] {
            put32(out, at, value);
        }
        put(out, 64, id.as_bytes());
        if let Some(tree) = self.references {
            put32(out, 84, tree.blocks);
            put32(out, 88, tree.root);
            put32(out, 92, tree.levels);
        }
        seal(out, 216);
    }

    /// AGI: inodes.
    fn encode_inodes(&self, out: &mut [u8], id: Uuid, inobtcount: bool) {
        self.encode_common(out, b"XAGI");
        for (at, value) in [
            (16, self.inode_count),
            (20, self.inodes.root),
            (24, self.inodes.levels),
            (28, self.free_inode_count),
            (32, self.newest_chunk.unwrap_or(NO_BLOCK)),
            (36, NO_BLOCK),
        ] {
            put32(out, at, value);
        }
        // 64 lists of inodes that are unlinked but open: all empty.
        out[40..296].fill(0xFF);
        put(out, 296, id.as_bytes());
        if let Some(tree) = self.free_inodes {
            put32(out, 328, tree.root);
            put32(out, 332, tree.levels);
        }
        if inobtcount {
            put32(out, 336, self.inodes.blocks);
            put32(out, 340, self.free_inodes.map_or(0, |tree| tree.blocks));
        }
        seal(out, 312);
    }

    /// AGFL: blocks for the free space trees to grow into.
    fn encode_list(&self, out: &mut [u8], id: Uuid) {
        put(out, 0, b"XAFL");
        put32(out, 4, self.group);
        put(out, 8, id.as_bytes());
        let (first, count) = self.free_list;
        for slot in 0..FREE_LIST_SLOTS {
            let block = if (1..=count).contains(&slot) { first + slot - 1 } else { NO_BLOCK };
            put32(out, 36 + 4 * slot as usize, block);
        }
        seal(out, 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_at_a_character() {
        assert_eq!(label("root"), b"root");
        assert_eq!(label("root-a-lang-ä"), b"root-a-lang-");
        assert_eq!(label("root-a-lanä"), "root-a-lanä".as_bytes());
        assert_eq!(label("root-a-langä"), b"root-a-lang");
    }
}
