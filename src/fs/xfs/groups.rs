//! The B+trees of an allocation group, from what the pass took of it: inode chunks, free space, owners.
//!
//! What holds: trees that outgrow their root take the blocks below it from the group's own free space, all in one run, so
//! that neither the count of free runs nor that of owners depends on how many they are.

use super::super::FsError;
use super::btree::{self, Kind};
use super::bytes::{put32, put64};
use super::format::{GroupHeaders, Header, Tree};
use super::owners::{Mapping, System};
use super::write::Pass;
use super::{CHUNK_BLOCKS, INODES_PER_BLOCK_LOG, INODES_PER_CHUNK};

/// An inode chunk: block inside the group and inodes in use, which are its first.
pub type Chunk = (u32, u32);

/// Free runs of a group: first block and length, in order.
pub struct Space(Vec<(u32, u32)>);

impl Space {
    pub fn new(runs: Vec<(u32, u32)>) -> Space {
        Space(runs)
    }

    fn total(&self) -> u32 {
        self.0.iter().map(|(_, length)| length).sum()
    }

    fn longest(&self) -> u32 {
        self.0.iter().map(|(_, length)| *length).max().unwrap_or(0)
    }

    /// What [`Space::take`] would give.
    fn peek(&self) -> u32 {
        self.0.iter().max_by_key(|(_, length)| *length).map_or(0, |run| run.0)
    }

    /// The first `count` blocks of the last of the longest runs.
    fn take(&mut self, count: u32) -> u32 {
        let run = self.0.iter_mut().max_by_key(|(_, length)| *length);
        let run =
            run.filter(|(_, length)| *length > count).expect("`Geometry::usable` leaves room for the trees");
        run.0 += count;
        run.1 -= count;
        run.0 - count
    }
}

