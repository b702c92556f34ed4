//! The pass: each node of the tree becomes an inode, its data goes to the target at once.
//!
//! What holds between nodes: every name seen is in [`Names`], every inode in the table is complete but for its link
//! count (and a directory's blocks, which come last). If the tree outgrows the filesystem the pass goes on without
//! writing, to learn how much room would do.

use std::io::Read;

use crate::rootfs::tree::{Item, Kind, Meta, TreePath};

use super::super::names::{Entry, Names, Type};
use super::super::sink::Sink;
use super::super::zeros::{Start, squeeze};
use super::super::{FsError, Request, WriteAt};
use super::alloc::Allocator;
use super::checksum::Checksums;
use super::extents::ExtentTree;
use super::geometry::{Geometry, MAX_BLOCKS};
use super::inode::{self, InodeTable, LOST_AND_FOUND, ROOT};
use super::store::Store;
use super::{BLOCK, Features, journal, xattr};

/// A filesystem in the making.
pub struct Pass<'a> {
    pub(super) features: Features,
    pub(super) request: Request,
    pub(super) geometry: Geometry,
    pub(super) sums: Checksums,
    pub(super) store: Store<'a>,
    pub(super) inodes: InodeTable,
    pub(super) names: Names,
    /// Bytes of file data so far.
    pub(super) data: u64,
    /// Blocks taken before the tree's first.
    pub(super) overhead: u64,
    /// The partition is too small for any filesystem.
    pub(super) hopeless: bool,
    pub(super) journal: Option<([u8; 60], u64)>,
    /// The double indirect block of the resize inode.
    pub(super) resize_block: u64,
}

pub(super) fn unrepresentable(path: &TreePath, problem: impl Into<String>) -> FsError {
    FsError::Unrepresentable { path: path.to_string(), problem: problem.into() }
}

/// The path whose directory `e2fsck` and we make.
fn is_lost_and_found(path: &[u8]) -> bool {
    path == b"lost+found"
}

