//! The journal: a clean, empty jbd2 log.
//!
//! Kernel documentation, "Journal (jbd2)"; all fields big-endian.

use uuid::Uuid;

use super::{BLOCK, Block};

/// Blocks of the journal of a filesystem of `blocks` blocks, as mke2fs chooses (ext2fs_default_journal_size).
pub fn blocks(blocks: u64) -> u32 {
    match blocks {
        0..32_768 => 1024,
        32_768..262_144 => 4096,
        262_144..524_288 => 8192,
        524_288..4_194_304 => 16_384,
        4_194_304..8_388_608 => 32_768,
        8_388_608..16_777_216 => 65_536,
        16_777_216..33_554_432 => 131_072,
        _ => 262_144,
    }
}

/// The journal's first block; the others are zeros.
pub fn superblock(blocks: u32, uuid: Uuid) -> Block {
    let mut block: Block = [0; BLOCK];
    let mut put = |at: usize, value: u32| block[at..at + 4].copy_from_slice(&value.to_be_bytes());
    put(0x00, 0xC03B_3998); // magic
    put(0x04, 4); // superblock, version 2
    put(0x0C, BLOCK as u32);
    put(0x10, blocks);
    put(0x14, 1); // first block of the log
    put(0x18, 1); // first transaction expected
    put(0x1C, 0); // no block to start from: the log is empty
    put(0x40, 1); // users
    block[0x30..0x40].copy_from_slice(uuid.as_bytes());
    block
}
