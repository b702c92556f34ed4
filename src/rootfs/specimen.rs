//! Trees for this room's tests: built, listed, and drawn at random.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;

use super::archive::Archive;
use super::archive_writer::ArchiveWriter;
use super::tree::{Kind, Meta, Node, Timestamp, TreePath, TreeSource};

pub type Tree = Vec<(Node, Vec<u8>)>;

pub fn path(text: &str) -> TreePath {
    TreePath::new(text).expect("a path")
}

pub fn entry(at: &str, kind: Kind, mode: u16, data: &[u8]) -> (Node, Vec<u8>) {
    let meta = Meta { mode, mtime: Timestamp { secs: 1000, nanos: 0 }, ..Meta::default() };
    (Node { path: path(at), kind, meta }, data.to_vec())
}

pub fn dir(at: &str) -> (Node, Vec<u8>) {
    entry(at, Kind::Directory, 0o755, b"")
}

pub fn file(at: &str, data: &str) -> (Node, Vec<u8>) {
    entry(at, Kind::File { size: data.len() as u64 }, 0o644, data.as_bytes())
}

pub fn symlink(at: &str, target: &str) -> (Node, Vec<u8>) {
    entry(at, Kind::Symlink { target: target.into() }, 0o777, b"")
}

pub fn hard(at: &str, target: &str) -> (Node, Vec<u8>) {
    let (mut node, data) = entry(at, Kind::HardLink { target: path(target) }, 0, b"");
    node.meta = Meta::default();
    (node, data)
}

pub fn pack(tree: &[(Node, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Vec::new());
    for (node, data) in tree {
        writer.append(node, &mut data.as_slice()).expect("can be written");
    }
    writer.finish().expect("memory")
}

pub fn unpack(bytes: &[u8]) -> std::io::Result<Tree> {
    let mut archive = Archive::new(bytes);
    let mut tree = Vec::new();
    while let Some(item) = archive.next_item()? {
        let mut data = Vec::new();
        item.data.read_to_end(&mut data)?;
        tree.push((item.node, data));
    }
    Ok(tree)
}

/// A line for each node, in the stream's order.
pub fn listing(tree: &[(Node, Vec<u8>)]) -> String {
    let mut out = String::new();
    for (node, data) in tree {
        let kind = match &node.kind {
            Kind::Directory => "dir".into(),
            Kind::File { size } => format!("file {size} {:?}", String::from_utf8_lossy(data)),
            Kind::HardLink { target } => format!("hard {target}"),
            Kind::Symlink { target } => format!("link {}", String::from_utf8_lossy(target)),
            other => format!("{other:?}"),
        };
        let m = &node.meta;
        let xattrs: String = m.xattrs.keys().map(|k| format!(" {}", String::from_utf8_lossy(k))).collect();
        writeln!(out, "{:04o} {}:{} @{} {} {kind}{xattrs}", m.mode, m.uid, m.gid, m.mtime.secs, node.path)
            .expect("a string");
    }
    out
}

fn meta() -> impl Strategy<Value = Meta> {
    let xattrs = proptest::collection::btree_map(
        proptest::collection::vec(1u8.., 1..12),
        proptest::collection::vec(any::<u8>(), 0..300),
        0..3,
    );
    let secs = prop_oneof![any::<i64>(), 0..4_000_000_000i64].prop_map(|s: i64| s.max(-i64::MAX));
    let id = prop_oneof![any::<u32>(), 0..2000u32];
    (0..0o10000u16, id.clone(), id, secs, prop_oneof![Just(0), 0..1_000_000_000u32], xattrs).prop_map(
        |(mode, uid, gid, secs, nanos, xattrs)| Meta {
            mode,
            uid,
            gid,
            mtime: Timestamp { secs, nanos },
            xattrs,
        },
    )
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-d]{1,2}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(1u8.., 1..256),
        1 => Just(b" \n\xff".to_vec()),
    ]
    .prop_filter("a component", |n: &Vec<u8>| !n.contains(&b'/') && n != b"." && n != b"..")
}

