//! The kernels of a tree with their initramfs, and which of them boots.
//!
//! Kernels lie at `/boot/vmlinuz-<v>` (Debian, Enterprise Linux), `/boot/<machine id>/<v>/linux` (Boot Loader Specification, "Type #1")
//! or `/lib/modules/<v>/vmlinuz`; initramfs at `/boot/initramfs-<v>.img`, `/boot/initrd.img-<v>`, `/boot/initrd-<v>`,
//! `/boot/<machine id>/<v>/initrd`. Links are followed, and the path given is that of the file itself: GRUB reads the
//! filesystem without the running system's view of it. Rescue images are never chosen.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::outline::What;
use super::super::tree::TreePath;
use super::super::version;
use super::find::{Role, role};
use super::{Notes, Survey};

/// A kernel with what it boots with. Paths are absolute, and those of the files themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// As `uname -r` will say.
    pub version: String,
    pub image: String,
    pub initramfs: String,
}

/// A version that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub version: String,
    /// Its images, the one to take first.
    pub images: Vec<String>,
    /// Its initramfs files, the one to take first; may be empty.
    pub initramfs: Vec<String>,
    /// Those of both that hold nothing.
    pub empty: BTreeSet<String>,
}

/// Why a kernel was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// The manifest names it.
    Pinned,
    /// There is no other.
    Only,
    /// The newest of several.
    Newest,
}

impl Why {
    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Pinned => "the manifest names it",
            Why::Only => "there is no other",
            Why::Newest => "the newest of several",
        }
    }
}

/// The kernel that boots, and why that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub kernel: Kernel,
    pub why: Why,
}

/// Why no kernel of a tree can boot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKernel {
    #[error("there is no kernel in the image")]
    None,
    /// `found` are the versions that are there, the newest first.
    #[error("kernel {version} is not in the image, which has {}", found.join(", "))]
    NotThere { version: String, found: Vec<String> },
    #[error("the kernel image {path} is empty")]
    EmptyImage { version: String, path: String },
    #[error("kernel {version} ({image}) has no initramfs")]
    NoInitramfs { version: String, image: String },
    #[error("the initramfs of kernel {version} ({path}) is empty")]
    EmptyInitramfs { version: String, path: String },
}

/// The kernel that boots: `pin` where given, else the newest.
pub fn choose(survey: &Survey, pin: Option<&str>) -> Result<Choice, NoKernel> {
    let (candidate, why) = pick(&survey.kernels, pin)?;
    let version = candidate.version.clone();
    let image = candidate.images.first().expect("a candidate has an image").clone();
    if candidate.empty.contains(&image) {
        return Err(NoKernel::EmptyImage { version, path: image });
    }
    let Some(initramfs) = candidate.initramfs.first().cloned() else {
        return Err(NoKernel::NoInitramfs { version, image });
    };
    if candidate.empty.contains(&initramfs) {
        return Err(NoKernel::EmptyInitramfs { version, path: initramfs });
    }
    Ok(Choice { kernel: Kernel { version, image, initramfs }, why })
}

fn pick<'a>(candidates: &'a [Candidate], pin: Option<&str>) -> Result<(&'a Candidate, Why), NoKernel> {
    match (candidates, pin) {
        ([], _) => Err(NoKernel::None),
        (_, Some(version)) => {
            let found = || candidates.iter().map(|c| c.version.clone()).collect();
            candidates
                .iter()
                .find(|c| c.version == version)
                .map(|c| (c, Why::Pinned))
                .ok_or_else(|| NoKernel::NotThere { version: version.into(), found: found() })
        }
        ([only], None) => Ok((only, Why::Only)),
        ([newest, ..], None) => Ok((newest, Why::Newest)),
    }
}

/// Versions with their files, the newest first, and rescue images.
pub(super) fn candidates(notes: &Notes) -> (Vec<Candidate>, Vec<String>) {
    let mut images: BTreeMap<String, BTreeSet<(u8, String)>> = BTreeMap::new();
    let mut initramfs: BTreeMap<String, BTreeSet<(u8, String)>> = BTreeMap::new();
    let (mut rescue, mut empty) = (BTreeSet::new(), BTreeSet::new());
    for path in &notes.seen {
        let Some((file, what)) = file(notes, path) else { continue };
        if what == What::EmptyFile {
            empty.insert(file.clone());
        }
        match role(path) {
            Some(Role::Image { version, rank }) => {
                images.entry(version).or_default().insert((rank, file));
            }
            Some(Role::Initramfs { version, rank }) => {
                initramfs.entry(version).or_default().insert((rank, file));
            }
            Some(Role::Rescue) => {
                rescue.insert(file);
            }
            None => {}
        }
    }
    let mut candidates: Vec<Candidate> = images
        .into_iter()
        .map(|(version, images)| {
            let images = ranked(images);
            let initramfs = ranked(initramfs.remove(&version).unwrap_or_default());
            let empty = images.iter().chain(&initramfs).filter(|f| empty.contains(*f)).cloned().collect();
            Candidate { version, images, initramfs, empty }
        })
        .collect();
    candidates.sort_by(|a, b| version::compare(&b.version, &a.version));
    (candidates, rescue.into_iter().collect())
}

fn ranked(files: BTreeSet<(u8, String)>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (_, file) in files {
        if !out.contains(&file) {
            out.push(file);
        }
    }
    out
}

/// The file that `path` leads to, as an absolute path; nothing where it leads to none.
fn file(notes: &Notes, path: &TreePath) -> Option<(String, What)> {
    let real = notes.outline.resolve(path, true).ok()?;
    let what = notes.outline.get(&real).filter(|w| w.is_file())?;
    // GRUB's configuration is text
    std::str::from_utf8(real.as_bytes()).ok().map(|text| (format!("/{text}"), what))
}
