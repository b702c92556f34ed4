//! Where everything lies on the disk: value types only, computed by `plan::layout`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::{Lba, Sectors};

/// A disk with its partitions in ascending order of their numbers, none overlapping, all inside `total`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    pub table: Table,
    /// The whole disk.
    pub total: Sectors,
    pub partitions: Vec<Partition>,
}

/// The partition table, with the disk's identity in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// The 32-bit disk signature.
    Mbr(u32),
    /// The disk's GUID.
    Gpt(Uuid),
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// From 1, as the kernel counts.
    pub number: u8,
    pub role: Role,
    pub start: Lba,
    pub length: Sectors,
    /// The partition's GUID in a GPT.
    pub guid: Uuid,
}

/// What a partition is for. Its type in the table follows from it, as does the MBR's active flag, which some BIOSes
/// want on one partition before they boot: the boot partition has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// GRUB's files, and the EFI system partition.
    Boot,
    /// GRUB's core image, where a GPT has taken its place behind the boot code (GRUB manual, "BIOS installation").
    BiosBoot,
    /// By the slot's name.
    Slot(String),
}

impl Role {
    /// Whether a filesystem is in it.
    pub fn has_filesystem(&self) -> bool {
        *self != Role::BiosBoot
    }
}

impl Partition {
    /// The first sector behind it.
    pub fn end(&self) -> Lba {
        Lba(self.start.0.saturating_add(self.length.0))
    }
}

impl Layout {
    pub fn boot(&self) -> Option<&Partition> {
        self.partitions.iter().find(|p| p.role == Role::Boot)
    }

    pub fn slot(&self, name: &str) -> Option<&Partition> {
        self.partitions.iter().find(|p| matches!(&p.role, Role::Slot(slot) if slot == name))
    }

    /// Where GRUB's core image for BIOSes goes, and how much room it has there: in an MBR's disk the gap behind the
    /// table, in a GPT's the BIOS boot partition, without which there is no place.
    pub fn core_image(&self) -> Option<(Lba, Sectors)> {
        match self.table {
            Table::Mbr(_) => {
                let first = self.partitions.iter().map(|p| p.start.0).min().unwrap_or(self.total.0);
                Some((Lba(1), Sectors(first.saturating_sub(1))))
            }
            Table::Gpt(_) => {
                let partition = self.partitions.iter().find(|p| p.role == Role::BiosBoot)?;
                Some((partition.start, partition.length))
            }
        }
    }
}
