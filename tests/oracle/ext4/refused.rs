//! What the writer refuses, and what it leaves then.

use std::io::{self};

use osimg::base::Bytes;
use osimg::fs::ext4::Ext4;
use osimg::fs::{Formatter, FsError, WriteAt};
use osimg::rootfs::tree::{Item, Kind, Meta, Node, TreePath, TreeSource};

use super::kernel::{format, request};
use super::tree::{Sample, meta};
use super::{MIB, with_xattrs, zoo};

fn need_of(sample: &Sample, have: Bytes) -> Bytes {
    match format(&Ext4::default(), sample, have).err() {
        Some(FsError::TooSmall { need, have: said }) => {
            assert_eq!(said, have);
            need
        }
        other => panic!("{have} should have been too small: {other:?}"),
    }
}

#[test]
fn a_tree_too_large_says_how_much_would_do() {
    let mut data = Sample::default();
    for i in 0..40 {
        data.pattern(format!("{i}"), 5 * MIB + i, 1, 1);
    }
    let mut holes = Sample::default();
    for i in 0..20 {
        holes.pattern(format!("{i}"), 3000 * 4096, 2, 1);
    }
    let mut names = Sample::default();
    for i in 0..50_000 {
        names.push(format!("{i:0250}"), Kind::File { size: 0 }, meta(0o644));
    }
    let mut inodes = Sample::default();
    for i in 0..40_000 {
        inodes.push(format!("{}/{i}", i % 100), Kind::Symlink { target: b"x".to_vec() }, meta(0o777));
    }
    for sample in [data, holes, names, inodes] {
        for have in [Bytes(MIB), Bytes(50 * MIB)] {
            let need = need_of(&sample, have);
            let (image, _) = format(&Ext4::default(), &sample, need).expect("what it says suffices");
            image.check();
            // And it is no wild guess: at most 3 MiB less would not do, or the next class of inode counts begins.
            let less = Bytes(need.0 - 3 * MIB);
            if less.0 > have.0 {
                need_of(&sample, less);
            }
        }
    }
}

#[test]
fn what_cannot_be_is_said() {
    let fails = |make: &dyn Fn(&mut Sample)| {
        let mut s = Sample::default();
        make(&mut s);
        format(&Ext4::default(), &s, Bytes(16 * MIB)).err().expect("an error").to_string()
    };
    let twice = "/a: the path comes twice in the tree";
    assert_eq!(
        fails(&|s| {
            s.file("a", "");
            s.file("a", "")
        }),
        twice
    );
    assert_eq!(
        fails(&|s| {
            s.dir("a");
            s.dir("a")
        }),
        twice
    );
    assert_eq!(
        fails(&|s| {
            s.file("a/b", "");
            s.file("a", "")
        }),
        twice
    );
    assert_eq!(
        fails(&|s| {
            s.file("a", "");
            s.dir("a")
        }),
        twice
    );
    assert_eq!(
        fails(&|s| {
            s.file("a", "");
            s.file("a/b", "")
        }),
        "/a/b: a part of the path before its name is no directory"
    );
    assert_eq!(fails(&|s| s.file("", "")), "/: the root must be a directory");
    assert_eq!(fails(&|s| s.file("lost+found", "")), "/lost+found: ext4 needs a directory of this name");
    let link = |to: &str| Kind::HardLink { target: TreePath::new(to).expect("path") };
    assert_eq!(fails(&|s| s.push("a", link("b"), meta(0))), "/a: is a hard link to /b, which is not there");
    assert_eq!(
        fails(&|s| {
            s.dir("b");
            s.push("a", link("b"), meta(0))
        }),
        "/a: is a hard link to the directory /b"
    );
    let symlink = "/a: a symlink's target has 1 to 4,095 bytes and none is NUL";
    for target in [vec![], vec![b'x'; 4096], b"a\0b".to_vec()] {
        assert_eq!(fails(&|s| s.push("a", Kind::Symlink { target: target.clone() }, meta(0o777))), symlink);
    }
    assert_eq!(
        fails(&|s| s.push("a", Kind::CharDevice { major: 4096, minor: 1 }, meta(0o600))),
        "/a: no device has the number 4096:1"
    );
    assert_eq!(
        fails(&|s| s.push("a", Kind::Fifo, with_xattrs(0o600, &[("user.a", &[1; 4041])]))),
        "/a: its extended attributes need 4064 bytes, ext4 has 4060"
    );
}

/// A target that fails after some bytes.
struct Failing {
    out: Vec<u8>,
    left: usize,
}

impl WriteAt for Failing {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| io::Error::other("unplugged"))?;
        self.out.write_at(offset, bytes)
    }
}

#[test]
fn a_pass_that_fails_leaves_nothing_to_mount() {
    let sample = zoo();
    let size = Bytes(100 * MIB);
    let attempt = |left: usize| {
        let mut target = Failing { out: Vec::new(), left };
        let result = Ext4::default().format(&request(size), &mut sample.stream(), &mut target);
        (result, target)
    };
    let (done, whole) = attempt(usize::MAX);
    done.expect("it fits");
    let needed = usize::MAX - whole.left;
    for left in [0, 1000, needed / 2, needed - 5000, needed - 1] {
        let (result, target) = attempt(left);
        let error = result.expect_err("too few bytes");
        assert_eq!(error.to_string(), "writing the filesystem: unplugged");
        // The superblock's magic number.
        assert_ne!(target.out.get(0x438..0x43A), Some(&[0x53, 0xEF][..]), "after {left} bytes");
    }
}

#[test]
fn data_that_ends_early_is_an_error() {
    struct Short(Option<io::Empty>, io::Empty);
    impl TreeSource for Short {
        fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
            let path = TreePath::new("short").expect("a path");
            let node = Node { path, kind: Kind::File { size: 5 }, meta: meta(0o644) };
            Ok(self.0.take().map(|_| Item { node, data: &mut self.1 }))
        }
    }
    let request = request(Bytes(16 * MIB));
    let mut tree = Short(Some(io::empty()), io::empty());
    let error = Ext4::default().format(&request, &mut tree, &mut Vec::new()).expect_err("no data");
    assert!(matches!(error, FsError::Read(_)), "{error}");
}

#[test]
fn a_lost_and_found_of_the_tree_is_kept() {
    let mut s = Sample::default();
    s.file("lost+found/#17", "found");
    s.push("lost+found", Kind::Directory, Meta { gid: 5, ..meta(0o750) });
    let (image, _) = format(&Ext4::default(), &s, Bytes(16 * MIB)).expect("it fits");
    image.prove(&s);
}
