//! An initramfs: which pieces it is made of, and what of a kernel's modules it holds.
//!
//! Enters: the image's bytes, read once. Leaves: an [`Initramfs`], or why Linux could not unpack it.
//!
//! Linux unpacks pieces one after the other into one tree (`init/initramfs.c`): cpio archives as they are, such as the
//! processor's microcode that must come first, and packed members with archives in them; zeros between them are passed over.
//!
//! Memory: a decoder's window (at most that of [`super::compression`]'s limits) and the names of modules. No more than
//! [`UNPACKED_MAX`] bytes and [`ENTRIES_MAX`] entries are read, so that no image is a trap.

pub mod cpio;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read};

use serde::{Deserialize, Serialize};

use super::compression::member::Packing;
use crate::base::Bytes;

/// More than any machine unpacks into its memory in good faith.
const UNPACKED_MAX: u64 = 4 << 30;
const ENTRIES_MAX: u64 = 1_000_000;
/// The type and permission bits of a mode.
const TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
/// The longest mark of a piece, in bytes.
const MARK: usize = 6;

/// What an initramfs holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initramfs {
    /// In the image's order; never empty.
    pub pieces: Vec<Piece>,
    /// Whether `/init` is there, which Linux runs. Without one it mounts the root itself, and knows no UUID.
    pub init: bool,
    /// Whether dracut made it.
    pub dracut: bool,
    /// Of each kernel version below `lib/modules`, the modules: file names without `.ko` and its packing, `-` as `_`.
    pub modules: BTreeMap<String, BTreeSet<String>>,
}

/// A piece of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Nothing for a cpio archive as it is.
    pub packing: Option<Packing>,
    /// Bytes in the image.
    pub size: Bytes,
    /// Bytes once unpacked.
    pub unpacked: Bytes,
    pub entries: u64,
}

impl Initramfs {
    /// Whether `module` is there for the kernel `version`.
    pub fn has(&self, version: &str, module: &str) -> bool {
        self.modules.get(version).is_some_and(|modules| modules.contains(&module_name(module)))
    }

    fn take(&mut self, entry: &cpio::Entry) {
        let Ok(name) = std::str::from_utf8(&entry.name) else { return };
        let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let is_directory = entry.mode & TYPE == DIRECTORY;
        match parts.as_slice() {
            ["init"] => self.init |= !is_directory,
            ["usr", "lib", "dracut", ..] | ["lib", "dracut", ..] => self.dracut = true,
            ["usr", "lib", "modules", version, rest @ ..] | ["lib", "modules", version, rest @ ..] => {
                let modules = self.modules.entry(version.to_string()).or_default();
                if let Some(module) = rest.last().filter(|_| !is_directory).and_then(|name| module(name)) {
                    modules.insert(module);
                }
            }
            _ => {}
        }
    }
}

/// A module as it is called everywhere but in file names: with `_` for `-`.
pub fn module_name(name: &str) -> String {
    name.replace('-', "_")
}

/// The module that a file of that name holds.
pub fn module(file: &str) -> Option<String> {
    let bare = [".gz", ".xz", ".zst"].iter().find_map(|end| file.strip_suffix(end)).unwrap_or(file);
    bare.strip_suffix(".ko").map(module_name)
}

/// Why Linux could not unpack an image.
#[derive(Debug, thiserror::Error)]
pub enum InitramfsError {
    #[error("it is empty")]
    Empty,
    #[error("at byte {at} stands neither a cpio archive nor what Linux can unpack")]
    Unknown { at: u64 },
    #[error("the cpio archive at byte {at}: {source}")]
    Cpio { at: u64, source: io::Error },
    #[error("the part at byte {at}, packed by {packing}: {source}", packing = packing.as_str())]
    Packed { at: u64, packing: Packing, source: io::Error },
    #[error("it unpacks to more than {0}")]
    TooLarge(Bytes),
}

