//! A FAT32 writer: directories and regular files in, a filesystem that firmware, GRUB and every kernel reads out.
//!
//! Enters: a tree of directories and regular files. Leaves: boot sector and its backup, FSInfo, two FATs, long names
//! with their short ones, times in UTC (FAT has no time zone). What holds: file data goes out as it comes, each file in
//! one run of clusters; directories follow behind it, entries sorted; the same tree in the same order gives the same
//! bytes. What a FAT does not know (owners, modes, xattrs) is dropped, and [`loss`] tells it; what it cannot say is an error.
//!
//! The format: Microsoft FAT32 File System Specification 1.03 (2000), which UEFI 2.10, section 13.3 makes its own.

mod directory;
mod geometry;
pub mod loss;
mod name;
pub mod read;
mod time;

use std::collections::BTreeMap;
use std::collections::btree_map;

use self::directory::{Entry, Target};
use self::geometry::Geometry;
use super::{Formatter, FsError, Request, Written};
use crate::base::{Bytes, Lba};
use crate::fs::WriteAt;
use crate::rootfs::tree::{Item, Kind, Timestamp, TreePath, TreeSource};

/// The cluster of the root directory; the first there is.
const ROOT: u32 = 2;
/// The last cluster of a chain.
const END: u32 = 0x0fff_ffff;
const BUFFER: usize = 1 << 20;

/// FAT32. Of the request, `uuid` and `hash_seed` are not used, and the label is upper-cased and cut at 11 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fat {
    /// The volume id, which Linux and GRUB show as the filesystem's UUID.
    pub volume_id: u32,
    /// Where the partition starts on its disk (`BPB_HiddSec`); some firmware adds it to addresses.
    pub start: Lba,
}

/// Whether a volume label is kept as it is, but for upper case and blanks around it.
pub fn is_label(text: &str) -> bool {
    let mut chars = text.chars();
    text.len() <= 11 && chars.all(|c| c == ' ' || name::allowed(c.to_ascii_uppercase()))
}

impl Formatter for Fat {
    fn format(
        &self,
        request: &Request,
        tree: &mut dyn TreeSource,
        out: &mut dyn WriteAt,
    ) -> Result<Written, FsError> {
        let mut writer = match Geometry::new(request.size) {
            Ok(geometry) => Writer::new(geometry, request, out),
            // the tree is looked at all the same, to say how much room would do
            Err(FsError::TooSmall { need, .. }) => {
                let mut writer = Writer::new(Geometry::new(need)?, request, out);
                writer.overflow();
                writer
            }
            Err(error) => return Err(error),
        };
        let mut buffer = vec![0; BUFFER];
        while let Some(item) = tree.next_item().map_err(FsError::Read)? {
            writer.add(item, &mut buffer)?;
        }
        writer.finish(self)
    }
}

/// A directory under construction.
struct Directory {
    parent: usize,
    mtime: Timestamp,
    /// By the name with its case folded: two names that differ by case alone are one to FAT.
    children: BTreeMap<String, Child>,
}

struct Child {
    name: String,
    what: What,
}

enum What {
    /// Index into the writer's directories.
    Directory(usize),
    File {
        cluster: u32,
        size: u32,
        mtime: Timestamp,
    },
}

struct Writer<'a> {
    geometry: Geometry,
    request: &'a Request,
    out: &'a mut dyn WriteAt,
    /// The first is the root.
    directories: Vec<Directory>,
    /// FAT entries from cluster 0 on, as far as clusters are used.
    fat: Vec<u32>,
    files: u64,
    data: u64,
    /// Clusters that files and directories take, for each size that clusters have: to say what would be enough.
    clusters: [u64; geometry::SIZES],
}

