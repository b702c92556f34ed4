//! The boot partition of an image, looked at from outside: which slots its menu has, and which bytes of the disk make
//! GRUB choose one of them.
//!
//! Enters: a raw image with an MBR (its first partition of type 0xEF is the boot partition; UEFI specification 2.10,
//! 5.2). Leaves: entry ids, and patches for an overlay. The image is only read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{grubenv, menu};
use crate::base::units::SECTOR;
use crate::base::{Bytes, Lba};
use crate::fs::fat::read::{FatError, Reader};

const CONFIG: &str = "/grub/grub.cfg";
const ENVIRONMENT: &str = "/grub/grubenv";
/// More than any menu needs to be.
const CONFIG_MAX: Bytes = Bytes::mib(1);

/// Why a boot partition could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    #[error("`{path}` is no disk image with a boot partition: {problem}")]
    NoBootPartition { path: PathBuf, problem: &'static str },
    #[error("reading `{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("`{path}`: {source}")]
    Fat { path: PathBuf, source: FatError },
    #[error("the boot partition of `{path}` has no `{file}`")]
    Missing { path: PathBuf, file: &'static str },
    #[error("`{file}` on the boot partition of `{path}`: {source}")]
    Environment { path: PathBuf, file: &'static str, source: grubenv::GrubenvError },
    #[error("no slot `{slot}` in the menu of `{path}`, which has {}", list(.known))]
    NoSlot { path: PathBuf, slot: String, known: Vec<String> },
}

fn list(known: &[String]) -> String {
    if known.is_empty() {
        return "no entries".to_string();
    }
    known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
}

/// Bytes to write at an offset of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub offset: Bytes,
    pub bytes: Vec<u8>,
}

/// The boot partition of one image.
pub struct BootPartition {
    path: PathBuf,
    fat: Reader<File>,
}

impl BootPartition {
    pub fn open(image: &Path) -> Result<BootPartition, PartitionError> {
        let io = |source| PartitionError::Io { path: image.to_path_buf(), source };
        let mut file = File::open(image).map_err(io)?;
        let mut sector = [0; SECTOR as usize];
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        let problem = match file.read_exact(&mut sector) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err("it is shorter than one sector"),
            Err(e) => return Err(io(e)),
            Ok(()) => boot_partition(&sector),
        };
        let start = problem
            .map_err(|problem| PartitionError::NoBootPartition { path: image.to_path_buf(), problem })?;
        let fat = Reader::open(file, Bytes(start.0 * SECTOR))
            .map_err(|source| PartitionError::Fat { path: image.to_path_buf(), source })?;
        Ok(BootPartition { path: image.to_path_buf(), fat })
    }

    /// The ids of the menu's entries, in its order.
    pub fn slots(&mut self) -> Result<Vec<String>, PartitionError> {
        let path = self.path.clone();
        let fat = |source| PartitionError::Fat { path: path.clone(), source };
        let entry = self
            .fat
            .find(CONFIG)
            .map_err(fat)?
            .ok_or_else(|| PartitionError::Missing { path: path.clone(), file: CONFIG })?;
        let bytes = self.fat.read(&entry, CONFIG_MAX).map_err(fat)?;
        Ok(menu::entry_ids(&String::from_utf8_lossy(&bytes)))
    }

    /// What to write so that GRUB boots `slot`, now and after a restart: both the one-shot choice and the saved one.
    pub fn choose(&mut self, slot: &str) -> Result<Vec<Patch>, PartitionError> {
        let known = self.slots()?;
        if !known.iter().any(|k| k == slot) {
            return Err(PartitionError::NoSlot { path: self.path.clone(), slot: slot.to_string(), known });
        }
        let path = self.path.clone();
        let fat = |source| PartitionError::Fat { path: path.clone(), source };
        let entry = self
            .fat
            .find(ENVIRONMENT)
            .map_err(fat)?
            .ok_or_else(|| PartitionError::Missing { path: path.clone(), file: ENVIRONMENT })?;
        let block = self.fat.read(&entry, CONFIG_MAX).map_err(fat)?;
        let edited =
            grubenv::set(&block, &[("saved_entry", slot), ("next_entry", slot)]).map_err(|source| {
                PartitionError::Environment { path: path.clone(), file: ENVIRONMENT, source }
            })?;
        let mut rest = edited.as_slice();
        let mut patches = Vec::new();
        for extent in self.fat.extents(&entry).map_err(fat)? {
            // extents add up to the file's size, which is the block's; both far below a usize's limits
            let (bytes, after) = rest.split_at(rest.len().min(extent.length.0 as usize));
            patches.push(Patch { offset: extent.offset, bytes: bytes.to_vec() });
            rest = after;
        }
        Ok(patches)
    }
}

/// Where the first partition of type 0xEF starts.
fn boot_partition(mbr: &[u8; SECTOR as usize]) -> Result<Lba, &'static str> {
    if mbr[510..] != [0x55, 0xaa] {
        return Err("it has no partition table");
    }
    let entries = || mbr[446..510].chunks_exact(16);
    if entries().any(|e| e[4] == 0xee) {
        return Err("its partition table is a GPT, which this version does not read");
    }
    entries()
        .find(|e| e[4] == 0xef)
        .map(|e| Lba(u64::from(u32::from_le_bytes([e[8], e[9], e[10], e[11]]))))
        .ok_or("no partition of type 0xEF")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_partition_by_its_type() {
        let mut mbr = [0; 512];
        assert_eq!(boot_partition(&mbr), Err("it has no partition table"));
        mbr[510..].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(boot_partition(&mbr), Err("no partition of type 0xEF"));
        mbr[446 + 4] = 0x83;
        mbr[462 + 4] = 0xef;
        mbr[462 + 8..462 + 12].copy_from_slice(&2048u32.to_le_bytes());
        assert_eq!(boot_partition(&mbr), Ok(Lba(2048)));
        mbr[446 + 4] = 0xee;
        assert!(boot_partition(&mbr).is_err());
    }

    #[test]
    fn what_is_no_image_is_said_to_be_none() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("x");
        std::fs::write(&path, b"text").expect("writes");
        let error = BootPartition::open(&path).err().expect("no image");
        assert!(matches!(error, PartitionError::NoBootPartition { .. }), "{error}");
        let error = BootPartition::open(&folder.path().join("none")).err().expect("no file");
        assert!(matches!(error, PartitionError::Io { .. }), "{error}");
    }
}
