//! The master boot record: boot code, disk signature and up to four primary partitions in one sector.
//!
//! Enters: a layout and the first 440 bytes of GRUB's `boot.img`. Leaves: sector 0. What holds beside [`super::table`]:
//! CHS addresses say the same as their LBA, or the highest address there is where CHS cannot say it. mbrman is used
//! here only; it checks no overlap, so [`super::table`] does.
//!
//! The format: UEFI Specification 2.10, section 5.2.1 (Legacy MBR); CHS by the geometry that BIOSes agree on, 255
//! heads and 63 sectors.

use std::io::Cursor;

use mbrman::{BOOT_ACTIVE, BOOT_INACTIVE, CHS, MBRHeader, MBRPartitionEntry};

use super::layout::{Layout, Partition, Role};
use super::table::{TableError, check};
use crate::base::partitioning::MBR_REACH;

const HEADS: u8 = 255;
const SECTORS_PER_TRACK: u8 = 63;
/// CHS addresses hold ten bits of cylinder.
const CYLINDERS: u16 = 1024;

/// Partition types (UEFI Specification 2.10, section 5.2.2; Linux).
const TYPE_ESP: u8 = 0xef;
const TYPE_LINUX: u8 = 0x83;

/// Sector 0 of a disk with `layout`.
pub fn sector(layout: &Layout, signature: u32, boot_code: &[u8; 440]) -> Result<[u8; 512], TableError> {
    check(layout, 1..=4, 1..layout.total.0)?;
    let mut header = MBRHeader::new(signature.to_le_bytes());
    header.bootstrap_code = *boot_code;
    for partition in &layout.partitions {
        // the number was checked
        header[usize::from(partition.number)] = entry(partition)?;
    }
    let mut out = Cursor::new(Vec::with_capacity(512));
    header.write_into(&mut out).map_err(|e| TableError::Encode(e.to_string()))?;
    let mut sector = [0; 512];
    let bytes = out.into_inner();
    sector[..bytes.len()].copy_from_slice(&bytes);
    Ok(sector)
}

fn entry(partition: &Partition) -> Result<MBRPartitionEntry, TableError> {
    let (number, end) = (partition.number, partition.end());
    let (kind, boot) = match partition.role {
        Role::Boot => (TYPE_ESP, BOOT_ACTIVE),
        Role::Slot(_) => (TYPE_LINUX, BOOT_INACTIVE),
        Role::BiosBoot => return Err(TableError::BiosBoot(number)),
    };
    if end.0 > MBR_REACH.0 {
        return Err(TableError::Reach { number, end: end.offset() });
    }
    let reach = |_| TableError::Reach { number, end: end.offset() };
    let start = u32::try_from(partition.start.0).map_err(reach)?;
    let length = u32::try_from(partition.length.0).map_err(reach)?;
    Ok(MBRPartitionEntry {
        boot,
        first_chs: chs(start),
        sys: kind,
        last_chs: chs(start + (length - 1)),
        starting_lba: start,
        sectors: length,
    })
}