impl<'a> Writer<'a> {
    fn new(geometry: Geometry, request: &'a Request, out: &'a mut dyn WriteAt) -> Writer<'a> {
        // the entries 0 and 1 hold the media byte and the flags "unmounted well, no error"
        let fat = vec![0x0fff_ff00 | u32::from(geometry::MEDIA), END, END];
        let root = Directory { parent: 0, mtime: request.created, children: BTreeMap::new() };
        Writer {
            geometry,
            request,
            out,
            directories: vec![root],
            fat,
            files: 0,
            data: 0,
            clusters: [0; geometry::SIZES],
        }
    }

    fn add(&mut self, item: Item<'_>, buffer: &mut [u8]) -> Result<(), FsError> {
        let Item { node, data } = item;
        let bad = |problem: &str| FsError::unrepresentable(&node.path, problem);
        match node.kind {
            Kind::Directory => {
                let at = self.directory(&node.path)?;
                self.directories[at].mtime = node.meta.mtime;
                Ok(())
            }
            Kind::File { size } => {
                let size32 = u32::try_from(size).map_err(|_| bad("FAT holds files below 4 GiB"))?;
                let name = name::checked(&node.path).map_err(|problem| bad(&problem))?;
                let parent =
                    self.directory(&node.path.parent().ok_or_else(|| bad("the root is no file"))?)?;
                let first = self.allocate(size);
                let what = What::File { cluster: first.unwrap_or(0), size: size32, mtime: node.meta.mtime };
                if self.directories[parent]
                    .children
                    .insert(name::folded(&name), Child { name, what })
                    .is_some()
                {
                    return Err(bad("comes twice, or differs from another name only by case"));
                }
                self.files += 1;
                self.data += size;
                let Some(first) = first.filter(|_| !self.overflows()) else { return Ok(()) };
                let start = self.geometry.offset(first);
                let mut done = 0;
                while done < size {
                    let part = (size - done).min(buffer.len() as u64) as usize;
                    data.read_exact(&mut buffer[..part]).map_err(FsError::Read)?;
                    self.out.write_at(start + done, &buffer[..part]).map_err(FsError::Write)?;
                    done += part as u64;
                }
                Ok(())
            }
            Kind::HardLink { .. } => Err(bad("FAT has no hard links")),
            Kind::Symlink { .. } => Err(bad("FAT has no symbolic links")),
            Kind::CharDevice { .. } | Kind::BlockDevice { .. } => Err(bad("FAT has no device nodes")),
            Kind::Fifo | Kind::Socket => Err(bad("FAT has no pipes and sockets")),
        }
    }

    /// The directory at `path`, made with all its parents where missing.
    fn directory(&mut self, path: &TreePath) -> Result<usize, FsError> {
        let Some(parent) = path.parent() else { return Ok(0) };
        let parent = self.directory(&parent)?;
        let bad = |problem: &str| FsError::unrepresentable(path, problem);
        let name = name::checked(path).map_err(|problem| bad(&problem))?;
        let next = self.directories.len();
        match self.directories[parent].children.entry(name::folded(&name)) {
            btree_map::Entry::Occupied(there) => match there.get() {
                Child { name: same, what: What::Directory(at) } if *same == name => Ok(*at),
                _ => Err(bad("comes twice, or differs from another name only by case")),
            },
            btree_map::Entry::Vacant(place) => {
                place.insert(Child { name, what: What::Directory(next) });
                let mtime = self.request.created;
                self.directories.push(Directory { parent, mtime, children: BTreeMap::new() });
                Ok(next)
            }
        }
    }

    /// A run of clusters for `size` bytes, chained; none for an empty file. Once the clusters are used up it only
    /// counts on.
    fn allocate(&mut self, size: u64) -> Option<u32> {
        self.count(size);
        let count = size.div_ceil(self.geometry.cluster_bytes());
        if count == 0 {
            return None;
        }
        let first = self.fat.len() as u64;
        if self.overflows() || first + count > self.geometry.fat_entries() {
            self.overflow();
            return None;
        }
        self.fat.extend((first + 1..first + count).map(|next| next as u32));
        self.fat.push(END);
        Some(first as u32)
    }

    /// Notes what `size` bytes would take in clusters of each size.
    fn count(&mut self, size: u64) {
        for (clusters, bytes) in self.clusters.iter_mut().zip(geometry::cluster_sizes()) {
            *clusters += size.div_ceil(bytes);
        }
    }

    /// One entry past the end marks the overflow; there is nothing to chain any more.
    fn overflow(&mut self) {
        self.fat.resize(self.geometry.fat_entries() as usize + 1, END);
    }

    fn overflows(&self) -> bool {
        self.fat.len() as u64 > self.geometry.fat_entries()
    }

    /// Places and writes the directories, then the tables and the boot sectors.
    fn finish(mut self, fat: &Fat) -> Result<Written, FsError> {
        let label = name::label(&self.request.label);
        let cluster = self.geometry.cluster_bytes();
        let mut sizes = Vec::with_capacity(self.directories.len());
        for directory in &self.directories {
            let children = directory.children.values().map(|c| name::entries(&c.name)).sum::<u64>();
            // the root has the label where others have `.` and `..`
            let own = if sizes.is_empty() { u64::from(label.is_some()) } else { 2 };
            sizes.push((children + own) * directory::ENTRY);
        }
        let mut clusters = vec![ROOT];
        for size in &sizes[1..] {
            clusters.push(self.allocate(*size).unwrap_or(0));
        }
        // the root's first cluster is fixed, what it needs beyond that comes last
        if sizes[0] > cluster {
            self.fat[ROOT as usize] = self.allocate(sizes[0] - cluster).unwrap_or(END);
        }
        if self.overflows() {
            return Err(self.too_small(sizes[0]));
        }
        for (at, size) in sizes.iter().enumerate() {
            if *size > directory::LARGEST {
                return Err(FsError::unrepresentable(
                    &TreePath::root(),
                    "a FAT directory holds 65536 entries",
                ));
            }
            self.write_directory(at, &clusters, label.filter(|_| at == 0))?;
        }
        self.write_tables(fat, label)
    }

    /// `root` are the bytes of the root directory.
    fn too_small(&self, root: u64) -> FsError {
        // what was counted of the root is what lies beyond a cluster of this filesystem, if anything does
        let beyond = root.saturating_sub(self.geometry.cluster_bytes());
        let mut clusters = self.clusters;
        for (clusters, bytes) in clusters.iter_mut().zip(geometry::cluster_sizes()) {
            *clusters = *clusters - beyond.div_ceil(bytes) + root.div_ceil(bytes).max(1);
        }
        let have = self.request.size;
        match Geometry::sufficient(have, clusters) {
            Some(need) => FsError::TooSmall { need, have },
            None => FsError::unrepresentable(
                &TreePath::root(),
                "the tree needs a FAT filesystem of 2 TiB or more",
            ),
        }
    }

    fn write_directory(
        &mut self,
        at: usize,
        clusters: &[u32],
        label: Option<[u8; 11]>,
    ) -> Result<(), FsError> {
        let directory = &self.directories[at];
        let entries = directory.children.values().map(|child| Entry {
            name: &child.name,
            target: match child.what {
                What::Directory(at) => Target {
                    directory: true,
                    cluster: clusters[at],
                    size: 0,
                    mtime: self.directories[at].mtime,
                },
                What::File { cluster, size, mtime } => Target { directory: false, cluster, size, mtime },
            },
        });
        let mut bytes = match label {
            Some(label) => directory::label(label, self.request.created).to_vec(),
            None => Vec::new(),
        };
        if at != 0 {
            // the root is cluster 0 to `..`, whatever its true one
            let parent = if directory.parent == 0 { 0 } else { clusters[directory.parent] };
            bytes.extend(directory::dots(
                (clusters[at], directory.mtime),
                (parent, self.directories[directory.parent].mtime),
            ));
        }
        let problem = || FsError::Unrepresentable {
            path: "/".into(),
            problem: "more than 999999 names with one beginning in a directory".into(),
        };
        bytes.extend(directory::encode(entries).ok_or_else(problem)?);
        let mut cluster = clusters[at];
        for part in bytes.chunks(self.geometry.cluster_bytes() as usize) {
            self.out.write_at(self.geometry.offset(cluster), part).map_err(FsError::Write)?;
            cluster = self.fat[cluster as usize];
        }
        Ok(())
    }

    fn write_tables(self, fat: &Fat, label: Option<[u8; 11]>) -> Result<Written, FsError> {
        let used = self.fat.len() as u32 - 2;
        let free = self.geometry.clusters - used;
        let table: Vec<u8> = self.fat.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let mut put = |sector: u64, bytes: &[u8]| {
            self.out.write_at(sector * geometry::SECTOR, bytes).map_err(FsError::Write)
        };
        for copy in 0..geometry::FATS {
            put(self.geometry.fat_sector(copy), &table)?;
        }
        let boot = self.geometry.boot_sector(fat.volume_id, fat.start, label)?;
        let info = geometry::info_sector(free, self.fat.len() as u32 - 1);
        for at in [0, geometry::BACKUP] {
            put(at, &boot)?;
            put(at + geometry::INFO, &info)?;
        }
        Ok(Written {
            inodes: self.files + self.directories.len() as u64,
            data: Bytes(self.data),
            free: Bytes(u64::from(free) * self.geometry.cluster_bytes()),
        })
    }
}

#[cfg(test)]
mod tests;