/// A kind; a number for a hard link, to be made one to an earlier node.
fn kind() -> impl Strategy<Value = (Kind, Vec<u8>, Option<prop::sample::Index>)> {
    let plain = |kind| (kind, Vec::new(), None);
    prop_oneof![
        3 => Just(plain(Kind::Directory)),
        3 => proptest::collection::vec(any::<u8>(), 0..1200)
            .prop_map(|data| (Kind::File { size: data.len() as u64 }, data, None)),
        1 => proptest::collection::vec(1u8.., 1..300).prop_map(move |target| plain(Kind::Symlink { target })),
        1 => (any::<u32>(), any::<u32>()).prop_map(move |(major, minor)| plain(Kind::CharDevice { major, minor })),
        1 => (any::<u32>(), 0..9u32).prop_map(move |(major, minor)| plain(Kind::BlockDevice { major, minor })),
        1 => Just(plain(Kind::Fifo)),
        1 => Just(plain(Kind::Socket)),
        2 => any::<prop::sample::Index>().prop_map(|i| (Kind::Fifo, Vec::new(), Some(i))),
    ]
}

/// A tree that keeps the promises of [`super::tree`].
pub fn tree() -> impl Strategy<Value = Tree> {
    let node = (proptest::collection::vec(name(), 0..4), kind(), meta());
    proptest::collection::vec(node, 0..25).prop_map(|raw| {
        let mut out: Tree = Vec::new();
        let mut leaves: BTreeMap<TreePath, ()> = BTreeMap::new();
        let mut parents: BTreeSet<TreePath> = BTreeSet::from([TreePath::root()]);
        let mut directories: BTreeSet<TreePath> = BTreeSet::new();
        for (parts, (mut kind, data, link), mut meta) in raw {
            let path = TreePath::new(parts.join(&b'/')).expect("normal parts");
            let above: Vec<TreePath> = std::iter::successors(path.parent(), TreePath::parent).collect();
            if leaves.contains_key(&path) || above.iter().any(|p| leaves.contains_key(p)) {
                continue;
            }
            if kind == Kind::Directory {
                if !directories.insert(path.clone()) {
                    continue;
                }
            } else if path.is_root() || parents.contains(&path) || directories.contains(&path) {
                continue;
            }
            if let (Some(link), false) = (link, leaves.is_empty()) {
                let targets: Vec<&TreePath> = leaves.keys().collect();
                kind = Kind::HardLink { target: (*link.get(&targets)).clone() };
                meta = Meta::default();
            }
            parents.extend(above);
            if kind != Kind::Directory {
                leaves.insert(path.clone(), ());
            }
            out.push((Node { path, kind, meta }, data));
        }
        out
    })
}

/// A cpio archive of empty nodes: a name with a slash at its end is a directory.
pub fn cpio(names: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for name in names.iter().copied().chain(["TRAILER!!!"]) {
        let mode = if name.ends_with('/') { 0o040_755 } else { 0o100_755 };
        let name = name.trim_end_matches('/');
        let data: &[u8] = if mode & 0o100_000 == 0 || name == "TRAILER!!!" { b"" } else { b"data!" };
        let fields = [1, mode, 0, 0, 1, 0, data.len(), 0, 0, 0, 0, name.len() + 1, 0];
        out.extend_from_slice(b"070701");
        out.extend(fields.iter().flat_map(|field| format!("{field:08x}").into_bytes()));
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend_from_slice(data);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

/// The head of an x86 kernel image of that version.
pub fn kernel(version: &str) -> Vec<u8> {
    let mut image = vec![0; 0x400];
    image[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x20e..0x210].copy_from_slice(&0x100u16.to_le_bytes());
    let text = format!("{version} (somebody@somewhere) #1 SMP\0");
    image[0x300..0x300 + text.len()].copy_from_slice(text.as_bytes());
    image
}
