//! The GUID partition table: a protective MBR with GRUB's boot code, the table and its copy at the disk's end.
//!
//! Enters: a layout and the first 440 bytes of GRUB's `boot.img`. Leaves: the first 34 sectors and the last 33. gptman
//! is used here only; it writes into a disk of which only these sectors are kept.
//!
//! The format: UEFI Specification 2.10, sections 5.2.3 (Protective MBR) and 5.3 (GPT Disk Layout).

use std::io::{self, Read, Seek, SeekFrom, Write};

use gptman::{GPT, GPTPartitionEntry};
use uuid::{Uuid, uuid};

use super::layout::{Layout, Partition, Role};
use super::table::{TableBytes, TableError, check};
use crate::base::partitioning::{GPT_ENTRIES, GPT_HEAD, GPT_TAIL};
use crate::base::units::SECTOR;

/// EFI system partition (UEFI Specification 2.10, table 5.7).
const TYPE_ESP: Uuid = uuid!("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
/// BIOS boot partition (GRUB manual, "BIOS installation").
const TYPE_BIOS_BOOT: Uuid = uuid!("21686148-6449-6e6f-744e-656564454649");
/// Linux filesystem. The type of a root partition would let systemd mount by itself what it takes for the root: there
/// are several here.
const TYPE_LINUX: Uuid = uuid!("0fc63daf-8483-4772-8e79-3d69d8477de4");
/// Characters of a partition's name.
const NAME: usize = 36;

/// The table of a disk with `layout` and the GUID `disk`, and its copy.
pub fn tables(layout: &Layout, disk: Uuid, boot_code: &[u8; 440]) -> Result<TableBytes, TableError> {
    let total = layout.total.0;
    if total < GPT_HEAD.0 + GPT_TAIL.0 {
        return Err(TableError::Small(layout.total.bytes()));
    }
    check(layout, 1..=GPT_ENTRIES, GPT_HEAD.0..total - GPT_TAIL.0)?;
    let mut ends = Ends {
        length: total * SECTOR,
        position: 0,
        head: vec![0; (GPT_HEAD.0 * SECTOR) as usize],
        tail: vec![0; (GPT_TAIL.0 * SECTOR) as usize],
    };
    ends.head[..boot_code.len()].copy_from_slice(boot_code);
    GPT::write_protective_mbr_into(&mut ends, SECTOR).map_err(encode)?;
    let mut table = GPT::new_from(&mut ends, SECTOR, disk.to_bytes_le()).map_err(encode)?;
    for partition in &layout.partitions {
        table[u32::from(partition.number)] = entry(partition);
    }
    table.write_into(&mut ends).map_err(encode)?;
    Ok(TableBytes { head: ends.head, tail: ends.tail })
}

fn encode(error: gptman::Error) -> TableError {
    TableError::Encode(error.to_string())
}

fn entry(partition: &Partition) -> GPTPartitionEntry {
    let (kind, name) = match &partition.role {
        Role::Boot => (TYPE_ESP, "boot"),
        Role::BiosBoot => (TYPE_BIOS_BOOT, "BIOS boot"),
        Role::Slot(name) => (TYPE_LINUX, name.as_str()),
    };
    // a slot's name is of ASCII: a character is a unit of UTF-16
    let name: String = name.chars().take(NAME).collect();
    GPTPartitionEntry {
        partition_type_guid: kind.to_bytes_le(),
        unique_partition_guid: partition.guid.to_bytes_le(),
        starting_lba: partition.start.0,
        ending_lba: partition.end().0 - 1,
        attribute_bits: 0,
        partition_name: name.as_str().into(),
    }
}

/// A disk of which only the two ends are there. A write between them is an error.
struct Ends {
    length: u64,
    position: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Ends {
    /// The bytes from the position on that lie together.
    fn here(&mut self) -> io::Result<&mut [u8]> {
        let tail = self.length - self.tail.len() as u64;
        let (part, start) = if self.position < tail { (&mut self.head, 0) } else { (&mut self.tail, tail) };
        // both ends are some kilobytes long
        part.get_mut((self.position - start) as usize..)
            .filter(|rest| !rest.is_empty())
            .ok_or_else(|| io::Error::other("a partition table takes no sector between the disk's ends"))
    }
}

impl Read for Ends {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let here = self.here()?;
        let n = out.len().min(here.len());
        out[..n].copy_from_slice(&here[..n]);
        self.position += n as u64;
        Ok(n)
    }
}

impl Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let here = self.here()?;
        let n = bytes.len().min(here.len());
        here[..n].copy_from_slice(&bytes[..n]);
        self.position += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Ends {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = place.ok_or_else(|| io::Error::other("a position before the disk"))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::base::{Lba, Sectors};
    use crate::disk::layout::Table;

    const DISK: Uuid = uuid!("11111111-2222-5333-8444-555555555555");

    fn partition(number: u8, role: Role, start: u64, length: u64) -> Partition {
        let guid = Uuid::from_u128(u128::from(number) + 1);
        Partition { number, role, start: Lba(start), length: Sectors(length), guid }
    }

    fn layout(partitions: Vec<Partition>) -> Layout {
        Layout { table: Table::Gpt(DISK), total: Sectors(100 * 2048), partitions }
    }

    fn three() -> Vec<Partition> {
        vec![
            partition(1, Role::Boot, 2048, 131_072),
            partition(2, Role::Slot("a".repeat(40)), 133_120, 65_536),
            partition(3, Role::BiosBoot, 40, 2008),
        ]
    }

    #[test]
    fn both_tables_read_back() {
        let tables = tables(&layout(three()), DISK, &[7; 440]).expect("fits");
        assert_eq!((tables.head.len(), tables.tail.len()), (34 * 512, 33 * 512));
        assert_eq!(tables.head[..440], [7; 440]);
        // one entry over the whole disk of the type that keeps its hands off it
        assert_eq!(
            tables.head[440..462],
            [0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0xee, 255, 255, 255, 1, 0, 0, 0, 255, 31, 3, 0]
        );
        assert_eq!(tables.head[510..512], [0x55, 0xaa]);
        let mut disk = vec![0; 100 * 2048 * 512];
        let end = disk.len() - tables.tail.len();
        disk[..tables.head.len()].copy_from_slice(&tables.head);
        disk[end..].copy_from_slice(&tables.tail);
        for broken in [None, Some(512), Some(100 * 2048 * 512 - 512)] {
            let mut disk = disk.clone();
            if let Some(at) = broken {
                disk[at..at + 512].fill(0);
            }
            let read = GPT::find_from(&mut Cursor::new(&mut disk)).expect("a GPT");
            assert_eq!(read.header.disk_guid, DISK.to_bytes_le());
            for p in three() {
                let e = &read[u32::from(p.number)];
                assert_eq!((e.starting_lba, e.ending_lba), (p.start.0, p.start.0 + p.length.0 - 1));
                assert_eq!(e.unique_partition_guid, p.guid.to_bytes_le());
            }
            assert_eq!(read[2].partition_name.as_str(), "a".repeat(36));
            assert_eq!(read[3].partition_type_guid, *b"Hah!IdontNeedEFI");
        }
    }

    #[test]
    fn refuses_what_would_lie_on_a_table() {
        let tables = |p: Vec<Partition>| tables(&layout(p), DISK, &[0; 440]);
        let slot = |start, length| vec![partition(1, Role::Slot("a".into()), start, length)];
        assert!(matches!(tables(slot(33, 10)), Err(TableError::Table(1))));
        assert!(tables(slot(34, 100 * 2048 - 34 - 33)).is_ok(), "all that is free may be used");
        assert!(matches!(tables(slot(34, 100 * 2048 - 34 - 32)), Err(TableError::Outside { .. })));
        let far = vec![partition(129, Role::Boot, 2048, 1)];
        assert!(matches!(tables(far), Err(TableError::Number { number: 129, most: 128 })));
        let small = Layout { total: Sectors(66), ..layout(Vec::new()) };
        assert!(matches!(super::tables(&small, DISK, &[0; 440]), Err(TableError::Small(_))));
    }
}