impl<'a> Pass<'a> {
    pub fn begin(
        features: Features,
        request: &Request,
        out: &'a mut dyn WriteAt,
    ) -> Result<Pass<'a>, FsError> {
        if request.size.0 / BLOCK as u64 > MAX_BLOCKS {
            return Err(unrepresentable(&TreePath::root(), "an ext4 of more than 16 TiB is not supported"));
        }
        let fitting = Geometry::new(request.size, features);
        let hopeless = fitting.is_none();
        let geometry = fitting.unwrap_or_else(|| Geometry::smallest(features));
        let mut sink = Sink::new(out);
        if hopeless {
            sink.discard();
        }
        let alloc = Allocator::new(geometry.metadata(), geometry.blocks);
        let mut pass = Pass {
            features,
            request: request.clone(),
            geometry,
            sums: Checksums::new(request.uuid, features.metadata_csum),
            store: Store { alloc, sink },
            inodes: InodeTable::new(),
            names: Names::new(ROOT),
            data: 0,
            overhead: 0,
            hopeless,
            journal: None,
            resize_block: 0,
        };
        let root = Meta { mode: 0o755, mtime: request.created, ..Meta::default() };
        pass.inodes.record(ROOT).set_meta(Type::Directory, &root, request.created);
        pass.resize_block = pass.store.take(1);
        if features.journal {
            pass.reserve_journal()?;
        }
        pass.overhead = pass.store.alloc.taken();
        Ok(pass)
    }

    /// Takes the journal's blocks, ahead of all data, and makes its inode.
    fn reserve_journal(&mut self) -> Result<(), FsError> {
        let blocks = self.geometry.journal_blocks;
        let mut extents = ExtentTree::new(self.sums.inode(inode::JOURNAL));
        let mut done = 0;
        while done < blocks {
            let count = self.store.alloc.contiguous().min(u64::from(blocks - done));
            let first = self.store.take(count);
            if done == 0 {
                self.store.sink.put(first, &journal::superblock(blocks, self.request.uuid))?;
            }
            extents.push(done, first, count, &mut self.store)?;
            done += count as u32;
        }
        let root = extents.finish(&mut self.store)?;
        let size = u64::from(blocks) * BLOCK as u64;
        let meta = Meta { mode: 0o600, mtime: self.request.created, ..Meta::default() };
        let mut record = self.inodes.record(inode::JOURNAL);
        record.set_meta(Type::File, &meta, self.request.created);
        record.set_links(1);
        record.set_size(size);
        record.set_flags(inode::EXTENTS);
        record.set_map(&root.bytes);
        record.add_blocks(root.blocks);
        self.journal = Some((root.bytes, size));
        Ok(())
    }

    /// Takes the next node of the tree with its data.
    pub fn add(&mut self, item: Item<'_>) -> Result<(), FsError> {
        let Item { node, data } = item;
        let (path, meta) = (&node.path, &node.meta);
        match &node.kind {
            Kind::Directory => self.directory(path, meta),
            Kind::HardLink { target } => self.hard_link(path, target),
            Kind::File { size } => {
                let number = self.create(path, Type::File, meta)?;
                self.file(number, path, *size, data)
            }
            Kind::Symlink { target } => {
                let number = self.create(path, Type::Symlink, meta)?;
                self.symlink(number, path, target)
            }
            Kind::CharDevice { major, minor } => self.device(path, Type::CharDevice, meta, *major, *minor),
            Kind::BlockDevice { major, minor } => self.device(path, Type::BlockDevice, meta, *major, *minor),
            Kind::Fifo => self.create(path, Type::Fifo, meta).map(drop),
            Kind::Socket => self.create(path, Type::Socket, meta).map(drop),
        }
    }

    fn new_inode(&mut self, path: &TreePath) -> Result<u32, FsError> {
        self.inodes.add().ok_or_else(|| unrepresentable(path, "the tree has more than 2^32 inodes"))
    }

    /// The directory that `path` lies in, made where the tree has not given it yet.
    fn parent(&mut self, path: &TreePath) -> Result<u32, FsError> {
        let parent = path.parent().ok_or_else(|| unrepresentable(path, "the root must be a directory"))?;
        if let Some(number) = self.names.recent(&parent) {
            return Ok(number);
        }
        let mut at = ROOT;
        for component in parent.components() {
            at = match self.names.entry(at, component) {
                Some(Entry { inode, kind: Type::Directory }) => inode,
                Some(_) => {
                    return Err(unrepresentable(path, "a part of the path before its name is no directory"));
                }
                None => {
                    let meta = Meta { mode: 0o755, mtime: self.request.created, ..Meta::default() };
                    self.new_directory(path, at, component, &meta)?
                }
            };
        }
        self.names.remember(parent, at);
        Ok(at)
    }

    fn new_directory(
        &mut self,
        path: &TreePath,
        parent: u32,
        name: &[u8],
        meta: &Meta,
    ) -> Result<u32, FsError> {
        let lost_and_found = parent == ROOT && is_lost_and_found(name);
        let number = if lost_and_found { LOST_AND_FOUND } else { self.new_inode(path)? };
        self.inodes.record(number).set_meta(Type::Directory, meta, self.request.created);
        self.names.insert(parent, name, Entry { inode: number, kind: Type::Directory });
        Ok(number)
    }

    fn directory(&mut self, path: &TreePath, meta: &Meta) -> Result<(), FsError> {
        let number = if path.is_root() {
            ROOT
        } else {
            let parent = self.parent(path)?;
            match self.names.entry(parent, path.name()) {
                Some(Entry { inode, kind: Type::Directory }) => inode,
                Some(_) => return Err(unrepresentable(path, "the path comes twice in the tree")),
                None => self.new_directory(path, parent, path.name(), meta)?,
            }
        };
        let directory = self.names.get_mut(number);
        if !std::mem::take(&mut directory.implied) {
            return Err(unrepresentable(path, "the path comes twice in the tree"));
        }
        self.inodes.record(number).set_meta(Type::Directory, meta, self.request.created);
        self.attributes(number, path, meta)
    }

    /// Enters a name that is no directory's.
    fn name(&mut self, path: &TreePath, entry: Entry) -> Result<(), FsError> {
        let parent = self.parent(path)?;
        if is_lost_and_found(path.as_bytes()) {
            return Err(unrepresentable(path, "ext4 needs a directory of this name"));
        }
        if self.names.entry(parent, path.name()).is_some() {
            return Err(unrepresentable(path, "the path comes twice in the tree"));
        }
        self.names.insert(parent, path.name(), entry);
        Ok(())
    }

    /// A new inode of one link with a name, metadata and attributes.
    fn create(&mut self, path: &TreePath, kind: Type, meta: &Meta) -> Result<u32, FsError> {
        let number = self.new_inode(path)?;
        self.name(path, Entry { inode: number, kind })?;
        let mut record = self.inodes.record(number);
        record.set_meta(kind, meta, self.request.created);
        record.set_links(1);
        self.attributes(number, path, meta)?;
        Ok(number)
    }

    fn attributes(&mut self, number: u32, path: &TreePath, meta: &Meta) -> Result<(), FsError> {
        let stored = xattr::store(&meta.xattrs).map_err(|problem| unrepresentable(path, problem))?;
        if let Some(body) = &stored.body {
            self.inodes.record(number).set_body(body);
        }
        if let Some(mut block) = stored.block {
            let at = self.store.take(1);
            if let Some(seed) = self.sums.filesystem() {
                xattr::seal(&mut block, at, seed);
            }
            self.store.sink.put(at, &block)?;
            self.inodes.record(number).set_attribute_block(at);
        }
        Ok(())
    }

    fn hard_link(&mut self, path: &TreePath, target: &TreePath) -> Result<(), FsError> {
        let entry = self.names.find(target).ok_or_else(|| {
            unrepresentable(path, format!("is a hard link to {target}, which is not there"))
        })?;
        if entry.kind == Type::Directory {
            return Err(unrepresentable(path, format!("is a hard link to the directory {target}")));
        }
        self.name(path, entry)?;
        let mut record = self.inodes.record(entry.inode);
        let links = record.links();
        if links >= inode::MOST_LINKS {
            return Err(unrepresentable(path, "ext4 allows 65,000 names of one file"));
        }
        record.set_links(links + 1);
        Ok(())
    }

    fn device(
        &mut self,
        path: &TreePath,
        kind: Type,
        meta: &Meta,
        major: u32,
        minor: u32,
    ) -> Result<(), FsError> {
        let map = inode::device(major, minor)
            .ok_or_else(|| unrepresentable(path, format!("no device has the number {major}:{minor}")))?;
        let number = self.create(path, kind, meta)?;
        self.inodes.record(number).set_map(&map);
        Ok(())
    }

    fn symlink(&mut self, number: u32, path: &TreePath, target: &[u8]) -> Result<(), FsError> {
        if target.is_empty() || target.len() >= BLOCK || target.contains(&0) {
            return Err(unrepresentable(path, "a symlink's target has 1 to 4,095 bytes and none is NUL"));
        }
        self.inodes.record(number).set_size(target.len() as u64);
        if target.len() < 60 {
            let mut map = [0; 60];
            map[..target.len()].copy_from_slice(target);
            self.inodes.record(number).set_map(&map);
            return Ok(());
        }
        let mut block = [0; BLOCK];
        block[..target.len()].copy_from_slice(target);
        let at = self.store.append(&block)?;
        let mut extents = ExtentTree::new(self.sums.inode(number));
        extents.push(0, at, 1, &mut self.store)?;
        self.map(number, extents)
    }

    fn map(&mut self, number: u32, extents: ExtentTree) -> Result<(), FsError> {
        let root = extents.finish(&mut self.store)?;
        let mut record = self.inodes.record(number);
        record.set_flags(inode::EXTENTS);
        record.set_map(&root.bytes);
        record.add_blocks(root.blocks);
        Ok(())
    }

    /// Streams a file's data into blocks of its own; blocks of zeros become holes, but for the first: GRUB cannot read a
    /// file that begins with a hole.
    fn file(&mut self, number: u32, path: &TreePath, size: u64, data: &mut dyn Read) -> Result<(), FsError> {
        let blocks = size.div_ceil(BLOCK as u64);
        if blocks > u64::from(u32::MAX) {
            return Err(unrepresentable(path, "ext4 has files of up to 16 TiB"));
        }
        let mut extents = ExtentTree::new(self.sums.inode(number));
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let (mut logical, mut left) = (0u64, size);
        while left > 0 {
            // Read straight to where the blocks will be written from.
            let contiguous = self.store.alloc.contiguous();
            let room = self.store.sink.room(self.store.alloc.cursor())?;
            let most = (room.len() as u64).min(contiguous.saturating_mul(BLOCK as u64));
            let length = most.min(left) as usize;
            let padded = length.next_multiple_of(BLOCK);
            data.read_exact(&mut room[..length]).map_err(FsError::Read)?;
            room[length..padded].fill(0);
            let kept = squeeze(&mut room[..padded], logical, Start::Kept, &mut runs);
            self.store.sink.keep(kept);
            let mut at = if kept > 0 { self.store.take(kept as u64) } else { 0 };
            for (first, count) in runs.drain(..) {
                // The file's size was checked above: its blocks have numbers of 32 bits.
                extents.push(first as u32, at, count, &mut self.store)?;
                at += count;
            }
            logical += (padded / BLOCK) as u64;
            left -= length as u64;
        }
        self.data += size;
        self.inodes.record(number).set_size(size);
        self.map(number, extents)
    }
}
