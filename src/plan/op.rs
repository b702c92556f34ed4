//! The operations: what a node does, as values.
//!
//! What changes a product stands in the fields that serialize; they make the node's definition and so its key. What
//! does not (paths of this machine) is skipped. An op that is *pure* is computed anew at each run: it takes no time, and
//! so no cache can ever hold a stale text of it.

use std::path::PathBuf;

use serde::Serialize;
use uuid::Uuid;

use crate::base::features::Stated;
use crate::base::{Bytes, Digest};
use crate::front::model::{Distro, FilesystemKind, Firmware, Table};
use crate::rootfs::tree::Timestamp;

/// One piece of work.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Op {
    Base(Base),
    ImageBuild(ImageBuild),
    Release(Release),
    Fragments(Fragments),
    FragmentBuild(FragmentBuild),
    Finish(Finish),
    Export(Export),
    Inspect(Inspect),
    Rules(Rules),
    Layout(Layout),
    Filesystem(Filesystem),
    GrubCfg(GrubCfg),
    BootFiles(BootFiles),
    BootPartition(BootPartition),
    Assemble(Assemble),
    Checksum(Checksum),
}

/// Makes a base image and imports it into the engine. Product: an image.
#[derive(Clone, Debug, Serialize)]
pub struct Base {
    pub name: String,
    pub from: BaseFrom,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseFrom {
    Bootstrap {
        suite: String,
        mirror: Option<String>,
    },
    Archive {
        sha256: Digest,
        #[serde(skip)]
        path: PathBuf,
    },
}

/// Builds a slot's own Dockerfile, untouched. Product: an image.
#[derive(Clone, Debug, Serialize)]
pub struct ImageBuild {
    pub slot: String,
    /// The digest of the Dockerfile's bytes.
    pub dockerfile: Digest,
    /// The digest of the context's files as the engine will see them.
    pub context: Digest,
    pub build_args: std::collections::BTreeMap<String, String>,
    pub target: Option<String>,
    pub tag: String,
}

/// Reads which distribution the built image is. Product: a value.
#[derive(Clone, Debug, Serialize)]
pub struct Release {
    pub slot: String,
    pub stated: Option<&'static str>,
}

/// Renders the generated Dockerfile. Pure. Product: a value.
#[derive(Clone, Debug, Serialize)]
pub struct Fragments {
    pub slot: String,
    /// What the generated Dockerfile is `FROM`.
    pub from: String,
}

/// Builds the generated Dockerfile on top of the user's image. Product: an image.
#[derive(Clone, Debug, Serialize)]
pub struct FragmentBuild {
    pub slot: String,
    pub tag: String,
}

/// Renders what is written into the exported tree: hostname, hosts, fstab, files. Pure. Product: a value.
#[derive(Clone, Debug, Serialize)]
pub struct Finish {
    pub slot: String,
    /// Digests of the files that the manifest names by path, in its order.
    pub sources: Vec<Digest>,
}

/// Takes the flattened tree out of the engine, scrubbed and finished. Product: an object (a tar archive).
#[derive(Clone, Debug, Serialize)]
pub struct Export {
    pub slot: String,
    pub created: Timestamp,
    /// Modification times later than this many seconds since 1970 become it (`SOURCE_DATE_EPOCH`).
    pub clamp: Option<i64>,
}

/// Surveys the exported tree and chooses its kernel. Product: a value; the survey is kept beside it.
#[derive(Clone, Debug, Serialize)]
pub struct Inspect {
    pub slot: String,
    /// The kernel version that the manifest pins.
    pub kernel: Option<String>,
}

/// Holds every slot's tree against the rules of booting. Pure; fails where one finds an error. Product: nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Rules {
    pub slots: Vec<String>,
}

/// Computes where the partitions lie. Pure. Product: a value.
#[derive(Clone, Debug, Serialize)]
pub struct Layout {
    pub slots: Vec<String>,
}

/// Writes a slot's filesystem from its exported tree. Product: an object (a sparse image).
#[derive(Clone, Debug, Serialize)]
pub struct Filesystem {
    pub slot: String,
    #[serde(serialize_with = "kind_word")]
    pub kind: FilesystemKind,
    /// Nothing when the slot is as large as its content asks for.
    pub size: Option<Bytes>,
    pub uuid: Uuid,
    pub hash_seed: Uuid,
    pub label: String,
    pub created: Timestamp,
    /// The features that the manifest turns on or off; the others follow from the kernel that is found.
    #[serde(skip_serializing_if = "Stated::is_empty")]
    pub features: Stated,
}

/// Renders grub.cfg. Pure. Product: a value.
#[derive(Clone, Debug, Serialize)]
pub struct GrubCfg {
    pub slots: Vec<String>,
}

