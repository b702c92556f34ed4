//! A directory's entries as bytes. Sections "FAT Directory Structure" and "FAT Long Directory Entries".

use super::name::{self, ShortNames};
use super::time::stamp;
use crate::rootfs::tree::Timestamp;

/// Bytes of one entry.
pub const ENTRY: u64 = 32;
/// The longest directory that readers have to take, in bytes: 65536 entries.
pub const LARGEST: u64 = 65_536 * ENTRY;

const LABEL: u8 = 0x08;
const DIRECTORY: u8 = 0x10;
const ARCHIVE: u8 = 0x20;
const LONG: u8 = 0x0f;
/// Marks the long entry that comes first and holds a name's end.
const LAST_LONG: u8 = 0x40;
/// Where the 13 units of a name lie in a long entry.
const UNITS_AT: [usize; name::UNITS] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// What an entry names.
#[derive(Clone, Copy)]
pub struct Target {
    pub directory: bool,
    /// 0 for an empty file.
    pub cluster: u32,
    /// In bytes; 0 for a directory.
    pub size: u32,
    pub mtime: Timestamp,
}

/// A name and what it names.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub name: &'a str,
    pub target: Target,
}

/// All entries with their long names, in the order given; `None` when short names run out.
pub fn encode<'a>(entries: impl Iterator<Item = Entry<'a>> + Clone) -> Option<Vec<u8>> {
    let mut shorts = ShortNames::default();
    shorts.reserve(entries.clone().map(|e| e.name));
    let mut out = Vec::new();
    for Entry { name, target } in entries {
        let (short, needs_long) = shorts.short(name)?;
        if needs_long {
            long(name, name::checksum(&short), &mut out);
        }
        let attributes = if target.directory { DIRECTORY } else { ARCHIVE };
        out.extend(record(short, attributes, target.cluster, target.size, target.mtime));
    }
    Some(out)
}

/// The root's first entry, the volume label.
pub fn label(label: [u8; 11], at: Timestamp) -> [u8; 32] {
    record(label, LABEL, 0, 0, at)
}

/// `.` and `..`, each by its cluster and time.
pub fn dots(own: (u32, Timestamp), parent: (u32, Timestamp)) -> Vec<u8> {
    let mut out = record(*b".          ", DIRECTORY, own.0, 0, own.1).to_vec();
    out.extend(record(*b"..         ", DIRECTORY, parent.0, 0, parent.1));
    out
}

fn record(name: [u8; 11], attributes: u8, cluster: u32, size: u32, at: Timestamp) -> [u8; 32] {
    let stamp = stamp(at);
    let mut b = [0; 32];
    b[..11].copy_from_slice(&name);
    b[11] = attributes;
    // a tree knows one time of a file, which serves as the time of creation, of last access and of last writing
    b[13] = stamp.hundredths;
    b[14..16].copy_from_slice(&stamp.time.to_le_bytes());
    for at in [16, 18, 24] {
        b[at..at + 2].copy_from_slice(&stamp.date.to_le_bytes());
    }
    b[22..24].copy_from_slice(&stamp.time.to_le_bytes());
    b[20..22].copy_from_slice(&((cluster >> 16) as u16).to_le_bytes());
    b[26..28].copy_from_slice(&(cluster as u16).to_le_bytes());
    b[28..32].copy_from_slice(&size.to_le_bytes());
    b
}

/// The long entries of a name, its end first.
fn long(name: &str, checksum: u8, out: &mut Vec<u8>) {
    let units: Vec<u16> = name.encode_utf16().collect();
    let parts: Vec<&[u16]> = units.chunks(name::UNITS).collect();
    for (i, part) in parts.iter().enumerate().rev() {
        let mut b = [0; 32];
        // a name has at most 20 parts
        b[0] = i as u8 + 1 + if i + 1 == parts.len() { LAST_LONG } else { 0 };
        b[11] = LONG;
        b[13] = checksum;
        for (n, at) in UNITS_AT.into_iter().enumerate() {
            // a name that ends inside its part is closed by a zero and filled up with ones
            let unit = match n {
                n if n < part.len() => part[n],
                n if n == part.len() => 0,
                _ => 0xffff,
            };
            b[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        out.extend(b);
    }
}
