//! An image, mounted by the kernel, and compared with the tree that it was made of.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use osimg::rootfs::tree::Kind;

use crate::program::output;
use crate::tree::Expected;

/// An image file in a temporary folder of its own.
pub struct Image {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl Image {
    /// Mounts read-write, with these options.
    pub fn mount(&self, options: &str) -> Mount {
        let point = self.folder.path().join("mnt");
        fs::create_dir_all(&point).expect("a mount point");
        // In a mount namespace of its own: a container that starts meanwhile would copy the mount into its, and
        // keep the filesystem busy after we unmount it.
        // A test on another thread that starts a program holds our open files for a moment: so umount tries again.
        let script = r#"mount -o "$2" "$0" "$1" && echo mounted && cat > /dev/null
            for try in 1 2 3 4 5 6 7 8 9; do umount "$1" 2> /dev/null && exit; sleep 0.2; done; umount "$1""#;
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", script])
            .args([self.path.as_os_str(), point.as_os_str(), OsStr::new(options)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare runs");
        let mut said = String::new();
        BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut said).expect("its output");
        assert_eq!(said, "mounted\n");
        let inside = format!("/proc/{}/root{}", holder.id(), point.display());
        let place = point.to_str().expect("UTF-8").to_string();
        Mount { holder, place, point: inside.into() }
    }
}

/// A mounted image.
pub struct Mount {
    holder: Child,
    /// Where it is mounted in the namespace of its own.
    place: String,
    /// Where it is seen from here.
    pub point: PathBuf,
}

impl Mount {
    /// What a program says that runs where it is mounted; `{}` in `args` is its place there, `{device}` its device.
    pub fn run(&self, args: &[&str]) -> String {
        let target = format!("--target={}", self.holder.id());
        let inside = |words: &[&str]| output("nsenter", &[&["--mount", &target], words].concat());
        let device = inside(&["findmnt", "--noheadings", "--output=SOURCE", &self.place]);
        let args: Vec<String> =
            args.iter().map(|a| a.replace("{}", &self.place).replace("{device}", device.trim())).collect();
        inside(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let done = self.holder.wait().is_ok_and(|s| s.success());
        if !std::thread::panicking() {
            assert!(done, "umount {}", self.point.display());
        }
    }
}

fn walk(root: &Path, path: &Path, out: &mut BTreeSet<Vec<u8>>) {
    for entry in fs::read_dir(path).expect("a directory") {
        let entry = entry.expect("an entry");
        let path = entry.path();
        let relative = path.strip_prefix(root).expect("under the root").as_os_str().as_bytes().to_vec();
        assert!(out.insert(relative), "{path:?} is listed twice");
        if entry.file_type().expect("a type").is_dir() {
            walk(root, &path, out);
        }
    }
}

fn xattrs(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut list = vec![0u8; 1 << 16];
    let n = rustix::fs::llistxattr(path, &mut list[..]).expect("a list of attributes");
    list[..n]
        .split(|b| *b == 0)
        // Xfs shows root its own form of an ACL too.
        .filter(|name| !name.is_empty() && !name.starts_with(b"trusted.SGI_ACL_"))
        .map(|name| {
            let mut value = vec![0u8; 1 << 16];
            let n = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value[..]).expect("a value");
            value.truncate(n);
            (name.to_vec(), value)
        })
        .collect()
}

fn same_data(path: &Path, expected: &Expected<'_>, size: u64) {
    let mut file = File::open(path).expect("a file");
    let content = expected.content.expect("a file has content");
    let (mut at, mut got, mut want) = (0, vec![0; 1 << 20], vec![0; 1 << 20]);
    while at < size {
        let n = (size - at).min(1 << 20) as usize;
        file.read_exact(&mut got[..n]).expect("data");
        content.fill(at, &mut want[..n]);
        assert!(got[..n] == want[..n], "{path:?} differs after {at}");
        at += n as u64;
    }
    assert_eq!(file.read(&mut got).expect("the end"), 0);
}

/// Everything about every path equals what is expected, and there is no other path. Directories with more than `most`
/// links are said to have one.
pub fn compare(root: &Path, expected: &BTreeMap<Vec<u8>, Expected<'_>>, most: u64) {
    let mut found = BTreeSet::from([Vec::new()]);
    walk(root, root, &mut found);
    let wanted: BTreeSet<Vec<u8>> = expected.keys().cloned().collect();
    let show = |set: Vec<&Vec<u8>>| {
        set.iter().map(|p| String::from_utf8_lossy(p).into_owned()).take(10).collect::<Vec<_>>()
    };
    assert!(
        found == wanted,
        "missing {:?}, too many {:?}",
        show(wanted.difference(&found).collect()),
        show(found.difference(&wanted).collect())
    );
    let mut links: BTreeMap<usize, u64> = BTreeMap::new();
    let mut subdirectories: BTreeMap<&[u8], u64> = BTreeMap::new();
    for (path, e) in expected {
        *links.entry(e.group).or_default() += 1;
        if e.kind == Kind::Directory && !path.is_empty() {
            let parent = path.iter().rposition(|b| *b == b'/').map_or(&b""[..], |at| &path[..at]);
            *subdirectories.entry(parent).or_default() += 1;
        }
    }
    let mut inodes: BTreeMap<usize, u64> = BTreeMap::new();
    for (relative, e) in expected {
        let path = root.join(OsStr::from_bytes(relative));
        let m = fs::symlink_metadata(&path).expect("metadata");
        assert_eq!(m.mode() & 0o7777, u32::from(e.meta.mode), "{path:?}");
        assert_eq!((m.uid(), m.gid()), (e.meta.uid, e.meta.gid), "{path:?}");
        let mtime = (m.mtime(), m.mtime_nsec());
        assert_eq!(mtime, (e.meta.mtime.secs, e.meta.mtime.nanos.into()), "{path:?}");
        assert_eq!(*inodes.entry(e.group).or_insert(m.ino()), m.ino(), "{path:?} is another inode");
        assert_eq!(xattrs(&path), e.meta.xattrs, "{path:?}");
        let mut nlink = links[&e.group];
        let t = m.file_type();
        match &e.kind {
            Kind::Directory => {
                assert!(t.is_dir(), "{path:?}");
                nlink = 2 + subdirectories.get(&relative[..]).copied().unwrap_or(0);
                if nlink > most {
                    nlink = 1;
                }
            }
            Kind::File { size } => {
                assert!(t.is_file() && m.len() == *size, "{path:?}");
                same_data(&path, e, *size);
            }
            Kind::Symlink { target } => {
                assert_eq!(fs::read_link(&path).expect("a link").as_os_str().as_bytes(), target);
            }
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                let block = matches!(e.kind, Kind::BlockDevice { .. });
                assert!(t.is_block_device() == block && t.is_char_device() != block, "{path:?}");
                let number = (rustix::fs::major(m.rdev()), rustix::fs::minor(m.rdev()));
                assert_eq!(number, (*major, *minor), "{path:?}");
            }
            Kind::Fifo => assert!(t.is_fifo(), "{path:?}"),
            Kind::Socket => assert!(t.is_socket(), "{path:?}"),
            Kind::HardLink { .. } => panic!("{path:?}: hard links are resolved"),
        }
        assert_eq!(m.nlink(), nlink, "{path:?}");
    }
    let distinct: BTreeSet<u64> = inodes.values().copied().collect();
    assert_eq!(distinct.len(), inodes.len(), "two nodes share an inode");
}
