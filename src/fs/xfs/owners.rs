//! Who owns each run of blocks: the records of the reverse map (`rmapbt`), gathered only where it is on.
//!
//! Reverse-Mapping B+tree in XFS Algorithms & Data Structures. Memory: 32 bytes an extent.

use super::geometry::Geometry;

/// What no file owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Headers of the group.
    Headers,
    Log,
    /// Free space and reverse map trees, and the free list.
    GroupTrees,
    InodeTrees,
    Inodes,
    References,
}

impl System {
    fn number(self) -> u64 {
        let back: u64 = match self {
            System::Headers => 3,
            System::Log => 4,
            System::GroupTrees => 5,
            System::InodeTrees => 6,
            System::Inodes => 7,
            System::References => 8,
        };
        back.wrapping_neg()
    }
}

/// The flag of blocks in the attribute fork, in the record's offset.
pub const ATTRIBUTE_FORK: u64 = 1 << 63;
/// The flag of a block of a file's extent tree.
pub const EXTENT_TREE: u64 = 1 << 62;

/// One run of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mapping {
    /// Linear.
    pub block: u64,
    pub count: u32,
    pub owner: u64,
    /// In the file, with flags.
    pub offset: u64,
}

impl Mapping {
    /// Whether `next` continues this run of the same owner.
    fn continues(&self, next: &Mapping) -> bool {
        let file = self.owner < 1 << 63 && self.offset & EXTENT_TREE == 0;
        self.owner == next.owner
            && self.block + u64::from(self.count) == next.block
            && self.count.checked_add(next.count).is_some()
            && next.offset == self.offset + if file { u64::from(self.count) } else { 0 }
    }
}

/// The runs of all blocks in use.
#[derive(Debug)]
pub struct Owners(Option<Vec<Mapping>>);

impl Owners {
    pub fn new(wanted: bool) -> Owners {
        Owners(wanted.then(Vec::new))
    }

    /// Notes blocks of a file; `offset` may have flags.
    pub fn file(&mut self, block: u64, count: u32, inode: u64, offset: u64) {
        let new = Mapping { block, count, owner: inode, offset };
        let Some(all) = &mut self.0 else { return };
        match all.last_mut() {
            Some(last) if last.continues(&new) => last.count += count,
            _ => all.push(new),
        }
    }

    pub fn system(&mut self, block: u64, count: u32, owner: System) {
        if let Some(all) = &mut self.0 {
            all.push(Mapping { block, count, owner: owner.number(), offset: 0 });
        }
    }

    /// The records of one group with `trees` (first block and count) for its own trees, neighbours of one owner
    /// joined. Linear blocks.
    pub fn of_group(&mut self, group: u32, geometry: &Geometry, trees: (u64, u32)) -> Vec<Mapping> {
        let Some(all) = &mut self.0 else { return Vec::new() };
        all.sort_unstable();
        let start = all.partition_point(|m| geometry.group_of(m.block) < group);
        let end = all.partition_point(|m| geometry.group_of(m.block) <= group);
        let mut records = all[start..end].to_vec();
        if trees.1 > 0 {
            let own =
                Mapping { block: trees.0, count: trees.1, owner: System::GroupTrees.number(), offset: 0 };
            let at = records.partition_point(|m| *m < own);
            records.insert(at, own);
        }
        records.dedup_by(|next, kept| {
            let joins = kept.continues(next);
            if joins {
                kept.count += next.count;
            }
            joins
        });
        records
    }
}
