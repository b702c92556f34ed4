//! The namespace while the tree streams by: each directory with its entries, sorted by name.
//!
//! What holds: every directory but the root, which is its own parent, is an entry of its parent; numbers of inodes are
//! the format's own.

use std::collections::BTreeMap;

use crate::rootfs::tree::TreePath;

/// What an inode is, by the type bits of its mode and the type byte of its directory entries: the same in ext4 and xfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    File,
    Directory,
    CharDevice,
    BlockDevice,
    Fifo,
    Socket,
    Symlink,
}

impl Type {
    pub fn mode(self) -> u16 {
        match self {
            Type::File => 0o100_000,
            Type::Directory => 0o040_000,
            Type::CharDevice => 0o020_000,
            Type::BlockDevice => 0o060_000,
            Type::Fifo => 0o010_000,
            Type::Socket => 0o140_000,
            Type::Symlink => 0o120_000,
        }
    }

    /// The byte in directory entries (`filetype`, `ftype`).
    pub fn entry(self) -> u8 {
        match self {
            Type::File => 1,
            Type::Directory => 2,
            Type::CharDevice => 3,
            Type::BlockDevice => 4,
            Type::Fifo => 5,
            Type::Socket => 6,
            Type::Symlink => 7,
        }
    }
}

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

/// All directories by inode number.
#[derive(Debug)]
pub struct Names {
    root: u32,
    directories: BTreeMap<u32, Directory>,
    /// The directory that the last path lay in: neighbours follow each other.
    last: (TreePath, u32),
}

impl Names {
    /// The root alone, implied; it has the number `root`.
    pub fn new(root: u32) -> Names {
        Names {
            root,
            directories: BTreeMap::from([(root, Directory::new(root))]),
            last: (TreePath::root(), root),
        }
    }

    /// What `path`, which is not the root, stands for.
    pub fn find(&self, path: &TreePath) -> Option<Entry> {
        let mut at = Entry { inode: self.root, kind: Type::Directory };
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

    /// `directory` must be the number of one.
    pub fn get_mut(&mut self, directory: u32) -> &mut Directory {
        self.directories.get_mut(&directory).expect("a directory's number comes from this table")
    }

    /// All directories, by inode number.
    pub fn into_directories(self) -> BTreeMap<u32, Directory> {
        self.directories
    }
}

/// The path of a directory, for messages: a walk up through the parents.
pub fn path(number: u32, directories: &BTreeMap<u32, Directory>) -> TreePath {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut at = number;
    while let Some(parent) = directories.get(&at).map(|d| d.parent).filter(|parent| *parent != at) {
        let name = directories.get(&parent).and_then(|d| d.entries.iter().find(|(_, e)| e.inode == at));
        parts.extend(name.map(|(name, _)| &name[..]));
        at = parent;
    }
    parts.reverse();
    TreePath::new(parts.join(&b'/')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_knows_its_path() {
        let mut names = Names::new(2);
        names.insert(2, b"usr", Entry { inode: 12, kind: Type::Directory });
        names.insert(12, b"share", Entry { inode: 13, kind: Type::Directory });
        let share = TreePath::new("usr/share").expect("a path");
        assert_eq!(names.find(&share).map(|e| e.inode), Some(13));
        let directories = names.into_directories();
        assert_eq!(path(13, &directories), share);
        assert_eq!(path(2, &directories), TreePath::root());
    }
}
