//! What is known only at the end: directories, link counts, inode chunks, the allocation groups' trees and headers, and the
//! superblock, which is written last: without it no kernel mounts what a failed pass left.

use crate::base::Bytes;
use crate::rootfs::tree::TreePath;

use super::super::names::{Directory, Names};
use super::super::walk::{Format, Walked};
use super::super::{FsError, Written};
use super::alloc::Allocator;
use super::directory::{self, Entry};
use super::format::{GroupHeaders, SECTOR, Superblock};
use super::geometry::Geometry;
use super::groups::{Chunk, Space};
use super::inode::{self, Fork, Style};
use super::write::Pass;
use super::{BLOCK, Block, CHUNK_BLOCKS, INODE_SIZE, INODES_PER_BLOCK, INODES_PER_CHUNK, log};

impl Pass<'_> {
    /// Writes what is left; the tree has been read to its end.
    pub fn finish(mut self, walked: Walked) -> Result<Written, FsError> {
        self.write_directories(walked.names)?;
        if self.hopeless || self.store.alloc.overflowed() {
            return Err(self.too_small());
        }
        self.write_inodes()?;
        self.write_log()?;
        let groups = self.write_groups()?;
        self.write_superblocks(&groups, walked.data)
    }

    fn too_small(&self) -> FsError {
        let alloc = &self.store.alloc;
        let have = self.request.size;
        // Above what there is, in whole MiB.
        let least = Bytes(((have.0 >> 20) + 1) << 20);
        let chunks = alloc.chunks().len() as u64;
        FsError::TooSmall {
            need: Geometry::sufficient(least, alloc.taken(), chunks, self.geometry.features),
            have,
        }
    }

    fn write_directories(&mut self, names: Names) -> Result<(), FsError> {
        let directories = names.into_directories();
        for (index, directory) in &directories {
            self.write_directory(*index, directory)?;
        }
        Ok(())
    }

    fn write_directory(&mut self, index: u32, directory: &Directory) -> Result<(), FsError> {
        let number = |index: u32| self.store.alloc.inode_number(index);
        let entries: Vec<Entry<'_>> = directory
            .entries
            .iter()
            .map(|(name, entry)| Entry { name, inode: number(entry.inode), kind: entry.kind })
            .collect();
        let (own, parent) = (number(index), number(directory.parent));
        let inode = self.inode(index);
        inode.links = 2 + directory.subdirectories;
        if let Some(bytes) = directory::short(parent, &entries, inode.data_room()) {
            inode.size = bytes.len() as u64;
            inode.data = Fork::local(bytes);
            return Ok(());
        }
        let mut map = self.map(index);
        let store = &mut self.store;
        let size = directory::write(own, parent, &entries, &mut |at, block, kind| {
            map.append(at, block, kind, store)
        })?;
        let too_many =
            || FsError::unrepresentable(&TreePath::root(), "a directory of it needs more than 32 GiB");
        self.inode(index).size = size.ok_or_else(too_many)?;
        self.set_map(index, map)
    }

    /// Writes the inode chunks in use, their free inodes too.
    fn write_inodes(&mut self) -> Result<(), FsError> {
        let style = Style {
            uuid: self.request.uuid,
            features: self.geometry.features,
            created: self.request.created,
        };
        let chunks = self.store.alloc.chunks().to_vec();
        for (chunk, inodes) in chunks.iter().zip(self.inodes.chunks(INODES_PER_CHUNK as usize)) {
            let first = self.geometry.inode_number(*chunk);
            for block in 0..CHUNK_BLOCKS {
                let mut bytes: Block = [0; BLOCK];
                for i in 0..INODES_PER_BLOCK {
                    let (inside, at) = (block * INODES_PER_BLOCK + i, i as usize * INODE_SIZE);
                    let number = first + u64::from(inside);
                    let record = match inodes.get(inside as usize) {
                        Some(inode) => inode.encode(number, &style),
                        None => inode::free(number, &style),
                    };
                    bytes[at..at + INODE_SIZE].copy_from_slice(&record);
                }
                self.store.sink.put(chunk + u64::from(block), &bytes)?;
            }
        }
        Ok(())
    }

    fn write_log(&mut self) -> Result<(), FsError> {
        let (group, start) = self.geometry.log();
        let block = self.geometry.start(group) + u64::from(start);
        self.store.sink.put_bytes(block * BLOCK as u64, &log::unmounted(self.request.uuid))
    }

    /// The inode chunks of each group.
    fn chunks_by_group(&self) -> Vec<Vec<Chunk>> {
        let mut out = vec![Vec::new(); self.geometry.groups as usize];
        let mut left = self.store.alloc.inodes();
        for chunk in self.store.alloc.chunks() {
            let used = left.min(INODES_PER_CHUNK);
            left -= used;
            out[self.geometry.group_of(*chunk) as usize].push((self.geometry.inside(*chunk), used));
        }
        out
    }

    /// Writes trees and headers of all groups.
    fn write_groups(&mut self) -> Result<Vec<GroupHeaders>, FsError> {
        let chunks = self.chunks_by_group();
        let fresh = Allocator::new(self.geometry);
        let free = std::mem::replace(&mut self.store.alloc, fresh).into_free();
        let mut out = Vec::new();
        for (group, (free, chunks)) in (0..).zip(free.into_iter().zip(chunks)) {
            let headers = self.write_group(group, Space::new(free), &chunks)?;
            let offset = self.geometry.start(group) * BLOCK as u64 + SECTOR as u64;
            let bytes = headers.encode(self.request.uuid, self.geometry.features.inobtcount);
            self.store.sink.put_bytes(offset, &bytes)?;
            out.push(headers);
        }
        Ok(out)
    }

    /// Writes the superblock of each group, the first one's last.
    fn write_superblocks(mut self, groups: &[GroupHeaders], data: u64) -> Result<Written, FsError> {
        let sum = |of: &dyn Fn(&GroupHeaders) -> u32| groups.iter().map(|h| u64::from(of(h))).sum::<u64>();
        let g = self.geometry;
        let free_blocks = sum(&|h| h.free_blocks + h.free_list.1 + h.tree_blocks());
        let inodes = sum(&|h| h.inode_count);
        // More inodes than the share allows: then the share grows with them, so that more can be made.
        let needed = (inodes * INODE_SIZE as u64 * 100).div_ceil(g.blocks * BLOCK as u64);
        let inode_percent =
            if needed > u64::from(g.inode_percent) { (needed * 2).min(100) as u8 } else { g.inode_percent };
        let superblock = Superblock {
            geometry: &g,
            uuid: self.request.uuid,
            label: &self.request.label,
            inodes,
            free_inodes: sum(&|h| h.free_inode_count),
            free_blocks,
            root: g.inode_number(g.root_chunk().into()),
            inode_percent,
            attributes: self.attributes,
        };
        let bytes = superblock.encode();
        for group in (0..g.groups).rev() {
            self.store.sink.put_bytes(g.start(group) * BLOCK as u64, &bytes)?;
        }
        Ok(Written {
            inodes: self.inodes.len() as u64,
            data: Bytes(data),
            free: Bytes(g.for_users(free_blocks) * BLOCK as u64),
        })
    }
}