/// Reads an image to its end.
///
/// # Errors
/// Linux could not unpack it, or could not whole; an error of `reader` comes as one of these too.
pub fn read(reader: &mut dyn Read) -> Result<Initramfs, InitramfsError> {
    let mut input = Input { inner: BufReader::with_capacity(64 << 10, reader), at: 0 };
    let mut found = Initramfs::default();
    loop {
        let at = input.at;
        let Some(mark) = mark(&mut input).map_err(|source| InitramfsError::Cpio { at, source })? else {
            break;
        };
        let start = input.at - mark.len() as u64;
        let mut budget = Budget { found: &mut found, entries: 0, too_large: false };
        let (packing, unpacked) = if cpio::begins(&mark) {
            let read = cpio::read(&mut input, &mut |entry| budget.take(entry));
            (None, read.map_err(|source| InitramfsError::Cpio { at: start, source })?)
        } else {
            let packing = Packing::of(&mark).ok_or(InitramfsError::Unknown { at: start })?;
            let mut rest = mark.as_slice().chain(&mut input);
            let unpacked = packed(packing, &mut rest, &mut budget);
            (Some(packing), unpacked.map_err(|source| InitramfsError::Packed { at: start, packing, source })?)
        };
        let (entries, too_large) = (budget.entries, budget.too_large);
        if too_large || unpacked > UNPACKED_MAX {
            return Err(InitramfsError::TooLarge(Bytes(UNPACKED_MAX)));
        }
        let size = Bytes(input.at - start);
        found.pieces.push(Piece { packing, size, unpacked: Bytes(unpacked), entries });
    }
    if found.pieces.is_empty() { Err(InitramfsError::Empty) } else { Ok(found) }
}

/// The archives in a packed member. Gives its unpacked length.
fn packed<R: BufRead>(packing: Packing, input: &mut R, budget: &mut Budget<'_>) -> io::Result<u64> {
    let limited = packing.member(input)?.take(UNPACKED_MAX + 1);
    let mut inside = Input { inner: BufReader::with_capacity(64 << 10, limited), at: 0 };
    while let Some(mark) = mark(&mut inside)? {
        if !cpio::begins(&mark) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "what is in it is no cpio archive"));
        }
        cpio::read(&mut inside, &mut |entry| budget.take(entry))?;
    }
    Ok(inside.at)
}

/// The first bytes of the next piece, zeros in front of it passed over; nothing at the end.
fn mark<R: BufRead>(input: &mut Input<R>) -> io::Result<Option<Vec<u8>>> {
    loop {
        let ahead = input.fill_buf()?;
        if ahead.is_empty() {
            return Ok(None);
        }
        let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
        let more = zeros < ahead.len();
        input.consume(zeros);
        if more {
            let mut mark = Vec::with_capacity(MARK);
            input.take(MARK as u64).read_to_end(&mut mark)?;
            return Ok(Some(mark));
        }
    }
}

/// Counts the entries that are taken.
struct Budget<'f> {
    found: &'f mut Initramfs,
    entries: u64,
    too_large: bool,
}

impl Budget<'_> {
    fn take(&mut self, entry: &cpio::Entry) {
        self.entries += 1;
        self.too_large |= self.entries > ENTRIES_MAX;
        if !self.too_large {
            self.found.take(entry);
        }
    }
}

/// A reader that knows how many bytes were taken from it.
struct Input<R> {
    inner: R,
    at: u64,
}

