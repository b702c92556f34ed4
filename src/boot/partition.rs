//! The boot partition's files: GRUB's modules, its configuration and environment, the UEFI binary where firmware
//! looks for it (UEFI 2.10, section 3.5.1.1).

use std::io::{self, Cursor};
use std::vec;

use super::BootFiles;
use crate::rootfs::tree::{Item, Kind, Meta, Node, Timestamp, TreePath, TreeSource};

/// GRUB's environment block has this length, always (GRUB manual, "The GRUB environment block").
const ENVIRONMENT: usize = 1024;

/// Every file with its path, in the order it lies on the partition: what is read at each boot comes first.
pub fn files(grub: &BootFiles, grub_cfg: &str) -> Vec<(TreePath, Vec<u8>)> {
    let mut out = Vec::new();
    if let Some(binary) = &grub.uefi {
        out.push((path("EFI/BOOT/BOOTX64.EFI"), binary.clone()));
    }
    out.push((path("grub/grub.cfg"), grub_cfg.as_bytes().to_vec()));
    out.push((path("grub/grubenv"), environment()));
    for (platform, modules) in &grub.modules {
        for (name, bytes) in modules {
            out.push((path(&format!("grub/{}/{name}", platform.as_str())), bytes.clone()));
        }
    }
    out
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).expect("fixed paths and file names of one component are paths")
}

/// An environment block without variables: its first line, then `#` to the end. GRUB writes into it in place.
fn environment() -> Vec<u8> {
    let mut block = b"# GRUB Environment Block\n".to_vec();
    block.resize(ENVIRONMENT, b'#');
    block
}

/// Files in memory as a tree.
pub struct Content {
    files: vec::IntoIter<(TreePath, Vec<u8>)>,
    mtime: Timestamp,
    data: Cursor<Vec<u8>>,
}

impl Content {
    /// `mtime` is that of every file.
    pub fn new(files: Vec<(TreePath, Vec<u8>)>, mtime: Timestamp) -> Content {
        Content { files: files.into_iter(), mtime, data: Cursor::default() }
    }
}

impl TreeSource for Content {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let Some((path, bytes)) = self.files.next() else { return Ok(None) };
        let kind = Kind::File { size: bytes.len() as u64 };
        let meta = Meta { mode: 0o644, mtime: self.mtime, ..Meta::default() };
        self.data = Cursor::new(bytes);
        Ok(Some(Item { node: Node { path, kind, meta }, data: &mut self.data }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::boot::Platform;

    #[test]
    fn only_what_the_firmware_needs() {
        let modules = BTreeMap::from([("normal.mod".to_string(), vec![1])]);
        let mut grub = BootFiles {
            version: "2.06".into(),
            bios: None,
            uefi: Some(vec![7]),
            modules: BTreeMap::from([(Platform::X86_64Efi, modules.clone())]),
        };
        let names = |grub: &BootFiles| -> Vec<String> {
            files(grub, "menu").into_iter().map(|(p, _)| p.to_string()).collect()
        };
        assert_eq!(
            names(&grub),
            ["/EFI/BOOT/BOOTX64.EFI", "/grub/grub.cfg", "/grub/grubenv", "/grub/x86_64-efi/normal.mod"]
        );
        grub.uefi = None;
        grub.modules = BTreeMap::from([(Platform::I386Pc, modules)]);
        assert_eq!(names(&grub), ["/grub/grub.cfg", "/grub/grubenv", "/grub/i386-pc/normal.mod"]);
    }

    #[test]
    fn the_environment_block_has_its_size() {
        let block = environment();
        assert_eq!(block.len(), 1024);
        assert!(block.starts_with(b"# GRUB Environment Block\n##"));
        assert!(block.ends_with(b"###"));
    }
}
