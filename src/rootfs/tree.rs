//! One pass over a file tree: nodes with their metadata, each regular file with its data behind it.
//!
//! What holds: paths are relative to the root, without `.`, `..`, empty components or NUL bytes; the root directory
//! is the empty path; a hard link's target came earlier in the stream; no path comes twice. Parents may come after
//! their children, or not at all (then they are directories 0755 root:root).

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

/// A path inside a tree: raw bytes (Linux names need not be UTF-8), components joined by `/`, no leading `/`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// Normalises `raw`: drops leading `/` and `./`, `.` components and doubled slashes. `None` where a `..`, a NUL or
    /// a component of more than 255 bytes (NAME_MAX) stands in it.
    pub fn new(raw: impl AsRef<[u8]>) -> Option<TreePath> {
        let mut out: Vec<u8> = Vec::with_capacity(raw.as_ref().len());
        for part in raw.as_ref().split(|b| *b == b'/') {
            match part {
                b"" | b"." => continue,
                b".." => return None,
                _ if part.len() > 255 || part.contains(&0) => return None,
                _ => {
                    if !out.is_empty() {
                        out.push(b'/');
                    }
                    out.extend_from_slice(part);
                }
            }
        }
        Some(TreePath(out))
    }

    pub fn root() -> TreePath {
        TreePath::default()
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|p| !p.is_empty())
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|b| *b == b'/').next().unwrap_or_default()
    }

    /// The directory that holds this; `None` for the root.
    pub fn parent(&self) -> Option<TreePath> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|b| *b == b'/').unwrap_or(0);
        Some(TreePath(self.0[..end].to_vec()))
    }

    pub fn starts_with(&self, dir: &TreePath) -> bool {
        dir.is_root()
            || self.0.strip_prefix(dir.as_bytes()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

impl fmt::Display for TreePath {
    /// Absolute, with bytes that are no UTF-8 replaced: for messages only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// A point in time, as an inode stores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub secs: i64,
    /// 0 to 999,999,999.
    pub nanos: u32,
}

/// An inode's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits with setuid, setgid and sticky: at most 07777.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Timestamp,
    /// Full names (`security.capability`, `user.x`, `system.posix_acl_access` in its portable form) to values.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Directory,
    /// `size` bytes of data follow in the stream.
    File {
        size: u64,
    },
    /// Another name of a node that came earlier and is no directory; its own metadata is ignored.
    HardLink {
        target: TreePath,
    },
    Symlink {
        target: Vec<u8>,
    },
    CharDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
    Fifo,
    Socket,
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub path: TreePath,
    pub kind: Kind,
    pub meta: Meta,
}

/// A node with its data: exactly `size` bytes for a regular file, nothing for any other kind. Data that is not
/// read before the next node is asked for is skipped.
pub struct Item<'a> {
    pub node: Node,
    pub data: &'a mut dyn Read,
}

/// A tree as a stream, read once.
pub trait TreeSource {
    /// The next node, or `None` at the end.
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        let p = |s: &str| TreePath::new(s).map(|p| p.to_string());
        assert_eq!(p("./usr//bin/./ls").as_deref(), Some("/usr/bin/ls"));
        assert_eq!(p("/").as_deref(), Some("/"));
        assert_eq!(p("a/../b"), None);
        assert_eq!(p(&"x".repeat(256)), None);
    }

    #[test]
    fn parents_and_names() {
        let p = TreePath::new("usr/bin/ls").expect("path");
        assert_eq!(p.name(), b"ls");
        assert_eq!(p.parent().expect("parent").to_string(), "/usr/bin");
        assert_eq!(TreePath::new("usr").expect("path").parent(), Some(TreePath::root()));
        assert_eq!(TreePath::root().parent(), None);
        assert!(p.starts_with(&TreePath::new("usr").expect("path")));
        assert!(!p.starts_with(&TreePath::new("us").expect("path")));
    }
}
