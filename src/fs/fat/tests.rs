//! The whole writer on small trees: every byte of one, the size it asks for, what it refuses.

use std::io::{self, Read};

use super::*;
use crate::rootfs::tree::{Meta, Node};

/// A tree in memory; a file's data is its path over and over.
struct Tree {
    nodes: std::vec::IntoIter<Node>,
    data: Box<dyn Read>,
}

fn tree(nodes: &[(&str, Kind)]) -> Tree {
    let node = |(path, kind): &(&str, Kind)| Node {
        path: TreePath::new(path).expect("path"),
        kind: kind.clone(),
        meta: Meta { mtime: Timestamp { secs: 1_700_000_000, nanos: 0 }, ..Meta::default() },
    };
    Tree { nodes: nodes.iter().map(node).collect::<Vec<_>>().into_iter(), data: Box::new(io::empty()) }
}

impl TreeSource for Tree {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let Some(node) = self.nodes.next() else { return Ok(None) };
        if let Kind::File { size } = node.kind {
            self.data = Box::new(io::repeat(node.path.name()[0]).take(size));
        }
        Ok(Some(Item { node, data: &mut self.data }))
    }
}

fn request(mib: u64) -> Request {
    Request {
        size: Bytes::mib(mib),
        uuid: uuid::Uuid::nil(),
        hash_seed: uuid::Uuid::nil(),
        label: "osimg".into(),
        created: Timestamp { secs: 1_600_000_000, nanos: 0 },
    }
}

