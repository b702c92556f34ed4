//! A clean log: one record that says the filesystem was unmounted, and zeros behind it.
//!
//! XFS Algorithms & Data Structures, "Log Record Header" and "Log Operations". The log must read as zeros before.

use uuid::Uuid;

use super::bytes::{put, put32, put64};
use super::format::SECTOR;

/// Bytes of a log buffer, as the kernel's (`XLOG_BIG_RECORD_BSIZE`).
const BUFFER: u32 = 32 << 10;

/// The log's first two sectors. Cycle 1, block 0; without a checksum, as mkfs.xfs writes it.
pub fn unmounted(id: Uuid) -> [u8; 2 * SECTOR] {
    let mut out = [0; 2 * SECTOR];
    let position = 1u64 << 32;
    put32(&mut out, 0, 0xFEED_BABE);
    put32(&mut out, 4, 1); // cycle
    put32(&mut out, 8, 2); // version
    put32(&mut out, 12, SECTOR as u32); // bytes behind the header
    put64(&mut out, 16, position);
    put64(&mut out, 24, position); // of the tail
    put32(&mut out, 36, u32::MAX); // no record before
    put32(&mut out, 40, 1); // operations
    // What stood in the first word of the sector behind, which has the cycle in its place: the transaction.
    put32(&mut out, 44, 0xB0C0_D0D0);
    put32(&mut out, 300, 1); // little-endian Linux
    put(&mut out, 304, id.as_bytes());
    put32(&mut out, 320, BUFFER);
    put32(&mut out, SECTOR, 1);
    put32(&mut out, SECTOR + 4, 8); // bytes of the operation
    out[SECTOR + 8] = 0xAA; // of the log itself
    out[SECTOR + 9] = 0x20; // unmount
    put(&mut out, SECTOR + 12, b"nU");
    out
}
