//! What the writer refuses, and what it leaves then.

use std::io;

use osimg::base::Bytes;
use osimg::fs::{FsError, WriteAt};
use osimg::rootfs::tree::{Item, Kind, Node, TreePath, TreeSource};

use crate::filesystem::{Filesystem, MIB, format, request};
use crate::tree::{Sample, meta};

pub fn need_of<F: Filesystem>(fs: &F, sample: &Sample, have: Bytes) -> Bytes {
    match format(fs, sample, have).err() {
        Some(FsError::TooSmall { need, have: said }) => {
            assert_eq!(said, have);
            need
        }
        other => panic!("{have} should have been too small: {other:?}"),
    }
}

/// Too large in data, in extents, in names and in inodes.
fn too_large<F: Filesystem>() -> [Sample; 4] {
    // What is too large for the smallest partition of the one is a long test for the other.
    let some = |count: u64| count * F::LEAST.max(50) / 300;
    let mut data = Sample::default();
    for i in 0..some(100) {
        data.pattern(format!("{i}"), 5 * MIB + i, 1, 1);
    }
    let mut holes = Sample::default();
    for i in 0..some(20) {
        holes.pattern(format!("{i}"), 12_000 * 4096, 2, 1);
    }
    let mut names = Sample::default();
    for i in 0..some(350_000) {
        names.push(format!("{i:0250}"), Kind::Fifo, meta(0o644));
    }
    let mut inodes = Sample::default();
    for i in 0..some(520_000) {
        inodes.push(format!("{}/{i}", i % 100), Kind::Symlink { target: b"x".to_vec() }, meta(0o777));
    }
    [data, holes, names, inodes]
}

pub fn a_tree_too_large_says_how_much_would_do<F: Filesystem>() {
    for sample in too_large::<F>() {
        for (fs, have) in F::some().iter().zip([F::LEAST + 10, 1]) {
            let have = Bytes(have * MIB);
            let need = need_of(fs, &sample, have);
            let (image, _) = format(fs, &sample, need).expect("what it says suffices");
            F::check(&image);
            // And it is no wild guess: whole MiB, of which the last may be half empty.
            assert_eq!(need.0 % MIB, 0);
            need_of(fs, &sample, Bytes(need.0 - F::SPARE_MIB * MIB));
        }
    }
}

pub fn what_no_format_has_is_said<F: Filesystem>() {
    let fails = |make: &dyn Fn(&mut Sample)| what_fails(&F::some()[0], make);
    let twice = "/a: the path comes twice in the tree";
    type Make<'m> = &'m dyn Fn(&mut Sample);
    let both: [Make<'_>; 4] = [
        &|s| ["a", "a"].iter().for_each(|path| s.file(path, "")),
        &|s| ["a/b", "a"].iter().for_each(|path| s.file(path, "")),
        &|s| ["a", "a"].iter().for_each(|path| s.dir(path)),
        &|s| {
            s.file("a", "");
            s.dir("a")
        },
    ];
    for make in both {
        assert_eq!(fails(make), twice);
    }
    let below = "/a/b: a part of the path before its name is no directory";
    assert_eq!(fails(&|s| ["a", "a/b"].iter().for_each(|path| s.file(path, ""))), below);
    assert_eq!(fails(&|s| s.file("", "")), "/: the root must be a directory");
    let link = |to: &str| Kind::HardLink { target: TreePath::new(to).expect("path") };
    assert_eq!(fails(&|s| s.push("a", link("b"), meta(0))), "/a: is a hard link to /b, which is not there");
    let to_directory = fails(&|s| {
        s.dir("b");
        s.push("a", link("b"), meta(0))
    });
    assert_eq!(to_directory, "/a: is a hard link to the directory /b");
    for target in [vec![], vec![b'x'; F::LONGEST_TARGET + 1], b"a\0b".to_vec()] {
        let said = fails(&|s| s.push("a", Kind::Symlink { target: target.clone() }, meta(0o777)));
        assert!(said.starts_with("/a: a symlink's target on "), "{said}");
        assert!(said.ends_with(&format!(" has 1 to {} bytes, and none is NUL", F::LONGEST_TARGET)), "{said}");
    }
    let (major, minor) = F::DEVICES;
    for (major, minor) in [(major, 1), (1, minor)] {
        let said = fails(&|s| s.push("a", Kind::CharDevice { major, minor }, meta(0o600)));
        assert!(said.starts_with("/a: ") && said.ends_with(&format!(" number {major}:{minor}")), "{said}");
    }
}

/// What the writer says of a tree that it refuses.
pub fn what_fails<F: Filesystem>(fs: &F, make: &dyn Fn(&mut Sample)) -> String {
    let mut s = Sample::default();
    make(&mut s);
    format(fs, &s, Bytes(F::ROOMY * MIB)).err().expect("an error").to_string()
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

pub fn a_pass_that_fails_leaves_nothing_to_mount<F: Filesystem>() {
    let fs = F::some()[0];
    let sample = fs.zoo();
    let attempt = |left: usize| {
        let mut target = Failing { out: Vec::new(), left };
        let request = request::<F>(Bytes(F::ROOMY * MIB));
        (fs.format(&request, &mut sample.stream(), &mut target), target)
    };
    let (at, magic) = F::MAGIC;
    let (done, whole) = attempt(usize::MAX);
    done.expect("it fits");
    assert_eq!(&whole.out[at..at + magic.len()], magic);
    let needed = usize::MAX - whole.left;
    for left in [0, 1000, needed / 2, needed - 5000, needed - 1] {
        let (result, target) = attempt(left);
        let error = result.expect_err("too few bytes");
        assert_eq!(error.to_string(), "writing the filesystem: unplugged");
        assert_ne!(target.out.get(at..at + magic.len()), Some(magic), "after {left} bytes");
    }
}

struct Short(Option<io::Empty>, io::Empty);

impl TreeSource for Short {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let path = TreePath::new("short").expect("a path");
        let node = Node { path, kind: Kind::File { size: 5 }, meta: meta(0o644) };
        Ok(self.0.take().map(|_| Item { node, data: &mut self.1 }))
    }
}

pub fn data_that_ends_early_is_an_error<F: Filesystem>() {
    let mut tree = Short(Some(io::empty()), io::empty());
    let request = request::<F>(Bytes(F::ROOMY * MIB));
    let error = F::some()[0].format(&request, &mut tree, &mut Vec::new()).expect_err("no data");
    assert!(matches!(error, FsError::Read(_)), "{error}");
}
