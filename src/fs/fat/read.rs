//! Reads files of a FAT32 filesystem inside an image, and tells where on the disk their bytes lie.
//!
//! Enters: anything that reads and seeks, and where the filesystem starts in it. Leaves: directory entries, contents,
//! extents. Nothing is written, and no chain of a damaged table is followed in a circle. Microsoft's "FAT: General
//! Overview of On-Disk Format", version 1.03.

use std::io::{self, Read, Seek, SeekFrom};

use crate::base::{Bytes, Lba};

const ENTRY: usize = 32;
const ATTR_VOLUME: u8 = 0x08;
const ATTR_DIRECTORY: u8 = 0x10;
const ATTR_LONG: u8 = 0x0f;
/// Table entries have 28 bits; from here on they end a chain.
const CHAIN_END: u32 = 0x0fff_fff8;

/// Why the filesystem could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FatError {
    #[error("reading a FAT filesystem: {0}")]
    Io(#[from] io::Error),
    #[error("no FAT32 filesystem here: {0}")]
    NotFat32(&'static str),
    #[error("damaged FAT filesystem: {0}")]
    Damaged(&'static str),
    #[error("`{0}` is larger than expected")]
    TooLarge(String),
}

/// A file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The long name where there is one, else the short one.
    pub name: String,
    pub directory: bool,
    /// Zero for folders.
    pub size: Bytes,
    first: u32,
}

/// A run of bytes of a file, `offset` counted from the start of the reader (the disk, not the filesystem).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub offset: Bytes,
    pub length: Bytes,
}

/// What a filesystem says of itself: enough to make another that firmware and GRUB take for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What Linux and GRUB show as the filesystem's UUID.
    pub id: u32,
    /// Without the blanks that fill it.
    pub label: String,
    pub size: Bytes,
    /// Where its partition starts on its disk, as it says.
    pub start: Lba,
}

impl Volume {
    /// The boot sector's fields (`BS_VolID`, `BS_VolLab`, `BPB_HiddSec`).
    fn read(boot: &[u8; 512], size: u64) -> Volume {
        Volume {
            id: u32_at(boot, 67),
            label: String::from_utf8_lossy(&boot[71..82]).trim_end().to_string(),
            size: Bytes(size),
            start: Lba(u64::from(u32_at(boot, 28))),
        }
    }
}

