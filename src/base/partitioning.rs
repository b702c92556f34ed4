//! What holds for the partitions of every disk, whatever its manifest says: the rules that judge a manifest and the
//! arithmetic that lays it out both count with these.

use super::units::{Bytes, Lba, SECTOR, Sectors};

/// Partitions start and end at multiples of this: it suits every drive's erase block and physical sector.
pub const ALIGNMENT: Bytes = Bytes::MIB;
/// Before the first partition: the partition table and GRUB's core image.
pub const GAP: Bytes = Bytes::MIB;
/// The boot partition. GRUB's modules of two platforms take 8 MiB; FAT32 wants 33 MiB at least; what is left is room for
/// later use.
pub const BOOT_SIZE: Bytes = Bytes::mib(64);
/// What GRUB's files may take of the boot partition, each with its place in a folder ([`boot_file_cost`]). The rest is more
/// than FAT's own structures and the texts of as many slots as a GPT has.
pub const BOOT_GRUB: Bytes = Bytes::mib(48);
/// The least partition of ext4: smaller ones hold no Linux, and no journal either.
pub const EXT4_MIN: Bytes = Bytes::mib(16);
/// The least partition of xfs: mkfs.xfs has made no smaller ones since 5.19, and the log takes 64 MiB of it.
pub const XFS_MIN: Bytes = Bytes::mib(300);
/// Primary partitions of an MBR, the boot partition included.
pub const MBR_PARTITIONS: usize = 4;
/// Slots that an MBR has partitions for.
pub const MBR_SLOTS: usize = MBR_PARTITIONS - 1;
/// What an MBR can address: the largest sector number is 2^32 - 1 (UEFI Specification 2.10, section 5.2.1).
pub const MBR_REACH: Sectors = Sectors(1 << 32);
/// Entries of a GPT.
pub const GPT_ENTRIES: u8 = 128;
/// Sectors of a GPT at the disk's start: the protective MBR, the header, 128 entries of 128 bytes (UEFI Specification
/// 2.10, section 5.3.1).
pub const GPT_HEAD: Sectors = Sectors(34);
/// Sectors of its copy at the disk's end.
pub const GPT_TAIL: Sectors = Sectors(33);
/// Slots that a GPT has entries for, beside the boot partition and the BIOS boot partition.
pub const GPT_SLOTS: usize = GPT_ENTRIES as usize - 2;
/// Where the BIOS boot partition starts, which lies before the boot partition: the first multiple of 4 KiB behind the
/// table.
pub const BIOS_BOOT: Lba = Lba(40);

/// What a file of so many bytes takes of the boot partition at most: whole clusters, which have a sector each there, and
/// entries in its folder, 32 bytes for the short name and for each 13 letters of at most 255.
pub fn boot_file_cost(length: u64) -> Bytes {
    const ENTRIES: u64 = 32 * (1 + 255_u64.div_ceil(13));
    Bytes(length.next_multiple_of(SECTOR) + ENTRIES)
}

/// What a disk keeps behind its last partition: the copy of a GPT, a whole step of the alignment.
pub fn tail(gpt: bool) -> Bytes {
    if gpt { GPT_TAIL.bytes().round_up(ALIGNMENT) } else { Bytes(0) }
}
