//! The pass itself: each node is written, dropped or made to wait; at the end comes what is added.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use super::census::{Census, Count};
use super::scrub::{EMPTIED, MTAB, RESOLVED, STUB_RESOLVER, Verdict, judge};
use super::{Finish, FinishError, Injected};
use crate::rootfs::archive_writer::{AppendError, ArchiveWriter};
use crate::rootfs::outline::{Outline, What};
use crate::rootfs::tree::{Kind, Meta, Node, Timestamp, TreePath};

/// The largest file that is held in memory, and the most of them together, in bytes.
const HELD_MAX: u64 = 1 << 20;
const HELD_ALL: u64 = 32 << 20;

/// A dropped node, should a hard link to it still come.
enum Gone {
    /// It was itself a hard link to this.
    Alias(TreePath),
    /// `data` is `None` where it was too large to hold.
    Node { node: Box<Node>, data: Option<Vec<u8>> },
    /// A hard link that stayed has become it.
    Moved(TreePath),
}

/// A node that may yet be replaced.
struct Waiting {
    node: Node,
    data: Vec<u8>,
}

pub struct Pass<'a, W> {
    finish: &'a Finish,
    out: &'a mut ArchiveWriter<W>,
    /// Of what was written.
    outline: Outline,
    count: Count,
    /// Every directory on the way to something written, and whether it was written itself.
    directories: BTreeMap<TreePath, bool>,
    gone: BTreeMap<TreePath, Gone>,
    waiting: Vec<Waiting>,
    waiting_paths: BTreeSet<TreePath>,
    held: u64,
    injected: Vec<Injected>,
    injected_paths: BTreeSet<TreePath>,
    injected_names: BTreeSet<Vec<u8>>,
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).expect("osimg's own paths are normal")
}

