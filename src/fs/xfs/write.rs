//! The pass: what the [walk](super::super::walk) over the tree makes here, inode by inode.
//!
//! What holds between nodes: every inode in the list is complete but for its link count (and a directory's content, which
//! comes last). If the tree outgrows the filesystem the pass goes on without writing.

use crate::rootfs::tree::{Meta, TreePath};

use super::super::features::Switches;
use super::super::names::Type;
use super::super::sink::Sink;
use super::super::walk::Format;
use super::super::zeros::Start;
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
use super::{BLOCK, Block, xattr_blocks};

/// The root's index: inodes are named by their order of arrival.
const ROOT: u32 = 0;
/// Bytes before a target in a block of its own.
const TARGET: usize = 56;

/// A filesystem in the making.
pub struct Pass<'a> {
    pub(super) request: Request,
    pub(super) geometry: Geometry,
    pub(super) store: Store<'a>,
    /// By index, which the allocator hands out with the numbers on disk.
    pub(super) inodes: Vec<Inode>,
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
            return Err(FsError::unrepresentable(&TreePath::root(), problem));
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
            pass.add_inode(inode);
        }
        Ok(pass)
    }

    pub(super) fn inode(&mut self, index: u32) -> &mut Inode {
        &mut self.inodes[index as usize]
    }

    /// `None` after 2^32 of them.
    fn add_inode(&mut self, inode: Inode) -> Option<u32> {
        let index = self.store.take_inode()?;
        self.inodes.push(inode);
        Some(index)
    }

    pub(super) fn set_map(&mut self, index: u32, map: ExtentMap) -> Result<(), FsError> {
        let (fork, blocks) = map.finish(&mut self.store)?;
        let inode = self.inode(index);
        inode.blocks += blocks;
        inode.data = fork;
        Ok(())
    }
}

impl Format for Pass<'_> {
    const NAME: &'static str = "xfs";
    const ROOT: u32 = ROOT;
    /// `XFS_SYMLINK_MAXLEN` less its NUL.
    const LONGEST_TARGET: usize = 1023;
    const LARGEST_FILE: (u64, &'static str) = (i64::MAX as u64, "8 EiB");
    const START: Start = Start::Hole;
    type Map = ExtentMap;

    fn new_inode(&mut self, kind: Type, meta: &Meta) -> Option<u32> {
        self.add_inode(Inode::new(kind, meta))
    }

    fn set_meta(&mut self, directory: u32, meta: &Meta) {
        self.inode(directory).set_meta(meta);
    }

    fn set_attributes(&mut self, index: u32, path: &TreePath, meta: &Meta) -> Result<(), FsError> {
        let stored = xattr::store(&meta.xattrs).map_err(|problem| FsError::unrepresentable(path, problem))?;
        let fork = match stored {
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

    fn add_link(&mut self, index: u32) -> Result<(), String> {
        let links = &mut self.inode(index).links;
        // The kernel counts in 31 bits (`XFS_MAXLINK`).
        *links = links
            .checked_add(1)
            .filter(|n| *n <= i32::MAX as u32)
            .ok_or("xfs allows 2^31 - 1 names of one file")?;
        Ok(())
    }

    fn set_device(&mut self, index: u32, major: u32, minor: u32) -> Result<(), String> {
        let number = inode::device(major, minor)
            .ok_or_else(|| format!("xfs has no room for the device number {major}:{minor}"))?;
        put32(&mut self.inode(index).data.bytes, 0, number);
        Ok(())
    }

    fn set_target(&mut self, index: u32, target: &[u8]) -> Result<(), FsError> {
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
        self.set_map(index, map)
    }

    fn map(&mut self, index: u32) -> ExtentMap {
        let room = self.inode(index).data_room();
        ExtentMap::new(self.store.alloc.inode_number(index), false, room)
    }

    fn room(&mut self) -> Result<&mut [u8], FsError> {
        self.store.room()
    }

    fn take(&mut self, blocks: usize) -> u64 {
        self.store.sink.keep(blocks);
        self.store.take(blocks as u64)
    }

    fn push(&mut self, map: &mut ExtentMap, logical: u64, block: u64, count: u64) -> Result<(), FsError> {
        map.push(logical, block, count, &mut self.store)
    }

    fn set_data(&mut self, index: u32, size: u64, map: ExtentMap) -> Result<(), FsError> {
        self.inode(index).size = size;
        self.set_map(index, map)
    }
}
