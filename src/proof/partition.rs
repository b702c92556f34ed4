//! The boot partition of an image, looked at from outside: which slots its menu has, and which bytes of the disk make
//! GRUB choose one of them.
//!
//! Enters: a raw image with an MBR (its first partition of type 0xEF is the boot partition; UEFI specification 2.10,
//! 5.2) or a GPT (the first EFI system partition; 5.3). Leaves: entry ids, and patches for an overlay. The image is only read.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{grubenv, menu, remake};
use crate::base::units::SECTOR;
use crate::base::{Bytes, Lba};
use crate::fs::FsError;
use crate::fs::fat::read::{FatError, Reader};

const CONFIG: &str = "/grub/grub.cfg";
const ENVIRONMENT: &str = "/grub/grubenv";
/// The segment of [`super::entrance`], in GRUB's own folder, and how GRUB's shell names it.
const SEGMENT: &str = "/grub/osimg-test.img";
const SEGMENT_WORD: &str = "$prefix/osimg-test.img";
/// More than any menu needs to be.
const CONFIG_MAX: Bytes = Bytes::mib(1);
/// More than any file of GRUB's has.
const FILE_MAX: Bytes = Bytes::mib(64);

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
    #[error("the boot partition of `{path}` could not be made anew: {source}")]
    Remake { path: PathBuf, source: FsError },
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

/// A boot partition made anew for an overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    pub patches: Vec<Patch>,
    /// Where GRUB's environment block is on the disk then.
    pub environment: Bytes,
}

/// The boot partition of one image.
pub struct BootPartition {
    path: PathBuf,
    fat: Reader<File>,
    /// Where it starts on the disk.
    start: Bytes,
}

impl BootPartition {
    pub fn open(image: &Path) -> Result<BootPartition, PartitionError> {
        let io = |source| PartitionError::Io { path: image.to_path_buf(), source };
        let mut file = File::open(image).map_err(io)?;
        let start = match boot_partition(&mut file) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err("it is too short"),
            other => other.map_err(io)?,
        }
        .map_err(|problem| PartitionError::NoBootPartition { path: image.to_path_buf(), problem })?;
        let start = Bytes(start.0 * SECTOR);
        let fat = Reader::open(file, start)
            .map_err(|source| PartitionError::Fat { path: image.to_path_buf(), source })?;
        Ok(BootPartition { path: image.to_path_buf(), fat, start })
    }

    /// The ids of the menu's entries, in its order.
    pub fn slots(&mut self) -> Result<Vec<String>, PartitionError> {
        Ok(self.menu()?.into_iter().map(|entry| entry.id).collect())
    }

    /// The menu's entries, in its order.
    pub fn menu(&mut self) -> Result<Vec<menu::Entry>, PartitionError> {
        let path = self.path.clone();
        let fat = |source| PartitionError::Fat { path: path.clone(), source };
        let entry = self
            .fat
            .find(CONFIG)
            .map_err(fat)?
            .ok_or_else(|| PartitionError::Missing { path: path.clone(), file: CONFIG })?;
        let bytes = self.fat.read(&entry, CONFIG_MAX).map_err(fat)?;
        Ok(menu::entries(&String::from_utf8_lossy(&bytes)))
    }

    /// What to write so that GRUB boots `slot`, now and after a restart: both the one-shot choice and the saved one.
    pub fn choose(&mut self, slot: &str) -> Result<Vec<Patch>, PartitionError> {
        self.knows(slot)?;
        let path = self.path.clone();
        let fat = |source| PartitionError::Fat { path: path.clone(), source };
        let entry = self
            .fat
            .find(ENVIRONMENT)
            .map_err(fat)?
            .ok_or_else(|| PartitionError::Missing { path: path.clone(), file: ENVIRONMENT })?;
        let block = self.fat.read(&entry, CONFIG_MAX).map_err(fat)?;
        let edited = chosen(&path, &block, slot)?;
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

    /// The same, and `segment` loaded behind each slot's initramfs. The partition is written anew for that, with the
    /// same files in it, by the writer that made it.
    pub fn enter(&mut self, slot: &str, segment: &[u8]) -> Result<Vec<Patch>, PartitionError> {
        self.knows(slot)?;
        let path = self.path.clone();
        let bytes = self.remade(segment, |name, bytes| {
            if !name.eq_ignore_ascii_case(ENVIRONMENT) {
                return Ok(bytes);
            }
            chosen(&path, &bytes, slot)
        })?;
        Ok(vec![Patch { offset: self.start, bytes }])
    }

    /// `segment` loaded behind each slot's initramfs, and the choice left to GRUB.
    pub fn stage(&mut self, segment: &[u8]) -> Result<Staged, PartitionError> {
        let bytes = self.remade(segment, |_, bytes| Ok(bytes))?;
        let fat = |source| PartitionError::Fat { path: self.path.clone(), source };
        let mut reader = Reader::open(Cursor::new(&bytes), Bytes(0)).map_err(fat)?;
        let entry = reader
            .find(ENVIRONMENT)
            .map_err(fat)?
            .ok_or_else(|| PartitionError::Missing { path: self.path.clone(), file: ENVIRONMENT })?;
        let extents = reader.extents(&entry).map_err(fat)?;
        let first = extents.first().map_or(Bytes(0), |extent| extent.offset);
        Ok(Staged {
            environment: Bytes(self.start.0 + first.0),
            patches: vec![Patch { offset: self.start, bytes }],
        })
    }

    /// The partition's bytes with its files as `edit` makes them, and `segment` loaded behind each slot's initramfs.
    fn remade(
        &mut self,
        segment: &[u8],
        mut edit: impl FnMut(&str, Vec<u8>) -> Result<Vec<u8>, PartitionError>,
    ) -> Result<Vec<u8>, PartitionError> {
        let path = self.path.clone();
        let mut files =
            self.fat.files(FILE_MAX).map_err(|source| PartitionError::Fat { path: path.clone(), source })?;
        for (name, bytes) in &mut files {
            let mut made = std::mem::take(bytes);
            if name.eq_ignore_ascii_case(CONFIG) {
                made = menu::with_initrd(&String::from_utf8_lossy(&made), SEGMENT_WORD).into_bytes();
            }
            *bytes = edit(name, made)?;
        }
        files.push((SEGMENT.to_string(), segment.to_vec()));
        remake::partition(self.fat.volume(), files).map_err(|source| PartitionError::Remake { path, source })
    }

    /// The FAT volume id.
    pub fn volume_id(&self) -> u32 {
        self.fat.volume().id
    }

    fn knows(&mut self, slot: &str) -> Result<(), PartitionError> {
        let known = self.slots()?;
        if known.iter().any(|k| k == slot) {
            return Ok(());
        }
        Err(PartitionError::NoSlot { path: self.path.clone(), slot: slot.to_string(), known })
    }
}

