//! The namespace while the tree streams by: each directory with its entries, sorted by name.
//!
//! What holds: every directory but the root is an entry of its parent; inodes are named by their index in order of arrival.

use std::collections::BTreeMap;

use crate::rootfs::tree::TreePath;

use super::inode::Type;

/// The root's index.
pub const ROOT: u32 = 0;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub inode: u32,
    pub kind: Type,
}

/// A directory's entries without `.` and `..`.
#[derive(Debug)]
pub struct Directory {
    pub parent: u32,
    pub entries: BTreeMap<Box<[u8]>, Entry>,
    /// Entries that are directories.
    pub subdirectories: u32,
    /// The tree has not given it so far, only something inside it.
    pub implied: bool,
}

impl Directory {
    fn new(parent: u32) -> Directory {
        Directory { parent, entries: BTreeMap::new(), subdirectories: 0, implied: true }
    }
}

/// All directories by index.
#[derive(Debug)]
pub struct Names {
    directories: BTreeMap<u32, Directory>,
    /// The directory that the last path lay in: neighbours follow each other.
    last: (TreePath, u32),
}

impl Names {
    /// The root alone, implied.
    pub fn new() -> Names {
        Names { directories: BTreeMap::from([(ROOT, Directory::new(ROOT))]), last: (TreePath::root(), ROOT) }
    }

    /// What `path`, which is not the root, stands for.
    pub fn find(&self, path: &TreePath) -> Option<Entry> {
        let mut at = Entry { inode: ROOT, kind: Type::Directory };
        for component in path.components() {
            at = *self.directories.get(&at.inode)?.entries.get(component)?;
        }
        Some(at)
    }

    pub fn entry(&self, directory: u32, name: &[u8]) -> Option<Entry> {
        self.directories.get(&directory)?.entries.get(name).copied()
    }

    /// The directory `path` if the path before lay in it too.
    pub fn recent(&self, path: &TreePath) -> Option<u32> {
        (self.last.0 == *path).then_some(self.last.1)
    }

    pub fn remember(&mut self, path: TreePath, directory: u32) {
        self.last = (path, directory);
    }

    pub fn insert(&mut self, directory: u32, name: &[u8], entry: Entry) {
        let parent = self.get_mut(directory);
        parent.entries.insert(name.into(), entry);
        if entry.kind == Type::Directory {
            parent.subdirectories += 1;
            self.directories.insert(entry.inode, Directory::new(directory));
        }
    }

    /// `directory` must be the index of one.
    pub fn get_mut(&mut self, directory: u32) -> &mut Directory {
        self.directories.get_mut(&directory).expect("a directory's index comes from this table")
    }

    /// All directories, by index.
    pub fn into_directories(self) -> BTreeMap<u32, Directory> {
        self.directories
    }
}
