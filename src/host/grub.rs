//! GRUB as this host's packages have it: where it is, which it is, and its images for a disk.
//!
//! Debian and its kin call the program grub-mkimage, Fedora, its kin and openSUSE grub2-mkimage; the modules are in
//! `lib/grub`, with openSUSE in `share/grub2`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::command::{Call, CommandError, find_program};
use crate::base::{Digest, DigestBuilder, NodeReporter};
use crate::boot::{PartitionMap, Platform, files, mkimage, modules};

/// What grub-mkimage is called.
pub const PROGRAMS: [&str; 2] = ["grub-mkimage", "grub2-mkimage"];
/// Where distributions keep the folders of GRUB's platforms.
const LIBRARIES: [&str; 4] = ["usr/lib/grub", "usr/share/grub2", "usr/lib/grub2", "usr/share/grub"];

/// GRUB's program and the folders of its platforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostGrub {
    pub mkimage: PathBuf,
    pub libraries: BTreeMap<Platform, PathBuf>,
}

/// What this host lacks of GRUB.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrubMissing {
    #[error("grub-mkimage is not installed")]
    Program,
    #[error("GRUB's files for {} are not installed", .0.as_str())]
    Library(Platform),
}

/// Why GRUB's images were not made.
#[derive(Debug, thiserror::Error)]
pub enum GrubError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// GRUB for `platforms`, all of them. `path` is the value of `PATH`; `root` is where the filesystem begins, `/` but in
/// tests.
pub fn locate(path: Option<&OsStr>, root: &Path, platforms: &[Platform]) -> Result<HostGrub, GrubMissing> {
    let mkimage = find_program(&PROGRAMS, path).ok_or(GrubMissing::Program)?;
    let mut libraries = BTreeMap::new();
    for platform in platforms {
        let folder = library(root, *platform).ok_or(GrubMissing::Library(*platform))?;
        libraries.insert(*platform, root.join(folder));
    }
    Ok(HostGrub { mkimage, libraries })
}

/// The folder of a platform's modules, relative to `root`.
pub fn library(root: &Path, platform: Platform) -> Option<PathBuf> {
    LIBRARIES
        .iter()
        .map(|library| Path::new(library).join(platform.as_str()))
        // a package may leave the folder behind when it goes; kernel.img is what every image needs
        .find(|folder| root.join(folder).join("kernel.img").is_file())
}

impl HostGrub {
    /// What the program says its version is: `2.06-13+deb12u1`.
    pub async fn version(
        &self,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Result<String, CommandError> {
        let text = Call::new(&self.mkimage).arg("--version").run(reporter, cancel).await?;
        Ok(text.split_whitespace().next_back().unwrap_or_default().to_string())
    }

    /// Of all that the images are made of: the program, kernels, modules, lists. For keys of a cache.
    pub fn digest(&self) -> Result<Digest, GrubError> {
        let mut builder = DigestBuilder::new("grub");
        builder.add("mkimage", read(&self.mkimage)?);
        for (platform, folder) in &self.libraries {
            builder.add("platform", platform.as_str());
            for (name, path) in entries(folder)? {
                if modules::copied(&name) || name.ends_with(".img") {
                    builder.add(&name, read(&path)?);
                }
            }
        }
        Ok(builder.finish())
    }

    /// Makes the images for a disk of `map` with `early` in them and puts them and all else that [`crate::boot::BootFiles`] reads into
    /// `folder`, which is created where missing.
    pub async fn make(
        &self,
        early: &str,
        map: PartitionMap,
        folder: &Path,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Result<(), GrubError> {
        let write = |path: PathBuf, bytes: &[u8]| {
            fs::write(&path, bytes).map_err(|source| GrubError::Io { path, source })
        };
        fs::create_dir_all(folder).map_err(|source| GrubError::Io { path: folder.into(), source })?;
        write(folder.join(files::VERSION), self.version(reporter, cancel).await?.as_bytes())?;
        let configuration = folder.join("early.cfg");
        write(configuration.clone(), early.as_bytes())?;
        for (platform, directory) in &self.libraries {
            let out = folder.join(platform.as_str());
            fs::create_dir_all(&out).map_err(|source| GrubError::Io { path: out.clone(), source })?;
            for (name, path) in entries(directory)? {
                if modules::copied(&name) || name == "boot.img" {
                    let (bytes, copy) = (read(&path)?, out.join(&name));
                    fs::write(&copy, bytes).map_err(|source| GrubError::Io { path: copy, source })?;
                }
            }
            let output = out.join(mkimage::output(*platform));
            let call = mkimage::Call {
                platform: *platform,
                map,
                directory,
                configuration: &configuration,
                output: &output,
            };
            Call::new(&self.mkimage).args(call.arguments()).run(reporter, cancel).await?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, GrubError> {
    fs::read(path).map_err(|source| GrubError::Io { path: path.into(), source })
}

/// The folder's files by name, sorted; names that are no UTF-8 are none of GRUB's.
fn entries(folder: &Path) -> Result<BTreeMap<String, PathBuf>, GrubError> {
    let io = |source| GrubError::Io { path: folder.into(), source };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if let Some(name) = path.file_name().and_then(OsStr::to_str).filter(|_| path.is_file()) {
            found.insert(name.to_string(), path.clone());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A root with a grub-mkimage that writes its arguments to its output, and a library for BIOS only.
    fn host() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("folder");
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            fs::write(&path, text).expect("file");
            path
        };
        let script = "#!/bin/sh\n\
            [ \"$1\" = --version ] && { echo 'grub-mkimage (GRUB) 2.12-x'; exit; }\n\
            echo \"$@\" > \"${10}\"\n";
        let program = put("bin/grub-mkimage", script);
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("mode");
        put("usr/lib/grub/x86_64-efi/left.mod", "behind");
        for name in ["kernel.img", "boot.img", "normal.mod", "command.lst", "README"] {
            put(&format!("usr/share/grub2/i386-pc/{name}"), name);
        }
        root
    }

    #[tokio::test]
    async fn finds_makes_and_tells_apart() {
        let root = host();
        let path = root.path().join("bin").into_os_string();
        let locate = |platforms: &[Platform]| locate(Some(&path), root.path(), platforms);
        assert_eq!(locate(&Platform::ALL), Err(GrubMissing::Library(Platform::X86_64Efi)));
        let grub = locate(&[Platform::I386Pc]).expect("there");
        let (reporter, cancel) = (NodeReporter::silent(), CancellationToken::new());
        assert_eq!(grub.version(&reporter, &cancel).await.expect("runs"), "2.12-x");

        let out = root.path().join("out");
        grub.make("early\n", PartitionMap::Msdos, &out, &reporter, &cancel).await.expect("makes");
        let names: Vec<String> = entries(&out.join("i386-pc")).expect("folder").into_keys().collect();
        assert_eq!(names, ["boot.img", "command.lst", "core.img", "normal.mod"]);
        let arguments = fs::read_to_string(out.join("i386-pc/core.img")).expect("image");
        assert!(arguments.starts_with("--format i386-pc --directory "), "{arguments}");
        assert_eq!(fs::read_to_string(out.join("version")).expect("version"), "2.12-x");

        let before = grub.digest().expect("digest");
        fs::write(root.path().join("usr/share/grub2/i386-pc/README"), "other").expect("write");
        assert_eq!(grub.digest().expect("digest"), before);
        fs::write(root.path().join("usr/share/grub2/i386-pc/normal.mod"), "other").expect("write");
        assert_ne!(grub.digest().expect("digest"), before);
    }
}
