//! What a tree holds for booting: kernels with their initramfs, `os-release`, the default target.
//!
//! Enters: a tree and the manifest's pinned kernel version, if any. Leaves: [`Facts`], or why the tree cannot boot.
//!
//! Kernels lie at `/boot/vmlinuz-<v>` (Debian, Enterprise Linux), `/boot/<machine id>/<v>/linux` (Boot Loader Specification, "Type #1")
//! or `/lib/modules/<v>/vmlinuz`; initramfs at `/boot/initramfs-<v>.img`, `/boot/initrd.img-<v>`, `/boot/initrd-<v>`,
//! `/boot/<machine id>/<v>/initrd`. Links are followed, and the path given is that of the file itself: GRUB reads the
//! filesystem without the running system's view of it. Rescue images are never chosen.

mod find;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use self::find::Role;
use super::os_release::OsRelease;
use super::outline::{Outline, OutlineError, What, join};
use super::tree::{Kind, TreePath, TreeSource};
use super::version;
use crate::base::Bytes;

/// More than any `os-release` has, in bytes.
const OS_RELEASE_MAX: u64 = 64 << 10;
/// More files of that name than any tree has in good faith.
const OS_RELEASES: usize = 64;

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

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub kernel: Kernel,
    pub why: Why,
    /// Every version, the newest first.
    pub candidates: Vec<Candidate>,
    /// Rescue images, which are never chosen.
    pub rescue: Vec<String>,
    pub os_release: Option<OsRelease>,
    /// The unit that `default.target` links to, `multi-user.target`.
    pub default_target: Option<String>,
    /// Nodes of the tree but hard links.
    pub inodes: u64,
    /// File data.
    pub data: Bytes,
}

/// Why a tree cannot boot.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("reading the tree: {0}")]
    Read(#[source] io::Error),
    #[error("{path}: {source}")]
    Clash { path: TreePath, source: OutlineError },
    /// `rescue` are the rescue images that are there.
    #[error("there is no kernel in the image")]
    NoKernel { rescue: Vec<String> },
    /// `found` are the versions that are there, the newest first.
    #[error("kernel {version} is not in the image, which has {}", found.join(", "))]
    NotThere { version: String, found: Vec<String> },
    #[error("kernel {version} ({image}) has no initramfs")]
    NoInitramfs { version: String, image: String },
    #[error("the initramfs of kernel {version} ({path}) is empty")]
    EmptyInitramfs { version: String, path: String },
    #[error("the kernel image {path} is empty")]
    EmptyKernel { version: String, path: String },
}

/// What is remembered of the tree while it streams by.
#[derive(Default)]
struct Notes {
    outline: Outline,
    /// Paths that look like a kernel's or an initramfs'.
    seen: BTreeSet<TreePath>,
    os_releases: BTreeMap<TreePath, String>,
    inodes: u64,
    data: u64,
}

/// What a tree holds that need not boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    pub os_release: Option<OsRelease>,
    /// The newest version that has a kernel's image, with an initramfs or not.
    pub kernel: Option<String>,
}

/// Reads `tree` to its end and says what it is, whether it boots or not.
pub fn survey(tree: &mut dyn TreeSource) -> Result<Survey, InspectError> {
    let notes = Notes::of(tree)?;
    let newest = notes.candidates().0.into_iter().next();
    Ok(Survey { os_release: notes.os_release(), kernel: newest.map(|c| c.version) })
}

