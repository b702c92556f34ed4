//! Any bytes as a tar archive, plain or packed, into the writer of every filesystem.
//!
//! Holds that nothing panics, hangs or writes past its partition, and that after an error there is nothing to mount: the
//! bytes that a kernel and GRUB know a filesystem by are written last. `mkfs` and `apply` then throw the file away too.
//!
//! Most mutations get their headers' checksums mended, for else hardly one would come past the first header.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../../src/base/mod.rs"]
mod base;
#[path = "../../../src/fs/mod.rs"]
mod fs;
#[path = "../../../src/rootfs/mod.rs"]
mod rootfs;

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};

use base::{Bytes, Lba};
use fs::ext4::Ext4;
use fs::fat::Fat;
use fs::xfs::Xfs;
use fs::{Formatter, Request, WriteAt};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use rootfs::Archive;
use rootfs::compression::unpacked;
use rootfs::tree::Timestamp;
use uuid::Uuid;

/// The most that a packed archive may become: a packed run of zeros would only cost time.
const UNPACKED: u64 = 4 << 20;
const PAGE: u64 = 4096;

/// A partition of `size` in memory, of which only the pages that were written take room.
struct Partition {
    size: Bytes,
    pages: BTreeMap<u64, Box<[u8; PAGE as usize]>>,
}

impl Partition {
    fn new(size: Bytes) -> Partition {
        Partition { size, pages: BTreeMap::new() }
    }

    /// `bytes` stand at `offset`, which is inside a page.
    fn has(&self, offset: u64, bytes: &[u8]) -> bool {
        let at = (offset % PAGE) as usize;
        self.pages.get(&(offset / PAGE)).is_some_and(|page| page[at..at + bytes.len()] == *bytes)
    }
}

impl WriteAt for Partition {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset.checked_add(bytes.len() as u64).expect("no writer counts past 16 EiB");
        assert!(end <= self.size.0, "{} bytes at {offset} of {}", bytes.len(), self.size);
        let (mut offset, mut bytes) = (offset, bytes);
        while !bytes.is_empty() {
            let at = (offset % PAGE) as usize;
            let (now, later) = bytes.split_at(bytes.len().min(PAGE as usize - at));
            let page = self.pages.entry(offset / PAGE).or_insert_with(|| Box::new([0; PAGE as usize]));
            page[at..at + now.len()].copy_from_slice(now);
            (offset, bytes) = (offset + now.len() as u64, later);
        }
        Ok(())
    }
}

/// A writer, the least partition it takes, and what stands where in a filesystem that can be mounted.
struct Kind {
    writer: Box<dyn Formatter>,
    size: Bytes,
    mark: (u64, &'static [u8]),
}

fn kinds() -> [Kind; 3] {
    [
        Kind { writer: Box::new(Ext4::default()), size: Bytes::mib(8), mark: (1024 + 0x38, b"\x53\xef") },
        Kind { writer: Box::new(Xfs::default()), size: Bytes::mib(300), mark: (0, b"XFSB") },
        Kind {
            writer: Box::new(Fat { volume_id: 1, start: Lba(0) }),
            size: Bytes::mib(34),
            mark: (510, b"\x55\xaa"),
        },
    ]
}

/// Makes the checksum of each header right that is found where the one before says (the GNU tar manual, "Basic Tar
/// Format").
fn mend(archive: &mut [u8]) {
    const BLOCK: usize = 512;
    let mut at = 0;
    while let Some(header) = archive.get_mut(at..at + BLOCK).filter(|h| h.iter().any(|b| *b != 0)) {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = header[124..136].iter().take_while(|b| matches!(b, b'0'..=b'7'));
        let size = digits.fold(0, |size: usize, digit| size << 3 | usize::from(digit - b'0'));
        at = (at + BLOCK).saturating_add(size.next_multiple_of(BLOCK));
        if at >= archive.len() {
            return;
        }
    }
}

fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = fuzzer_mutate(bytes, size, max_size);
    let packed = [&b"\x1f\x8b"[..], b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"];
    if !seed.is_multiple_of(8) && !packed.iter().any(|mark| bytes[..size].starts_with(mark)) {
        mend(&mut bytes[..size]);
    }
    size
});

fuzz_target!(|bytes: &[u8]| {
    for Kind { writer, size, mark: (at, mark) } in kinds() {
        let Ok(reader) = unpacked(Cursor::new(bytes.to_vec())) else { return };
        let request = Request {
            size,
            uuid: Uuid::from_u128(1),
            hash_seed: Uuid::from_u128(2),
            label: "fuzz".into(),
            created: Timestamp::default(),
        };
        let mut partition = Partition::new(size);
        let made = writer.format(&request, &mut Archive::new(reader.take(UNPACKED)), &mut partition);
        assert_eq!(made.is_ok(), partition.has(at, mark), "{made:?}");
        if let Err(error) = made {
            assert!(!error.to_string().is_empty());
        }
    }
});
