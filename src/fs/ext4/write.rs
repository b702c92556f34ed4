//! The pass: what the [walk](super::super::walk) over the tree makes here, inode by inode.
//!
//! What holds between nodes: every inode in the table is complete but for its link count (and a directory's blocks, which
//! come last). If the tree outgrows the filesystem the pass goes on without writing.

use crate::rootfs::tree::{Meta, TreePath};

use super::super::names::Type;
use super::super::sink::Sink;
use super::super::walk::Format;
use super::super::zeros::Start;
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
    /// Blocks taken before the tree's first.
    pub(super) overhead: u64,
    /// The partition is too small for any filesystem.
    pub(super) hopeless: bool,
    pub(super) journal: Option<([u8; 60], u64)>,
    /// The double indirect block of the resize inode.
    pub(super) resize_block: u64,
}

impl<'a> Pass<'a> {
    pub fn begin(
        features: Features,
        request: &Request,
        out: &'a mut dyn WriteAt,
    ) -> Result<Pass<'a>, FsError> {
        if request.size.0 / BLOCK as u64 > MAX_BLOCKS {
            return Err(FsError::unrepresentable(
                &TreePath::root(),
                "an ext4 of more than 16 TiB is not supported",
            ));
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

    fn map_extents(&mut self, number: u32, extents: ExtentTree) -> Result<(), FsError> {
        let root = extents.finish(&mut self.store)?;
        let mut record = self.inodes.record(number);
        record.set_flags(inode::EXTENTS);
        record.set_map(&root.bytes);
        record.add_blocks(root.blocks);
        Ok(())
    }
}

impl Format for Pass<'_> {
    const NAME: &'static str = "ext4";
    const ROOT: u32 = ROOT;
    const LONGEST_TARGET: usize = BLOCK - 1;
    /// Blocks of a file have numbers of 32 bits.
    const LARGEST_FILE: (u64, &'static str) = (u32::MAX as u64 * BLOCK as u64, "16 TiB");
    /// GRUB cannot read a file that begins with a hole.
    const START: Start = Start::Kept;
    type Map = ExtentTree;

    /// The directory that e2fsck needs.
    fn kept_directory(&self, parent: u32, name: &[u8]) -> Option<u32> {
        (parent == ROOT && name == b"lost+found").then_some(LOST_AND_FOUND)
    }

    fn new_inode(&mut self, kind: Type, meta: &Meta) -> Option<u32> {
        let number = self.inodes.add()?;
        let mut record = self.inodes.record(number);
        record.set_meta(kind, meta, self.request.created);
        record.set_links(u16::from(kind != Type::Directory));
        Some(number)
    }

    fn set_meta(&mut self, directory: u32, meta: &Meta) {
        self.inodes.record(directory).set_meta(Type::Directory, meta, self.request.created);
    }

    fn set_attributes(&mut self, number: u32, path: &TreePath, meta: &Meta) -> Result<(), FsError> {
        let stored = xattr::store(&meta.xattrs).map_err(|problem| FsError::unrepresentable(path, problem))?;
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

    fn add_link(&mut self, number: u32) -> Result<(), String> {
        let mut record = self.inodes.record(number);
        let links = record.links();
        if links >= inode::MOST_LINKS {
            return Err("ext4 allows 65,000 names of one file".into());
        }
        record.set_links(links + 1);
        Ok(())
    }

    fn set_device(&mut self, number: u32, major: u32, minor: u32) -> Result<(), String> {
        let map =
            inode::device(major, minor).ok_or_else(|| format!("no device has the number {major}:{minor}"))?;
        self.inodes.record(number).set_map(&map);
        Ok(())
    }

    fn set_target(&mut self, number: u32, target: &[u8]) -> Result<(), FsError> {
        self.inodes.record(number).set_size(target.len() as u64);
        if target.len() < inode::MAP {
            let mut map = [0; inode::MAP];
            map[..target.len()].copy_from_slice(target);
            self.inodes.record(number).set_map(&map);
            return Ok(());
        }
        let mut block = [0; BLOCK];
        block[..target.len()].copy_from_slice(target);
        let at = self.store.append(&block)?;
        let mut extents = self.map(number);
        extents.push(0, at, 1, &mut self.store)?;
        self.map_extents(number, extents)
    }

    fn map(&mut self, number: u32) -> ExtentTree {
        ExtentTree::new(self.sums.inode(number))
    }

    fn room(&mut self) -> Result<&mut [u8], FsError> {
        self.store.room()
    }

    fn take(&mut self, blocks: usize) -> u64 {
        self.store.sink.keep(blocks);
        self.store.take(blocks as u64)
    }

    fn push(&mut self, map: &mut ExtentTree, logical: u64, block: u64, count: u64) -> Result<(), FsError> {
        // The walk has held the file's size against the largest: its blocks have numbers of 32 bits.
        map.push(logical as u32, block, count, &mut self.store)
    }

    fn set_data(&mut self, number: u32, size: u64, map: ExtentTree) -> Result<(), FsError> {
        self.inodes.record(number).set_size(size);
        self.map_extents(number, map)
    }
}
