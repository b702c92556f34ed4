//! What stands at each path of a tree that streams by: enough to find contradictions and to follow symbolic links.
//!
//! Enters: paths with what they are, in the stream's order. Leaves: the answer for a path, links followed or not.
//! What holds: no path is two things, nothing lies below a non-directory, a hard link's target came before it.
//! Paths are kept as 128 bits of their SHA-256, so half a million of them cost some 20 MB and not their text; only
//! symbolic links keep their names. Permission bits stand beside.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::tree::{Kind, Node, TreePath};
use crate::base::Digest;

/// How many symbolic links one path may lead through (the kernel's MAXSYMLINKS).
const MAX_LINKS: usize = 40;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A directory that only its children speak of so far.
    Implied,
    Directory,
    File,
    EmptyFile,
    Symlink,
    /// A device, a FIFO or a socket.
    Other,
}

impl What {
    pub fn is_file(self) -> bool {
        matches!(self, What::File | What::EmptyFile)
    }
}

/// Why a node cannot stand in the tree beside those that came before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutlineError {
    #[error("the path comes twice")]
    Twice,
    #[error("other entries lie below it, but it is no directory")]
    HasChildren,
    #[error("it lies below {0}, which is no directory")]
    BelowNoDirectory(TreePath),
    #[error("it is a hard link to {0}, which did not come before it")]
    NoTarget(TreePath),
    #[error("it is a hard link to {0}, which is a directory")]
    TargetIsDirectory(TreePath),
}

/// Why a path leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error("{0} leads through too many symbolic links")]
    Loop(TreePath),
    #[error("{0} is no directory")]
    NotADirectory(TreePath),
    /// A symbolic link's target that is no path at all (a component of more than 255 bytes).
    #[error("{0} is a symbolic link to no path")]
    BadLink(TreePath),
}

/// The shape of the part of a tree that has streamed by.
#[derive(Default)]
pub struct Outline {
    nodes: HashMap<[u8; 16], (What, u16)>,
    links: BTreeMap<TreePath, Vec<u8>>,
    /// The directory whose ancestors were noted last: siblings follow each other.
    last_parent: Option<TreePath>,
}

fn key(path: &TreePath) -> [u8; 16] {
    let digest = Digest::of(path.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest.0[..16]);
    key
}

impl Outline {
    /// Notes `node`. `Ok(false)` says that it is a directory that came before, which changes nothing here.
    pub fn note(&mut self, node: &Node) -> Result<bool, OutlineError> {
        let mut mode = node.meta.mode;
        let what = match &node.kind {
            Kind::Directory => What::Directory,
            Kind::File { size: 0 } => What::EmptyFile,
            Kind::File { .. } => What::File,
            Kind::Symlink { .. } => What::Symlink,
            Kind::CharDevice { .. } | Kind::BlockDevice { .. } | Kind::Fifo | Kind::Socket => What::Other,
            Kind::HardLink { target } => match self.nodes.get(&key(target)).copied() {
                None => return Err(OutlineError::NoTarget(target.clone())),
                Some((What::Implied | What::Directory, _)) => {
                    return Err(OutlineError::TargetIsDirectory(target.clone()));
                }
                Some((what, of_target)) => {
                    mode = of_target;
                    what
                }
            },
        };
        match (self.get(&node.path), what) {
            (Some(What::Directory), What::Directory) => return Ok(false),
            (Some(What::Implied), What::Directory) | (None, _) => {}
            (Some(What::Implied), _) => return Err(OutlineError::HasChildren),
            (Some(_), _) => return Err(OutlineError::Twice),
        }
        self.note_parents(&node.path)?;
        self.nodes.insert(key(&node.path), (what, mode));
        match &node.kind {
            Kind::Symlink { target } => {
                self.links.insert(node.path.clone(), target.clone());
            }
            Kind::HardLink { target } if what == What::Symlink => {
                if let Some(text) = self.links.get(target).cloned() {
                    self.links.insert(node.path.clone(), text);
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn note_parents(&mut self, path: &TreePath) -> Result<(), OutlineError> {
        let Some(parent) = path.parent() else { return Ok(()) };
        if self.last_parent.as_ref() == Some(&parent) {
            return Ok(());
        }
        let mut above = Some(parent.clone());
        while let Some(directory) = above {
            match self.get(&directory) {
                // its own ancestors were noted with it
                Some(What::Directory | What::Implied) => break,
                Some(_) => return Err(OutlineError::BelowNoDirectory(directory)),
                None => self.nodes.insert(key(&directory), (What::Implied, 0o755)),
            };
            above = directory.parent();
        }
        self.last_parent = Some(parent);
        Ok(())
    }

    /// What stands at exactly this path, no link followed.
    pub fn get(&self, path: &TreePath) -> Option<What> {
        self.nodes.get(&key(path)).map(|(what, _)| *what)
    }

    /// The permission bits at exactly this path, no link followed.
    pub fn mode(&self, path: &TreePath) -> Option<u16> {
        self.nodes.get(&key(path)).map(|(_, mode)| *mode)
    }

    /// The text of the symbolic link at exactly this path.
    pub fn link(&self, path: &TreePath) -> Option<&[u8]> {
        self.links.get(path).map(Vec::as_slice)
    }

    /// Where `path` really lies: links in its directories followed, one at its end too where `follow_last`. Parts that
    /// do not exist stay as they are written, so the result may name nothing.
    pub fn resolve(&self, path: &TreePath, follow_last: bool) -> Result<TreePath, ResolveError> {
        let mut ahead: VecDeque<Vec<u8>> = path.components().map(<[u8]>::to_vec).collect();
        let mut here = TreePath::root();
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            match part.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    // the root is its own parent
                    here = here.parent().unwrap_or_default();
                    continue;
                }
                _ => {}
            }
            let next = join(&here, &part).ok_or_else(|| ResolveError::BadLink(path.clone()))?;
            match self.get(&next) {
                Some(What::Symlink) if follow_last || !ahead.is_empty() => {
                    links += 1;
                    let Some(target) = self.link(&next).filter(|_| links <= MAX_LINKS) else {
                        return Err(ResolveError::Loop(path.clone()));
                    };
                    if target.starts_with(b"/") {
                        here = TreePath::root();
                    }
                    for part in target.split(|b| *b == b'/').rev() {
                        ahead.push_front(part.to_vec());
                    }
                }
                Some(What::File | What::EmptyFile | What::Other) if !ahead.is_empty() => {
                    return Err(ResolveError::NotADirectory(next));
                }
                _ => here = next,
            }
        }
        Ok(here)
    }
}

/// `name` inside `directory`; `None` where it is no component.
pub fn join(directory: &TreePath, name: &[u8]) -> Option<TreePath> {
    let mut raw = directory.as_bytes().to_vec();
    raw.push(b'/');
    raw.extend_from_slice(name);
    TreePath::new(raw)
}

#[cfg(test)]
mod tests {
    use super::super::tree::Meta;
    use super::*;

