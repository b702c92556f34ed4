//! Trees at random, each given back by the kernel as it was.

use osimg::base::Bytes;
use osimg::base::features::XFS;
use osimg::fs::FsError;
use osimg::fs::features::Switches;
use osimg::fs::xfs::{Features, Xfs};
use osimg::rootfs::tree::{Kind, Meta};
use proptest::prelude::*;

use super::MIB;
use super::kernel::{check, format, mount, prove};
use super::used::{Dice, exercise};
use crate::ext4::random::{Spec, cases, planted, spec};
use crate::ext4::tree::{Content, Sample, meta};

/// What a random tree has beside the nodes that ext4's have too.
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
    // Short to block at 336 bytes, block to leaf at 4 KiB, to nodes at 500 names or 64 KiB of data.
    let count = prop_oneof![0..40usize, 0..300usize, around(&[490, 500, 504, 510]), 300..4000usize];
    let length = prop_oneof![Just(1usize), 1..30usize, Just(255usize), 1..255usize];
    let crowds = prop::collection::vec((count, length, any::<bool>()), 0..3);
    let extents = prop_oneof![0..30usize, around(&[21, 251, 376, 502, 628, 753]), 0..1500usize];
    let beside = prop_oneof![Just(0usize), 0..300usize, around(&[250, 3000])];
    let pieces = prop::collection::vec((extents.prop_map(|n| n as u64), beside), 0..6);
    let name = prop_oneof![1..20usize, 1..256usize];
    let value = prop_oneof![
        0..60usize,
        around(&[255, 260]),
        around(&[3062, 3065, 3068, 4040, 8080]),
        0..5000usize,
        (0..65_537usize).prop_map(|n| if n % 4 == 0 { n } else { n % 900 }),
    ];
    let labelled = prop::collection::vec((any::<u8>(), prop::collection::vec((name, value), 0..14)), 0..8);
    (crowds, pieces, labelled).prop_map(|(crowds, pieces, labelled)| More { crowds, pieces, labelled })
}

/// What ext4 holds and xfs does not is cut to what xfs holds.
fn fitted(specs: &[Spec], bigtime: bool) -> Sample {
    let mut s = planted(specs);
    for (node, _) in &mut s.nodes {
        let last = if bigtime { 16_299_260_423 } else { i64::from(i32::MAX) };
        if node.meta.mtime.secs > last {
            node.meta.mtime.secs = last;
        }
        match &mut node.kind {
            Kind::Symlink { target } => target.truncate(1023),
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                *major %= 512;
                *minor %= 1 << 18;
            }
            _ => {}
        }
    }
    s
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
            if n % 5 == 0 { s.dir(path) } else { s.push(path, Kind::Fifo, meta(0o600)) }
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

/// A set of features from random bits; what one needs is on.
fn features(bits: u8) -> Features {
    let mut features = Features::default();
    for (_, row) in XFS.optional.iter().enumerate().filter(|(i, _)| bits & 1 << i != 0) {
        for name in [Some(row.name), row.needs].into_iter().flatten() {
            features = features.with(name, true).expect("a feature of the table");
        }
    }
    features
}

#[test]
fn random_trees() {
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let input = (prop::collection::vec(spec(), 0..40), more(), any::<u8>(), 0..20_000u64);
    proptest!(config, |((specs, more, bits, odd) in input)| {
        let xfs = Xfs { features: features(bits) };
        let s = with_more(fitted(&specs, xfs.features.bigtime), &more);
        match format(&xfs, &s, Bytes(300 * MIB + odd)) {
            Ok((image, _)) => {
                prove(&image, &s);
                let mount = mount(&image);
                exercise(&mount.point, 300, &mut Dice(odd));
                drop(mount);
                check(&image);
            }
            Err(FsError::TooSmall { need, .. }) => {
                let (image, _) = format(&xfs, &s, need).expect("what it says suffices");
                prove(&image, &s);
            }
            Err(error) => panic!("{error}"),
        }
        let error = format(&xfs, &s, Bytes(MIB)).err();
        let Some(FsError::TooSmall { need, .. }) = error else { panic!("{error:?}") };
        let (image, _) = format(&xfs, &s, need).expect("what it says suffices");
        check(&image);
    });
}
