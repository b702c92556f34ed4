//! The pass: each node of the tree becomes an inode, its data goes to the target at once.
//!
//! What holds between nodes: every name seen is in [`Names`], every inode in the list is complete but for its link count
//! (and a directory's content, which comes last). If the tree outgrows the filesystem the pass goes on without writing, to
//! learn how much room would do.

use std::io::Read;

use crate::fs::features::Switches;
use crate::rootfs::tree::{Item, Kind, Meta, TreePath};

use super::super::names::{Entry, Names, Type};
use super::super::sink::Sink;
use super::super::zeros::{Start, squeeze};
use super::super::{FsError, Request, WriteAt};
use super::alloc::Allocator;
use super::bytes::{put, put32};
use super::extents::ExtentMap;
use super::features::Features;
use super::format::Header;
use super::geometry::Geometry;
use super::inode::{self, Fork, Inode};
use super::owners::Owners;
use super::store::Store;
use super::xattr::{self, Stored};
use super::{BLOCK, Block, unrepresentable, xattr_blocks};

/// The root's index: inodes are named by their order of arrival.
pub(super) const ROOT: u32 = 0;
/// The longest target of a symlink (`XFS_SYMLINK_MAXLEN` less its NUL).
const LONGEST_TARGET: usize = 1023;
/// Bytes before a target in a block of its own.
const TARGET: usize = 56;
/// The largest file.
const LARGEST_FILE: u64 = i64::MAX as u64;

/// A filesystem in the making.
pub struct Pass<'a> {
    pub(super) request: Request,
    pub(super) geometry: Geometry,
    pub(super) store: Store<'a>,
    /// By index, which the allocator hands out with the numbers on disk.
    pub(super) inodes: Vec<Inode>,
    pub(super) names: Names,
    /// Bytes of file data so far.
    pub(super) data: u64,
    /// Some inode has attributes.
    pub(super) attributes: bool,
    /// The partition is too small for any filesystem.
    pub(super) hopeless: bool,
}

