//! What lies where in a FAT32 partition, its boot sector and its FSInfo sector.
//!
//! Reserved sectors, two FATs, clusters from number 2 on. Sections "Boot Sector and BPB" and "FAT32 FSInfo Sector
//! Structure" of the specification.

use crate::base::{Bytes, Lba};
use crate::fs::FsError;

pub const SECTOR: u64 = 512;
/// The reserved sectors: boot sector, FSInfo, their backups, the rest unused.
const RESERVED: u64 = 32;
pub const FATS: u64 = 2;
/// FSInfo's sector, counted from its boot sector.
pub const INFO: u64 = 1;
/// The sector of the backup boot sector.
pub const BACKUP: u64 = 6;
/// The media byte of a fixed disk.
pub const MEDIA: u8 = 0xf8;
/// With fewer clusters a reader takes a FAT for FAT16, whatever else it says.
const FEWEST: u64 = 65_525;
/// FAT32 entries have 28 bits, the highest values are reserved.
const MOST: u64 = 0x0fff_fff5;
/// Bytes of one FAT entry.
const FAT_ENTRY: u64 = 4;
/// The sectors per cluster of a partition up to so many sectors, as Windows and mkfs.fat choose.
const CLUSTERS: [(u64, u8); 4] = [(532_480, 1), (16_777_216, 8), (33_554_432, 16), (67_108_864, 32)];
const LARGEST_CLUSTER: u8 = 64;
/// How many sizes a cluster can have.
pub const SIZES: usize = CLUSTERS.len() + 1;
/// The smallest partition in whole MiB: clusters of a sector, and the fewest.
pub const LEAST: Bytes = Bytes(33 << 20);

/// The measures of one filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Of the partition.
    total: u32,
    sectors_per_cluster: u8,
    /// Length of one FAT.
    fat_sectors: u32,
    /// Clusters there are; they are numbered from 2.
    pub clusters: u32,
}

impl Geometry {
    pub fn new(size: Bytes) -> Result<Geometry, FsError> {
        let too_small = FsError::TooSmall { need: LEAST, have: size };
        let total = size.0 / SECTOR;
        let per_cluster = sectors_per_cluster(total);
        let spc = u64::from(per_cluster);
        let Some(usable) = total.checked_sub(RESERVED) else { return Err(too_small) };
        // the FAT with FAT * 128 >= (usable - 2 * FAT) / spc + 2, the two entries before cluster 2 counted in
        let fat = (usable + 2 * spc).div_ceil(SECTOR / FAT_ENTRY * spc + FATS);
        let Some(data) = usable.checked_sub(FATS * fat) else { return Err(too_small) };
        let clusters = data / spc;
        if clusters < FEWEST {
            return Err(too_small);
        }
        match (u32::try_from(total), u32::try_from(fat), u32::try_from(clusters)) {
            (Ok(total), Ok(fat_sectors), Ok(clusters)) if u64::from(clusters) <= MOST => {
                Ok(Geometry { total, sectors_per_cluster: per_cluster, fat_sectors, clusters })
            }
            _ => Err(FsError::Unrepresentable {
                path: "/".into(),
                problem: format!("a FAT filesystem is smaller than 2 TiB, this one would have {size}"),
            }),
        }
    }

    /// The smallest partition above `above`, in whole MiB, that holds content which takes so many clusters of each of the
    /// sizes of [`cluster_sizes`]; `None` if FAT has none.
    pub fn sufficient(above: Bytes, clusters: [u64; SIZES]) -> Option<Bytes> {
        let mut from = above.0 / Bytes::MIB.0 + 1;
        for ((most, sectors), clusters) in classes().zip(clusters) {
            let clusters = clusters.max(FEWEST);
            let fat = ((clusters + 2) * FAT_ENTRY).div_ceil(SECTOR);
            let least = RESERVED + FATS * fat + clusters * u64::from(sectors);
            let mut mib = from.max((least * SECTOR).div_ceil(Bytes::MIB.0));
            let last = most.saturating_mul(SECTOR) / Bytes::MIB.0;
            // Rounding of the FAT's length may cost a cluster.
            while mib <= last {
                match Geometry::new(Bytes::mib(mib)) {
                    Ok(geometry) if u64::from(geometry.clusters) >= clusters => return Some(Bytes::mib(mib)),
                    Ok(_) | Err(FsError::TooSmall { .. }) => mib += 1,
                    Err(_) => return None,
                }
            }
            from = from.max(last + 1);
        }
        None
    }

    pub fn cluster_bytes(&self) -> u64 {
        u64::from(self.sectors_per_cluster) * SECTOR
    }

    /// Entries of the FAT that stand for something: the two reserved ones and one for each cluster.
    pub fn fat_entries(&self) -> u64 {
        u64::from(self.clusters) + 2
    }

    /// Where a cluster starts, in bytes from the partition's start.
    pub fn offset(&self, cluster: u32) -> u64 {
        let data = RESERVED + FATS * u64::from(self.fat_sectors);
        data * SECTOR + u64::from(cluster - 2) * self.cluster_bytes()
    }

    /// The first sector of a copy of the FAT, from 0.
    pub fn fat_sector(&self, copy: u64) -> u64 {
        RESERVED + copy * u64::from(self.fat_sectors)
    }