/// A FAT32 filesystem.
pub struct Reader<R> {
    source: R,
    volume: Volume,
    /// Where the first allocation table starts.
    table: u64,
    /// Where cluster 2, the first, starts.
    data: u64,
    /// Bytes.
    cluster: u64,
    /// Clusters are numbered from 2 to `clusters + 1`.
    clusters: u32,
    root: u32,
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl<R: Read + Seek> Reader<R> {
    /// Reads the boot sector at `start` of `source`.
    pub fn open(mut source: R, start: Bytes) -> Result<Reader<R>, FatError> {
        let mut boot = [0; 512];
        source.seek(SeekFrom::Start(start.0))?;
        source.read_exact(&mut boot).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => FatError::NotFat32("the image ends before it"),
            _ => e.into(),
        })?;
        if boot[510..] != [0x55, 0xaa] {
            return Err(FatError::NotFat32("no boot sector"));
        }
        let sector = u64::from(u16_at(&boot, 11));
        let per_cluster = u64::from(boot[13]);
        if !matches!(sector, 512 | 1024 | 2048 | 4096) || !per_cluster.is_power_of_two() {
            return Err(FatError::NotFat32("impossible sector or cluster size"));
        }
        // FAT12 and FAT16 have a root folder of fixed size and the 16-bit length of a table
        if u16_at(&boot, 17) != 0 || u16_at(&boot, 22) != 0 {
            return Err(FatError::NotFat32("it is an older FAT"));
        }
        let reserved = u64::from(u16_at(&boot, 14));
        let tables = u64::from(boot[16]);
        let table_sectors = u64::from(u32_at(&boot, 36));
        let total = match u16_at(&boot, 19) {
            0 => u64::from(u32_at(&boot, 32)),
            small => u64::from(small),
        };
        let head = reserved + tables * table_sectors;
        if reserved == 0 || tables == 0 || table_sectors == 0 || head >= total {
            return Err(FatError::NotFat32("impossible table sizes"));
        }
        // the table may be shorter than the data; only clusters with an entry count
        let clusters = ((total - head) / per_cluster).min((table_sectors * sector / 4).saturating_sub(2));
        Ok(Reader {
            source,
            volume: Volume::read(&boot, total * sector),
            table: start.0 + reserved * sector,
            data: start.0 + head * sector,
            cluster: per_cluster * sector,
            clusters: u32::try_from(clusters).map_err(|_| FatError::NotFat32("too many clusters"))?,
            root: u32_at(&boot, 44),
        })
    }

    pub fn volume(&self) -> &Volume {
        &self.volume
    }

    /// Every file with its path, without the folders; one larger than `limit` is refused.
    pub fn files(&mut self, limit: Bytes) -> Result<Vec<(String, Vec<u8>)>, FatError> {
        let mut out = Vec::new();
        let mut folders: Vec<(String, Entry)> =
            self.find("/")?.map(|root| (String::new(), root)).into_iter().collect();
        // as many folders as any boot partition has, which also ends a circle
        for _ in 0..10_000 {
            let Some((path, folder)) = folders.pop() else { return Ok(out) };
            for entry in self.list(&folder)? {
                let path = format!("{path}/{}", entry.name);
                match entry.directory {
                    true => folders.push((path, entry)),
                    false => out.push((path, self.read(&entry, limit)?)),
                }
            }
        }
        Err(FatError::Damaged("folders without end"))
    }

    /// The file or folder at `path`, its parts joined by `/`; letter case does not count, as FAT has it.
    pub fn find(&mut self, path: &str) -> Result<Option<Entry>, FatError> {
        let root = Entry { name: String::new(), directory: true, size: Bytes(0), first: self.root };
        let mut at = root;
        for part in path.split('/').filter(|p| !p.is_empty()) {
            if !at.directory {
                return Ok(None);
            }
            let wanted = part.to_lowercase();
            match self.list(&at)?.into_iter().find(|e| e.name.to_lowercase() == wanted) {
                Some(entry) => at = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// What a folder holds, in its order, without `.` and `..`.
    pub fn list(&mut self, folder: &Entry) -> Result<Vec<Entry>, FatError> {
        let bytes = self.folder_bytes(folder)?;
        let mut out = Vec::new();
        let mut long = LongName::default();
        for raw in bytes.chunks_exact(ENTRY) {
            match raw[0] {
                0x00 => break,
                0xe5 => {
                    long = LongName::default();
                    continue;
                }
                _ => {}
            }
            if raw[11] & 0x3f == ATTR_LONG {
                long.add(raw);
                continue;
            }
            let name = std::mem::take(&mut long).finish(raw).unwrap_or_else(|| short_name(raw));
            if raw[11] & ATTR_VOLUME != 0 || name == "." || name == ".." {
                continue;
            }
            let first = u32::from(u16_at(raw, 20)) << 16 | u32::from(u16_at(raw, 26));
            let directory = raw[11] & ATTR_DIRECTORY != 0;
            let size = if directory { 0 } else { u64::from(u32_at(raw, 28)) };
            out.push(Entry { name, directory, size: Bytes(size), first });
        }
        Ok(out)
    }

    /// A file's bytes; one larger than `limit` is refused instead of filling memory.
    pub fn read(&mut self, file: &Entry, limit: Bytes) -> Result<Vec<u8>, FatError> {
        if file.size > limit {
            return Err(FatError::TooLarge(file.name.clone()));
        }
        let mut out = Vec::new();
        for extent in self.extents(file)? {
            self.read_extent(extent, &mut out)?;
        }
        Ok(out)
    }

    /// Where a file's bytes lie, in order, neighbours joined; the lengths add up to the file's size.
    pub fn extents(&mut self, file: &Entry) -> Result<Vec<Extent>, FatError> {
        let mut left = file.size.0;
        let mut out = Vec::new();
        let mut at = file.first;
        while left > 0 {
            let length = left.min(self.cluster);
            self.push(&mut out, at, length)?;
            left -= length;
            if left > 0 {
                at = self.next(at)?.ok_or(FatError::Damaged("a file's chain is shorter than the file"))?;
            }
        }
        Ok(out)
    }

    /// A folder has no size: its chain says where it ends.
    fn folder_bytes(&mut self, folder: &Entry) -> Result<Vec<u8>, FatError> {
        let mut extents = Vec::new();
        let mut at = Some(folder.first);
        let mut seen = 0;
        while let Some(cluster) = at {
            // the format allows 65,536 entries of 32 bytes, which also ends a circle
            seen += self.cluster;
            if seen > (65_536 * ENTRY as u64).max(self.cluster) {
                return Err(FatError::Damaged("a folder without end"));
            }
            self.push(&mut extents, cluster, self.cluster)?;
            at = self.next(cluster)?;
        }
        let mut out = Vec::new();
        for extent in extents {
            self.read_extent(extent, &mut out)?;
        }
        Ok(out)
    }

    fn push(&self, extents: &mut Vec<Extent>, cluster: u32, length: u64) -> Result<(), FatError> {
        let index = cluster
            .checked_sub(2)
            .filter(|i| *i < self.clusters)
            .ok_or(FatError::Damaged("a chain leaves the filesystem"))?;
        let offset = self.data + u64::from(index) * self.cluster;
        match extents.last_mut() {
            Some(last) if last.offset.0 + last.length.0 == offset => last.length.0 += length,
            _ => extents.push(Extent { offset: Bytes(offset), length: Bytes(length) }),
        }
        Ok(())
    }

    fn next(&mut self, cluster: u32) -> Result<Option<u32>, FatError> {
        let mut raw = [0; 4];
        self.source.seek(SeekFrom::Start(self.table + u64::from(cluster) * 4))?;
        self.source.read_exact(&mut raw)?;
        let value = u32::from_le_bytes(raw) & 0x0fff_ffff;
        Ok((value < CHAIN_END).then_some(value))
    }

    fn read_extent(&mut self, extent: Extent, out: &mut Vec<u8>) -> Result<(), FatError> {
        self.source.seek(SeekFrom::Start(extent.offset.0))?;
        let got = (&mut self.source).take(extent.length.0).read_to_end(out)? as u64;
        if got < extent.length.0 {
            return Err(FatError::Damaged("the image ends inside a file"));
        }
        Ok(())
    }
}

/// Collects the parts of a long name, which stand last part first before the short entry.
#[derive(Default)]
struct LongName {
    parts: Vec<[u16; 13]>,
    checksum: u8,
    /// The number of the part that must come next; zero when the name is whole.
    expect: u8,
}

impl LongName {
    fn add(&mut self, raw: &[u8]) {
        let number = raw[0] & 0x3f;
        if raw[0] & 0x40 != 0 {
            *self = LongName { parts: Vec::new(), checksum: raw[13], expect: number };
        }
        if number == 0 || number != self.expect || raw[13] != self.checksum {
            *self = LongName::default();
            return;
        }
        let mut part = [0; 13];
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain((28..32).step_by(2));
        for (unit, at) in part.iter_mut().zip(places) {
            *unit = u16_at(raw, at);
        }
        self.parts.push(part);
        self.expect = number - 1;
    }

    /// The whole name when it belongs to the short entry `raw`.
    fn finish(self, raw: &[u8]) -> Option<String> {
        let sum = raw[..11].iter().fold(0u8, |sum, &b| sum.rotate_right(1).wrapping_add(b));
        if self.parts.is_empty() || self.expect != 0 || sum != self.checksum {
            return None;
        }
        let units: Vec<u16> =
            self.parts.into_iter().rev().flatten().take_while(|&u| u != 0 && u != 0xffff).collect();
        Some(String::from_utf16_lossy(&units))
    }
}

/// `NAME    EXT` as `NAME.EXT`, in the letter case that the two flags at byte 12 ask for.
fn short_name(raw: &[u8]) -> String {
    let part = |bytes: &[u8], lower: bool| {
        let text = String::from_utf8_lossy(bytes).trim_end().to_string();
        if lower { text.to_lowercase() } else { text }
    };
    let name = part(&raw[..8], raw[12] & 0x08 != 0);
    let extension = part(&raw[8..11], raw[12] & 0x10 != 0);
    if extension.is_empty() { name } else { format!("{name}.{extension}") }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A filesystem of 16 clusters of 512 bytes: boot sector, one table of one sector, then the clusters.
    fn tiny() -> Vec<u8> {
        let mut image = vec![0; 512 * 18];
        image[11..13].copy_from_slice(&512u16.to_le_bytes());
        image[13] = 1;
        image[14..16].copy_from_slice(&1u16.to_le_bytes());
        image[16] = 1;
        image[32..36].copy_from_slice(&18u32.to_le_bytes());
        image[36..40].copy_from_slice(&1u32.to_le_bytes());
        image[44..48].copy_from_slice(&2u32.to_le_bytes());
        image[510..512].copy_from_slice(&[0x55, 0xaa]);
        image
    }

    fn link(image: &mut [u8], cluster: usize, value: u32) {
        image[512 + cluster * 4..][..4].copy_from_slice(&value.to_le_bytes());
    }

    fn entry(image: &mut [u8], at: usize, name: &[u8; 11], first: u16, size: u32) {
        let raw = &mut image[1024 + at * ENTRY..][..ENTRY];
        raw[..11].copy_from_slice(name);
        raw[26..28].copy_from_slice(&first.to_le_bytes());
        raw[28..32].copy_from_slice(&size.to_le_bytes());
    }

    fn open(image: Vec<u8>) -> Reader<Cursor<Vec<u8>>> {
        Reader::open(Cursor::new(image), Bytes(0)).expect("it is FAT32")
    }

    #[test]
    fn a_file_in_pieces_has_its_extents() {
        let mut image = tiny();
        link(&mut image, 2, 0x0fff_ffff);
        // clusters 3, 4, then 9
        link(&mut image, 3, 4);
        link(&mut image, 4, 9);
        link(&mut image, 9, 0x0fff_fff8);
        entry(&mut image, 0, b"A       TXT", 3, 1100);
        for (cluster, byte) in [(3, b'a'), (4, b'b'), (9, b'c')] {
            image[1024 + (cluster - 2) * 512..][..512].fill(byte);
        }
        let mut fat = open(image);
        let file = fat.find("a.txt").expect("reads").expect("is there");
        let extents = fat.extents(&file).expect("whole chain");
        assert_eq!(
            extents,
            [
                Extent { offset: Bytes(1536), length: Bytes(1024) },
                Extent { offset: Bytes(1024 + 7 * 512), length: Bytes(76) }
            ]
        );
        let bytes = fat.read(&file, Bytes(4096)).expect("reads");
        assert_eq!((bytes.len(), bytes[0], bytes[600], bytes[1099]), (1100, b'a', b'b', b'c'));
        assert!(matches!(fat.read(&file, Bytes(1000)), Err(FatError::TooLarge(_))));
        assert_eq!(fat.find("/B.TXT").expect("reads"), None);
        assert_eq!(fat.find("/a.txt/b").expect("reads"), None);
    }

    #[test]
    fn damage_is_an_error_and_no_endless_loop() {
        let mut circle = tiny();
        link(&mut circle, 2, 2);
        assert!(matches!(open(circle).find("x"), Err(FatError::Damaged(_))));
        let mut outside = tiny();
        link(&mut outside, 2, 0x0fff_ffff);
        entry(&mut outside, 0, b"A          ", 900, 5);
        let mut fat = open(outside);
        let file = fat.find("A").expect("reads").expect("is there");
        assert!(matches!(fat.extents(&file), Err(FatError::Damaged(_))));
        let mut short = tiny();
        link(&mut short, 2, 0x0fff_ffff);
        link(&mut short, 3, 0x0fff_ffff);
        entry(&mut short, 0, b"A          ", 3, 600);
        let mut fat = open(short);
        let file = fat.find("A").expect("reads").expect("is there");
        assert!(matches!(fat.read(&file, Bytes(4096)), Err(FatError::Damaged(_))));
    }

    #[test]
    fn other_things_are_refused() {
        let refused = |image: Vec<u8>| Reader::open(Cursor::new(image), Bytes(0)).map(|_| ()).is_err();
        assert!(refused(Vec::new()));
        assert!(refused(vec![0; 4096]));
        let mut old = tiny();
        old[17] = 16;
        assert!(refused(old));
    }

    proptest::proptest! {
        /// Whatever a boot sector and table say, reading ends and does not panic.
        #[test]
        fn garbage_never_panics(
            patches in proptest::collection::vec((0usize..512 * 18, proptest::num::u8::ANY), 0..60),
        ) {
            let mut image = tiny();
            link(&mut image, 2, 0x0fff_ffff);
            entry(&mut image, 0, b"A          ", 3, 600);
            for (at, byte) in patches {
                image[at] = byte;
            }
            if let Ok(mut fat) = Reader::open(Cursor::new(image), Bytes(0))
                && let Ok(Some(file)) = fat.find("A")
            {
                let _ = fat.read(&file, Bytes(1 << 20));
            }
        }
    }
}
