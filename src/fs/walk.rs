//! The walk over a tree: each node becomes an inode of a format, each file's data goes to the target at once.
//!
//! What enters is the stream of nodes; what leaves are the names of all directories and the count of bytes. What holds
//! between nodes: every name seen is in [`Names`], every inode is complete but for a directory's content and link count,
//! which come last. Directories that the tree names late or never are made when something inside them comes. If the tree
//! outgrows the filesystem the walk goes on, to learn how much room would do.
//!
//! Ext4 and xfs share it. FAT does not: it has no inodes, and its names are something else.

use std::io::Read;

use crate::rootfs::tree::{Item, Kind, Meta, Timestamp, TreePath, TreeSource};

use super::names::{Entry, Names, Type};
use super::zeros::{Start, squeeze};
use super::{BLOCK, FsError};

/// What a format with inodes does at each step of the walk. Inodes go by numbers of its own.
pub trait Format {
    /// Its name in messages.
    const NAME: &'static str;
    /// The root directory, which is there from the start.
    const ROOT: u32;
    /// Bytes of a symlink's target at most.
    const LONGEST_TARGET: usize;
    /// Bytes of a file at most, and in words.
    const LARGEST_FILE: (u64, &'static str);
    /// What becomes of a file's first block where it is of zeros.
    const START: Start;
    /// The list of a file's blocks while it grows.
    type Map;

    /// The inode kept for the directory `name` of `parent`; nothing else can have that name, and nobody but root enters it
    /// unless the tree says so.
    fn kept_directory(&self, _parent: u32, _name: &[u8]) -> Option<u32> {
        None
    }

    /// A new inode, of one link where it is no directory. `None` if its number would be over 32 bits.
    fn new_inode(&mut self, kind: Type, meta: &Meta) -> Option<u32>;

    /// Metadata of a directory whose inode is there.
    fn set_meta(&mut self, directory: u32, meta: &Meta);

    /// Stores the extended attributes of a new inode, of `path`.
    fn set_attributes(&mut self, number: u32, path: &TreePath, meta: &Meta) -> Result<(), FsError>;

    /// One name more for an inode; the error says why it cannot have it.
    fn add_link(&mut self, number: u32) -> Result<(), String>;

    /// The error says why a device cannot have this number.
    fn set_device(&mut self, number: u32, major: u32, minor: u32) -> Result<(), String>;

    /// Stores a target of 1 to [`Format::LONGEST_TARGET`] bytes.
    fn set_target(&mut self, number: u32, target: &[u8]) -> Result<(), FsError>;

    /// An empty map for a file's data.
    fn map(&mut self, number: u32) -> Self::Map;

    /// Room for whole blocks in a row, at least one, to be filled with data.
    fn room(&mut self) -> Result<&mut [u8], FsError>;

    /// Takes the room's first `blocks` blocks, one at least, and says which block the first is.
    fn take(&mut self, blocks: usize) -> u64;

    /// Maps `count` blocks of a file from its block `logical` on.
    fn push(&mut self, map: &mut Self::Map, logical: u64, block: u64, count: u64) -> Result<(), FsError>;

    /// The file is over.
    fn set_data(&mut self, number: u32, size: u64, map: Self::Map) -> Result<(), FsError>;
}

/// What the walk leaves behind.
#[derive(Debug)]
pub struct Walked {
    pub names: Names,
    /// Bytes of file data.
    pub data: u64,
}

/// Gives the whole tree to `format`. Directories that the tree does not name have the time `created`.
pub fn walk<F: Format>(
    format: F,
    created: Timestamp,
    tree: &mut dyn TreeSource,
) -> Result<(F, Walked), FsError> {
    let mut walk = Walk { format, created, names: Names::new(F::ROOT), data: 0 };
    while let Some(item) = tree.next_item().map_err(FsError::Read)? {
        walk.add(item)?;
    }
    Ok((walk.format, Walked { names: walk.names, data: walk.data }))
}

struct Walk<F> {
    format: F,
    created: Timestamp,
    names: Names,
    data: u64,
}

impl<F: Format> Walk<F> {
    /// Takes the next node of the tree with its data.
    fn add(&mut self, item: Item<'_>) -> Result<(), FsError> {
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

    fn new_inode(&mut self, path: &TreePath, kind: Type, meta: &Meta) -> Result<u32, FsError> {
        let number = self.format.new_inode(kind, meta);
        number.ok_or_else(|| FsError::unrepresentable(path, "the tree has more than 2^32 inodes"))
    }

    /// The directory that `path` lies in, made where the tree has not given it yet.
    fn parent(&mut self, path: &TreePath) -> Result<u32, FsError> {
        let root = || FsError::unrepresentable(path, "the root must be a directory");
        let parent = path.parent().ok_or_else(root)?;
        if let Some(number) = self.names.recent(&parent) {
            return Ok(number);
        }
        let mut at = F::ROOT;
        for component in parent.components() {
            at = match self.names.entry(at, component) {
                Some(Entry { inode, kind: Type::Directory }) => inode,
                Some(_) => {
                    let problem = "a part of the path before its name is no directory";
                    return Err(FsError::unrepresentable(path, problem));
                }
                None => {
                    let kept = self.format.kept_directory(at, component).is_some();
                    let mode = if kept { 0o700 } else { 0o755 };
                    let meta = Meta { mode, mtime: self.created, ..Meta::default() };
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
        let number = match self.format.kept_directory(parent, name) {
            None => self.new_inode(path, Type::Directory, meta)?,
            Some(kept) => {
                self.format.set_meta(kept, meta);
                kept
            }
        };
        self.names.insert(parent, name, Entry { inode: number, kind: Type::Directory });
        Ok(number)
    }

    fn directory(&mut self, path: &TreePath, meta: &Meta) -> Result<(), FsError> {
        let number = if path.is_root() {
            F::ROOT
        } else {
            let parent = self.parent(path)?;
            match self.names.entry(parent, path.name()) {
                Some(Entry { inode, kind: Type::Directory }) => inode,
                Some(_) => return Err(twice(path)),
                None => self.new_directory(path, parent, path.name(), meta)?,
            }
        };
        if !std::mem::take(&mut self.names.get_mut(number).implied) {
            return Err(twice(path));
        }
        self.format.set_meta(number, meta);
        self.format.set_attributes(number, path, meta)
    }

    /// Enters a name that is no directory's.
    fn name(&mut self, path: &TreePath, entry: Entry) -> Result<(), FsError> {
        let parent = self.parent(path)?;
        if self.format.kept_directory(parent, path.name()).is_some() {
            let problem = format!("{} needs a directory of this name", F::NAME);
            return Err(FsError::unrepresentable(path, problem));
        }
        if self.names.entry(parent, path.name()).is_some() {
            return Err(twice(path));
        }
        self.names.insert(parent, path.name(), entry);
        Ok(())
    }

    /// A new inode of one link with a name, metadata and attributes.
    fn create(&mut self, path: &TreePath, kind: Type, meta: &Meta) -> Result<u32, FsError> {
        let number = self.new_inode(path, kind, meta)?;
        self.name(path, Entry { inode: number, kind })?;
        self.format.set_attributes(number, path, meta)?;
        Ok(number)
    }

    fn hard_link(&mut self, path: &TreePath, target: &TreePath) -> Result<(), FsError> {
        let entry = self.names.find(target).ok_or_else(|| {
            FsError::unrepresentable(path, format!("is a hard link to {target}, which is not there"))
        })?;
        if entry.kind == Type::Directory {
            let problem = format!("is a hard link to the directory {target}");
            return Err(FsError::unrepresentable(path, problem));
        }
        self.name(path, entry)?;
        self.format.add_link(entry.inode).map_err(|problem| FsError::unrepresentable(path, problem))
    }

    fn device(
        &mut self,
        path: &TreePath,
        kind: Type,
        meta: &Meta,
        major: u32,
        minor: u32,
    ) -> Result<(), FsError> {
        let number = self.create(path, kind, meta)?;
        let set = self.format.set_device(number, major, minor);
        set.map_err(|problem| FsError::unrepresentable(path, problem))
    }

    fn symlink(&mut self, number: u32, path: &TreePath, target: &[u8]) -> Result<(), FsError> {
        if target.is_empty() || target.len() > F::LONGEST_TARGET || target.contains(&0) {
            let (most, format) = (F::LONGEST_TARGET, F::NAME);
            let problem = format!("a symlink's target on {format} has 1 to {most} bytes, and none is NUL");
            return Err(FsError::unrepresentable(path, problem));
        }
        self.format.set_target(number, target)
    }

    /// Streams a file's data into blocks of its own; blocks of zeros become holes.
    fn file(&mut self, number: u32, path: &TreePath, size: u64, data: &mut dyn Read) -> Result<(), FsError> {
        let (largest, words) = F::LARGEST_FILE;
        if size > largest {
            let problem = format!("{} has files of up to {words}", F::NAME);
            return Err(FsError::unrepresentable(path, problem));
        }
        let mut map = self.format.map(number);
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let (mut logical, mut left) = (0u64, size);
        while left > 0 {
            // Read straight to where the blocks will be written from.
            let room = self.format.room()?;
            let length = (room.len() as u64).min(left) as usize;
            let padded = length.next_multiple_of(BLOCK);
            data.read_exact(&mut room[..length]).map_err(FsError::Read)?;
            room[length..padded].fill(0);
            let kept = squeeze(&mut room[..padded], logical, F::START, &mut runs);
            let mut at = if kept > 0 { self.format.take(kept) } else { 0 };
            for (first, count) in runs.drain(..) {
                self.format.push(&mut map, first, at, count)?;
                at += count;
            }
            logical += (padded / BLOCK) as u64;
            left -= length as u64;
        }
        self.data += size;
        self.format.set_data(number, size, map)
    }
}

fn twice(path: &TreePath) -> FsError {
    FsError::unrepresentable(path, "the path comes twice in the tree")
}