    pub fn boot_sector(
        &self,
        volume_id: u32,
        start: Lba,
        label: Option<[u8; 11]>,
    ) -> Result<[u8; 512], FsError> {
        let hidden = u32::try_from(start.0).map_err(|_| FsError::Unrepresentable {
            path: "/".into(),
            problem: "a FAT partition starts below 2 TiB".into(),
        })?;
        let mut b = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| b[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[0xeb, 0x58, 0x90]); // jump over the parameters
        put(3, b"MSWIN4.1"); // the OEM name that the specification recommends: some readers look at it
        put(11, &(SECTOR as u16).to_le_bytes());
        put(13, &[self.sectors_per_cluster]);
        put(14, &(RESERVED as u16).to_le_bytes());
        put(16, &[FATS as u8]);
        // 17 to 20: entries of a fixed root directory and the 16-bit total, both of FAT16 only
        put(21, &[MEDIA]);
        put(24, &63u16.to_le_bytes()); // sectors per track and heads, as the partition table has them
        put(26, &255u16.to_le_bytes());
        put(28, &hidden.to_le_bytes());
        put(32, &self.total.to_le_bytes());
        put(36, &self.fat_sectors.to_le_bytes());
        // 40: both FATs are kept alike; 42: version 0.0
        put(44, &super::ROOT.to_le_bytes());
        put(48, &(INFO as u16).to_le_bytes());
        put(50, &(BACKUP as u16).to_le_bytes());
        put(64, &[0x80]); // the first hard disk, to int 13h
        put(66, &[0x29]); // the next three fields are there
        put(67, &volume_id.to_le_bytes());
        put(71, &label.unwrap_or(*b"NO NAME    "));
        put(82, b"FAT32   ");
        // boot code of a partition that is not booted this way: tell the BIOS so (int 18h), then halt
        put(90, &[0xcd, 0x18, 0xf4, 0xeb, 0xfd]);
        put(510, &[0x55, 0xaa]);
        Ok(b)
    }
}

/// The sizes of clusters, in sectors, each with the largest partition that has it.
fn classes() -> impl Iterator<Item = (u64, u8)> {
    CLUSTERS.into_iter().chain([(u64::MAX, LARGEST_CLUSTER)])
}

/// Bytes of a cluster, from the smallest partitions to the largest.
pub fn cluster_sizes() -> impl Iterator<Item = u64> {
    classes().map(|(_, sectors)| u64::from(sectors) * SECTOR)
}

fn sectors_per_cluster(total: u64) -> u8 {
    classes().find(|(most, _)| total <= *most).map_or(LARGEST_CLUSTER, |(_, sectors)| sectors)
}

/// `free` clusters, the last one used being `last`.
pub fn info_sector(free: u32, last: u32) -> [u8; 512] {
    let mut b = [0; 512];
    b[0..4].copy_from_slice(b"RRaA");
    b[484..488].copy_from_slice(b"rrAa");
    b[488..492].copy_from_slice(&free.to_le_bytes());
    b[492..496].copy_from_slice(&last.to_le_bytes());
    b[508..512].copy_from_slice(&[0, 0, 0x55, 0xaa]);
    b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_boot_partition_has_clusters_of_a_sector() {
        let g = Geometry::new(Bytes::mib(64)).expect("fits");
        assert_eq!((g.total, g.sectors_per_cluster), (131_072, 1));
        // 131072 = 32 + 2 * 1009 + 129022, and 1009 * 128 = 129152 entries
        assert_eq!((g.fat_sectors, g.clusters), (1009, 129_022));
        assert_eq!(g.offset(2), (32 + 2018) * 512);
    }

    #[test]
    fn the_smallest_is_as_promised() {
        assert_eq!(Geometry::sufficient(Bytes(0), [0; SIZES]), Some(LEAST));
        assert!(Geometry::new(LEAST).is_ok());
        assert!(matches!(
            Geometry::new(Bytes::mib(32)),
            Err(FsError::TooSmall { need, .. }) if need == LEAST
        ));
        assert!(matches!(Geometry::new(Bytes(0)), Err(FsError::TooSmall { .. })));
        assert!(matches!(Geometry::new(Bytes::gib(4096)), Err(FsError::Unrepresentable { .. })));
    }

    proptest! {
        #[test]
        fn the_fat_covers_the_clusters_and_no_sector_is_wasted(mib in 33u64..2 << 20) {
            let g = Geometry::new(Bytes::mib(mib)).expect("fits");
            let (fat, spc) = (u64::from(g.fat_sectors), u64::from(g.sectors_per_cluster));
            prop_assert!(fat * 128 >= g.fat_entries());
            let end = g.offset(2) / SECTOR + u64::from(g.clusters) * spc;
            prop_assert!(end <= mib * 2048 && mib * 2048 - end < spc);
            // rounding may cost a sector of FAT, not two
            prop_assert!((fat - 2) * 128 < (mib * 2048 - RESERVED - FATS * (fat - 2)) / spc + 2);
        }

        /// It holds so many files, and no smaller partition above `have` does.
        #[test]
        fn the_sufficient_size_is_the_smallest(have in 0u64..40_000, files in 0u64..400_000, length in 0u64..200_000) {
            let clusters: Vec<u64> = cluster_sizes().map(|size| files * length.div_ceil(size)).collect();
            let clusters: [u64; SIZES] = clusters.try_into().expect("of each size");
            let holds = |mib: u64| Geometry::new(Bytes::mib(mib)).is_ok_and(|g| {
                let class = cluster_sizes().position(|size| size == g.cluster_bytes()).expect("a size");
                u64::from(g.clusters) >= clusters[class]
            });
            let size = Geometry::sufficient(Bytes::mib(have), clusters).expect("far below 2 TiB");
            prop_assert!(size > Bytes::mib(have) && holds(size.0 >> 20));
            for mib in have + 1..size.0 >> 20 {
                prop_assert!(!holds(mib), "{} MiB would do, not only {}", mib, size);
            }
        }
    }
}
