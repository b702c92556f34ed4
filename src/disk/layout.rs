//! Where everything lies on the disk: value types only, computed by `plan::layout`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::{Lba, Sectors};

/// A disk with its partitions in ascending order, none overlapping, all inside `total`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The MBR's 32-bit disk signature.
    pub signature: u32,
    /// The whole disk.
    pub total: Sectors,
    pub partitions: Vec<Partition>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// From 1, as the kernel counts.
    pub number: u8,
    pub role: Role,
    pub start: Lba,
    pub length: Sectors,
    /// MBR partition type: 0xEF EFI system partition, 0x83 Linux.
    pub kind: u8,
    /// The MBR's active flag, which some BIOSes want on one partition before they boot.
    pub active: bool,
    /// The UUID of the filesystem in it as Linux and GRUB write it.
    pub filesystem_uuid: FilesystemUuid,
}

/// What a partition is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Boot,
    /// By the slot's name.
    Slot(String),
}

/// A filesystem's identity: 32 bits for FAT, 128 for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FilesystemUuid {
    Volume(u32),
    Uuid(Uuid),
}

impl Layout {
    pub fn boot(&self) -> Option<&Partition> {
        self.partitions.iter().find(|p| p.role == Role::Boot)
    }

    pub fn slot(&self, name: &str) -> Option<&Partition> {
        self.partitions.iter().find(|p| matches!(&p.role, Role::Slot(slot) if slot == name))
    }
}