impl Pass<'_> {
    /// Writes a group's trees; says what its headers must.
    pub(super) fn write_group(
        &mut self,
        group: u32,
        mut space: Space,
        chunks: &[Chunk],
    ) -> Result<GroupHeaders, FsError> {
        let (g, roots) = (self.geometry, self.geometry.roots());
        self.own_fixed(group, chunks);
        let with_free: Vec<Chunk> =
            chunks.iter().copied().filter(|(_, used)| *used < INODES_PER_CHUNK).collect();
        let inodes = self.inode_tree(group, &mut space, Kind::INODES, chunks, roots.inodes)?;
        let free_inodes = roots
            .free_inodes
            .map(|root| self.inode_tree(group, &mut space, Kind::FREE_INODES, &with_free, root))
            .transpose()?;
        // Nothing is shared in a new filesystem.
        let references =
            roots.references.map(|root| self.put_tree(group, Kind::REFERENCES, &[], &[root])).transpose()?;
        let below = 2 * (Kind::BY_BLOCK.blocks(space.0.len()) - 1);
        let mut places = Vec::new();
        let reverse = match roots.reverse {
            Some(root) => Some(self.reverse_tree(group, &mut space, root, below, &mut places)?),
            None => {
                let first = if below > 0 { space.take(below) } else { 0 };
                places.extend(first..first + below);
                None
            }
        };
        let [by_block, by_size] = self.free_trees(group, &space, [roots.by_block, roots.by_size], &places)?;
        Ok(GroupHeaders {
            group,
            length: g.length(group),
            by_block,
            by_size,
            inodes,
            free_inodes,
            reverse,
            references,
            free_list: (g.free_list_start(group), g.free_list()),
            free_blocks: space.total(),
            longest: space.longest(),
            inode_count: chunks.len() as u32 * INODES_PER_CHUNK,
            free_inode_count: with_free.iter().map(|(_, used)| INODES_PER_CHUNK - used).sum(),
            newest_chunk: chunks.last().map(|(block, _)| block << INODES_PER_BLOCK_LOG),
        })
    }

    fn own(&mut self, group: u32, block: u32, count: u32, owner: System) {
        let at = self.geometry.start(group) + u64::from(block);
        self.store.owners.system(at, count, owner);
    }

    /// Notes the owners of headers, roots, log, free list and inodes.
    fn own_fixed(&mut self, group: u32, chunks: &[Chunk]) {
        let (g, roots) = (self.geometry, self.geometry.roots());
        let trees = [
            (Some(roots.by_block), System::GroupTrees),
            (Some(roots.by_size), System::GroupTrees),
            (Some(roots.inodes), System::InodeTrees),
            (roots.free_inodes, System::InodeTrees),
            (roots.reverse, System::GroupTrees),
            (roots.references, System::References),
        ];
        self.own(group, 0, 1, System::Headers);
        for (root, owner) in trees {
            if let Some(root) = root {
                self.own(group, root, 1, owner);
            }
        }
        if g.log().0 == group {
            self.own(group, g.log().1, g.log_blocks, System::Log);
        }
        self.own(group, g.free_list_start(group), g.free_list(), System::GroupTrees);
        for (block, _) in chunks {
            self.own(group, *block, CHUNK_BLOCKS, System::Inodes);
        }
    }

    fn put_tree(&mut self, group: u32, kind: Kind, records: &[u8], places: &[u32]) -> Result<Tree, FsError> {
        let built = btree::build(kind, records, places);
        for (block, mut bytes) in built.blocks {
            let at = self.geometry.start(group) + u64::from(block);
            self.store.put(at, &mut bytes, Header::GROUP_TREE, group.into())?;
        }
        Ok(built.tree)
    }

    fn inode_tree(
        &mut self,
        group: u32,
        space: &mut Space,
        kind: Kind,
        chunks: &[Chunk],
        root: u32,
    ) -> Result<Tree, FsError> {
        let below = kind.blocks(chunks.len()) - 1;
        let mut places = vec![root];
        if below > 0 {
            let first = space.take(below);
            self.own(group, first, below, System::InodeTrees);
            places.extend(first..first + below);
        }
        let records = inode_records(chunks, self.geometry.features.sparse_inodes);
        self.put_tree(group, kind, &records, &places)
    }

    /// Writes the reverse map of all that is owned in the group, itself included. Takes `others` blocks for the trees
    /// still to be written along with its own, and puts them into `places`.
    fn reverse_tree(
        &mut self,
        group: u32,
        space: &mut Space,
        root: u32,
        others: u32,
        places: &mut Vec<u32>,
    ) -> Result<Tree, FsError> {
        let mut below = 0;
        let records = loop {
            let start = self.geometry.start(group) + u64::from(space.peek());
            let records = self.store.owners.of_group(group, &self.geometry, (start, below + others));
            let needed = Kind::REVERSE.blocks(records.len()) - 1;
            if needed == below {
                break records;
            }
            below = needed;
        };
        let first = if below + others > 0 { space.take(below + others) } else { 0 };
        places.extend(first..first + others);
        let own: Vec<u32> = [root].into_iter().chain(first + others..first + others + below).collect();
        let bytes: Vec<u8> = records.iter().flat_map(|record| self.reverse_record(record)).collect();
        self.put_tree(group, Kind::REVERSE, &bytes, &own)
    }

    fn reverse_record(&self, mapping: &Mapping) -> [u8; 24] {
        let mut out = [0; 24];
        put32(&mut out, 0, self.geometry.inside(mapping.block));
        put32(&mut out, 4, mapping.count);
        put64(&mut out, 8, mapping.owner);
        put64(&mut out, 16, mapping.offset);
        out
    }

    /// Writes both trees over what is free: by block and by size. `below` are their blocks but for the roots.
    fn free_trees(
        &mut self,
        group: u32,
        space: &Space,
        roots: [u32; 2],
        below: &[u32],
    ) -> Result<[Tree; 2], FsError> {
        let mut runs = space.0.clone();
        let (first, second) = below.split_at(below.len() / 2);
        let places = |root: u32, below: &[u32]| [&[root], below].concat();
        let by_block =
            self.put_tree(group, Kind::BY_BLOCK, &free_records(&runs), &places(roots[0], first))?;
        runs.sort_unstable_by_key(|(start, length)| (*length, *start));
        let by_size = self.put_tree(group, Kind::BY_SIZE, &free_records(&runs), &places(roots[1], second))?;
        Ok([by_block, by_size])
    }
}

/// Records of inode chunks: first inode, then (with sparse chunks a mask of holes and the count of inodes,) the count of
/// free ones and a bit for each free one.
fn inode_records(chunks: &[Chunk], sparse: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 * chunks.len());
    for (block, used) in chunks {
        out.extend((block << INODES_PER_BLOCK_LOG).to_be_bytes());
        let free = INODES_PER_CHUNK - used;
        let counts = if sparse { INODES_PER_CHUNK << 8 | free } else { free };
        out.extend(counts.to_be_bytes());
        let mask = if free == 0 { 0 } else { u64::MAX << used };
        out.extend(mask.to_be_bytes());
    }
    out
}

fn free_records(runs: &[(u32, u32)]) -> Vec<u8> {
    let mut out = vec![0; 8 * runs.len()];
    for (i, (start, length)) in runs.iter().enumerate() {
        put32(&mut out, 8 * i, *start);
        put32(&mut out, 8 * i + 4, *length);
    }
    out
}
