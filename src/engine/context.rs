//! A build context as a list of files, as a digest and as a tar stream.
//!
//! Enters: a [`BuildContext`]. Leaves: the same sorted list of entries in both forms, so that a plan's key changes
//! exactly when what the engine gets to see changes. Owners are root's and times do not enter the digest: engines
//! ignore both when they look for a cached layer. Tar as in POSIX 1003.1-2001 with GNU long names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::base::{Digest, DigestBuilder, IgnoreFile};

use super::BuildContext;

/// The Dockerfile's name in the context when it lies outside of it. BuildKit takes a context from a tar as it is, so a
/// `COPY .` there copies this file too; the classic builder does not when `.dockerignore` names it.
const RESERVED: &str = ".osimg.Dockerfile";
/// The Dockerfile's name in a context that is text alone.
const PLAIN: &str = "Dockerfile";

/// The ignore file of a whole context, and the ending of a Dockerfile's own.
const GENERAL: &str = ".dockerignore";

/// What goes into the tar for one path.
enum Content {
    /// A file of this machine.
    File(PathBuf, Metadata),
    Directory(Metadata),
    Symlink(OsString, Metadata),
    Fifo(Metadata),
    /// Bytes that have no file.
    Bytes(Vec<u8>),
}

/// The entries of a context by path, and which of them is the Dockerfile.
pub(super) struct FileList {
    entries: BTreeMap<PathBuf, Content>,
    pub(super) dockerfile: String,
}

/// The digest of all that a build can see of its context: paths, permission bits, contents, link targets and the
/// Dockerfile's name; no times and no owners.
pub fn context_digest(context: &BuildContext) -> io::Result<Digest> {
    let list = FileList::of(context)?;
    let mut digest = DigestBuilder::new("osimg build context 1").field("dockerfile", &list.dockerfile);
    for (path, content) in &list.entries {
        digest.add("path", path.as_os_str().as_bytes());
        match content {
            Content::File(source, meta) => {
                digest.add("mode", mode(meta).to_le_bytes());
                let content = open(source).and_then(|mut f| Digest::of_reader(&mut f));
                digest.add("file", content.map_err(|e| about(source, e))?.0);
            }
            Content::Directory(meta) => digest.add("directory", mode(meta).to_le_bytes()),
            Content::Symlink(target, _) => digest.add("symlink", target.as_bytes()),
            Content::Fifo(meta) => digest.add("fifo", mode(meta).to_le_bytes()),
            Content::Bytes(bytes) => {
                digest.add("mode", 0o644u32.to_le_bytes());
                digest.add("file", Digest::of(bytes).0);
            }
        }
    }
    Ok(digest.finish())
}

impl FileList {
    pub(super) fn of(context: &BuildContext) -> io::Result<FileList> {
        match context {
            BuildContext::Text { dockerfile, files } => {
                let mut entries: BTreeMap<PathBuf, Content> =
                    files.iter().map(|(p, b)| (PathBuf::from(p), Content::Bytes(b.clone()))).collect();
                let name = free_name(PLAIN, &entries);
                entries.insert(PathBuf::from(&name), Content::Bytes(dockerfile.clone().into_bytes()));
                Ok(FileList { entries, dockerfile: name })
            }
            BuildContext::Folder { path, dockerfile } => FileList::of_folder(path, dockerfile),
        }
    }

    fn of_folder(root: &Path, dockerfile: &Path) -> io::Result<FileList> {
        let (ignore, own) = ignore_file(root, dockerfile)?;
        let mut entries = BTreeMap::new();
        walk(root, Path::new(""), &ignore, &mut entries)?;
        if own {
            // the classic builder and Podman would apply the general file as well
            entries.remove(Path::new(GENERAL));
        }
        let meta = std::fs::metadata(dockerfile).map_err(|e| about(dockerfile, e))?;
        if !meta.is_file() {
            return Err(about(dockerfile, io::Error::other("not a regular file")));
        }
        // the real paths decide whether it is inside, whatever way the manifest spelled them
        let inside = match (root.canonicalize(), dockerfile.canonicalize()) {
            (Ok(root), Ok(file)) => file.strip_prefix(&root).ok().map(Path::to_path_buf),
            _ => None,
        };
        let name = match inside.as_deref().and_then(Path::to_str) {
            Some(name) => name.to_string(),
            None => free_name(RESERVED, &entries),
        };
        // an ignored Dockerfile is sent all the same: the engine reads it from the context
        entries.entry(PathBuf::from(&name)).or_insert_with(|| Content::File(dockerfile.to_path_buf(), meta));
        Ok(FileList { entries, dockerfile: name })
    }

    /// Writes the context as a tar, file by file.
    pub(super) fn pack(&self, out: impl Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(out);
        for (path, content) in &self.entries {
            append(&mut tar, path, content)?;
        }
        tar.into_inner()?.flush()
    }
}