/// The environment block of the image at `path` with the choice of `slot`.
fn chosen(path: &Path, block: &[u8], slot: &str) -> Result<Vec<u8>, PartitionError> {
    grubenv::set(block, &[("saved_entry", slot), ("next_entry", slot)])
        .map_err(|source| PartitionError::Environment { path: path.to_path_buf(), file: ENVIRONMENT, source })
}

type Sector = [u8; SECTOR as usize];

/// Where the boot partition starts, or why there is none.
fn boot_partition(disk: &mut (impl Read + Seek)) -> io::Result<Result<Lba, &'static str>> {
    let mbr = sector(disk, Lba(0))?;
    if mbr[510..] != [0x55, 0xaa] {
        return Ok(Err("it has no partition table"));
    }
    let entries = || mbr[446..510].chunks_exact(16);
    if entries().any(|e| e[4] == 0xee) {
        return system_partition(disk);
    }
    let boot = entries().find(|e| e[4] == 0xef);
    Ok(boot
        .map(|e| Lba(u64::from(u32::from_le_bytes([e[8], e[9], e[10], e[11]]))))
        .ok_or("no partition of type 0xEF"))
}

/// Where the EFI system partition of a GPT starts, by the table at the disk's start.
fn system_partition(disk: &mut (impl Read + Seek)) -> io::Result<Result<Lba, &'static str>> {
    /// c12a7328-f81f-11d2-ba4b-00a0c93ec93b as it lies on the disk.
    const SYSTEM: [u8; 16] = 0x2873_2ac1_1ff8_d211_ba4b_00a0_c93e_c93b_u128.to_be_bytes();
    /// Bytes of an entry, of which every table of ours has 128.
    const ENTRY: usize = 128;
    let header = sector(disk, Lba(1))?;
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if !header.starts_with(b"EFI PART") || number(84) != ENTRY as u32 {
        return Ok(Err("its GPT is not as osimg knows it"));
    }
    let first = u64::from(number(72));
    for at in 0..number(80).min(ENTRY as u32).div_ceil((SECTOR as usize / ENTRY) as u32) {
        let entries = sector(disk, Lba(first + u64::from(at)))?;
        if let Some(entry) = entries.chunks_exact(ENTRY).find(|e| e.starts_with(&SYSTEM)) {
            let start = entry[32..40].try_into().expect("eight bytes of a slice are eight");
            return Ok(Ok(Lba(u64::from_le_bytes(start))));
        }
    }
    Ok(Err("no EFI system partition"))
}

fn sector(disk: &mut (impl Read + Seek), at: Lba) -> io::Result<Sector> {
    let mut sector = [0; SECTOR as usize];
    disk.seek(SeekFrom::Start(at.offset().0))?;
    disk.read_exact(&mut sector)?;
    Ok(sector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot_partition(disk: &[u8]) -> Result<Lba, &'static str> {
        super::boot_partition(&mut Cursor::new(disk)).expect("long enough")
    }

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
    }

    #[test]
    fn finds_the_system_partition_of_a_gpt() {
        let mut disk = vec![0; 34 * 512];
        disk[446 + 4] = 0xee;
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(boot_partition(&disk), Err("its GPT is not as osimg knows it"));
        disk[512..520].copy_from_slice(b"EFI PART");
        for (at, value) in [(72, 2), (80, 128), (84, 128)] {
            disk[512 + at] = value;
        }
        assert_eq!(boot_partition(&disk), Err("no EFI system partition"));
        let entry = 2 * 512 + 5 * 128;
        let id = uuid::uuid!("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        disk[entry..entry + 16].copy_from_slice(&id.to_bytes_le());
        disk[entry + 32..entry + 40].copy_from_slice(&2048u64.to_le_bytes());
        assert_eq!(boot_partition(&disk), Ok(Lba(2048)));
        assert!(super::boot_partition(&mut Cursor::new(&disk[..600])).is_err());
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
