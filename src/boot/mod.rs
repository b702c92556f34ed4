//! GRUB: what goes into the boot code, the gap behind it and the boot partition, for BIOS and for UEFI.
//!
//! Enters: GRUB's own files, from this host's packages or out of an engine. Leaves: bytes for the disk. Nothing here
//! runs a program; the calls of grub-mkimage are values.

pub mod early;
pub mod files;
pub mod mkimage;
pub mod modules;
pub mod partition;
pub mod toolbox;

pub use files::{BootError, BootFiles};

/// A platform of GRUB's, one for each kind of firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// BIOSes.
    I386Pc,
    /// UEFI of 64 bits.
    X86_64Efi,
}

/// A kind of partition table, as GRUB numbers partitions in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionMap {
    Msdos,
    Gpt,
}

impl PartitionMap {
    /// What stands before a partition's number: `hd0,gpt1`.
    pub fn as_str(self) -> &'static str {
        match self {
            PartitionMap::Msdos => "msdos",
            PartitionMap::Gpt => "gpt",
        }
    }
}

impl Platform {
    pub const ALL: [Platform; 2] = [Platform::I386Pc, Platform::X86_64Efi];

    /// GRUB's name of it: a value of `--format` and the folder of its modules.
    pub fn as_str(self) -> &'static str {
        match self {
            Platform::I386Pc => "i386-pc",
            Platform::X86_64Efi => "x86_64-efi",
        }
    }
}
