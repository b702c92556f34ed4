//! Someone else's eyes: xfsprogs and the kernel's own xfs.

use std::ffi::OsStr;
use std::fs::File;

use osimg::base::Bytes;
use osimg::fs::xfs::Xfs;
use osimg::fs::{Formatter, FsError, Request, Window, Written};
use osimg::rootfs::tree::Timestamp;

use crate::ext4::kernel::{Image, Mount, compare_links};
use crate::ext4::tree::Sample;
use crate::program::output;

pub const CREATED: Timestamp = Timestamp { secs: 1_700_000_000, nanos: 5 };

pub fn request(size: Bytes) -> Request {
    Request {
        size,
        uuid: uuid::uuid!("0f3c9a52-7b1e-5d4f-8a60-112233445566"),
        hash_seed: uuid::Uuid::nil(),
        label: "root-a-lang-ä".into(),
        created: CREATED,
    }
}

pub fn format(xfs: &Xfs, sample: &Sample, size: Bytes) -> Result<(Image, Written), FsError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("part.img");
    let file = File::create(&path).expect("an image");
    file.set_len(size.0).expect("its size");
    let mut window = Window::new(&file, Bytes(0), size);
    let written = xfs.format(&request(size), &mut sample.stream(), &mut window)?;
    Ok((Image { folder, path }, written))
}

/// `xfs_repair -n` finds nothing at all.
pub fn check(image: &Image) {
    let text = output("xfs_repair", &["-n".as_ref(), "-f".as_ref(), image.path.as_os_str()]);
    let usual = |line: &str| {
        let line = line.trim_start();
        // It asks for the sector size of the disk under an image file, where there may be none to see.
        let geometry = ["Cannot get host", "Repair may fail if", "the image and the host"];
        ["Phase ", "- ", "No modify flag set"].iter().chain(&geometry).any(|start| line.starts_with(start))
    };
    let odd: Vec<&str> = text.lines().filter(|line| !usual(line)).collect();
    assert!(odd.is_empty(), "{text}");
    // The debugger's own walk over every block says nothing either.
    let said = db(image, &["check"]);
    assert!(said.is_empty(), "xfs_db: {said}");
}

/// What `xfs_db` prints for these commands.
pub fn db(image: &Image, commands: &[&str]) -> String {
    let mut args = vec![OsStr::new("-r"), OsStr::new("-f")];
    for command in commands {
        args.push(OsStr::new("-c"));
        args.push(OsStr::new(command));
    }
    args.push(image.path.as_os_str());
    output("xfs_db", &args)
}

/// Mounts read-write. Xfs refuses a UUID that is mounted already, and tests run beside each other.
pub fn mount(image: &Image) -> Mount {
    image.mount_with("loop,nouuid")
}

/// Mounts read-write and compares the whole tree.
pub fn look(image: &Image, sample: &Sample) -> Mount {
    let mount = mount(image);
    compare_links(&mount.point, &sample.expected_with(CREATED, &[(b"", 0o755)]), u64::MAX);
    mount
}

/// Checks the image, mounts it, compares the whole tree, unmounts and checks again.
pub fn prove(image: &Image, sample: &Sample) {
    check(image);
    drop(look(image, sample));
    check(image);
}
