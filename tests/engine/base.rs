//! A small root filesystem with one of everything that an export may lose, made once and kept.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// `security.capability`, version 2: `cap_net_raw` permitted and effective.
pub const CAPABILITY: &[u8] = &[1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// `user::rw-,user:1234:r--,group::r--,mask::r--,other::r--` in the portable form.
pub const ACL: &[u8] = &[
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 210, 4, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16,
    0, 4, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
];
/// A path that is no UTF-8.
pub const NO_TEXT: &[u8] = b"data/\xff\xfe";
/// A name of 200 bytes: more than a header has room for.
pub const LONG: &str = concat!(
    "a2345678901234567890123456789012345678901234567890",
    "b2345678901234567890123456789012345678901234567890",
    "c2345678901234567890123456789012345678901234567890",
    "d2345678901234567890123456789012345678901234567890",
);
/// A time in seconds.
pub const PRECISE: &str = "1000000000.123456789";
/// Programs that busybox is linked to.
const PROGRAMS: &[&str] =
    &["sh", "cat", "ls", "echo", "sleep", "seq", "ln", "chmod", "mkdir", "dd", "touch", "rm"];

static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();

/// The tar of the root filesystem.
pub fn archive() -> PathBuf {
    ARCHIVE.get_or_init(make).clone()
}

fn make() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("engine-base.tar");
    let busybox = busybox(folder);
    let mut tar = tar::Builder::new(Vec::new());
    for dir in ["bin/", "etc/", "usr/", "usr/lib/", "data/", "tmp/"] {
        entry(&mut tar, dir, tar::EntryType::Directory, if dir == "tmp/" { 0o1777 } else { 0o755 }, 0, b"");
    }
    entry(&mut tar, "bin/busybox", tar::EntryType::Regular, 0o755, 0, &busybox);
    for program in PROGRAMS {
        link(&mut tar, &format!("bin/{program}"), "busybox");
    }
    entry(&mut tar, "usr/lib/os-release", tar::EntryType::Regular, 0o644, 0, b"ID=osimgtest\n");
    link(&mut tar, "etc/os-release", "../usr/lib/os-release");
    link(&mut tar, "etc/alias", "/etc/os-release");
    link(&mut tar, "lib", "usr/lib");
    link(&mut tar, "usr/lib/up", "../../etc/name");
    entry(&mut tar, "etc/name", tar::EntryType::Regular, 0o600, 0, b"up\n");
    link(&mut tar, "etc/loop", "loop");
    link(&mut tar, "etc/dangling", "/nowhere");
    let xattr = |tar: &mut tar::Builder<Vec<u8>>, name: &str, value: &[u8]| {
        tar.append_pax_extensions([(format!("SCHILY.xattr.{name}").as_str(), value)]).expect("in memory");
    };
    xattr(&mut tar, "security.capability", CAPABILITY);
    entry(&mut tar, "data/capable", tar::EntryType::Regular, 0o755, 0, b"c");
    xattr(&mut tar, "user.note", b"hello");
    entry(&mut tar, "data/noted", tar::EntryType::Regular, 0o644, 0, b"n");
    xattr(&mut tar, "system.posix_acl_access", ACL);
    entry(&mut tar, "data/listed", tar::EntryType::Regular, 0o644, 0, b"l");
    entry(&mut tar, "data/setuid", tar::EntryType::Regular, 0o4755, 77, b"s");
    // an unpacker sets the attributes of a hard link's entry on the file that both name
    let mut second = header(tar::EntryType::Link, 0o4755, 77, 0);
    tar.append_link(&mut second, "data/second", "data/setuid").expect("in memory");
    entry(&mut tar, "data/new\nline", tar::EntryType::Regular, 0o644, 0, b"nl");
    entry(&mut tar, OsStr::from_bytes(NO_TEXT), tar::EntryType::Regular, 0o644, 0, b"bytes");
    entry(&mut tar, format!("data/{LONG}"), tar::EntryType::Regular, 0o644, 0, b"long");
    link(&mut tar, "data/far", &format!("/nowhere/{LONG}"));
    tar.append_pax_extensions([("mtime", PRECISE.as_bytes())]).expect("in memory");
    entry(&mut tar, "data/precise", tar::EntryType::Regular, 0o644, 0, b"p");
    entry(&mut tar, "data/fifo", tar::EntryType::Fifo, 0o644, 0, b"");
    entry(&mut tar, "data/null", tar::EntryType::Char, 0o666, 0, b"");
    let bytes = tar.into_inner().expect("in memory");
    write_whole(&path, &bytes);
    path
}

fn write_whole(path: &Path, bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().expect("a folder")).expect("a file");
    file.write_all(bytes).expect("written");
    file.persist(path).expect("renamed");
}

fn header(kind: tar::EntryType, mode: u32, owner: u64, size: usize) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_mtime(1_000_000_000);
    header.set_size(size as u64);
    if kind == tar::EntryType::Char {
        header.set_device_major(1).expect("ustar");
        header.set_device_minor(3).expect("ustar");
    }
    header
}

fn entry(
    tar: &mut tar::Builder<Vec<u8>>,
    path: impl AsRef<Path>,
    kind: tar::EntryType,
    mode: u32,
    owner: u64,
    bytes: &[u8],
) {
    tar.append_data(&mut header(kind, mode, owner, bytes.len()), path, bytes).expect("in memory");
}

fn link(tar: &mut tar::Builder<Vec<u8>>, path: &str, target: &str) {
    tar.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0, 0), path, target).expect("in memory");
}

/// The static busybox of Debian's package, downloaded once.
fn busybox(folder: &Path) -> Vec<u8> {
    let kept = folder.join("busybox");
    if let Ok(bytes) = fs::read(&kept) {
        return bytes;
    }
    let work = tempfile::tempdir_in(folder).expect("a folder");
    run(Command::new("apt-get").args(["-q", "download", "busybox-static"]).current_dir(work.path()));
    let package = fs::read_dir(work.path())
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .find(|p| p.extension().is_some_and(|e| e == "deb"))
        .expect("the package");
    run(Command::new("dpkg-deb").arg("-x").arg(package).arg(work.path().join("x")));
    let found =
        ["bin/busybox", "usr/bin/busybox"].iter().find_map(|p| fs::read(work.path().join("x").join(p)).ok());
    let bytes = found.expect("busybox in its package");
    write_whole(&kept, &bytes);
    bytes
}

fn run(command: &mut Command) {
    let done = command.output().expect("it starts");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