fn append(tar: &mut tar::Builder<impl Write>, path: &Path, content: &Content) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    match content {
        Content::Bytes(_) => {
            header.set_mode(0o644);
            header.set_mtime(0);
        }
        Content::File(_, m) | Content::Directory(m) | Content::Symlink(_, m) | Content::Fifo(m) => {
            header.set_mode(mode(m));
            header.set_mtime(u64::try_from(m.mtime()).unwrap_or(0));
        }
    }
    match content {
        Content::Bytes(bytes) => {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, bytes.as_slice())
        }
        Content::File(source, meta) => {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(meta.len());
            let file = open(source).map_err(|e| about(source, e))?;
            let mut exact = Exact { inner: file, left: meta.len() };
            tar.append_data(&mut header, path, &mut exact).map_err(|e| about(source, e))
        }
        Content::Directory(_) => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_size(0);
            tar.append_data(&mut header, path, io::empty())
        }
        Content::Symlink(target, _) => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, path, target)
        }
        Content::Fifo(_) => {
            header.set_entry_type(tar::EntryType::Fifo);
            header.set_size(0);
            tar.append_data(&mut header, path, io::empty())
        }
    }
}

/// Reads as many bytes as a file had when it was listed; fewer are an error, since the tar's header is already out.
struct Exact<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 {
            return Ok(0);
        }
        let n = self.inner.read(&mut buffer[..room])?;
        if n == 0 {
            return Err(io::Error::other("became shorter while it was read"));
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` in the root, else nothing is ignored; and
/// whether it is the Dockerfile's own.
fn ignore_file(root: &Path, dockerfile: &Path) -> io::Result<(IgnoreFile, bool)> {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(GENERAL);
    for (path, is_own) in [(PathBuf::from(own), true), (root.join(GENERAL), false)] {
        match std::fs::read(&path) {
            Ok(bytes) => {
                let parsed = IgnoreFile::parse(&String::from_utf8_lossy(&bytes))
                    .map_err(|e| about(&path, io::Error::new(io::ErrorKind::InvalidData, e)))?;
                return Ok((parsed, is_own));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(about(&path, e)),
        }
    }
    Ok((IgnoreFile::default(), false))
}

fn walk(
    root: &Path,
    folder: &Path,
    ignore: &IgnoreFile,
    out: &mut BTreeMap<PathBuf, Content>,
) -> io::Result<()> {
    let place = root.join(folder);
    for entry in std::fs::read_dir(&place).map_err(|e| about(&place, e))? {
        let entry = entry.map_err(|e| about(&place, e))?;
        let path = folder.join(entry.file_name());
        let source = entry.path();
        let excluded = ignore.excludes(&path.to_string_lossy());
        if excluded && !ignore.takes_back() {
            continue;
        }
        let meta = std::fs::symlink_metadata(&source).map_err(|e| about(&source, e))?;
        let kind = meta.file_type();
        if kind.is_dir() {
            let before = out.len();
            walk(root, &path, ignore, out)?;
            // a folder that is excluded comes along only for what was taken back in it
            if !excluded || out.len() > before {
                out.insert(path, Content::Directory(meta));
            }
        } else if excluded || kind.is_socket() {
            continue;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&source).map_err(|e| about(&source, e))?;
            out.insert(path, Content::Symlink(target.into_os_string(), meta));
        } else if kind.is_fifo() {
            out.insert(path, Content::Fifo(meta));
        } else if kind.is_file() {
            out.insert(path, Content::File(source, meta));
        } else {
            return Err(about(&source, io::Error::other("a device cannot be part of a build context")));
        }
    }
    Ok(())
}

fn free_name(wish: &str, taken: &BTreeMap<PathBuf, Content>) -> String {
    let mut name = wish.to_string();
    while taken.contains_key(Path::new(&name)) {
        name.push('_');
    }
    name
}

fn mode(meta: &Metadata) -> u32 {
    meta.mode() & 0o7777
}

fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn about(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new(files: &[(&str, &str)]) -> Folder {
            let folder = Folder(tempfile::tempdir().expect("a temporary folder"));
            for (path, text) in files {
                folder.write(path, text);
            }
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.path(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
            std::fs::write(path, text).expect("file");
        }

        fn context(&self, dockerfile: &str) -> BuildContext {
            BuildContext::Folder { path: self.path("ctx"), dockerfile: self.path(dockerfile) }
        }
    }

    fn names(context: &BuildContext) -> Vec<String> {
        let list = FileList::of(context).expect("a list");
        list.entries.keys().map(|p| p.display().to_string()).collect()
    }

    #[test]
    fn an_ignore_file_filters_and_the_dockerfile_always_comes_along() {
        let f = Folder::new(&[
            ("ctx/Dockerfile", "FROM a"),
            ("ctx/.dockerignore", "*\n!keep\n!deep/er/x\n"),
            ("ctx/keep/a", ""),
            ("ctx/deep/er/x", ""),
            ("ctx/deep/er/y", ""),
            ("ctx/other/z", ""),
        ]);
        let c = f.context("ctx/Dockerfile");
        assert_eq!(names(&c), ["Dockerfile", "deep", "deep/er", "deep/er/x", "keep", "keep/a"]);
    }

    #[test]
    fn the_dockerfiles_own_ignore_file_comes_first() {
        let f = Folder::new(&[
            ("ctx/.dockerignore", "a"),
            ("ctx/a", ""),
            ("ctx/b", ""),
            ("x/prod", "FROM a"),
            ("x/prod.dockerignore", "b"),
        ]);
        let list = FileList::of(&f.context("x/prod")).expect("a list");
        assert_eq!(list.dockerfile, ".osimg.Dockerfile");
        assert_eq!(names(&f.context("x/prod")), [".osimg.Dockerfile", "a"]);
    }

    #[test]
    fn a_reserved_name_gives_way() {
        let f = Folder::new(&[("ctx/.osimg.Dockerfile", "mine"), ("D", "FROM a")]);
        assert_eq!(FileList::of(&f.context("D")).expect("a list").dockerfile, ".osimg.Dockerfile_");
    }

    #[test]
    fn the_digest_sees_content_mode_links_and_names_but_no_times() {
        let f = Folder::new(&[("ctx/Dockerfile", "FROM a"), ("ctx/a", "1")]);
        let digest = || context_digest(&f.context("ctx/Dockerfile")).expect("a digest");
        let mut seen = vec![digest()];
        File::open(f.path("ctx/a"))
            .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH))
            .expect("a time");
        assert_eq!(digest(), seen[0]);
        f.write("ctx/a", "2");
        seen.push(digest());
        std::fs::set_permissions(f.path("ctx/a"), PermissionsExt::from_mode(0o755)).expect("a mode");
        seen.push(digest());
        symlink("a", f.path("ctx/l")).expect("a link");
        seen.push(digest());
        std::fs::rename(f.path("ctx/l"), f.path("ctx/m")).expect("a new name");
        seen.push(digest());
        f.write("ctx/.dockerignore", "m\n.dockerignore\n");
        assert_eq!(digest(), seen[2], "an ignored path is no part of the digest");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 5);
    }

    #[test]
    fn packing_is_sorted_rooted_and_repeatable() {
        let long = "l".repeat(150);
        let f = Folder::new(&[("ctx/b", "1"), ("ctx/Dockerfile", "FROM a"), ("ctx/a/x", "22")]);
        f.write(&format!("ctx/{long}"), "333");
        symlink("../b", f.path("ctx/a/l")).expect("a link");
        let pack = || {
            let mut bytes = Vec::new();
            FileList::of(&f.context("ctx/Dockerfile")).expect("a list").pack(&mut bytes).expect("a tar");
            bytes
        };
        let bytes = pack();
        assert_eq!(bytes, pack());
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut seen = Vec::new();
        for entry in archive.entries().expect("entries") {
            let entry = entry.expect("an entry");
            assert_eq!(entry.header().uid().expect("uid"), 0);
            let link = entry.link_name().expect("a link name").map(|l| l.display().to_string());
            seen.push((entry.path().expect("a path").display().to_string(), entry.size(), link));
        }
        let plain = |p: &str, n| (p.to_string(), n, None);
        assert_eq!(
            seen,
            [
                plain("Dockerfile", 6),
                plain("a", 0),
                ("a/l".to_string(), 0, Some("../b".to_string())),
                plain("a/x", 2),
                plain("b", 1),
                plain(&long, 3),
            ]
        );
    }

    #[test]
    fn a_text_context_is_itself() {
        let context = |text: &str| BuildContext::Text {
            dockerfile: text.to_string(),
            files: BTreeMap::from([("a/b".to_string(), b"x".to_vec())]),
        };
        assert_eq!(names(&context("FROM a")), ["Dockerfile", "a/b"]);
        let digest = |text| context_digest(&context(text)).expect("a digest");
        assert_eq!(digest("FROM a"), digest("FROM a"));
        assert_ne!(digest("FROM a"), digest("FROM b"));
    }

    #[test]
    fn a_missing_dockerfile_is_named() {
        let f = Folder::new(&[("ctx/a", "")]);
        let error = context_digest(&f.context("ctx/Dockerfile")).expect_err("no Dockerfile");
        assert!(error.to_string().contains("ctx/Dockerfile"), "{error}");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