impl<'a, W: Write> Pass<'a, W> {
    pub fn new(finish: &'a Finish, out: &'a mut ArchiveWriter<W>) -> Result<Pass<'a, W>, FinishError> {
        let own =
            |at: &str, mode, content: Vec<u8>| Injected { path: path(at), mode, uid: 0, gid: 0, content };
        // The machine id is there and empty, so that each machine makes its own at its first boot. Missing or
        // "uninitialized" would do that too, but would also make it a first boot in systemd's sense (machine-id(5)), which
        // enables every unit anew by preset and undoes the manifest's enable, disable and mask.
        let mut injected = vec![
            own("etc/hostname", 0o644, format!("{}\n", finish.hostname).into_bytes()),
            own("etc/hosts", 0o644, finish.hosts.clone().into_bytes()),
            own("etc/fstab", 0o644, finish.fstab.clone().into_bytes()),
            own("etc/machine-id", 0o444, Vec::new()),
        ];
        injected.retain(|i| finish.files.iter().all(|f| f.path != i.path));
        injected.extend(finish.files.iter().cloned());
        if injected.iter().any(|i| i.path.is_root()) {
            return Err(FinishError::Root);
        }
        Ok(Pass {
            finish,
            out,
            outline: Outline::default(),
            count: Count::default(),
            directories: BTreeMap::new(),
            gone: BTreeMap::new(),
            waiting: Vec::new(),
            waiting_paths: BTreeSet::new(),
            held: 0,
            injected_paths: injected.iter().map(|i| i.path.clone()).collect(),
            injected_names: injected.iter().map(|i| i.path.name().to_vec()).collect(),
            injected,
        })
    }

    /// Takes the next node of the export.
    pub fn offer(&mut self, mut node: Node, data: &mut dyn Read) -> Result<(), FinishError> {
        if let Some(clamp) = self.finish.clamp.filter(|clamp| node.meta.mtime.secs >= *clamp) {
            node.meta.mtime = Timestamp { secs: clamp, nanos: 0 };
        }
        let verdict = judge(&node);
        // this very path exists in the export, so its directories are real ones: nothing can redirect it
        let replaced = node.kind != Kind::Directory && self.injected_paths.contains(&node.path);
        if replaced || verdict == Verdict::Drop {
            return if node.kind == Kind::Directory { Ok(()) } else { self.drop(node, data) };
        }
        if let Verdict::Link(target) = verdict {
            let link = self.made(node.path.clone(), Kind::Symlink { target: target.into() }, 0o777);
            self.drop(node, data)?;
            node = link;
        }
        if let Kind::HardLink { target } = &mut node.kind {
            self.follow_aliases(target);
            if self.waiting_paths.contains(target) {
                return self.wait(node, data);
            }
        }
        if node.kind != Kind::Directory && self.injected_names.contains(node.path.name()) {
            return self.wait(node, data);
        }
        self.place(node, data)
    }

    /// Past dropped names of a node to one that may be there.
    fn follow_aliases(&self, target: &mut TreePath) {
        while let Some(Gone::Alias(further)) = self.gone.get(target) {
            *target = further.clone();
        }
    }

    /// Adds what is added, and counts.
    pub fn end(mut self) -> Result<Census, FinishError> {
        let targets = self.targets()?;
        for Waiting { node, data } in std::mem::take(&mut self.waiting) {
            if targets.contains_key(&node.path) {
                self.drop(node, &mut data.as_slice())?;
            } else {
                self.place(node, &mut data.as_slice())?;
            }
        }
        for (target, file) in targets {
            self.inject(target, &file)?;
        }
        self.add_missing()?;
        // what only children spoke of so far
        let implied: Vec<TreePath> =
            self.directories.iter().filter(|(_, written)| !**written).map(|(p, _)| p.clone()).collect();
        for directory in implied {
            let node = self.made(directory, Kind::Directory, 0o755);
            self.write(node, &mut io::empty())?;
        }
        Ok(self.count.end())
    }

    /// Where each injected file really goes.
    fn targets(&mut self) -> Result<BTreeMap<TreePath, Injected>, FinishError> {
        let mut targets: BTreeMap<TreePath, Injected> = BTreeMap::new();
        for file in std::mem::take(&mut self.injected) {
            let target = self
                .outline
                .resolve(&file.path, false)
                .map_err(|source| FinishError::Resolve { path: file.path.clone(), source })?;
            if let Some(other) = targets.get(&target) {
                let (first, second) = (other.path.clone(), file.path);
                return Err(FinishError::SameFile { first, second, path: target });
            }
            targets.insert(target, file);
        }
        Ok(targets)
    }

    fn inject(&mut self, target: TreePath, file: &Injected) -> Result<(), FinishError> {
        match self.outline.get(&target) {
            None => {}
            Some(What::Directory | What::Implied) => {
                return Err(FinishError::DirectoryInTheWay { path: file.path.clone() });
            }
            // one of its name would have waited and be dropped by now, but it was too large to
            Some(_) => return Err(FinishError::FileInTheWay { path: file.path.clone(), file: target }),
        }
        let mut node = self.made(target, Kind::File { size: file.content.len() as u64 }, file.mode);
        (node.meta.uid, node.meta.gid) = (file.uid, file.gid);
        self.write(node, &mut file.content.as_slice())
    }

    /// What every system needs and this tree lacks.
    fn add_missing(&mut self) -> Result<(), FinishError> {
        let wanted = EMPTIED.iter().map(|(directory, mode)| (path(directory), *mode));
        let wanted: Vec<(TreePath, u16)> =
            wanted.chain(self.finish.mount_points.iter().map(|p| (p.clone(), 0o755))).collect();
        for (directory, mode) in wanted {
            match self.outline.get(&directory) {
                None | Some(What::Implied) => {
                    let node = self.made(directory, Kind::Directory, mode);
                    self.write(node, &mut io::empty())?;
                }
                Some(_) => {}
            }
        }
        let resolved = RESOLVED.iter().any(|p| self.outline.get(&path(p)).is_some_and(What::is_file));
        for (link, target, wanted) in [("etc/mtab", MTAB, true), ("etc/resolv.conf", STUB_RESOLVER, resolved)]
        {
            // where `/etc` is no directory of this tree there is nothing to mend
            let at = path(link);
            let etc_is_plain = self.outline.resolve(&at, false).is_ok_and(|real| real == at);
            if wanted && etc_is_plain && self.outline.get(&at).is_none() {
                let node = self.made(at, Kind::Symlink { target: target.into() }, 0o777);
                self.write(node, &mut io::empty())?;
            }
        }
        Ok(())
    }

    fn made(&self, path: TreePath, kind: Kind, mode: u16) -> Node {
        let meta = Meta { mode, mtime: self.finish.created, ..Meta::default() };
        Node { path, kind, meta }
    }

    /// Keeps a node until the end, or writes it now where it is too large for that.
    fn wait(&mut self, node: Node, data: &mut dyn Read) -> Result<(), FinishError> {
        match self.hold(&node, data)? {
            Some(data) => {
                self.waiting_paths.insert(node.path.clone());
                self.waiting.push(Waiting { node, data });
                Ok(())
            }
            None => self.place(node, data),
        }
    }

    /// Takes a node out of the tree, and remembers it for hard links to it.
    fn drop(&mut self, node: Node, data: &mut dyn Read) -> Result<(), FinishError> {
        let path = node.path.clone();
        let gone = match &node.kind {
            Kind::HardLink { target } => Gone::Alias(target.clone()),
            _ => {
                let data = self.hold(&node, data)?;
                Gone::Node { node: Box::new(node), data }
            }
        };
        self.gone.insert(path, gone);
        Ok(())
    }

    /// A node's data, unless that is too much; then none of it is read.
    fn hold(&mut self, node: &Node, data: &mut dyn Read) -> Result<Option<Vec<u8>>, FinishError> {
        let Kind::File { size } = node.kind else { return Ok(Some(Vec::new())) };
        if size > HELD_MAX || self.held + size > HELD_ALL {
            return Ok(None);
        }
        self.held += size;
        let mut bytes = Vec::with_capacity(usize::try_from(size).expect("at most a mebibyte"));
        data.read_to_end(&mut bytes).map_err(FinishError::Read)?;
        if bytes.len() as u64 == size {
            return Ok(Some(bytes));
        }
        let (path, came) = (node.path.to_string(), bytes.len() as u64);
        Err(AppendError::Short { path, promised: size, came }.into())
    }

    /// Writes a node of the export; a hard link to something dropped becomes it.
    fn place(&mut self, mut node: Node, data: &mut dyn Read) -> Result<(), FinishError> {
        let Kind::HardLink { target } = &mut node.kind else { return self.write(node, data) };
        self.follow_aliases(target);
        let Some(gone) = self.gone.get_mut(target) else { return self.write(node, data) };
        match std::mem::replace(gone, Gone::Moved(node.path.clone())) {
            Gone::Moved(home) => {
                *gone = Gone::Moved(home.clone());
                *target = home;
                self.write(node, data)
            }
            Gone::Node { node: original, data: Some(bytes) } => {
                let moved = Node { path: node.path, ..*original };
                self.write(moved, &mut bytes.as_slice())
            }
            Gone::Node { data: None, .. } => {
                Err(FinishError::LinkToDropped { path: node.path, target: target.clone() })
            }
            Gone::Alias(_) => unreachable!("aliases were followed above"),
        }
    }

    fn write(&mut self, node: Node, data: &mut dyn Read) -> Result<(), FinishError> {
        let new = self
            .outline
            .note(&node)
            .map_err(|source| FinishError::Clash { path: node.path.clone(), source })?;
        if !new {
            return Ok(());
        }
        let mut above = node.path.parent();
        while let Some(directory) = above.filter(|d| !self.directories.contains_key(d)) {
            above = directory.parent();
            self.directories.insert(directory, false);
        }
        if node.kind == Kind::Directory {
            self.directories.insert(node.path.clone(), true);
        }
        self.count.add(&node);
        self.out.append(&node, data)?;
        Ok(())
    }
}