    fn p(text: &str) -> TreePath {
        TreePath::new(text).expect("path")
    }

    fn node(path: &str, kind: Kind) -> Node {
        Node { path: p(path), kind, meta: Meta::default() }
    }

    fn link(path: &str, target: &str) -> Node {
        node(path, Kind::Symlink { target: target.into() })
    }

    #[test]
    fn contradictions_are_found() {
        let mut o = Outline::default();
        assert_eq!(o.note(&node("a/b/c", Kind::File { size: 1 })), Ok(true));
        assert_eq!(o.get(&p("a/b")), Some(What::Implied));
        assert_eq!(o.note(&node("a/b", Kind::Fifo)), Err(OutlineError::HasChildren));
        assert_eq!(o.note(&node("a/b", Kind::Directory)), Ok(true));
        assert_eq!(o.note(&node("a/b", Kind::Directory)), Ok(false));
        assert_eq!(o.note(&node("a/b/c", Kind::File { size: 1 })), Err(OutlineError::Twice));
        assert_eq!(
            o.note(&node("a/b/c/d", Kind::Fifo)),
            Err(OutlineError::BelowNoDirectory(p("a/b/c"))),
            "a child of a file"
        );
        assert_eq!(
            o.note(&node("x", Kind::HardLink { target: p("y") })),
            Err(OutlineError::NoTarget(p("y")))
        );
        assert_eq!(
            o.note(&node("x", Kind::HardLink { target: p("a") })),
            Err(OutlineError::TargetIsDirectory(p("a")))
        );
        assert_eq!(o.note(&node("x", Kind::HardLink { target: p("a/b/c") })), Ok(true));
        assert_eq!(o.get(&p("x")), Some(What::File));
        let mut program = node("bin/su", Kind::File { size: 1 });
        program.meta.mode = 0o4755;
        o.note(&program).expect("fits");
        o.note(&node("bin/other", Kind::HardLink { target: p("bin/su") })).expect("fits");
        assert_eq!((o.mode(&p("bin/other")), o.mode(&p("bin"))), (Some(0o4755), Some(0o755)));
    }

    #[test]
    fn links_are_followed() {
        let mut o = Outline::default();
        for n in [
            node("usr/lib/modules/6.1/vmlinuz", Kind::File { size: 9 }),
            link("lib", "usr/lib"),
            link("usr/abs", "/usr/lib/./modules/"),
            link("usr/lib/up", "../../../../usr"),
            link("loop", "loop"),
            link("boot/vmlinuz", "../lib/modules/6.1/vmlinuz"),
        ] {
            o.note(&n).expect("fits");
        }
        let to = |path: &str, last| o.resolve(&p(path), last).map(|p| p.to_string());
        assert_eq!(to("lib/new/x", false).as_deref(), Ok("/usr/lib/new/x"));
        assert_eq!(to("usr/abs/6.1/vmlinuz", false).as_deref(), Ok("/usr/lib/modules/6.1/vmlinuz"));
        assert_eq!(to("lib/up/abs/6.1", false).as_deref(), Ok("/usr/lib/modules/6.1"));
        assert_eq!(to("boot/vmlinuz", false).as_deref(), Ok("/boot/vmlinuz"));
        assert_eq!(to("boot/vmlinuz", true).as_deref(), Ok("/usr/lib/modules/6.1/vmlinuz"));
        assert_eq!(to("loop/x", false), Err(ResolveError::Loop(p("loop/x"))));
        assert_eq!(
            to("boot/vmlinuz/x", false),
            Err(ResolveError::NotADirectory(p("usr/lib/modules/6.1/vmlinuz")))
        );
    }
}
