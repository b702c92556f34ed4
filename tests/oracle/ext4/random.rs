//! Trees at random, each given back by the kernel as it was.

use osimg::base::Bytes;
use osimg::fs::FsError;
use osimg::rootfs::tree::{Kind, Meta, Timestamp, TreePath};
use proptest::prelude::*;

use super::kernel::format;
use super::tree::{Content, Sample};
use super::{MIB, every_feature_set};

/// A node of a random tree before it has a unique path.
#[derive(Clone, Debug)]
pub struct Spec {
    parent: prop::sample::Index,
    name: u8,
    kind: u8,
    size: u64,
    period: (u64, u64),
    other: prop::sample::Index,
    owner: (u32, u32),
    mode: u16,
    mtime: (i64, u32),
    xattrs: Vec<(u8, usize)>,
}

pub fn spec() -> impl Strategy<Value = Spec> {
    let boundary = prop::sample::select(vec![
        0u64,
        1,
        59,
        60,
        61,
        4095,
        4096,
        4097,
        8192,
        12_289,
        16_384,
        40_960,
        40_961,
        MIB - 4096,
        MIB,
        MIB + 1,
        2 * 4 * 4096,
        2 * 5 * 4096,
        2 * 340 * 4096,
        2 * 341 * 4096,
        2 * 1360 * 4096 + 1,
        2 * 1362 * 4096,
    ]);
    let size = prop_oneof![3 => boundary, 1 => 0..300_000u64];
    let period = prop_oneof![Just((1, 1)), Just((2, 1)), Just((2, 0)), (1..9u64, 0..9u64)];
    let mtime = (prop_oneof![-2_147_483_648..10_737_418_240i64, Just(0)], 0..1_000_000_000u32);
    let xattrs = prop::collection::vec((0..6u8, prop_oneof![0..100usize, 0..1000usize]), 0..4);
    let names = (any::<prop::sample::Index>(), any::<u8>(), any::<u8>(), any::<prop::sample::Index>());
    (names, size, period, any::<(u32, u32)>(), 0..0o10000u16, mtime, xattrs).prop_map(
        |((parent, name, kind, other), size, period, owner, mode, mtime, xattrs)| Spec {
            parent,
            name,
            kind,
            size,
            period,
            other,
            owner,
            mode,
            mtime,
            xattrs,
        },
    )
}

/// A tree of these nodes: each in a directory before it, some directories coming late or never.
pub fn planted(specs: &[Spec]) -> Sample {
    let mut s = Sample::default();
    let mut late = Vec::new();
    let mut directories: Vec<Vec<u8>> = vec![Vec::new()];
    let mut linkable: Vec<Vec<u8>> = Vec::new();
    for (i, spec) in specs.iter().enumerate() {
        let mut name = match spec.name % 6 {
            0 | 1 => format!("n{i}"),
            2 => format!("{i} with blanks\nand lines"),
            _ => format!("{i}-"),
        }
        .into_bytes();
        match spec.name % 6 {
            3 => name.resize(255, b'x'),
            4 => name.extend([0xff, 0x80, spec.name]),
            5 => name.resize(usize::from(spec.name).max(name.len()), 0xC3),
            _ => {}
        }
        let parent = spec.parent.get(&directories);
        let path = if parent.is_empty() { name } else { [parent, &b"/"[..], &name].concat() };
        let mtime = Timestamp { secs: spec.mtime.0, nanos: spec.mtime.1 };
        let mut meta =
            Meta { mode: spec.mode, uid: spec.owner.0, gid: spec.owner.1, mtime, ..Meta::default() };
        let plain = matches!(spec.kind % 12, 0..=5);
        for (which, length) in &spec.xattrs {
            // Only files and directories may have `user.` attributes.
            let name = match which {
                0..=2 if plain => format!("user.{which}"),
                3 => "security.selinux".into(),
                _ => format!("trusted.{}", "t".repeat(1 + 40 * usize::from(*which % 3))),
            };
            meta.xattrs.insert(name.into_bytes(), vec![*which + 1; *length]);
        }
        match spec.kind % 12 {
            0 | 1 => {
                directories.push(path.clone());
                match spec.name % 5 {
                    // Never: implied by what it holds, if that is anything.
                    0 => {}
                    1 | 2 => late.push((path, meta)),
                    _ => s.push(path, Kind::Directory, meta),
                }
                continue;
            }
            2..=5 => {
                let content =
                    Content::Pattern { seed: spec.name, period: spec.period.0, present: spec.period.1 };
                s.push_with(&path, Kind::File { size: spec.size }, meta, content);
            }
            6 | 7 => {
                let target = vec![b't'; spec.size.clamp(1, 4095) as usize];
                s.push(&path, Kind::Symlink { target }, Meta { mode: 0o777, ..meta });
            }
            8 if !linkable.is_empty() => {
                let target = TreePath::new(spec.other.get(&linkable)).expect("a path");
                s.push(&path, Kind::HardLink { target }, meta);
            }
            9 => {
                let (major, minor) = (spec.owner.0 % 4096, spec.owner.1 % (1 << 20));
                s.push(&path, Kind::CharDevice { major, minor }, meta);
            }
            10 => s.push(&path, Kind::BlockDevice { major: 8, minor: spec.name.into() }, meta),
            11 => s.push(&path, Kind::Socket, meta),
            _ => s.push(&path, Kind::Fifo, meta),
        }
        linkable.push(path);
    }
    for (path, meta) in late {
        s.push(path, Kind::Directory, meta);
    }
    s
}

/// How many random trees; `OSIMG_TREES` asks for a longer run.
pub fn cases() -> u32 {
    std::env::var("OSIMG_TREES").map_or(40, |n| n.parse().expect("OSIMG_TREES is a number"))
}

#[test]
fn random_trees() {
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let input = (prop::collection::vec(spec(), 0..60), 0..300usize, 0..8usize, 0..20_000u64);
    proptest!(config, |((specs, crowd, features, odd) in input)| {
        let mut s = planted(&specs);
        for i in 0..crowd {
            s.file(format!("crowd/{i:0100}"), vec![1; i]);
        }
        let ext4 = every_feature_set()[features];
        let (image, _) = format(&ext4, &s, Bytes(300 * MIB + odd)).expect("it fits");
        image.prove(&s);
        // And in the least room there is.
        if let Err(error) = format(&ext4, &s, Bytes(8 * MIB + odd)) {
            let FsError::TooSmall { need, .. } = error else { panic!("{error}") };
            let (image, _) = format(&ext4, &s, need).expect("what it says suffices");
            image.check();
        }
    });
}
