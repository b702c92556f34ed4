//! The boot partition's files: GRUB's modules, its configuration and environment, the UEFI binary where firmware
//! looks for it (UEFI 2.10, section 3.5.1.1).

use std::io::{self, Cursor};
use std::vec;

use super::BootFiles;
use crate::base::grubenv::VARIABLES;
use crate::rootfs::tree::{Item, Kind, Meta, Node, Timestamp, TreePath, TreeSource};

/// GRUB's environment block has this length, always (GRUB manual, "The GRUB environment block").
const ENVIRONMENT: usize = 1024;
/// Its first line.
const HEADER: &[u8] = b"# GRUB Environment Block\n";

/// A record of `osimg/health` and `osimg/history`: a sector, which a disk writes whole or not at all.
const RECORD: usize = 512;
/// Records of `osimg/history`; the newest takes the place of the oldest.
const HISTORY: usize = 64;

/// The texts that depend on the slots.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    pub grub_cfg: &'a str,
    /// `osimg/slots`, their description.
    pub slots: &'a str,
    /// How many there are.
    pub count: usize,
}

/// Every file with its path, in the order it lies on the partition: what is read at each boot comes first. The running
/// slots write into `grubenv`, `health` and `history` in place, so those have their whole size from the start.
pub fn files(grub: &BootFiles, texts: Texts<'_>) -> Vec<(TreePath, Vec<u8>)> {
    let mut out = Vec::new();
    if let Some(binary) = &grub.uefi {
        out.push((path("EFI/BOOT/BOOTX64.EFI"), binary.clone()));
    }
    out.push((path("grub/grub.cfg"), texts.grub_cfg.as_bytes().to_vec()));
    out.push((path("grub/grubenv"), environment()));
    out.push((path("osimg/slots"), texts.slots.as_bytes().to_vec()));
    out.push((path("osimg/health"), records(texts.count)));
    out.push((path("osimg/history"), records(HISTORY)));
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

/// So many records, all blank.
fn records(count: usize) -> Vec<u8> {
    let mut record = vec![b' '; RECORD - 1];
    record.push(b'\n');
    record.repeat(count)
}

/// An environment block whose variables are there and empty, then `#` to the end. GRUB writes into it in place.
fn environment() -> Vec<u8> {
    let mut block = HEADER.to_vec();
    for name in VARIABLES {
        block.extend_from_slice(name.as_bytes());
        block.extend_from_slice(b"=\n");
    }
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
            files(grub, Texts { grub_cfg: "menu", slots: "slots", count: 2 })
                .into_iter()
                .map(|(p, _)| p.to_string())
                .collect()
        };
        assert_eq!(
            names(&grub),
            [
                "/EFI/BOOT/BOOTX64.EFI",
                "/grub/grub.cfg",
                "/grub/grubenv",
                "/osimg/slots",
                "/osimg/health",
                "/osimg/history",
                "/grub/x86_64-efi/normal.mod"
            ]
        );
        grub.uefi = None;
        grub.modules = BTreeMap::from([(Platform::I386Pc, modules)]);
        assert_eq!(names(&grub)[4..], ["/osimg/history", "/grub/i386-pc/normal.mod"]);
    }

    #[test]
    fn the_environment_block_has_its_size() {
        let block = environment();
        assert_eq!(block.len(), 1024);
        assert!(block.starts_with(b"# GRUB Environment Block\nsaved_entry=\nnext_entry=\n"));
        assert!(block.ends_with(b"###"));
    }

    #[test]
    fn records_are_sectors_and_lines() {
        assert_eq!(records(3).len(), 3 * 512);
        assert!(records(3).chunks(512).all(|r| r.ends_with(b" \n") && r[..511].iter().all(|b| *b == b' ')));
    }

    #[test]
    fn the_state_fits_a_sector_with_the_longest_names() {
        let name = "n".repeat(crate::base::name::NAME_MAX);
        let lines: usize = VARIABLES.iter().map(|v| v.len() + "=\n".len() + name.len()).sum();
        // `trial_left` is one digit
        let longest = HEADER.len() + lines - name.len() + 1;
        assert!(longest <= RECORD, "{longest}");
    }
}