/// Reads `tree` to its end and chooses the kernel: `pin` where given, else the newest.
pub fn inspect(tree: &mut dyn TreeSource, pin: Option<&str>) -> Result<Facts, InspectError> {
    let notes = Notes::of(tree)?;
    let (candidates, rescue) = notes.candidates();
    let (candidate, why) = choose(&candidates, &rescue, pin)?;
    let version = candidate.version.clone();
    let image = candidate.images.first().expect("a candidate has an image").clone();
    if notes.what(&image) == Some(What::EmptyFile) {
        return Err(InspectError::EmptyKernel { version, path: image });
    }
    let Some(initramfs) = candidate.initramfs.first().cloned() else {
        return Err(InspectError::NoInitramfs { version, image });
    };
    if notes.what(&initramfs) == Some(What::EmptyFile) {
        return Err(InspectError::EmptyInitramfs { version, path: initramfs });
    }
    Ok(Facts {
        kernel: Kernel { version, image, initramfs },
        why,
        os_release: notes.os_release(),
        default_target: notes.default_target(),
        inodes: notes.inodes,
        data: Bytes(notes.data),
        candidates,
        rescue,
    })
}

fn choose<'a>(
    candidates: &'a [Candidate],
    rescue: &[String],
    pin: Option<&str>,
) -> Result<(&'a Candidate, Why), InspectError> {
    match (candidates, pin) {
        ([], _) => Err(InspectError::NoKernel { rescue: rescue.to_vec() }),
        (_, Some(version)) => {
            let found = || candidates.iter().map(|c| c.version.clone()).collect();
            candidates
                .iter()
                .find(|c| c.version == version)
                .map(|c| (c, Why::Pinned))
                .ok_or_else(|| InspectError::NotThere { version: version.into(), found: found() })
        }
        ([only], None) => Ok((only, Why::Only)),
        ([newest, ..], None) => Ok((newest, Why::Newest)),
    }
}

impl Notes {
    fn of(tree: &mut dyn TreeSource) -> Result<Notes, InspectError> {
        let mut notes = Notes::default();
        while let Some(item) = tree.next_item().map_err(InspectError::Read)? {
            notes.take(item.node, item.data)?;
        }
        Ok(notes)
    }

    fn take(&mut self, node: super::tree::Node, data: &mut dyn Read) -> Result<(), InspectError> {
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
        if let Kind::File { size } = node.kind {
            self.data += size;
            // distributions keep the text in /usr/lib, flavours of one in a folder beside it, and link to it
            let named = node.path.name().starts_with(b"os-release");
            if named && size <= OS_RELEASE_MAX && self.os_releases.len() < OS_RELEASES {
                let mut text = Vec::new();
                data.read_to_end(&mut text).map_err(InspectError::Read)?;
                self.os_releases.insert(node.path.clone(), String::from_utf8_lossy(&text).into_owned());
            }
        }
        if node.kind != Kind::Directory && find::role(&node.path).is_some() {
            self.seen.insert(node.path);
        }
        Ok(())
    }

    fn what(&self, absolute: &str) -> Option<What> {
        self.outline.get(&TreePath::new(absolute)?)
    }

    /// The file that `path` leads to, as an absolute path; nothing where it leads to none.
    fn file(&self, path: &TreePath) -> Option<String> {
        let real = self.outline.resolve(path, true).ok()?;
        self.outline.get(&real).filter(|w| w.is_file())?;
        // GRUB's configuration is text
        std::str::from_utf8(real.as_bytes()).ok().map(|text| format!("/{text}"))
    }

