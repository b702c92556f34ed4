//! What a tree holds for booting, logging in and being on many machines.
//!
//! Enters: a tree, read once. Leaves: a [`Survey`]: facts as plain values, none of them judged. What a rule asks of paths that
//! only the tree's own files name (mount points, shells) is answered here, while every path is known.
//!
//! What holds: symbolic links are followed inside the tree only. The same tree gives the same survey, in whatever order it
//! streams. Memory: the outline of all paths, and the few files that [`keep`] names; passwords are not kept.

pub mod accounts;
mod find;
pub mod image;
mod keep;
pub mod kernels;
pub mod modules;
pub mod mounts;
pub mod privileges;
pub mod selinux;
pub mod traces;
pub mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

pub use self::kernels::{Candidate, Choice, Kernel, NoKernel, Why, choose};
use super::initramfs::{self, Initramfs};
use super::os_release::OsRelease;
use super::outline::{Outline, OutlineError, What};
use super::tree::{Kind, Node, TreePath, TreeSource};
use crate::base::Bytes;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    pub os_release: Option<OsRelease>,
    /// Every version that has a kernel image, the newest first.
    pub kernels: Vec<Candidate>,
    /// Rescue images, which are never chosen.
    pub rescue: Vec<String>,
    /// Of each kernel image, by its absolute path, what its header says; nothing where it has none that GRUB takes.
    pub images: BTreeMap<String, Option<image::Header>>,
    /// Of each initramfs, by its absolute path.
    pub initramfs: BTreeMap<String, Listing>,
    /// Of each of the versions.
    pub modules: BTreeMap<String, modules::Modules>,
    /// What `/sbin/init` is.
    pub init: Program,
    pub units: units::Units,
    pub accounts: accounts::Accounts,
    /// `/etc/fstab`; nothing where there is none.
    pub mounts: Option<Vec<mounts::Mount>>,
    pub privileges: privileges::Privileges,
    pub selinux: selinux::Selinux,
    pub traces: traces::Traces,
    /// Nodes of the tree but hard links.
    pub inodes: u64,
    /// File data.
    pub data: Bytes,
}

/// An initramfs, or why Linux could not unpack it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listing {
    Read(Initramfs),
    Unreadable(String),
}

/// What a path that should be a program is. Paths are absolute, and those of the files themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    There(String),
    Missing,
    /// A symbolic link that leads here, where nothing is.
    Dangling(String),
    NotExecutable(String),
    Empty(String),
    /// A folder, a device.
    NoFile(String),
}

/// Why a tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("reading the tree: {0}")]
    Read(#[source] io::Error),
    #[error("{path}: {source}")]
    Clash { path: TreePath, source: OutlineError },
}

/// Reads `tree` to its end.
pub fn inspect(tree: &mut dyn TreeSource) -> Result<Survey, InspectError> {
    let mut notes = Notes::default();
    while let Some(item) = tree.next_item().map_err(InspectError::Read)? {
        notes.take(item.node, item.data)?;
    }
    Ok(notes.survey())
}

/// What is remembered of the tree while it streams by.
#[derive(Default)]
struct Notes {
    outline: Outline,
    /// Paths that look like a kernel's or an initramfs'.
    seen: BTreeSet<TreePath>,
    /// Paths in the folders of systemd's units.
    units: BTreeSet<TreePath>,
    texts: BTreeMap<TreePath, String>,
    images: BTreeMap<TreePath, Option<image::Header>>,
    initramfs: BTreeMap<TreePath, Listing>,
    privileges: privileges::Notes,
    /// Paths of ssh host keys.
    host_keys: BTreeSet<TreePath>,
    /// Files and folders that have a label of SELinux.
    labelled: u64,
    policies: BTreeSet<String>,
    inodes: u64,
    data: u64,
}

