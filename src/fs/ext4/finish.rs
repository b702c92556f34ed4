//! What is known only at the end: directories, link counts, bitmaps, descriptors, and the superblock, which is written
//! last so that a pass that failed midway leaves nothing a kernel would mount.

use crate::base::Bytes;
use crate::rootfs::tree::{Meta, TreePath};

use super::super::names::{self, Directory, Entry, Names, Type};
use super::super::walk::Walked;
use super::super::{FsError, Written};
use super::checksum::crc;
use super::directory::{self, Style};
use super::extents::ExtentTree;
use super::format::{BLOCK_UNINIT, Descriptor, INODE_UNINIT, ITABLE_ZEROED, Superblock};
use super::geometry::{GROUP_BLOCKS, Geometry};
use super::inode::{self, LOST_AND_FOUND, MOST_LINKS, RESIZE, ROOT};
use super::write::Pass;
use super::{BLOCK, Block, hash};

/// Blocks that `lost+found` has at least, so that e2fsck can move files there on a full filesystem.
const LOST_AND_FOUND_BLOCKS: u32 = 4;

/// What the bitmaps and descriptors say.
struct Groups {
    descriptors: Vec<u8>,
    free_blocks: u64,
    free_inodes: u64,
}

impl Pass<'_> {
    /// Writes all that is left, the superblock last.
    pub fn finish(mut self, walked: Walked) -> Result<Written, FsError> {
        let Walked { mut names, data } = walked;
        if names.entry(ROOT, b"lost+found").is_none() {
            let meta = Meta { mode: 0o700, mtime: self.request.created, ..Meta::default() };
            self.inodes.record(LOST_AND_FOUND).set_meta(Type::Directory, &meta, self.request.created);
            names.insert(ROOT, b"lost+found", Entry { inode: LOST_AND_FOUND, kind: Type::Directory });
        }
        let per_group = self.write_directories(names)?;
        self.check_size()?;
        self.write_resize_inode()?;
        self.write_inodes()?;
        let groups = self.write_groups(&per_group)?;
        self.write_supers(&groups)?;
        // The kernel keeps so many blocks for its own metadata, from root too (ext4_calculate_resv_clusters).
        let kept = (self.geometry.blocks / 50).min(4096);
        Ok(Written {
            inodes: self.inodes.used().into(),
            data: Bytes(data),
            free: Bytes(groups.free_blocks.saturating_sub(kept) * BLOCK as u64),
        })
    }

    fn check_size(&self) -> Result<(), FsError> {
        let inodes = u64::from(self.inodes.used());
        if !self.hopeless && !self.store.alloc.overflowed() && inodes <= self.geometry.inodes() {
            return Ok(());
        }
        let content = self.store.alloc.taken() - self.overhead;
        let have = self.request.size;
        match Geometry::sufficient(have, content, inodes, self.features) {
            Some(need) => Err(FsError::TooSmall { need, have }),
            None => {
                Err(FsError::unrepresentable(&TreePath::root(), "the tree needs an ext4 of more than 16 TiB"))
            }
        }
    }

    /// Writes all directories and completes their inodes; returns how many lie in each group.
    fn write_directories(&mut self, names: Names) -> Result<Vec<u32>, FsError> {
        let directories = names.into_directories();
        let mut per_group = vec![0; self.geometry.groups as usize];
        for (number, directory) in &directories {
            if !self.write_directory(*number, directory)? {
                let path = names::path(*number, &directories);
                return Err(FsError::unrepresentable(
                    &path,
                    "has more names than an index of two levels holds",
                ));
            }
            // Numbers past the last group are those of a tree that is too large.
            if let Some(count) = per_group.get_mut(((number - 1) / self.geometry.inodes_per_group) as usize) {
                *count += 1;
            }
        }
        Ok(per_group)
    }

    /// `false` if the directory has more names than its index can hold.
    fn write_directory(&mut self, number: u32, directory: &Directory) -> Result<bool, FsError> {
        let seed = self.sums.inode(number);
        let style = Style { seed, hash_seed: hash::seed(self.request.hash_seed) };
        let least = if number == LOST_AND_FOUND { LOST_AND_FOUND_BLOCKS } else { 1 };
        let mut extents = ExtentTree::new(seed);
        let mut logical = 0;
        let store = &mut self.store;
        let shape = directory::write(number, directory, least, &style, &mut |block| {
            let at = store.append(block)?;
            extents.push(logical, at, 1, store)?;
            logical += 1;
            Ok(())
        })?;
        let Some(shape) = shape else { return Ok(false) };
        let root = extents.finish(store)?;
        let mut record = self.inodes.record(number);
        // `dir_nlink`: a count of 1 where there are too many to count.
        let links = directory.subdirectories + 2;
        record.set_links(if links > MOST_LINKS.into() { 1 } else { links as u16 });
        record.set_size(u64::from(shape.blocks) * BLOCK as u64);
        record.set_flags(inode::EXTENTS | if shape.indexed { inode::INDEX } else { 0 });
        record.set_map(&root.bytes);
        record.add_blocks(root.blocks);
        Ok(true)
    }

    /// The inode that owns the blocks kept for more group descriptors: its double indirect block lists those behind
    /// the first descriptor table, each of which lists the same block of every copy.
    fn write_resize_inode(&mut self) -> Result<(), FsError> {
        let g = &self.geometry;
        let backups: Vec<u32> = (1..g.groups).filter(|n| g.has_super(*n)).collect();
        let mut map: Block = [0; BLOCK];
        for i in 0..g.reserved_blocks {
            let behind = 1 + u64::from(g.descriptor_blocks) + u64::from(i);
            let slot = (g.descriptor_blocks + i) as usize % (BLOCK / 4);
            map[4 * slot..4 * slot + 4].copy_from_slice(&(behind as u32).to_le_bytes());
            let mut copies: Block = [0; BLOCK];
            for (group, slot) in backups.iter().zip(copies.chunks_exact_mut(4)) {
                slot.copy_from_slice(&((g.first_block(*group) + behind) as u32).to_le_bytes());
            }
            self.store.sink.put(behind, &copies)?;
        }
        self.store.sink.put(self.resize_block, &map)?;
        let pointers = BLOCK as u64 / 4;
        let meta = Meta { mode: 0o600, mtime: self.request.created, ..Meta::default() };
        let mut record = self.inodes.record(RESIZE);
        record.set_meta(Type::File, &meta, self.request.created);
        record.set_links(1);
        // As far as a double indirect block reaches.
        record.set_size((pointers * pointers + pointers + 12) * BLOCK as u64);
        let mut root = [0; 60];
        root[13 * 4..14 * 4].copy_from_slice(&(self.resize_block as u32).to_le_bytes());
        record.set_map(&root);
        record.add_blocks(1 + u64::from(g.reserved_blocks) * (1 + backups.len() as u64));
        Ok(())
    }

    fn write_inodes(&mut self) -> Result<(), FsError> {
        self.inodes.seal(&self.sums);
        for (i, block) in (0u32..).zip(self.inodes.blocks()) {
            let (group, inside) = (i / self.geometry.table_blocks, i % self.geometry.table_blocks);
            self.store.sink.put(self.geometry.inode_table(group) + u64::from(inside), block)?;
        }
        Ok(())
    }

    /// Writes the bitmaps of groups in use; the others' are never read.
    fn write_groups(&mut self, directories: &[u32]) -> Result<Groups, FsError> {
        let g = &self.geometry;
        let metadata = g.metadata();
        let cursor = self.store.alloc.cursor();
        let mut groups = Groups { descriptors: Vec::new(), free_blocks: 0, free_inodes: 0 };
        let mut inode_bitmaps: Vec<(u64, Box<Block>)> = Vec::new();
        for group in 0..g.groups {
            let mut d = Descriptor {
                block_bitmap: g.block_bitmap(group),
                inode_bitmap: g.inode_bitmap(group),
                inode_table: g.inode_table(group),
                directories: directories[group as usize],
                flags: ITABLE_ZEROED,
                ..Descriptor::default()
            };
            // Blocks.
            let (start, length) = (g.first_block(group), g.group_blocks(group));
            let mut bitmap: Box<Block> = Box::new([0; BLOCK]);
            set_bits(&mut bitmap, 0, cursor.saturating_sub(start).min(length));
            let first = metadata.partition_point(|area| area.end <= start);
            for area in metadata[first..].iter().take_while(|area| area.start < start + length) {
                set_bits(&mut bitmap, area.start - start, (area.end - start).min(length));
            }
            let used: u32 = bitmap.iter().map(|b| b.count_ones()).sum();
            d.free_blocks = length as u32 - used;
            set_bits(&mut bitmap, length, GROUP_BLOCKS);
            // The last group's bitmap has an end to mark, the first of a flex group has its neighbours' tables.
            if start >= cursor && !g.leads_flex(group) && group + 1 < g.groups {
                d.flags |= BLOCK_UNINIT;
            } else {
                if let Some(seed) = self.sums.filesystem() {
                    d.block_bitmap_sum = crc(seed, &bitmap[..]);
                }
                self.store.sink.put(d.block_bitmap, &bitmap)?;
            }
            // Inodes, which are used from the first on.
            let used = self.inodes.used().saturating_sub(group * g.inodes_per_group).min(g.inodes_per_group);
            d.free_inodes = g.inodes_per_group - used;
            d.unused_inodes = d.free_inodes;
            if used == 0 {
                d.flags |= INODE_UNINIT;
            } else {
                let mut bitmap: Box<Block> = Box::new([0; BLOCK]);
                set_bits(&mut bitmap, 0, used.into());
                set_bits(&mut bitmap, g.inodes_per_group.into(), GROUP_BLOCKS);
                if let Some(seed) = self.sums.filesystem() {
                    d.inode_bitmap_sum = crc(seed, &bitmap[..g.inodes_per_group as usize / 8]);
                }
                inode_bitmaps.push((d.inode_bitmap, bitmap));
            }
            groups.free_blocks += u64::from(d.free_blocks);
            groups.free_inodes += u64::from(d.free_inodes);
            d.encode(group, g.descriptor_size, &self.sums, &mut groups.descriptors);
        }
        for (at, bitmap) in &inode_bitmaps {
            self.store.sink.put(*at, bitmap)?;
        }
        Ok(groups)
    }

    /// Writes descriptors and superblock to each group that has them, the first group's superblock last.
    fn write_supers(&mut self, groups: &Groups) -> Result<(), FsError> {
        let g = &self.geometry;
        let superblock = Superblock {
            geometry: g,
            features: self.features,
            uuid: self.request.uuid,
            hash_seed: self.request.hash_seed,
            label: &self.request.label,
            created: self.request.created,
            free_blocks: groups.free_blocks,
            free_inodes: groups.free_inodes as u32,
            journal: self.journal,
        };
        for group in (0..g.groups).rev().filter(|n| g.has_super(*n)) {
            let start = g.first_block(group) * BLOCK as u64;
            self.store.sink.put_bytes(start + BLOCK as u64, &groups.descriptors)?;
            let offset = if group == 0 { 1024 } else { 0 };
            self.store.sink.put_bytes(start + offset, &superblock.encode(group))?;
        }
        Ok(())
    }
}

/// Sets the bits `from..to`, bit 0 being the lowest of the first byte.
fn set_bits(bitmap: &mut Block, from: u64, to: u64) {
    let (mut bit, to) = (from as usize, to as usize);
    while bit < to {
        if bit.is_multiple_of(8) && to - bit >= 8 {
            bitmap[bit / 8..to / 8].fill(0xFF);
            bit = to / 8 * 8;
        } else {
            bitmap[bit / 8] |= 1 << (bit % 8);
            bit += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_one_by_one_and_in_bytes() {
        let mut bitmap = [0; BLOCK];
        set_bits(&mut bitmap, 3, 29);
        assert_eq!(bitmap[..5], [0xF8, 0xFF, 0xFF, 0x1F, 0]);
        set_bits(&mut bitmap, 40, 40);
        assert_eq!(bitmap[5], 0);
        set_bits(&mut bitmap, 8 * BLOCK as u64 - 3, 8 * BLOCK as u64);
        assert_eq!(bitmap[BLOCK - 1], 0xE0);
    }
}