impl<'a> Pass<'a> {
    pub fn begin(
        features: Features,
        request: &Request,
        out: &'a mut dyn WriteAt,
    ) -> Result<Pass<'a>, FsError> {
        if let Some((feature, needs)) = features.incomplete() {
            let problem = format!("the feature {feature} needs the feature {needs}");
            return Err(unrepresentable(&TreePath::root(), problem));
        }
        let fitting = Geometry::new(request.size, features);
        let hopeless = fitting.is_none();
        let geometry = fitting.unwrap_or_else(|| Geometry::smallest(features));
        let mut sink = Sink::new(out);
        if hopeless {
            sink.discard();
        }
        let store = Store {
            alloc: Allocator::new(geometry),
            sink,
            owners: Owners::new(features.rmapbt),
            uuid: request.uuid,
        };
        let mut pass = Pass {
            request: request.clone(),
            geometry,
            store,
            inodes: Vec::new(),
            names: Names::new(ROOT),
            data: 0,
            attributes: false,
            hopeless,
        };
        let root = Meta { mode: 0o755, mtime: request.created, ..Meta::default() };
        let first = [
            Inode::new(Type::Directory, &root),
            Inode::realtime(true, request.created),
            Inode::realtime(false, request.created),
        ];
        for inode in first {
            pass.new_inode(&TreePath::root(), inode)?;
        }
        Ok(pass)
    }

    /// Takes the next node of the tree with its data.
    pub fn add(&mut self, item: Item<'_>) -> Result<(), FsError> {
        let Item { node, data } = item;
        let (path, meta) = (&node.path, &node.meta);
        match &node.kind {
            Kind::Directory => self.directory(path, meta),
            Kind::HardLink { target } => self.hard_link(path, target),
            Kind::File { size } => {
                let index = self.create(path, Type::File, meta)?;
                self.file(index, path, *size, data)
            }
            Kind::Symlink { target } => {
                let index = self.create(path, Type::Symlink, meta)?;
                self.symlink(index, path, target)
            }
            Kind::CharDevice { major, minor } => self.device(path, Type::CharDevice, meta, *major, *minor),
            Kind::BlockDevice { major, minor } => self.device(path, Type::BlockDevice, meta, *major, *minor),
            Kind::Fifo => self.create(path, Type::Fifo, meta).map(drop),
            Kind::Socket => self.create(path, Type::Socket, meta).map(drop),
        }
    }

    pub(super) fn inode(&mut self, index: u32) -> &mut Inode {
        &mut self.inodes[index as usize]
    }

    fn new_inode(&mut self, path: &TreePath, inode: Inode) -> Result<u32, FsError> {
        let index = self.store.take_inode();
        let index = index.ok_or_else(|| unrepresentable(path, "the tree has more than 2^32 inodes"))?;
        self.inodes.push(inode);
        Ok(index)
    }

    /// The directory that `path` lies in, made where the tree has not given it yet.
    fn parent(&mut self, path: &TreePath) -> Result<u32, FsError> {
        let parent = path.parent().ok_or_else(|| unrepresentable(path, "the root must be a directory"))?;
        if let Some(index) = self.names.recent(&parent) {
            return Ok(index);
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
        let index = self.new_inode(path, Inode::new(Type::Directory, meta))?;
        self.names.insert(parent, name, Entry { inode: index, kind: Type::Directory });
        Ok(index)
    }

    fn directory(&mut self, path: &TreePath, meta: &Meta) -> Result<(), FsError> {
        let index = if path.is_root() {
            ROOT
        } else {
            let parent = self.parent(path)?;
            match self.names.entry(parent, path.name()) {
                Some(Entry { inode, kind: Type::Directory }) => inode,
                Some(_) => return Err(unrepresentable(path, "the path comes twice in the tree")),
                None => self.new_directory(path, parent, path.name(), meta)?,
            }
        };
        let directory = self.names.get_mut(index);
        if !std::mem::take(&mut directory.implied) {
            return Err(unrepresentable(path, "the path comes twice in the tree"));
        }
        self.inode(index).set_meta(meta);
        self.attributes(index, path, meta)
    }

    /// Enters a name that is no directory's.
    fn name(&mut self, path: &TreePath, entry: Entry) -> Result<(), FsError> {
        let parent = self.parent(path)?;
        if self.names.entry(parent, path.name()).is_some() {
            return Err(unrepresentable(path, "the path comes twice in the tree"));
        }
        self.names.insert(parent, path.name(), entry);
        Ok(())
    }

    /// A new inode of one link with a name, metadata and attributes.
    fn create(&mut self, path: &TreePath, kind: Type, meta: &Meta) -> Result<u32, FsError> {
        let index = self.new_inode(path, Inode::new(kind, meta))?;
        self.name(path, Entry { inode: index, kind })?;
        self.attributes(index, path, meta)?;
        Ok(index)
    }

    fn attributes(&mut self, index: u32, path: &TreePath, meta: &Meta) -> Result<(), FsError> {
        let fork = match xattr::store(&meta.xattrs).map_err(|problem| unrepresentable(path, problem))? {
            Stored::None => return Ok(()),
            Stored::Short(bytes) => Fork::local(bytes),
            Stored::Long(list) => {
                let room = self.inode(index).attribute_room();
                let store = &mut self.store;
                let mut map = ExtentMap::new(store.alloc.inode_number(index), true, room);
                xattr_blocks::write(list, &mut |at, block, kind| map.append(at, block, kind, store))?;
                let (fork, blocks) = map.finish(store)?;
                self.inode(index).blocks += blocks;
                fork
            }
        };
        self.attributes = true;
        self.inode(index).attributes = Some(fork);
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
        let links = &mut self.inode(entry.inode).links;
        // The kernel counts in 31 bits (`XFS_MAXLINK`).
        *links = links
            .checked_add(1)
            .filter(|n| *n <= i32::MAX as u32)
            .ok_or_else(|| unrepresentable(path, "xfs allows 2^31 - 1 names of one file"))?;
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
        let number = inode::device(major, minor).ok_or_else(|| {
            unrepresentable(path, format!("xfs has no room for the device number {major}:{minor}"))
        })?;
        let index = self.create(path, kind, meta)?;
        put32(&mut self.inode(index).data.bytes, 0, number);
        Ok(())
    }

    fn symlink(&mut self, index: u32, path: &TreePath, target: &[u8]) -> Result<(), FsError> {
        if target.is_empty() || target.len() > LONGEST_TARGET || target.contains(&0) {
            return Err(unrepresentable(
                path,
                "a symlink's target has 1 to 1,023 bytes on xfs and none is NUL",
            ));
        }
        let inode = self.inode(index);
        inode.size = target.len() as u64;
        if target.len() <= inode.data_room() {
            inode.data = Fork::local(target);
            return Ok(());
        }
        let mut block: Block = [0; BLOCK];
        put(&mut block, 0, b"XSLM");
        put32(&mut block, 8, target.len() as u32);
        put(&mut block, TARGET, target);
        let mut map = self.map(index);
        map.append(0, &mut block, Header::REMOTE, &mut self.store)?;
        self.set_data(index, map)
    }

    /// An empty extent list for the data of this inode.
    pub(super) fn map(&mut self, index: u32) -> ExtentMap {
        let room = self.inode(index).data_room();
        ExtentMap::new(self.store.alloc.inode_number(index), false, room)
    }

    pub(super) fn set_data(&mut self, index: u32, map: ExtentMap) -> Result<(), FsError> {
        let (fork, blocks) = map.finish(&mut self.store)?;
        let inode = self.inode(index);
        inode.blocks += blocks;
        inode.data = fork;
        Ok(())
    }

    /// Streams a file's data into blocks of its own; blocks of zeros become holes.
    fn file(&mut self, index: u32, path: &TreePath, size: u64, data: &mut dyn Read) -> Result<(), FsError> {
        if size > LARGEST_FILE {
            return Err(unrepresentable(path, "xfs has files of up to 8 EiB"));
        }
        let mut map = self.map(index);
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let (mut offset, mut left) = (0u64, size);
        while left > 0 {
            // Read straight to where the blocks will be written from.
            let contiguous = self.store.alloc.contiguous();
            let room = self.store.sink.room(self.store.alloc.cursor())?;
            let most = (room.len() as u64).min(contiguous.saturating_mul(BLOCK as u64));
            let length = most.min(left) as usize;
            let padded = length.next_multiple_of(BLOCK);
            data.read_exact(&mut room[..length]).map_err(FsError::Read)?;
            room[length..padded].fill(0);
            let kept = squeeze(&mut room[..padded], offset, Start::Hole, &mut runs);
            self.store.sink.keep(kept);
            let mut at = if kept > 0 { self.store.take(kept as u64) } else { 0 };
            for (first, count) in runs.drain(..) {
                map.push(first, at, count, &mut self.store)?;
                at += count;
            }
            offset += (padded / BLOCK) as u64;
            left -= length as u64;
        }
        self.data += size;
        self.inode(index).size = size;
        self.set_data(index, map)
    }
}