fn format(mib: u64, nodes: &[(&str, Kind)]) -> Result<(Vec<u8>, Written), FsError> {
    let mut out = Vec::new();
    let fat = Fat { volume_id: 0x1a2b_3c4d, start: Lba(2048) };
    let written = fat.format(&request(mib), &mut tree(nodes), &mut out)?;
    out.resize((mib << 20) as usize, 0);
    Ok((out, written))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[test]
fn a_small_tree_in_all_its_bytes() {
    let nodes = [("grub/grub.cfg", Kind::File { size: 1000 }), ("EFI", Kind::Directory)];
    let (image, written) = format(64, &nodes).expect("fits");
    assert_eq!((written.inodes, written.data), (4, Bytes(1000)));
    assert_eq!(u32_at(&image, 67), 0x1a2b_3c4d);
    assert_eq!(u32_at(&image, 28), 2048);
    assert_eq!(image[..512], image[6 * 512..7 * 512], "the backup");
    assert_eq!(image[512..1024], image[7 * 512..8 * 512], "the backup");
    // clusters: 2 root, 3 and 4 the file, then 5 the directory that came first, 6 the other
    let fat = |copy: usize| &image[(32 + copy * 1009) * 512..][..7 * 4];
    let entries: Vec<u32> = fat(0).chunks(4).map(|e| u32_at(e, 0)).collect();
    assert_eq!(entries, [0x0fff_fff8, END, END, 4, END, END, END]);
    assert_eq!(fat(0), fat(1));
    assert_eq!(u32_at(&image, 512 + 488), 129_022 - 5, "free clusters");
    assert_eq!(written.free, Bytes((129_022 - 5) * 512));

    let root = &image[2050 * 512..];
    assert_eq!(&root[..12], b"OSIMG      \x08");
    assert_eq!(&root[32..44], b"EFI        \x10");
    // `grub`: one long entry, then the short one
    assert_eq!(root[64], 0x41);
    assert_eq!(&root[96..108], b"GRUB       \x10");
    assert_eq!((root[96 + 26], root[128]), (5, 0));
    let grub = &image[2053 * 512..];
    assert_eq!((&grub[..11], grub[26]), (&b".          "[..], 5));
    assert_eq!((&grub[32..43], grub[32 + 26]), (&b"..         "[..], 0));
    assert_eq!(&grub[96..108], b"GRUB    CFG\x20");
    assert_eq!((grub[96 + 26], u32_at(grub, 96 + 28)), (3, 1000));
    // 2023-11-14 22:13:20
    assert_eq!(grub[96 + 22..96 + 26], [0xaa, 0xb1, 0x6e, 0x57]);
    let file = &image[2051 * 512..];
    assert_eq!((file[0], file[999], file[1000]), (b'g', b'g', 0));
}

#[test]
fn the_size_it_asks_for_is_enough() {
    let mib = 1 << 20;
    let nodes: Vec<(String, Kind)> =
        (0..40).map(|i| (format!("d{i}/file"), Kind::File { size: 2 * mib + 1 })).collect();
    let nodes: Vec<(&str, Kind)> = nodes.iter().map(|(n, k)| (n.as_str(), k.clone())).collect();
    let Err(FsError::TooSmall { need, have }) = format(64, &nodes) else { panic!("80 MiB do not fit 64") };
    assert_eq!(have, Bytes::mib(64));
    assert!(format(need.0 >> 20, &nodes).is_ok());
    assert!(
        matches!(format((need.0 >> 20) - 1, &nodes), Err(FsError::TooSmall { need: same, .. }) if same == need)
    );
    // below the least FAT32 it is the tree that decides too
    assert!(matches!(format(20, &nodes), Err(FsError::TooSmall { need: same, .. }) if same == need));
    assert!(matches!(format(20, &[]), Err(FsError::TooSmall { need, .. }) if need == Bytes::mib(33)));
    assert!(format(33, &[]).is_ok());
}

/// Many small files: what clusters of a sector hold in 36 MiB takes 269 MiB in clusters of eight.
#[test]
fn clusters_larger_than_files_are_counted() {
    let nodes: Vec<(String, Kind)> =
        (0..68_000).map(|i| (format!("{}/{i}", i % 50), Kind::File { size: 1 })).collect();
    let nodes: Vec<(&str, Kind)> = nodes.iter().map(|(n, k)| (n.as_str(), k.clone())).collect();
    for (have, need) in [(34, 36), (262, 269)] {
        let Err(FsError::TooSmall { need: said, .. }) = format(have, &nodes) else {
            panic!("{have} MiB are not enough")
        };
        assert_eq!(said, Bytes::mib(need), "above {have} MiB");
        assert!(format(need, &nodes).is_ok());
        assert!(format(need - 1, &nodes).is_err());
    }
}

#[test]
fn what_cannot_be_said_is_an_error_with_its_path() {
    let file = || Kind::File { size: 1 };
    let problem = |nodes: &[(&str, Kind)]| match format(64, nodes) {
        Err(FsError::Unrepresentable { path, problem }) => format!("{path}: {problem}"),
        other => panic!("{:?}", other.map(|(_, w)| w)),
    };
    assert_eq!(
        problem(&[("a/l", Kind::Symlink { target: b"x".to_vec() })]),
        "/a/l: FAT has no symbolic links"
    );
    assert_eq!(
        problem(&[("x", file()), ("h", Kind::HardLink { target: TreePath::new("x").expect("path") })]),
        "/h: FAT has no hard links"
    );
    assert_eq!(
        problem(&[("a/README", file()), ("a/readme", file())]),
        "/a/readme: comes twice, or differs from another name only by case"
    );
    assert_eq!(
        problem(&[("a/b", file()), ("A/c", file())]),
        "/A: comes twice, or differs from another name only by case"
    );
    assert_eq!(
        problem(&[("a", file()), ("a/c", file())]),
        "/a: comes twice, or differs from another name only by case"
    );
    assert_eq!(problem(&[("a:b/c", file())]), "/a:b: ':' cannot stand in a FAT name");
    assert_eq!(problem(&[("big", Kind::File { size: 1 << 32 })]), "/big: FAT holds files below 4 GiB");
}

#[test]
fn a_file_that_ends_early_is_an_error() {
    struct Short(bool);
    impl TreeSource for Short {
        fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
            if std::mem::replace(&mut self.0, true) {
                return Ok(None);
            }
            let path = TreePath::new("x").expect("path");
            let node = Node { path, kind: Kind::File { size: 9 }, meta: Meta::default() };
            Ok(Some(Item { node, data: Box::leak(Box::new(&b"short"[..])) }))
        }
    }
    let fat = Fat { volume_id: 1, start: Lba(0) };
    let result = fat.format(&request(64), &mut Short(false), &mut Vec::new());
    assert!(matches!(result, Err(FsError::Read(_))), "{result:?}");
}
