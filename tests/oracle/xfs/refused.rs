//! What the writer refuses, and what it leaves then.

use std::io;

use osimg::base::Bytes;
use osimg::fs::features::Switches;
use osimg::fs::xfs::{Features, Xfs};
use osimg::fs::{Formatter, FsError, WriteAt};
use osimg::rootfs::tree::{Item, Kind, Node, TreePath, TreeSource};

use super::kernel::{check, format, request};
use super::{MIB, with_xattrs, zoo};
use crate::ext4::tree::{Sample, meta};

fn need_of(xfs: &Xfs, sample: &Sample, have: Bytes) -> Bytes {
    match format(xfs, sample, have).err() {
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
    for i in 0..100 {
        data.pattern(format!("{i}"), 5 * MIB + i, 1, 1);
    }
    let mut holes = Sample::default();
    for i in 0..20 {
        holes.pattern(format!("{i}"), 12_000 * 4096, 2, 1);
    }
    let mut names = Sample::default();
    for i in 0..350_000 {
        names.push(format!("{i:0250}"), Kind::Fifo, meta(0o644));
    }
    let mut inodes = Sample::default();
    for i in 0..520_000 {
        inodes.push(format!("{}/{i}", i % 100), Kind::Symlink { target: b"x".to_vec() }, meta(0o777));
    }
    for sample in [data, holes, names, inodes] {
        for (features, have) in [(Features::default(), 310), (Features::all(), 1)] {
            let (xfs, have) = (Xfs { features }, Bytes(have * MIB));
            let need = need_of(&xfs, &sample, have);
            let (image, _) = format(&xfs, &sample, need).expect("what it says suffices");
            check(&image);
            // And it is no wild guess.
            need_of(&xfs, &sample, Bytes(need.0 - 3 * MIB));
        }
    }
}

#[test]
fn what_cannot_be_is_said() {
    let fails = |make: &dyn Fn(&mut Sample)| {
        let mut s = Sample::default();
        make(&mut s);
        format(&Xfs::default(), &s, Bytes(300 * MIB)).err().expect("an error").to_string()
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
            s.file("a/b", "");
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
            s.file("a", "");
            s.file("a/b", "")
        }),
        "/a/b: a part of the path before its name is no directory"
    );
    assert_eq!(fails(&|s| s.file("", "")), "/: the root must be a directory");
    let link = |to: &str| Kind::HardLink { target: TreePath::new(to).expect("path") };
    assert_eq!(fails(&|s| s.push("a", link("b"), meta(0))), "/a: is a hard link to /b, which is not there");
    assert_eq!(
        fails(&|s| {
            s.dir("b");
            s.push("a", link("b"), meta(0))
        }),
        "/a: is a hard link to the directory /b"
    );
    let symlink = "/a: a symlink's target has 1 to 1,023 bytes on xfs and none is NUL";
    for target in [vec![], vec![b'x'; 1024], b"a\0b".to_vec()] {
        assert_eq!(fails(&|s| s.push("a", Kind::Symlink { target: target.clone() }, meta(0o777))), symlink);
    }
    assert_eq!(
        fails(&|s| s.push("a", Kind::CharDevice { major: 512, minor: 1 }, meta(0o600))),
        "/a: xfs has no room for the device number 512:1"
    );
    assert_eq!(
        fails(&|s| s.push("a", Kind::Fifo, with_xattrs(0o600, &[("user.a", &[1; 65_537])]))),
        "/a: the value of user.a has 65537 bytes, 65,536 are allowed"
    );
    let features = Features { inobtcount: true, ..Features::default() };
    let error = format(&Xfs { features }, &Sample::default(), Bytes(300 * MIB)).err().expect("an error");
    assert_eq!(error.to_string(), "/: the feature inobtcount needs the feature finobt");
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
    let sample = zoo(true);
    let size = Bytes(300 * MIB);
    let attempt = |left: usize| {
        let mut target = Failing { out: Vec::new(), left };
        let result = Xfs::default().format(&request(size), &mut sample.stream(), &mut target);
        (result, target)
    };
    let (done, whole) = attempt(usize::MAX);
    done.expect("it fits");
    let needed = usize::MAX - whole.left;
    for left in [0, 1000, needed / 2, needed - 5000, needed - 1] {
        let (result, target) = attempt(left);
        let error = result.expect_err("too few bytes");
        assert_eq!(error.to_string(), "writing the filesystem: unplugged");
        assert_ne!(target.out.get(..4), Some(&b"XFSB"[..]), "after {left} bytes");
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
    let request = request(Bytes(300 * MIB));
    let mut tree = Short(Some(io::empty()), io::empty());
    let error = Xfs::default().format(&request, &mut tree, &mut Vec::new()).expect_err("no data");
    assert!(matches!(error, FsError::Read(_)), "{error}");
}
