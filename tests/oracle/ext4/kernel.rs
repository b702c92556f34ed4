//! Someone else's eyes: e2fsprogs and the kernel's own ext4.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use osimg::base::Bytes;
use osimg::fs::ext4::Ext4;
use osimg::fs::{Formatter, FsError, Request, Window, Written};
use osimg::rootfs::tree::{Kind, Timestamp};

use super::tree::{Expected, Sample};
use crate::program::output;

pub const CREATED: Timestamp = Timestamp { secs: 1_700_000_000, nanos: 5 };

pub fn request(size: Bytes) -> Request {
    Request {
        size,
        uuid: uuid::uuid!("0f3c9a52-7b1e-5d4f-8a60-112233445566"),
        hash_seed: uuid::uuid!("6ba7b810-9dad-51d1-80b4-00c04fd430c8"),
        label: "root-über-lang-label".into(),
        created: CREATED,
    }
}

/// An image file in a temporary folder of its own.
pub struct Image {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn format(ext4: &Ext4, sample: &Sample, size: Bytes) -> Result<(Image, Written), FsError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("part.img");
    let file = File::create(&path).expect("an image");
    file.set_len(size.0).expect("its size");
    let mut window = Window::new(&file, Bytes(0), size);
    let written = ext4.format(&request(size), &mut sample.stream(), &mut window)?;
    Ok((Image { folder, path }, written))
}

impl Image {
    /// `e2fsck -fn` finds nothing at all.
    pub fn check(&self) {
        self.check_but_for("no such line");
    }

    /// As [`Image::check`] after the kernel has written: it leaves extent trees wider than they need be.
    pub fn check_used(&self) {
        self.check_but_for("could be narrower");
    }

    fn check_but_for(&self, harmless: &str) {
        let text = output("e2fsck", &["-fn".as_ref(), self.path.as_os_str()]);
        let lines: Vec<&str> = text.lines().filter(|l| !l.is_empty() && !l.contains(harmless)).collect();
        // Its version, five passes, and the summary.
        assert!(lines.len() == 7 && !lines.iter().any(|l| l.contains('?')), "{text}");
    }

    /// Mounts read-write.
    pub fn mount(&self) -> Mount {
        self.mount_with("loop")
    }

    /// As [`Image::mount`], with these options.
    pub fn mount_with(&self, options: &str) -> Mount {
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
        Mount { holder, point: inside.into() }
    }

    /// Checks the image, mounts it, compares the whole tree, unmounts and checks again.
    pub fn prove(&self, sample: &Sample) {
        self.check();
        let mount = self.mount();
        compare(&mount.point, &sample.expected(CREATED));
        drop(mount);
        self.check();
    }
}

/// A mounted image.
pub struct Mount {
    holder: Child,
    /// Where it is seen from here.
    pub point: PathBuf,
}

impl Mount {
    /// The process in whose mount namespace it is mounted.
    pub fn holder(&self) -> u32 {
        self.holder.id()
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

/// Everything about every path equals what is expected, and there is no other path.
pub fn compare(root: &Path, expected: &BTreeMap<Vec<u8>, Expected<'_>>) {
    compare_links(root, expected, 65_000);
}

/// As [`compare`]; directories with more than `most` links are said to have one.
pub fn compare_links(root: &Path, expected: &BTreeMap<Vec<u8>, Expected<'_>>, most: u64) {
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