    /// Versions with their files, the newest first, and rescue images.
    fn candidates(&self) -> (Vec<Candidate>, Vec<String>) {
        let mut images: BTreeMap<String, BTreeSet<(u8, String)>> = BTreeMap::new();
        let mut initramfs: BTreeMap<String, BTreeSet<(u8, String)>> = BTreeMap::new();
        let mut rescue = BTreeSet::new();
        for path in &self.seen {
            let Some(file) = self.file(path) else { continue };
            match find::role(path) {
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
        let ranked = |files: BTreeSet<(u8, String)>| {
            let mut out: Vec<String> = Vec::new();
            for (_, file) in files {
                if !out.contains(&file) {
                    out.push(file);
                }
            }
            out
        };
        let mut candidates: Vec<Candidate> = images
            .into_iter()
            .map(|(version, images)| Candidate {
                initramfs: ranked(initramfs.remove(&version).unwrap_or_default()),
                images: ranked(images),
                version,
            })
            .collect();
        candidates.sort_by(|a, b| version::compare(&b.version, &a.version));
        (candidates, rescue.into_iter().collect())
    }

    fn os_release(&self) -> Option<OsRelease> {
        ["etc/os-release", "usr/lib/os-release"].iter().find_map(|at| {
            let real = self.outline.resolve(&TreePath::new(at)?, true).ok()?;
            self.os_releases.get(&real).map(|text| OsRelease::parse(text))
        })
    }

    /// systemd.special(7): the administrator's link wins over the distribution's.
    fn default_target(&self) -> Option<String> {
        ["etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"].iter().find_map(|directory| {
            let directory = self.outline.resolve(&TreePath::new(directory)?, true).ok()?;
            let target = self.outline.link(&join(&directory, b"default.target")?)?;
            let name = target.rsplit(|b| *b == b'/').next()?;
            std::str::from_utf8(name).ok().map(String::from)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Archive;
    use super::super::specimen::{file, hard, pack, symlink};
    use super::super::tree::Node;
    use super::*;

    fn facts(tree: &[(Node, Vec<u8>)], pin: Option<&str>) -> Result<Facts, InspectError> {
        inspect(&mut Archive::new(pack(tree).as_slice()), pin)
    }

    fn chosen(tree: &[(Node, Vec<u8>)], pin: Option<&str>) -> (String, String, String, Why) {
        let facts = facts(tree, pin).expect("boots");
        (facts.kernel.version, facts.kernel.image, facts.kernel.initramfs, facts.why)
    }

    fn debian() -> Vec<(Node, Vec<u8>)> {
        vec![
            symlink("lib", "usr/lib"),
            file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
            symlink("etc/os-release", "../usr/lib/os-release"),
            symlink("usr/lib/systemd/system/default.target", "graphical.target"),
            symlink("etc/systemd/system/default.target", "/lib/systemd/system/multi-user.target"),
            file("boot/vmlinuz-6.1.0-9-amd64", "k"),
            file("boot/initrd.img-6.1.0-9-amd64", "i"),
            file("boot/vmlinuz-6.1.0-28-amd64", "k"),
            file("boot/initrd.img-6.1.0-28-amd64", "i"),
            symlink("vmlinuz", "boot/vmlinuz-6.1.0-28-amd64"),
        ]
    }

    #[test]
    fn the_newest_of_debians() {
        let facts = facts(&debian(), None).expect("boots");
        insta::assert_snapshot!(serde_json::to_string_pretty(&facts).expect("json"));
    }

    #[test]
    fn a_pinned_kernel() {
        let (version, image, _, why) = chosen(&debian(), Some("6.1.0-9-amd64"));
        assert_eq!(
            (version.as_str(), image.as_str(), why),
            ("6.1.0-9-amd64", "/boot/vmlinuz-6.1.0-9-amd64", Why::Pinned)
        );
        assert_eq!(
            facts(&debian(), Some("5.10")).expect_err("not there").to_string(),
            "kernel 5.10 is not in the image, which has 6.1.0-28-amd64, 6.1.0-9-amd64"
        );
    }

    #[test]
    fn enterprise_linux_with_a_rescue_image() {
        let tree = [
            file("boot/vmlinuz-0-rescue-0123456789abcdef0123456789abcdef", "k"),
            file("boot/initramfs-0-rescue-0123456789abcdef0123456789abcdef.img", "i"),
            file("boot/vmlinuz-3.10.0-1160.11.1.el7.x86_64", "k"),
            file("boot/initramfs-3.10.0-1160.11.1.el7.x86_64.img", "i"),
            file("boot/initramfs-3.10.0-1160.11.1.el7.x86_64kdump.img", "i"),
        ];
        let (version, _, initramfs, why) = chosen(&tree, None);
        assert_eq!(version, "3.10.0-1160.11.1.el7.x86_64");
        assert_eq!(initramfs, "/boot/initramfs-3.10.0-1160.11.1.el7.x86_64.img");
        assert_eq!(why, Why::Only);
        let error = facts(&tree[..2], Some("3.10")).expect_err("only a rescue image");
        assert!(matches!(error, InspectError::NoKernel { rescue } if rescue.len() == 1));
    }

    #[test]
    fn boot_loader_specification_and_modules_folder() {
        let id = "0123456789abcdef0123456789abcdef";
        let tree = [
            file("usr/lib/modules/4.18.0/vmlinuz", "k"),
            file(&format!("boot/{id}/4.18.0/linux"), "k"),
            file(&format!("boot/{id}/4.18.0/initrd"), "i"),
            file(&format!("boot/{id}/0-rescue/linux"), "k"),
        ];
        assert_eq!(chosen(&tree, None).1, format!("/boot/{id}/4.18.0/linux"));
        let modules = [file("lib/modules/6.12.1/vmlinuz", "k"), file("boot/initramfs-6.12.1.img", "i")];
        assert_eq!(chosen(&modules, None).1, "/lib/modules/6.12.1/vmlinuz");
    }

    #[test]
    fn links_give_the_file_itself() {
        let tree = [
            symlink("lib", "usr/lib"),
            file("usr/lib/modules/6.12.1/vmlinuz", "k"),
            symlink("boot/vmlinuz-6.12.1", "/lib/modules/6.12.1/vmlinuz"),
            symlink("boot/vmlinuz-6.13.0", "/lib/modules/6.13.0/vmlinuz"),
            file("boot/initrd.img-6.12.1", "i"),
        ];
        let (version, image, _, why) = chosen(&tree, None);
        assert_eq!((version.as_str(), image.as_str()), ("6.12.1", "/usr/lib/modules/6.12.1/vmlinuz"));
        assert_eq!(why, Why::Only, "a link to nothing is no kernel");
        let linked = [
            file("usr/lib/modules/6.1/vmlinuz", "k"),
            hard("boot/vmlinuz-6.1", "usr/lib/modules/6.1/vmlinuz"),
            file("boot/initrd-6.1", "i"),
        ];
        assert_eq!(chosen(&linked, None).1, "/boot/vmlinuz-6.1");
    }

    #[test]
    fn what_cannot_boot_says_why() {
        let error = |tree: &[(Node, Vec<u8>)]| facts(tree, None).expect_err("cannot boot");
        assert!(matches!(error(&[file("etc/motd", "")]), InspectError::NoKernel { .. }));
        let kernel = file("boot/vmlinuz-6.1", "k");
        assert_eq!(
            error(std::slice::from_ref(&kernel)).to_string(),
            "kernel 6.1 (/boot/vmlinuz-6.1) has no initramfs"
        );
        assert!(matches!(
            error(&[kernel.clone(), file("boot/initrd.img-6.1", "")]),
            InspectError::EmptyInitramfs { path, .. } if path == "/boot/initrd.img-6.1"
        ));
        assert!(matches!(
            error(&[file("boot/vmlinuz-6.1", ""), file("boot/initrd.img-6.1", "i")]),
            InspectError::EmptyKernel { .. }
        ));
        assert!(matches!(
            error(&[kernel, symlink("boot/initrd.img-6.1", "nowhere")]),
            InspectError::NoInitramfs { .. }
        ));
    }

    #[test]
    fn a_survey_needs_no_kernel() {
        let of = |tree: &[(Node, Vec<u8>)]| survey(&mut Archive::new(pack(tree).as_slice())).expect("read");
        let debian = of(&debian());
        assert_eq!(debian.kernel.as_deref(), Some("6.1.0-28-amd64"));
        assert_eq!(debian.os_release.map(|os| os.id).as_deref(), Some("debian"));
        assert_eq!(of(&[file("etc/motd", "")]), Survey { os_release: None, kernel: None });
    }

    #[test]
    fn facts_survive_json() {
        let facts = facts(&debian(), None).expect("boots");
        let text = serde_json::to_string(&facts).expect("json");
        assert_eq!(serde_json::from_str::<Facts>(&text).expect("facts"), facts);
    }
}
