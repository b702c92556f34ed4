//! The master boot record: boot code, disk signature and up to four primary partitions in one sector.
//!
//! Enters: a layout and the first 440 bytes of GRUB's `boot.img`. Leaves: sector 0. What holds: partitions are
//! inside the disk, apart from each other and behind sector 0; their CHS addresses say the same as their LBA, or the
//! highest address there is where CHS cannot say it. mbrman is used here only; it checks no overlap, so this does.
//!
//! The format: UEFI Specification 2.10, section 5.2.1 (Legacy MBR); CHS by the geometry that BIOSes agree on, 255
//! heads and 63 sectors.

use std::io::Cursor;

use mbrman::{BOOT_ACTIVE, BOOT_INACTIVE, CHS, MBRHeader, MBRPartitionEntry};

use super::layout::{Layout, Partition};
use crate::base::partitioning::MBR_REACH;
use crate::base::{Bytes, Sectors};

const HEADS: u8 = 255;
const SECTORS_PER_TRACK: u8 = 63;
/// CHS addresses hold ten bits of cylinder.
const CYLINDERS: u16 = 1024;

/// Why a layout is no MBR.
#[derive(Debug, thiserror::Error)]
pub enum MbrError {
    #[error("partition {0}: an MBR numbers its partitions 1 to 4")]
    Number(u8),
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
    #[error("partitions {0} and {1} are both active")]
    Active(u8, u8),
    #[error("encoding the partition table: {0}")]
    Encode(#[from] mbrman::Error),
}

/// Sector 0 of a disk with `layout`; all zeros is fine as `boot_code` of a disk that no BIOS boots.
pub fn sector(layout: &Layout, boot_code: &[u8; 440]) -> Result<[u8; 512], MbrError> {
    check(layout)?;
    let mut header = MBRHeader::new(layout.signature.to_le_bytes());
    header.bootstrap_code = *boot_code;
    for partition in &layout.partitions {
        let slot = header.get_mut(usize::from(partition.number)).ok_or(MbrError::Number(partition.number))?;
        *slot = entry(partition)?;
    }
    let mut out = Cursor::new(Vec::with_capacity(512));
    header.write_into(&mut out)?;
    let mut sector = [0; 512];
    let bytes = out.into_inner();
    sector[..bytes.len()].copy_from_slice(&bytes);
    Ok(sector)
}

fn entry(partition: &Partition) -> Result<MBRPartitionEntry, MbrError> {
    let reach = || MbrError::Reach { number: partition.number, end: end(partition).bytes() };
    let start = u32::try_from(partition.start.0).map_err(|_| reach())?;
    let length = u32::try_from(partition.length.0).map_err(|_| reach())?;
    Ok(MBRPartitionEntry {
        boot: if partition.active { BOOT_ACTIVE } else { BOOT_INACTIVE },
        first_chs: chs(start),
        sys: partition.kind,
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

/// The partition's end from the start of the disk, exclusive.
fn end(partition: &Partition) -> Sectors {
    Sectors(partition.start.0.saturating_add(partition.length.0))
}

fn check(layout: &Layout) -> Result<(), MbrError> {
    for (i, partition) in layout.partitions.iter().enumerate() {
        let number = partition.number;
        if !(1..=4).contains(&number) {
            return Err(MbrError::Number(number));
        }
        if partition.length.0 == 0 || partition.kind == 0 {
            return Err(MbrError::Empty(number));
        }
        if partition.start.0 == 0 {
            return Err(MbrError::Table(number));
        }
        let end = end(partition);
        if end.0 > layout.total.0 {
            return Err(MbrError::Outside { number, end: end.bytes(), total: layout.total.bytes() });
        }
        if end > MBR_REACH {
            return Err(MbrError::Reach { number, end: end.bytes() });
        }
        for other in &layout.partitions[..i] {
            if other.number == number {
                return Err(MbrError::Twice(number));
            }
            if other.active && partition.active {
                return Err(MbrError::Active(other.number, number));
            }
            if partition.start.0 < self::end(other).0 && other.start.0 < end.0 {
                return Err(MbrError::Overlap(other.number, number));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::Lba;
    use crate::disk::layout::{FilesystemUuid, Role};

    fn partition(number: u8, start: u64, length: u64) -> Partition {
        Partition {
            number,
            role: Role::Boot,
            start: Lba(start),
            length: Sectors(length),
            kind: if number == 1 { 0xef } else { 0x83 },
            active: number == 1,
            filesystem_uuid: FilesystemUuid::Volume(1),
        }
    }

    fn layout(partitions: Vec<Partition>) -> Layout {
        Layout { signature: 0x1122_3344, total: Sectors(1 << 40), partitions }
    }

    #[test]
    fn bytes_are_those_of_the_specification() {
        let code = std::array::from_fn(|i| i as u8);
        let sector =
            sector(&layout(vec![partition(1, 2048, 131_072), partition(3, 133_120, 1 << 31)]), &code)
                .expect("fits");
        assert_eq!(sector[..440], code);
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
        let sector = |partitions| sector(&layout(partitions), &[0; 440]);
        assert!(matches!(sector(vec![partition(5, 1, 1)]), Err(MbrError::Number(5))));
        assert!(matches!(sector(vec![partition(2, 1, 1), partition(2, 9, 1)]), Err(MbrError::Twice(2))));
        assert!(matches!(sector(vec![partition(1, 8, 0)]), Err(MbrError::Empty(1))));
        assert!(matches!(sector(vec![partition(1, 0, 8)]), Err(MbrError::Table(1))));
        assert!(matches!(sector(vec![partition(2, 8, 8), partition(3, 1, 8)]), Err(MbrError::Overlap(2, 3))));
        assert!(matches!(
            sector(vec![partition(2, 8, 8), partition(3, 10, 2)]),
            Err(MbrError::Overlap(2, 3))
        ));
        assert!(matches!(sector(vec![partition(1, 1 << 39, 1 << 40)]), Err(MbrError::Outside { .. })));
        assert!(matches!(sector(vec![partition(1, 2048, 1 << 32)]), Err(MbrError::Reach { .. })));
        assert!(sector(vec![partition(1, 2048, (1 << 32) - 2048)]).is_ok(), "the last sector counts");
        let active = vec![partition(1, 1, 1), Partition { active: true, ..partition(2, 9, 1) }];
        assert!(matches!(sector(active), Err(MbrError::Active(1, 2))));
    }

    proptest! {
        #[test]
        fn reads_back(
            signature: u32,
            pieces in prop::collection::vec((1u64..1 << 29, 1u64..1 << 29, 1u8..=255), 0..=4),
            active in 0usize..5,
        ) {
            let mut at = 1;
            let mut partitions = Vec::new();
            for (i, (gap, length, kind)) in pieces.into_iter().enumerate() {
                at += gap;
                let number = i as u8 + 1;
                partitions.push(Partition { kind, active: i == active, ..partition(number, at, length) });
                at += length;
            }
            let layout = Layout { signature, total: Sectors(at), partitions };
            let sector = sector(&layout, &[7; 440]).expect("fits");
            let read = MBRHeader::read_from(&mut Cursor::new(sector)).expect("an MBR");
            prop_assert_eq!(read.disk_signature, signature.to_le_bytes());
            prop_assert_eq!(read.bootstrap_code, [7; 440]);
            for p in &layout.partitions {
                let e = &read[usize::from(p.number)];
                prop_assert_eq!(
                    (u64::from(e.starting_lba), u64::from(e.sectors), e.sys, e.is_active()),
                    (p.start.0, p.length.0, p.kind, p.active)
                );
                if e.last_chs.cylinder < 1023 {
                    prop_assert_eq!(e.last_chs.to_lba(255, 63), e.starting_lba + e.sectors - 1);
                }
            }
        }
    }
}
