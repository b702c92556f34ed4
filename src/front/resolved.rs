//! A manifest whose names are bound, whose defaults are merged in and whose values are read, every one with its place:
//! what the rules look at. Not yet checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::model::{self, Distro, FileContent, FilesystemKind, Firmware, SlotSize, StatedFeature};
use crate::base::Name;
use crate::base::features::Known;
use crate::diag::{Code, Source, Span, Spanned};

/// A list of words, each with its place.
pub type Words = Vec<Spanned<String>>;

pub struct Resolved {
    pub source: Arc<Source>,
    /// The manifest's folder.
    pub dir: PathBuf,
    pub name: Spanned<Name>,
    pub disk: model::Disk,
    pub boot: Boot,
    pub bases: Vec<Base>,
    /// What `defaults` says of features, merged into the slots already.
    pub default_features: DefaultFeatures,
    pub slots: Vec<Slot>,
    /// The codes of findings that the manifest accepts.
    pub allow: Vec<Spanned<Code>>,
}

impl Resolved {
    /// A path as the user would type it: beside the manifest where the manifest's name says where that is.
    pub fn shown(&self, path: &Path) -> String {
        let folder = Path::new(&self.source.name).parent().unwrap_or(Path::new(""));
        let shown = path.strip_prefix(&self.dir).map_or(path.to_path_buf(), |inner| {
            match inner.as_os_str().is_empty() {
                true => folder.to_path_buf(),
                false => folder.join(inner),
            }
        });
        shown.display().to_string()
    }
}

impl Resolved {
    /// Whether `path` is what stands in for a path that is missing or unusable: the folder itself, which `.` is not.
    pub fn is_stand_in(&self, path: &Path) -> bool {
        path.as_os_str() == self.dir.as_os_str()
    }
}

pub struct Base {
    pub name: Spanned<Name>,
    /// At the suite, or at the archive's path.
    pub from: Spanned<model::BaseSource>,
    pub span: Span,
}

pub struct Boot {
    pub firmware: BTreeSet<Firmware>,
    pub timeout: Duration,
    /// As it is written; the first slot where it is not.
    pub default: Option<Spanned<String>>,
    pub consoles: Words,
    pub health: Health,
    pub tries: u8,
    pub watchdog: Option<Duration>,
}

pub struct Health {
    pub units: Words,
    pub command: Option<Spanned<String>>,
    pub timeout: Duration,
}

pub struct Slot {
    pub name: Spanned<Name>,
    pub title: Spanned<String>,
    pub dockerfile: Spanned<PathBuf>,
    pub context: Spanned<PathBuf>,
    /// Name and value.
    pub build_args: Vec<(Spanned<String>, Spanned<String>)>,
    pub target: Option<Spanned<String>>,
    pub distro: Option<Spanned<Distro>>,
    pub size: Spanned<SlotSize>,
    pub filesystem: Spanned<Filesystem>,
    pub kernel: Kernel,
    pub kexec: bool,
    pub dracut: Dracut,
    pub systemd: Systemd,
    pub packages: Spanned<Words>,
    pub hostname: Spanned<String>,
    pub users: Spanned<Vec<User>>,
    pub files: Spanned<Vec<File>>,
    pub span: Span,
}

pub struct Filesystem {
    pub kind: FilesystemKind,
    /// The slot's own and those of `defaults`, in the order of their names; of any name.
    pub features: Vec<Feature>,
}

/// A feature of a filesystem as it is stated.
#[derive(Clone)]
pub struct Feature {
    /// At the key.
    pub name: Spanned<String>,
    pub on: Spanned<bool>,
    /// The slot states it itself.
    pub own: bool,
}

pub struct DefaultFeatures {
    pub features: Vec<Feature>,
    /// The type that stands beside them.
    pub beside: Option<FilesystemKind>,
}

impl Filesystem {
    /// Without the features that the filesystem does not have or that cannot be chosen.
    pub fn known(&self) -> model::Filesystem {
        let known = |feature: &Feature| match self.kind.features().find(&feature.name) {
            Some(Known::Optional(row)) => {
                Some(StatedFeature { name: row.name, on: feature.on.value, span: feature.name.span })
            }
            _ => None,
        };
        model::Filesystem { kind: self.kind, features: self.features.iter().filter_map(known).collect() }
    }
}

pub struct Kernel {
    pub version: Option<Spanned<String>>,
    pub args: Words,
    pub span: Span,
}

pub struct Dracut {
    pub drivers: Spanned<Words>,
    pub filesystems: Spanned<Words>,
    pub omit_drivers: Words,
    /// Whether the manifest has the lists or they are osimg's own.
    pub drivers_stated: bool,
    pub filesystems_stated: bool,
    pub span: Span,
}

pub struct Systemd {
    pub default_target: Spanned<String>,
    pub unmask: Words,
    pub enable: Words,
    pub disable: Words,
    pub mask: Words,
    pub span: Span,
}

pub struct User {
    pub name: Spanned<String>,
    pub password_hash: Option<Spanned<String>>,
    pub ssh_keys: Words,
    pub groups: Words,
    pub shell: Option<Spanned<String>>,
}

pub struct File {
    pub path: Spanned<String>,
    pub content: Spanned<FileContent>,
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
}