/// GRUB's boot code, core images and modules. Product: an object (a tar archive).
#[derive(Clone, Debug, Serialize)]
pub struct BootFiles {
    pub from: BootFilesFrom,
    /// The configuration embedded in the core images.
    pub early: String,
    #[serde(serialize_with = "firmware_words")]
    pub firmware: Vec<Firmware>,
    #[serde(serialize_with = "table_word")]
    pub table: Table,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootFilesFrom {
    /// The GRUB of this host, by the digest of the files used.
    Host { digest: Digest },
    /// A small image built through the engine, `FROM` this.
    Toolbox { from: String },
}

/// Writes the FAT boot partition. Product: an object (a sparse image).
#[derive(Clone, Debug, Serialize)]
pub struct BootPartition {
    pub volume_id: u32,
    pub label: String,
    pub size: Bytes,
    /// Sectors before the partition, which its boot sector records.
    pub start: u64,
    #[serde(serialize_with = "firmware_words")]
    pub firmware: Vec<Firmware>,
    pub created: Timestamp,
}

/// Puts the parts into one image file. Product: a file.
#[derive(Clone, Debug, Serialize)]
pub struct Assemble {
    pub path: PathBuf,
}

/// Computes the image's SHA-256. Only in a plan that is asked for it. Product: a value.
#[derive(Clone, Debug, Serialize)]
pub struct Checksum {
    /// Of the image.
    #[serde(skip)]
    pub path: PathBuf,
}

fn kind_word<S: serde::Serializer>(kind: &FilesystemKind, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(kind.as_str())
}

fn table_word<S: serde::Serializer>(table: &Table, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(table.as_str())
}

fn firmware_words<S: serde::Serializer>(firmware: &[Firmware], s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(firmware.iter().map(|f| f.as_str()))
}

/// The word of the manifest for a stated distribution.
pub fn distro_word(distro: Option<Distro>) -> Option<&'static str> {
    distro.map(Distro::as_str)
}

impl Op {
    /// Raised when an op's code makes other bytes of the same definition.
    pub fn version(&self) -> u32 {
        match self {
            // 2: a bootstrapped Ubuntu has apt
            Op::Base(_) => 2,
            // 2: ext4 for a new kernel of el7 is one that el7's e2fsck checks
            // 3: an implied lost+found is closed
            Op::Filesystem(_) => 3,
            // 2: times keep their nanoseconds
            // 3: named by BLAKE3
            Op::Export(_) => 3,
            // 2: the whole survey
            // 3: systemd is there where its service manager is
            Op::Inspect(_) => 3,
            Op::ImageBuild(_)
            | Op::Release(_)
            | Op::Fragments(_)
            | Op::FragmentBuild(_)
            | Op::Finish(_)
            | Op::Rules(_)
            | Op::Layout(_)
            | Op::GrubCfg(_)
            | Op::BootFiles(_)
            | Op::BootPartition(_)
            | Op::Checksum(_) => 1,
            // 2: known by its parts
            Op::Assemble(_) => 2,
        }
    }

    /// Whether the op is computed at each run instead of looked up.
    pub fn is_pure(&self) -> bool {
        matches!(self, Op::Fragments(_) | Op::Finish(_) | Op::Rules(_) | Op::Layout(_) | Op::GrubCfg(_))
    }

    /// The slot the work is for, when it is for one.
    pub fn slot(&self) -> Option<&str> {
        match self {
            Op::ImageBuild(ImageBuild { slot, .. })
            | Op::Release(Release { slot, .. })
            | Op::Fragments(Fragments { slot, .. })
            | Op::FragmentBuild(FragmentBuild { slot, .. })
            | Op::Finish(Finish { slot, .. })
            | Op::Export(Export { slot, .. })
            | Op::Inspect(Inspect { slot, .. })
            | Op::Filesystem(Filesystem { slot, .. }) => Some(slot),
            Op::Base(_)
            | Op::Rules(_)
            | Op::Layout(_)
            | Op::GrubCfg(_)
            | Op::BootFiles(_)
            | Op::BootPartition(_)
            | Op::Assemble(_)
            | Op::Checksum(_) => None,
        }
    }

    /// What people call the node: a verb and its object, unique in a plan.
    pub fn label(&self) -> String {
        match self {
            Op::Base(op) => format!("base {}", op.name),
            Op::ImageBuild(op) => format!("build {}", op.slot),
            Op::Release(op) => format!("identify {}", op.slot),
            Op::Fragments(op) => format!("render {}", op.slot),
            Op::FragmentBuild(op) => format!("make bootable {}", op.slot),
            Op::Finish(op) => format!("settings {}", op.slot),
            Op::Export(op) => format!("export {}", op.slot),
            Op::Inspect(op) => format!("inspect {}", op.slot),
            Op::Rules(_) => "rules".into(),
            Op::Layout(_) => "layout".into(),
            Op::Filesystem(op) => format!("{} {}", op.kind.as_str(), op.slot),
            Op::GrubCfg(_) => "grub.cfg".into(),
            Op::BootFiles(_) => "grub".into(),
            Op::BootPartition(_) => "boot partition".into(),
            Op::Assemble(_) => "assemble".into(),
            Op::Checksum(_) => "checksum".into(),
        }
    }
}
