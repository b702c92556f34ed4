//! GRUB's files, read from a folder or out of a tree, and made ready for the disk.
//!
//! Both have one shape, which [`crate::boot::toolbox`] and the host's own GRUB leave behind:
//!
//! ```text
//! version                               2.06-13+deb12u1
//! i386-pc/{boot.img,core.img}           boot code; core image with the early configuration in it
//! i386-pc/{*.mod,*.lst}
//! x86_64-efi/BOOTX64.EFI                the same as a UEFI binary
//! x86_64-efi/{*.mod,*.lst}
//! ```
//!
//! What holds once loaded: all that the platforms asked for need is there and fits the boot partition beside the slots'
//! texts, and the core image's first sector names as many sectors as follow it. Where the core image lies is said when both are asked for.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Platform, mkimage, modules};
use crate::base::partitioning::{BOOT_GRUB, boot_file_cost};
use crate::base::units::SECTOR;
use crate::base::{Bytes, Lba};
use crate::rootfs::tree::{Item, Kind, TreePath, TreeSource};

/// The largest file that is taken for one of GRUB's, in bytes.
const LARGEST: u64 = 16 << 20;
/// The file that says which GRUB this is.
pub const VERSION: &str = "version";
const BOOT_IMG: &str = "boot.img";

/// The files of one GRUB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootFiles {
    /// As `grub-mkimage --version` ends.
    pub version: String,
    pub bios: Option<Bios>,
    /// The UEFI binary.
    pub uefi: Option<Vec<u8>>,
    /// For each platform its modules and lists, by file name.
    pub modules: BTreeMap<Platform, BTreeMap<String, Vec<u8>>>,
}

/// What a BIOS boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bios {
    boot_code: [u8; 440],
    core_image: Vec<u8>,
}

