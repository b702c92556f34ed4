//! The partition table as bytes: which sectors it takes, and what holds for every table.
//!
//! Enters: a layout and the first 440 bytes of GRUB's `boot.img`. Leaves: the sectors at the disk's start and, of a
//! GPT, those at its end. What holds: partitions are inside the disk, apart from each other and from the table.

use std::ops::{Range, RangeInclusive};

use super::layout::{self, Layout};
use super::{gpt, mbr};
use crate::base::{Bytes, Sectors};

/// The sectors of a partition table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableBytes {
    /// From sector 0 on.
    pub head: Vec<u8>,
    /// To the disk's last sector; nothing for an MBR.
    pub tail: Vec<u8>,
}

/// Why a layout has no such table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("partition {number}: this table numbers its partitions 1 to {most}")]
    Number { number: u8, most: u8 },
    #[error("two partitions have the number {0}")]
    Twice(u8),
    #[error("partition {0} is empty")]
    Empty(u8),
    #[error("partition {0} covers the partition table")]
    Table(u8),
    #[error("partitions {0} and {1} overlap")]
    Overlap(u8, u8),
    #[error("partition {number} ends at {end}, past the disk's end at {total}")]
    Outside { number: u8, end: Bytes, total: Bytes },
    #[error("an MBR reaches 2 TiB, partition {number} ends at {end}")]
    Reach { number: u8, end: Bytes },
    #[error("an MBR has no BIOS boot partition, partition {0} is one")]
    BiosBoot(u8),
    #[error("partitions {0} and {1} are both boot partitions")]
    Boot(u8, u8),
    #[error("a disk of {0} has no room for a GPT")]
    Small(Bytes),
    #[error("encoding the partition table: {0}")]
    Encode(String),
}

/// The table of `layout`; all zeros is fine as `boot_code` of a disk that no BIOS boots.
pub fn table(layout: &Layout, boot_code: &[u8; 440]) -> Result<TableBytes, TableError> {
    match layout.table {
        layout::Table::Mbr(signature) => {
            let sector = mbr::sector(layout, signature, boot_code)?;
            Ok(TableBytes { head: sector.to_vec(), tail: Vec::new() })
        }
        layout::Table::Gpt(disk) => gpt::tables(layout, disk, boot_code),
    }
}

/// What every table wants: known numbers, none twice; partitions in the sectors that are free for them and apart.
pub(super) fn check(
    layout: &Layout,
    numbers: RangeInclusive<u8>,
    free: Range<u64>,
) -> Result<(), TableError> {
    for (i, partition) in layout.partitions.iter().enumerate() {
        let number = partition.number;
        if !numbers.contains(&number) {
            return Err(TableError::Number { number, most: *numbers.end() });
        }
        if partition.length.0 == 0 {
            return Err(TableError::Empty(number));
        }
        if partition.start.0 < free.start {
            return Err(TableError::Table(number));
        }
        let end = partition.end();
        if end.0 > free.end {
            let total = Sectors(free.end).bytes();
            return Err(TableError::Outside { number, end: end.offset(), total });
        }
        for other in &layout.partitions[..i] {
            if other.number == number {
                return Err(TableError::Twice(number));
            }
            if partition.role == layout::Role::Boot && other.role == layout::Role::Boot {
                return Err(TableError::Boot(other.number, number));
            }
            if partition.start.0 < other.end().0 && other.start.0 < end.0 {
                return Err(TableError::Overlap(other.number, number));
            }
        }
    }
    Ok(())
}