impl Notes {
    fn take(&mut self, node: Node, data: &mut dyn Read) -> Result<(), InspectError> {
        let new = self
            .outline
            .note(&node)
            .map_err(|source| InspectError::Clash { path: node.path.clone(), source })?;
        if !new {
            return Ok(());
        }
        if !matches!(node.kind, Kind::HardLink { .. }) {
            self.inodes += 1;
        }
        self.labelled += u64::from(node.meta.xattrs.contains_key(b"security.selinux".as_slice()));
        self.policies.extend(selinux::policy(&node.path));
        self.privileges.take(&node);
        if traces::is_host_key(&node) {
            self.host_keys.insert(node.path.clone());
        }
        if let Kind::File { size } = node.kind {
            self.data += size;
            self.read(&node.path, size, data).map_err(InspectError::Read)?;
        }
        if node.kind != Kind::Directory {
            if find::role(&node.path).is_some() {
                self.seen.insert(node.path.clone());
            }
            if units::is_in_a_unit_folder(&node.path) {
                self.units.insert(node.path);
            }
        }
        Ok(())
    }

    /// Reads what is wanted of a file's data.
    fn read(&mut self, path: &TreePath, size: u64, data: &mut dyn Read) -> io::Result<()> {
        match find::role(path) {
            Some(find::Role::Image { .. }) => {
                let mut head = Vec::new();
                data.take(image::HEAD).read_to_end(&mut head)?;
                self.images.insert(path.clone(), image::header(&head));
            }
            Some(find::Role::Initramfs { .. }) if size > 0 => {
                let listing = match initramfs::read(data) {
                    Ok(found) => Listing::Read(found),
                    Err(why) => Listing::Unreadable(why.to_string()),
                };
                self.initramfs.insert(path.clone(), listing);
            }
            _ if keep::is_kept(path, size) => {
                let mut text = Vec::new();
                data.read_to_end(&mut text)?;
                self.texts.insert(path.clone(), String::from_utf8_lossy(&text).into_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn survey(self) -> Survey {
        let (kernels, rescue) = kernels::candidates(&self);
        let by_file = |path: &TreePath| path.to_string();
        Survey {
            os_release: self.os_release(),
            modules: kernels.iter().map(|k| (k.version.clone(), modules::of(&self, &k.version))).collect(),
            init: self.program("sbin/init"),
            units: units::of(&self),
            accounts: accounts::of(&self),
            mounts: self.text("etc/fstab").map(|text| mounts::of(&self, text)),
            privileges: privileges::of(&self),
            selinux: selinux::of(&self),
            traces: traces::of(&self),
            images: self.images.iter().map(|(path, header)| (by_file(path), header.clone())).collect(),
            initramfs: self.initramfs.iter().map(|(path, found)| (by_file(path), found.clone())).collect(),
            inodes: self.inodes,
            data: Bytes(self.data),
            kernels,
            rescue,
        }
    }

    /// Where a path really lies.
    fn real(&self, path: &str) -> Option<TreePath> {
        self.outline.resolve(&TreePath::new(path)?, true).ok()
    }

    /// What stands where a path leads; nothing where it leads nowhere.
    fn what(&self, path: &str) -> Option<What> {
        self.outline.get(&self.real(path)?)
    }

    /// The content of a file that was kept, links followed.
    fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(&self.real(path)?).map(String::as_str)
    }

    fn program(&self, path: &str) -> Program {
        let Some(written) = TreePath::new(path) else { return Program::Missing };
        let Ok(real) = self.outline.resolve(&written, true) else {
            return Program::Dangling(written.to_string());
        };
        let at = real.to_string();
        match self.outline.get(&real) {
            None if self.is_link(&written) => Program::Dangling(at),
            None => Program::Missing,
            Some(What::EmptyFile) => Program::Empty(at),
            Some(What::File) if self.outline.mode(&real).is_some_and(|mode| mode & 0o111 == 0) => {
                Program::NotExecutable(at)
            }
            Some(What::File) => Program::There(at),
            Some(_) => Program::NoFile(at),
        }
    }

    /// Whether the last component of a path is a symbolic link.
    fn is_link(&self, path: &TreePath) -> bool {
        let real = self.outline.resolve(path, false);
        real.is_ok_and(|real| self.outline.get(&real) == Some(What::Symlink))
    }

    fn os_release(&self) -> Option<OsRelease> {
        ["etc/os-release", "usr/lib/os-release"].iter().find_map(|at| self.text(at).map(OsRelease::parse))
    }
}

#[cfg(test)]
mod tests;
