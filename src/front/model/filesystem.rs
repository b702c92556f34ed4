//! A slot's root filesystem: its type, and the optional features that the manifest turns on or off.
//!
//! What the features are, and who reads them, is in [`base::features`](crate::base::features). Here they are held against a
//! slot's kernel: by the rules where the manifest names it, by the run once the build has shown it.

use std::sync::Arc;

use crate::base::Bytes;
use crate::base::features::{EXT4, Feature, Readers, Refusal, Stated, Table, XFS};
use crate::base::partitioning::{EXT4_MIN, XFS_MIN};
use crate::diag::{Code, Diagnostic, Diagnostics, Source, Span, Spanned, codes};

use super::Distro;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilesystemKind {
    Ext4,
    Xfs,
}

impl FilesystemKind {
    /// The word of the manifest, of `/etc/fstab` and of the kernel's module.
    pub fn as_str(self) -> &'static str {
        self.features().filesystem
    }

    /// Bytes of a label that a filesystem holds; longer ones are cut.
    pub fn label_max(self) -> usize {
        match self {
            FilesystemKind::Ext4 => 16,
            FilesystemKind::Xfs => 12,
        }
    }

    /// The least partition that it takes.
    pub fn least(self) -> Bytes {
        match self {
            FilesystemKind::Ext4 => EXT4_MIN,
            FilesystemKind::Xfs => XFS_MIN,
        }
    }

    /// What there is to choose.
    pub fn features(self) -> &'static Table {
        match self {
            FilesystemKind::Ext4 => &EXT4,
            FilesystemKind::Xfs => &XFS,
        }
    }
}

/// An optional feature that the manifest turns on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatedFeature {
    /// One of the table's names.
    pub name: &'static str,
    pub on: bool,
    /// The key.
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filesystem {
    pub kind: FilesystemKind,
    /// The slot's own and those of `defaults`, in the order of their names.
    pub features: Vec<StatedFeature>,
}

/// A slot's kernel as far as it is known, and the words that say so.
#[derive(Clone, Copy, Debug)]
pub struct KnownKernel<'a> {
    /// As `uname -r` says it.
    pub version: &'a str,
    /// The words of the manifest that decide it, and what they are.
    pub because: Option<(Span, &'static str)>,
}

impl<'a> KnownKernel<'a> {
    /// What the pinned version or the family says.
    pub fn of(
        version: Option<&'a Spanned<String>>,
        distro: Option<&Spanned<Distro>>,
    ) -> Option<KnownKernel<'a>> {
        if let Some(version) = version {
            return Some(KnownKernel {
                version: &version.value,
                because: Some((version.span, "the slot's kernel")),
            });
        }
        let distro = distro?;
        let version = distro.value.kernel()?;
        Some(KnownKernel { version, because: Some((distro.span, "the slot's kernel is this family's")) })
    }
}

impl Distro {
    /// A kernel of the family's where all its releases have one version, as `uname -r` says it.
    pub fn kernel(self) -> Option<&'static str> {
        match self {
            Distro::El7 => Some("3.10.0-1160.el7.x86_64"),
            Distro::El8 => Some("4.18.0-553.el8_10.x86_64"),
            Distro::El9 => Some("5.14.0-427.el9.x86_64"),
            Distro::Debian | Distro::Ubuntu | Distro::Fedora => None,
        }
    }
}

impl Filesystem {
    /// A filesystem of which nothing but the type is stated.
    pub fn of(kind: FilesystemKind) -> Filesystem {
        Filesystem { kind, features: Vec::new() }
    }

    /// What is stated, by name.
    pub fn stated(&self) -> Stated {
        self.features.iter().map(|feature| (feature.name, feature.on)).collect()
    }

    /// What is turned on and somebody refuses: the slot's kernel, its e2fsck or GRUB; GRUB alone where the kernel is not
    /// known yet.
    pub fn refused(&self, kernel: Option<KnownKernel<'_>>, source: &Arc<Source>) -> Diagnostics {
        let readers = kernel.map_or_else(Readers::newest, |kernel| Readers::of_kernel(kernel.version));
        let table = self.kind.features();
        let mut found = Diagnostics::new();
        for stated in self.features.iter().filter(|feature| feature.on) {
            let Some(feature) = table.optional.iter().find(|row| row.name == stated.name) else { continue };
            for who in feature.refused_by(&readers) {
                let message = feature.refusal(who, table.filesystem, &readers);
                let finding = Diagnostic::error(code(who), message).at(source, stated.span, "turned on here");
                let because = kernel.and_then(|kernel| kernel.because).filter(|_| who != Refusal::Grub);
                found.push(
                    match because {
                        Some((span, what)) => finding.and(span, what),
                        None => finding,
                    }
                    .help(help(feature, who)),
                );
            }
        }
        found
    }
}

fn code(who: Refusal) -> Code {
    match who {
        Refusal::Kernel => codes::FEATURE_KERNEL,
        Refusal::Grub => codes::FEATURE_GRUB,
        Refusal::Checker => codes::FEATURE_CHECKER,
    }
}

fn help(feature: &Feature, who: Refusal) -> String {
    let name = feature.name;
    let unasked = match feature.usual {
        Some(_) => format!("remove `{name}`: without it the feature is on where kernel and GRUB read it"),
        None => format!("remove `{name}`"),
    };
    match who {
        Refusal::Kernel => format!("{unasked}; or pin a newer `kernel.version`"),
        Refusal::Grub | Refusal::Checker => unasked,
    }
}