/// Why there is no GRUB.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error("GRUB's files lack {0}")]
    Missing(String),
    #[error("GRUB's {file} is not as osimg knows it: {problem}")]
    Unknown { file: &'static str, problem: String },
    #[error("GRUB's files take {have}, the boot partition has {room} for them")]
    TooLarge { have: Bytes, room: Bytes },
    #[error("reading {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("reading the tree of GRUB's files: {0}")]
    Tree(#[source] io::Error),
}

impl BootFiles {
    /// The files in `folder`, those of `platforms` only.
    pub fn from_folder(folder: &Path, platforms: &[Platform]) -> Result<BootFiles, BootError> {
        let mut found = Found::default();
        let mut paths = vec![folder.join(VERSION)];
        for platform in platforms {
            let directory = folder.join(platform.as_str());
            let io = |source| BootError::Io { path: directory.clone(), source };
            for entry in fs::read_dir(&directory).map_err(io)? {
                paths.push(entry.map_err(io)?.path());
            }
        }
        for path in paths {
            let relative = path.strip_prefix(folder).ok().and_then(Path::to_str);
            if let Some(relative) = relative.filter(|r| wanted(r, platforms)) {
                let bytes = fs::read(&path).map_err(|source| BootError::Io { path: path.clone(), source })?;
                found.0.insert(relative.to_string(), bytes);
            }
        }
        found.load(platforms)
    }

    /// The files under `prefix` of a tree, those of `platforms` only. Reads the tree to its end.
    pub fn from_tree(
        tree: &mut dyn TreeSource,
        prefix: &TreePath,
        platforms: &[Platform],
    ) -> Result<BootFiles, BootError> {
        let mut found = Found::default();
        while let Some(Item { node, data }) = tree.next_item().map_err(BootError::Tree)? {
            let relative = node
                .path
                .as_bytes()
                .strip_prefix(prefix.as_bytes())
                .filter(|rest| prefix.is_root() || rest.starts_with(b"/"))
                .and_then(|rest| std::str::from_utf8(rest).ok())
                .map(|rest| rest.trim_start_matches('/'));
            if let (Some(relative), Kind::File { size: ..=LARGEST }) = (relative, &node.kind)
                && wanted(relative, platforms)
            {
                let mut bytes = Vec::new();
                data.read_to_end(&mut bytes).map_err(BootError::Tree)?;
                found.0.insert(relative.to_string(), bytes);
            }
        }
        found.load(platforms)
    }

    /// The first 440 bytes of a disk whose core image starts at `core`; zeros where no BIOS is to boot it.
    pub fn boot_code(&self, core: Lba) -> [u8; 440] {
        let mut code = self.bios.as_ref().map_or([0; 440], |b| b.boot_code);
        if self.bios.is_some() {
            code[CORE_LBA..CORE_LBA + 8].copy_from_slice(&core.0.to_le_bytes());
        }
        code
    }

    /// What lies from `core` on; empty where no BIOS is to boot the disk.
    pub fn core_image(&self, core: Lba) -> Vec<u8> {
        let mut image = self.bios.as_ref().map_or(Vec::new(), |b| b.core_image.clone());
        if !image.is_empty() {
            image[LIST..LIST + 8].copy_from_slice(&(core.0 + 1).to_le_bytes());
        }
        image
    }
}

/// Whether a file of the folder is of use.
fn wanted(relative: &str, platforms: &[Platform]) -> bool {
    let Some((folder, name)) = relative.split_once('/') else { return relative == VERSION };
    let Some(platform) = platforms.iter().find(|p| p.as_str() == folder) else { return false };
    modules::copied(name)
        || name == mkimage::output(*platform)
        || (*platform == Platform::I386Pc && name == BOOT_IMG)
}

/// The wanted files by their path in the folder.
#[derive(Default)]
struct Found(BTreeMap<String, Vec<u8>>);

impl Found {
    fn take(&mut self, path: &str) -> Result<Vec<u8>, BootError> {
        self.0.remove(path).ok_or_else(|| BootError::Missing(path.to_string()))
    }

    fn load(mut self, platforms: &[Platform]) -> Result<BootFiles, BootError> {
        let have = Bytes(self.0.values().map(|bytes| boot_file_cost(bytes.len() as u64).0).sum());
        if have > BOOT_GRUB {
            return Err(BootError::TooLarge { have, room: BOOT_GRUB });
        }
        let version = String::from_utf8_lossy(&self.take(VERSION)?).trim().to_string();
        let mut files = BootFiles { version, bios: None, uefi: None, modules: BTreeMap::new() };
        for platform in platforms {
            let image = self.take(&format!("{}/{}", platform.as_str(), mkimage::output(*platform)))?;
            match platform {
                Platform::I386Pc => {
                    let boot_img = self.take(&format!("{}/{BOOT_IMG}", platform.as_str()))?;
                    let bios = Bios { boot_code: boot_code(&boot_img)?, core_image: core_image(image)? };
                    files.bios = Some(bios);
                }
                Platform::X86_64Efi if image.starts_with(b"MZ") => files.uefi = Some(image),
                Platform::X86_64Efi => return Err(unknown("UEFI binary", "it is no PE executable")),
            }
            let folder = format!("{}/", platform.as_str());
            let (mine, rest): (BTreeMap<_, _>, _) =
                std::mem::take(&mut self.0).into_iter().partition(|(path, _)| path.starts_with(&folder));
            self.0 = rest;
            let of_platform: BTreeMap<String, Vec<u8>> =
                mine.into_iter().map(|(path, bytes)| (path[folder.len()..].to_string(), bytes)).collect();
            // without it GRUB knows no command but those of its core image
            if !of_platform.contains_key("command.lst") {
                return Err(BootError::Missing(format!("{folder}command.lst")));
            }
            files.modules.insert(*platform, of_platform);
        }
        Ok(files)
    }
}

fn unknown(file: &'static str, problem: impl Into<String>) -> BootError {
    BootError::Unknown { file, problem: problem.into() }
}

/// Where `boot.img` holds the core image's first LBA, 64 bits (GRUB's `include/grub/i386/pc/boot.h`).
const CORE_LBA: usize = 0x5c;
/// Where the core image's first sector holds its block list (GRUB's `include/grub/offsets.h`).
const LIST: usize = 0x1f4;

/// The boot code of `boot.img`. Its fields (GRUB's `include/grub/i386/pc/boot.h`): at 0x5c the LBA of the core image,
/// 64 bits; at 0x66 a jump over the check of the drive number that the BIOS passes.
fn boot_code(boot_img: &[u8]) -> Result<[u8; 440], BootError> {
    const FILE: &str = "boot.img";
    let sector: &[u8; 512] = boot_img.try_into().map_err(|_| unknown(FILE, "it is not one sector"))?;
    if sector[510..] != [0x55, 0xaa] {
        return Err(unknown(FILE, "it lacks the signature of a boot sector"));
    }
    if sector[CORE_LBA..CORE_LBA + 8] != 1u64.to_le_bytes() {
        return Err(unknown(FILE, "it does not load the core image from sector 1"));
    }
    let mut code = [0; 440];
    code.copy_from_slice(&sector[..440]);
    if code[0x66] != 0xeb {
        return Err(unknown(FILE, "there is no jump at 0x66"));
    }
    // as grub-install does for a hard disk: some BIOSes pass a floppy's number, the check mends it
    code[0x66..0x68].fill(0x90);
    Ok(code)
}

/// The core image, filled up to whole sectors. The last 12 bytes of its first sector are a block list (GRUB's
/// `include/grub/offsets.h`): the LBA and the number of the sectors that follow, and the segment they go to.
fn core_image(mut core: Vec<u8>) -> Result<Vec<u8>, BootError> {
    const FILE: &str = "core.img";
    let sectors = (core.len() as u64).div_ceil(SECTOR);
    if sectors < 2 {
        return Err(unknown(FILE, "it is too short"));
    }
    core.resize((sectors * SECTOR) as usize, 0);
    let follow = u16::try_from(sectors - 1).map_err(|_| unknown(FILE, "it is too long"))?;
    if core[LIST..LIST + 8] != 2u64.to_le_bytes() {
        return Err(unknown(FILE, "its block list does not begin at sector 2"));
    }
    if core[LIST + 10..LIST + 12] != 0x820u16.to_le_bytes() {
        return Err(unknown(FILE, "its block list does not load to segment 0x820"));
    }
    core[LIST + 8..LIST + 10].copy_from_slice(&follow.to_le_bytes());
    Ok(core)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::partition::Content;
    use crate::rootfs::tree::Timestamp;

    fn boot_img() -> Vec<u8> {
        let mut b = vec![0; 512];
        b[0x5c] = 1;
        b[0x66] = 0xeb;
        b[0x67] = 5;
        b[510..].copy_from_slice(&[0x55, 0xaa]);
        b
    }

    fn core_img(length: usize) -> Vec<u8> {
        let mut b = vec![0xcc; length];
        b[0x1f4..0x200].copy_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0x20, 8]);
        b
    }

    fn found() -> Found {
        let files = [
            ("version", b"2.06\n".to_vec()),
            ("i386-pc/boot.img", boot_img()),
            ("i386-pc/core.img", core_img(1400)),
            ("i386-pc/command.lst", b"c".to_vec()),
            ("i386-pc/normal.mod", b"n".to_vec()),
            ("x86_64-efi/BOOTX64.EFI", b"MZ".to_vec()),
            ("x86_64-efi/command.lst", b"e".to_vec()),
        ];
        Found(files.into_iter().map(|(n, b)| (n.to_string(), b)).collect())
    }

    #[test]
    fn loads_what_is_asked_for() {
        let files = found().load(&Platform::ALL).expect("all is there");
        assert_eq!(files.version, "2.06");
        let names: Vec<&String> = files.modules[&Platform::I386Pc].keys().collect();
        assert_eq!(names, ["command.lst", "normal.mod"]);
        assert_eq!(files.boot_code(Lba(1))[0x5c..0x68], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x90, 0x90]);
        let core = files.core_image(Lba(1));
        assert_eq!(core.len(), 1536);
        assert_eq!(core[0x1f4..0x202], [2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x20, 8, 0xcc, 0xcc]);
        assert_eq!((core[1399], core[1400]), (0xcc, 0));
        assert_eq!(files.boot_code(Lba(0x0102))[0x5c..0x64], [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(files.core_image(Lba(0x0102))[0x1f4..0x1fe], [3, 1, 0, 0, 0, 0, 0, 0, 2, 0]);
        assert_eq!(files.uefi.as_deref(), Some(&b"MZ"[..]));

        let mut found = found();
        found.0.retain(|name, _| !name.starts_with("i386-pc"));
        let files = found.load(&[Platform::X86_64Efi]).expect("all is there");
        assert_eq!(
            (files.bios.as_ref(), files.boot_code(Lba(1)), files.core_image(Lba(1)).len()),
            (None, [0; 440], 0)
        );
    }

    #[test]
    fn what_the_boot_partition_has_no_room_for_is_refused() {
        let mut found = found();
        found.0.insert("x86_64-efi/large.mod".into(), vec![0; BOOT_GRUB.0 as usize - 1024]);
        let error = found.load(&Platform::ALL).expect_err("too large");
        assert!(matches!(error, BootError::TooLarge { room: BOOT_GRUB, .. }), "{error}");
    }

    #[test]
    fn a_tree_gives_the_same_as_its_folder() {
        let files: Vec<(TreePath, Vec<u8>)> = found()
            .0
            .into_iter()
            .map(|(name, bytes)| (format!("osimg-grub/{name}"), bytes))
            .chain([("osimg-grubs/version".to_string(), b"other".to_vec()), ("version".into(), vec![1])])
            .map(|(name, bytes)| (TreePath::new(name).expect("path"), bytes))
            .collect();
        let folder = tempfile::tempdir().expect("folder");
        for (path, bytes) in &files {
            let path = folder.path().join(path.to_string().trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            fs::write(path, bytes).expect("file");
        }
        let prefix = TreePath::new("osimg-grub").expect("path");
        let mut tree = Content::new(files, Timestamp::default());
        let from_tree = BootFiles::from_tree(&mut tree, &prefix, &Platform::ALL).expect("all is there");
        let from_folder =
            BootFiles::from_folder(&folder.path().join("osimg-grub"), &Platform::ALL).expect("all is there");
        assert_eq!(from_tree, from_folder);
        assert_eq!(from_tree, found().load(&Platform::ALL).expect("all is there"));
    }

    #[test]
    fn tells_what_is_missing_or_strange() {
        for name in found().0.keys().filter(|n| !n.ends_with(".mod")) {
            let mut found = found();
            found.0.remove(name);
            let error = found.load(&Platform::ALL).expect_err("one is missing").to_string();
            assert_eq!(error, format!("GRUB's files lack {name}"));
        }
        let mut strange = boot_img();
        strange[0x5c] = 2;
        assert!(boot_code(&strange).is_err());
        let mut strange = core_img(2000);
        strange[0x1f4] = 3;
        assert!(core_image(strange).is_err());
        assert!(core_image(core_img(512)).is_err());
    }

    #[test]
    fn knows_its_files() {
        let all = &Platform::ALL[..];
        for (name, is) in [
            ("version", true),
            ("i386-pc/boot.img", true),
            ("i386-pc/linux.mod", true),
            ("i386-pc/kernel.img", false),
            ("x86_64-efi/boot.img", false),
            ("x86_64-efi/BOOTX64.EFI", true),
            ("x86_64-efi/monolithic/grubx64.efi", false),
            ("other/linux.mod", false),
        ] {
            assert_eq!(wanted(name, all), is, "{name}");
        }
        assert!(!wanted("i386-pc/linux.mod", &[Platform::X86_64Efi]));
    }
}