impl<R: BufRead> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
        self.inner.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::compression::member::gzip;
    use super::super::specimen::cpio;
    use super::*;

    fn early() -> Vec<u8> {
        cpio(&["kernel/", "kernel/x86/", "kernel/x86/microcode/GenuineIntel.bin"])
    }

    fn main() -> Vec<u8> {
        cpio(&[
            "usr/lib/modules/6.1.0-28-amd64/",
            "usr/lib/modules/6.1.0-28-amd64/kernel/drivers/block/virtio_blk.ko",
            "lib/modules/6.1.0-28-amd64/kernel/fs/xfs/xfs.ko.xz",
            "./usr/lib/modules/6.1.0-28-amd64/kernel/arch/x86/crypto/crc32c-intel.ko.zst",
            "usr/lib/modules/6.1.0-28-amd64/modules.dep",
            "usr/lib/dracut/hooks/",
            "init",
        ])
    }

    fn of(bytes: &[u8]) -> Result<Initramfs, InitramfsError> {
        let mut bytes = bytes;
        read(&mut bytes)
    }

    #[test]
    fn microcode_first_then_a_packed_member_and_padding() {
        let early = [early(), vec![0; 512]].concat();
        let image = [early.clone(), gzip(&[main(), vec![0; 96]].concat()), vec![0; 7]].concat();
        let found = of(&image).expect("an initramfs");
        let shape: Vec<_> = found.pieces.iter().map(|p| (p.packing, p.entries)).collect();
        assert_eq!(shape, [(None, 3), (Some(Packing::Gzip), 7)]);
        assert_eq!(found.pieces[0].size.0 + 512 + found.pieces[1].size.0 + 7, image.len() as u64);
        assert!(found.init && found.dracut);
        for module in ["virtio_blk", "xfs", "crc32c_intel", "crc32c-intel"] {
            assert!(found.has("6.1.0-28-amd64", module), "{module}");
        }
        assert_eq!(found.modules["6.1.0-28-amd64"].len(), 3);
        assert!(!found.has("6.1.0-9-amd64", "xfs"));
    }

    #[test]
    fn pieces_in_any_order_and_number() {
        let image = [gzip(&cpio(&["a"])), main(), gzip(&[cpio(&["b"]), cpio(&["init/"])].concat())].concat();
        let found = of(&image).expect("an initramfs");
        let shape: Vec<_> = found.pieces.iter().map(|p| (p.packing, p.entries)).collect();
        assert_eq!(shape, [(Some(Packing::Gzip), 1), (None, 7), (Some(Packing::Gzip), 2)]);
        let plain = of(&cpio(&["init/", "lib/modules/6.1/"])).expect("an initramfs");
        assert!(!plain.init && !plain.dracut);
        assert_eq!(plain.modules.keys().collect::<Vec<_>>(), ["6.1"], "a folder without modules");
    }

    #[test]
    fn what_linux_could_not_unpack_says_why() {
        let problem = |bytes: &[u8]| of(bytes).expect_err("refused").to_string();
        assert_eq!(problem(b""), "it is empty");
        assert_eq!(problem(&[0; 99]), "it is empty");
        let nonsense = "at byte 0 stands neither a cpio archive nor what Linux can unpack";
        assert_eq!(problem(b"an initramfs"), nonsense);
        // the old portable format, which no kernel reads
        assert_eq!(problem(b"070707000000"), nonsense);
        let image = main();
        assert_eq!(problem(&image[..image.len() - 130]), "the cpio archive at byte 0: it is cut off");
        let packed = gzip(&main());
        let at = early().len();
        let cut = problem(&[early(), packed[..packed.len() - 9].to_vec()].concat());
        assert!(cut.starts_with(&format!("the part at byte {at}, packed by gzip: ")), "{cut}");
        assert_eq!(
            problem(&gzip(b"a text")),
            "the part at byte 0, packed by gzip: what is in it is no cpio archive"
        );
        let mut odd = cpio(&["a", "b"]);
        odd[110 + 4 + 8] ^= 1;
        assert_eq!(problem(&odd), "the cpio archive at byte 0: no header follows the entry `a`");
    }

    proptest! {
        #[test]
        fn damage_is_no_panic(at in any::<prop::sample::Index>(), bit in 0..8u8, packed in any::<bool>()) {
            let mut image = [early(), if packed { gzip(&main()) } else { main() }].concat();
            let at = at.index(image.len());
            image[at] ^= 1 << bit;
            let _ = of(&image);
            let _ = of(&image[..at]);
        }

        #[test]
        fn nonsense_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), packing in 0..7usize) {
            let marks: [&[u8]; 7] =
                [b"070701", b"\x1f\x8b\x08\0", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18", b"BZh9", b"\x5d\0\0\x80\0"];
            let _ = of(&[marks[packing], &bytes].concat());
        }
    }
}
