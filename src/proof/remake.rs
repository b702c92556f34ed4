//! A boot partition written anew with other files in it, for an overlay over the old one.
//!
//! Enters: what the old filesystem says of itself and every file. Leaves: the bytes from the partition's start on, as far
//! as the new filesystem uses them; what lies behind is free and may stay as it was.

use std::io::{self, Cursor};
use std::vec;

use crate::fs::fat::Fat;
use crate::fs::fat::read::Volume;
use crate::fs::{Formatter, FsError, Request};
use crate::rootfs::tree::{Item, Kind, Meta, Node, Timestamp, TreePath, TreeSource};

/// 1980-01-01, the first day of FAT.
const EPOCH: Timestamp = Timestamp { secs: 315_532_800, nanos: 0 };
/// No FAT has larger clusters. The rest of the last one is written too, so that no folder goes on with old entries.
const CLUSTER: usize = 64 << 10;

/// A filesystem with `files` that is `volume` to everybody who looks for it.
pub fn partition(volume: &Volume, files: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>, FsError> {
    let request = Request {
        size: volume.size,
        uuid: Default::default(),
        hash_seed: Default::default(),
        label: volume.label.clone(),
        created: EPOCH,
    };
    let formatter = Fat { volume_id: volume.id, start: volume.start };
    let mut out: Vec<u8> = Vec::new();
    formatter.format(&request, &mut Files { rest: files.into_iter(), data: Cursor::default() }, &mut out)?;
    let size = usize::try_from(volume.size.0).unwrap_or(usize::MAX);
    out.resize(out.len().next_multiple_of(CLUSTER).min(size), 0);
    Ok(out)
}

/// Files in memory as a tree.
struct Files {
    rest: vec::IntoIter<(String, Vec<u8>)>,
    data: Cursor<Vec<u8>>,
}

impl TreeSource for Files {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let Some((path, bytes)) = self.rest.next() else { return Ok(None) };
        let path = TreePath::new(&path).ok_or_else(|| io::Error::other(format!("`{path}` is no path")))?;
        let kind = Kind::File { size: bytes.len() as u64 };
        let meta = Meta { mode: 0o644, mtime: EPOCH, ..Meta::default() };
        self.data = Cursor::new(bytes);
        Ok(Some(Item { node: Node { path, kind, meta }, data: &mut self.data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Bytes, Lba};
    use crate::fs::fat::read::Reader;

    #[test]
    fn a_partition_made_anew_has_its_files_and_its_name() {
        let volume =
            Volume { id: 0x1234_abcd, label: "OSIMG".to_string(), size: Bytes::mib(64), start: Lba(2048) };
        let files = vec![
            ("/EFI/BOOT/BOOTX64.EFI".to_string(), vec![7; 70_000]),
            ("/grub/grub.cfg".to_string(), b"menu".to_vec()),
        ];
        let first = partition(&volume, files.clone()).expect("room");
        assert!(first.len() < (2 << 20), "{}", first.len());
        let mut reader = Reader::open(Cursor::new(first), Bytes(0)).expect("a filesystem");
        assert_eq!(reader.volume(), &volume);
        let mut read = reader.files(Bytes::mib(1)).expect("readable");
        read.sort();
        assert_eq!(read, files);
        // over an older and fuller one nothing of it shows
        let many = (0..3000).map(|n| (format!("/grub/a rather long name {n}.mod"), vec![1])).collect();
        let mut old = partition(&volume, many).expect("room");
        let new = partition(&volume, files.clone()).expect("room");
        old[..new.len()].copy_from_slice(&new);
        let mut read =
            Reader::open(Cursor::new(old), Bytes(0)).expect("a filesystem").files(Bytes::mib(1)).expect("it");
        read.sort();
        assert_eq!(read, files);
    }
}