/// Past the last cylinder every address is written as the highest one, which tells readers to use the LBA.
fn chs(lba: u32) -> CHS {
    CHS::from_lba_exact(lba, CYLINDERS, HEADS, SECTORS_PER_TRACK).unwrap_or(CHS::new(
        CYLINDERS - 1,
        HEADS - 1,
        SECTORS_PER_TRACK,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::{Lba, Sectors};
    use crate::disk::layout::Table;

    fn partition(number: u8, start: u64, length: u64) -> Partition {
        Partition {
            number,
            role: if number == 1 { Role::Boot } else { Role::Slot(format!("s{number}")) },
            start: Lba(start),
            length: Sectors(length),
            guid: uuid::Uuid::nil(),
        }
    }

    fn layout(partitions: Vec<Partition>) -> Layout {
        Layout { table: Table::Mbr(0x1122_3344), total: Sectors(1 << 40), partitions }
    }

    fn sector(partitions: Vec<Partition>) -> Result<[u8; 512], TableError> {
        super::sector(&layout(partitions), 0x1122_3344, &std::array::from_fn(|i| i as u8))
    }

    #[test]
    fn bytes_are_those_of_the_specification() {
        let sector = sector(vec![partition(1, 2048, 131_072), partition(3, 133_120, 1 << 31)]).expect("fits");
        assert!(sector[..440].iter().zip(0u8..=255).all(|(have, want)| *have == want));
        assert_eq!(sector[440..446], [0x44, 0x33, 0x22, 0x11, 0, 0]);
        // 2048 = 0 * 16065 + 32 * 63 + 32: cylinder 0, head 32, sector 33; the last, 133119, is 8/73/1
        assert_eq!(
            sector[446..462],
            [0x80, 32, 33, 0, 0xef, 73, 1, 8, 0x00, 0x08, 0, 0, 0x00, 0x00, 0x02, 0]
        );
        assert_eq!(sector[462..478], [0; 16]);
        assert_eq!(sector[478..494], [0, 73, 2, 8, 0x83, 254, 255, 255, 0x00, 0x08, 0x02, 0, 0, 0, 0, 0x80]);
        assert_eq!(sector[510..], [0x55, 0xaa]);
    }

    #[test]
    fn refuses_what_no_table_can_say() {
        assert!(matches!(sector(vec![partition(5, 1, 1)]), Err(TableError::Number { number: 5, most: 4 })));
        assert!(matches!(sector(vec![partition(2, 1, 1), partition(2, 9, 1)]), Err(TableError::Twice(2))));
        assert!(matches!(sector(vec![partition(1, 8, 0)]), Err(TableError::Empty(1))));
        assert!(matches!(sector(vec![partition(1, 0, 8)]), Err(TableError::Table(1))));
        assert!(matches!(
            sector(vec![partition(2, 8, 8), partition(3, 1, 8)]),
            Err(TableError::Overlap(2, 3))
        ));
        assert!(matches!(
            sector(vec![partition(2, 8, 8), partition(3, 10, 2)]),
            Err(TableError::Overlap(2, 3))
        ));
        assert!(matches!(sector(vec![partition(1, 1 << 39, 1 << 40)]), Err(TableError::Outside { .. })));
        assert!(matches!(sector(vec![partition(1, 2048, 1 << 32)]), Err(TableError::Reach { .. })));
        assert!(sector(vec![partition(1, 2048, (1 << 32) - 2048)]).is_ok(), "the last sector counts");
        let boots = vec![partition(1, 1, 1), Partition { role: Role::Boot, ..partition(2, 9, 1) }];
        assert!(matches!(sector(boots), Err(TableError::Boot(1, 2))));
        let bios = vec![Partition { role: Role::BiosBoot, ..partition(2, 9, 1) }];
        assert!(matches!(sector(bios), Err(TableError::BiosBoot(2))));
    }

    proptest! {
        #[test]
        fn reads_back(
            signature: u32,
            pieces in prop::collection::vec((1u64..1 << 29, 1u64..1 << 29), 0..=4),
            boot in 0usize..5,
        ) {
            let mut at = 1;
            let mut partitions = Vec::new();
            for (i, (gap, length)) in pieces.into_iter().enumerate() {
                at += gap;
                let role = if i == boot { Role::Boot } else { Role::Slot(i.to_string()) };
                partitions.push(Partition { role, ..partition(i as u8 + 1, at, length) });
                at += length;
            }
            let layout = Layout { table: Table::Mbr(signature), total: Sectors(at), partitions };
            let sector = super::sector(&layout, signature, &[7; 440]).expect("fits");
            let read = MBRHeader::read_from(&mut Cursor::new(sector)).expect("an MBR");
            prop_assert_eq!(read.disk_signature, signature.to_le_bytes());
            prop_assert_eq!(read.bootstrap_code, [7; 440]);
            for p in &layout.partitions {
                let e = &read[usize::from(p.number)];
                let kind = if p.role == Role::Boot { 0xef } else { 0x83 };
                prop_assert_eq!(
                    (u64::from(e.starting_lba), u64::from(e.sectors), e.sys, e.is_active()),
                    (p.start.0, p.length.0, kind, p.role == Role::Boot)
                );
                if e.last_chs.cylinder < 1023 {
                    prop_assert_eq!(e.last_chs.to_lba(255, 63), e.starting_lba + e.sectors - 1);
                }
            }
        }
    }
}
