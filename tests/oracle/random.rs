//! Trees at random, each given back by the kernel as it was.

use osimg::base::Bytes;
use osimg::fs::FsError;
use osimg::rootfs::tree::{Kind, Meta, Timestamp, TreePath};
use proptest::prelude::*;

use crate::filesystem::{Filesystem, MIB, format, mount, prove};
use crate::tree::{Content, Sample, meta};
use crate::used::{Dice, exercise};

/// A node of a random tree before it has a unique path.
#[derive(Clone, Debug)]
struct Spec {
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

fn spec() -> impl Strategy<Value = Spec> {
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
fn planted(specs: &[Spec]) -> Sample {
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
fn cases() -> u32 {
    std::env::var("OSIMG_TREES").map_or(40, |n| n.parse().expect("OSIMG_TREES is a number"))
}

/// What a random tree has beside single nodes: many of one form, around the borders between forms.
#[derive(Clone, Debug)]
struct More {
    /// Directories full of names: how many, how long, with attributes or not.
    crowds: Vec<(usize, usize, bool)>,
    /// Files of so many extents beside an attribute of so many bytes.
    pieces: Vec<(u64, usize)>,
    /// Nodes of this kind with attributes of these lengths of name and value.
    labelled: Vec<(u8, Vec<(usize, usize)>)>,
}

fn around(values: &'static [usize]) -> impl Strategy<Value = usize> {
    (prop::sample::select(values), 0..5usize).prop_map(|(value, more)| (value + more).saturating_sub(2))
}

fn more() -> impl Strategy<Value = More> {
    // Xfs: short to block at 336 bytes, block to leaf at 4 KiB, to nodes at 500 names or 64 KiB of data. Ext4: a block to
    // an index at 4 KiB, to two levels at 507 blocks, which are 7,605 of the longest names.
    let few = prop_oneof![0..40usize, 0..300usize, around(&[253, 490, 500, 504, 510]), 300..4000usize];
    let count = prop_oneof![19 => few, 1 => around(&[507 * 15, 508 * 15])];
    let length = prop_oneof![Just(1usize), 1..30usize, Just(255usize), 1..255usize];
    let crowds = prop::collection::vec((count, length, any::<bool>()), 0..3);
    let extents = prop_oneof![0..30usize, around(&[4, 21, 251, 340, 376, 502, 628, 753, 1360]), 0..1500usize];
    let beside = prop_oneof![Just(0usize), 0..300usize, around(&[64, 250, 3000])];
    let pieces = prop::collection::vec((extents.prop_map(|n| n as u64), beside), 0..6);
    let name = prop_oneof![1..20usize, 1..256usize];
    let value = prop_oneof![
        0..60usize,
        around(&[64, 68, 255, 260]),
        around(&[3062, 3065, 3068, 4040, 8080]),
        0..5000usize,
        (0..65_537usize).prop_map(|n| if n % 4 == 0 { n } else { n % 900 }),
    ];
    let labelled = prop::collection::vec((any::<u8>(), prop::collection::vec((name, value), 0..14)), 0..8);
    (crowds, pieces, labelled).prop_map(|(crowds, pieces, labelled)| More { crowds, pieces, labelled })
}

/// What one format holds and this one does not is cut to what this one holds.
fn fit<F: Filesystem>(fs: &F, s: &mut Sample) {
    for (node, _) in &mut s.nodes {
        node.meta.mtime.secs = node.meta.mtime.secs.min(fs.last_second());
        F::fit_attributes(&mut node.meta);
        match &mut node.kind {
            Kind::Symlink { target } => target.truncate(F::LONGEST_TARGET),
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                *major %= F::DEVICES.0;
                *minor %= F::DEVICES.1;
            }
            _ => {}
        }
    }
}

fn labelled(list: &[(usize, usize)], plain: bool) -> Meta {
    let mut meta = meta(0o755);
    for (i, (name, value)) in list.iter().enumerate() {
        let prefix = match i % 3 {
            0 if plain => "user.",
            1 => "security.",
            _ => "trusted.",
        };
        let mut name = format!("{prefix}{}", "n".repeat(*name));
        let number = i.to_string();
        // The kernel's limit counts the prefix too.
        name.truncate(255 - number.len());
        name.push_str(&number);
        let value: Vec<u8> = (0..*value).map(|n| (n + i) as u8).collect();
        meta.xattrs.insert(name.into_bytes(), value);
    }
    meta
}

fn with_more(mut s: Sample, more: &More) -> Sample {
    for (i, (count, length, label)) in more.crowds.iter().enumerate() {
        let dir = format!("crowd{i}");
        let list: &[(usize, usize)] = if *label { &[(7, 31)] } else { &[] };
        s.push(&dir, Kind::Directory, labelled(list, true));
        for n in 0..*count {
            let mut name = format!("{n:x}");
            if name.len() < *length {
                name.push_str(&"-".repeat(*length - name.len()));
            }
            let path = format!("{dir}/{name}");
            match n % 5 {
                0 => s.dir(path),
                1 if *count < 300 => s.file(path, vec![1; n]),
                _ => s.push(path, Kind::Fifo, meta(0o600)),
            }
        }
    }
    for (i, (extents, beside)) in more.pieces.iter().enumerate() {
        let list = if *beside > 0 { vec![(5, *beside)] } else { Vec::new() };
        let content = Content::Pattern { seed: i as u8, period: 2, present: 1 };
        let size = (2 * extents).saturating_sub(1) * 4096;
        s.push_with(format!("pieces{i}"), Kind::File { size }, labelled(&list, true), content);
    }
    for (i, (kind, list)) in more.labelled.iter().enumerate() {
        let path = format!("labelled{i}");
        match kind % 5 {
            0 => s.push(&path, Kind::Directory, labelled(list, true)),
            1 => s.push(&path, Kind::Fifo, labelled(list, false)),
            2 => {
                let target = vec![b't'; usize::from(*kind) * 4 + 1];
                s.push(&path, Kind::Symlink { target }, Meta { mode: 0o777, ..labelled(list, false) });
            }
            3 => s.push(&path, Kind::CharDevice { major: 1, minor: 3 }, labelled(list, false)),
            _ => {
                let content = Content::Pattern { seed: *kind, period: 1, present: 1 };
                s.push_with(&path, Kind::File { size: u64::from(*kind) * 50 }, labelled(list, true), content);
            }
        }
    }
    s
}

pub fn random_trees<F: Filesystem>() {
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let input = (prop::collection::vec(spec(), 0..50), more(), any::<u8>(), 0..20_000u64);
    let done = std::cell::Cell::new(0);
    proptest!(config, |((specs, more, bits, odd) in input)| {
        let fs = F::from_bits(bits);
        let mut s = with_more(planted(&specs), &more);
        fit(&fs, &mut s);
        match format(&fs, &s, Bytes(300 * MIB + odd)) {
            Ok((image, _)) => {
                prove::<F>(&image, &s);
                let mounted = mount::<F>(&image);
                exercise::<F>(&mounted.point, 300, &mut Dice(odd));
                drop(mounted);
                F::check_used(&image);
            }
            Err(FsError::TooSmall { need, .. }) => {
                let (image, _) = format(&fs, &s, need).expect("what it says suffices");
                prove::<F>(&image, &s);
            }
            Err(error) => panic!("{error}"),
        }
        // And in the least room there is.
        if let Err(error) = format(&fs, &s, Bytes(MIB)) {
            let FsError::TooSmall { need, .. } = error else { panic!("{error}") };
            let (image, _) = format(&fs, &s, need).expect("what it says suffices");
            F::check(&image);
            let less = Bytes(need.0 - F::SPARE_MIB * MIB);
            prop_assert!(format(&fs, &s, less).is_err(), "{} would do, not only {}", less, need);
        }
        done.set(done.get() + 1);
        if done.get() % 100 == 0 {
            eprintln!("{} trees", done.get());
        }
    });
}
