//! What a tree has that FAT does not keep, noted while the tree streams by.
//!
//! Links, devices and names that FAT cannot have are errors of the writer. What would change without a word is told here:
//! who owns a node, whom it is closed to, and what hangs on it. Everybody's right to write and to execute is not told: FAT
//! takes both from the options of mount.

use std::io;

use crate::rootfs::tree::{Item, Kind, Node, TreeSource};

/// Nodes that lose something of one sort.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lost {
    count: u64,
    /// The first of them, as messages show it.
    first: String,
}

impl Lost {
    fn note(&mut self, node: &Node, lost: bool) {
        if !lost {
            return;
        }
        if self.count == 0 {
            self.first = node.path.to_string();
        }
        self.count += 1;
    }

    fn told(&self, what: &str) -> Option<String> {
        let Lost { count, first } = self;
        match count {
            0 => None,
            1 => Some(format!("FAT does not keep {what}: {first}")),
            _ => Some(format!("FAT does not keep {what}: {first} and {} more", count - 1)),
        }
    }
}

/// A tree that is watched on its way to the writer.
pub struct Watched<'a> {
    tree: &'a mut dyn TreeSource,
    owners: Lost,
    closed: Lost,
    special: Lost,
    attributes: Lost,
}

impl<'a> Watched<'a> {
    pub fn new(tree: &'a mut dyn TreeSource) -> Watched<'a> {
        let none = Lost::default;
        Watched { tree, owners: none(), closed: none(), special: none(), attributes: none() }
    }

    /// A line for each sort of loss.
    pub fn losses(&self) -> Vec<String> {
        let sorts = [
            (&self.owners, "owners other than root"),
            (&self.closed, "modes that forbid reading"),
            (&self.special, "setuid, setgid and sticky bits"),
            (&self.attributes, "extended attributes"),
        ];
        sorts.into_iter().filter_map(|(lost, what)| lost.told(what)).collect()
    }
}

impl TreeSource for Watched<'_> {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let Some(item) = self.tree.next_item()? else { return Ok(None) };
        let Item { node, .. } = &item;
        // A link's metadata is its target's, and stands there.
        if !matches!(node.kind, Kind::HardLink { .. }) {
            let meta = &node.meta;
            self.owners.note(node, (meta.uid, meta.gid) != (0, 0));
            self.closed.note(node, meta.mode & 0o444 != 0o444);
            self.special.note(node, meta.mode & 0o7000 != 0);
            self.attributes.note(node, !meta.xattrs.is_empty());
        }
        Ok(Some(item))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::specimen::Nodes;
    use super::*;
    use crate::rootfs::tree::Meta;

    fn losses(mut nodes: Nodes) -> Vec<String> {
        let mut watched = Watched::new(&mut nodes);
        while watched.next_item().expect("memory").is_some() {}
        watched.losses()
    }

    #[test]
    fn what_everybody_may_read_is_kept() {
        let mut nodes = Nodes::default();
        for (path, mode) in [("a", 0o644), ("b", 0o755), ("c", 0o777), ("d", 0o444)] {
            nodes.push_with(path, Kind::File { size: 1 }, Meta { mode, ..Meta::default() });
        }
        assert_eq!(losses(nodes), [""; 0]);
    }

    #[test]
    fn each_sort_is_told_once() {
        let mut nodes = Nodes::default();
        let node = |mode, uid, gid| Meta { mode, uid, gid, ..Meta::default() };
        nodes.push_with("mine", Kind::File { size: 1 }, node(0o644, 1000, 0));
        nodes.push_with("ours", Kind::File { size: 1 }, node(0o644, 0, 5));
        nodes.push_with("key", Kind::File { size: 1 }, node(0o600, 0, 0));
        nodes.push_with("tmp", Kind::Directory, node(0o1777, 0, 0));
        nodes.push("bash", Kind::File { size: 1 }, &[("security.selinux", 30)]);
        assert_eq!(
            losses(nodes),
            [
                "FAT does not keep owners other than root: /mine and 1 more",
                "FAT does not keep modes that forbid reading: /key",
                "FAT does not keep setuid, setgid and sticky bits: /tmp",
                "FAT does not keep extended attributes: /bash",
            ]
        );
    }
}
