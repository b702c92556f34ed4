//! Laid out as mke2fs does.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use osimg::base::Bytes;
use osimg::fs::ext4::{Ext4, Features};

use crate::filesystem::{MIB, format, request};
use crate::program::{output, sh};
use crate::tree::Sample;

/// Features, and what mke2fs calls them.
const SETS: [(Features, &str); 3] = [
    (
        Features { metadata_csum: true, bit64: true, journal: true },
        "64bit,metadata_csum,^metadata_csum_seed,^orphan_file",
    ),
    (
        Features { metadata_csum: false, bit64: false, journal: true },
        "^64bit,^metadata_csum,uninit_bg,^metadata_csum_seed,^orphan_file",
    ),
    (
        Features { metadata_csum: true, bit64: false, journal: false },
        "^64bit,metadata_csum,^has_journal,^metadata_csum_seed,^orphan_file",
    ),
];

/// The first blocks of an empty filesystem of mke2fs, made with our identity and at our time.
fn theirs(folder: &Path, options: &str, mib: u64) -> Vec<u8> {
    let r = request::<Ext4>(Bytes(mib * MIB));
    // 16 bytes of the label, cut at a character.
    let script = format!(
        "rm -f theirs.img; truncate -s {mib}M theirs.img
         export E2FSPROGS_FAKE_TIME={}
         mke2fs -q -t ext4 -b 4096 -m 1 -O {options} -L root-über-lang- -U {} \\
             -E hash_seed={},lazy_itable_init=0 theirs.img",
        r.created.secs, r.uuid, r.hash_seed
    );
    sh(folder, &script);
    first_blocks(&folder.join("theirs.img"))
}

fn first_blocks(image: &Path) -> Vec<u8> {
    let mut bytes = vec![0; 64 * 4096];
    File::open(image).and_then(|f| f.read_exact_at(&mut bytes, 0)).expect("the first blocks");
    bytes
}

/// Every field of the superblock and of the group descriptors says what mke2fs says, but for a few that are listed here.
#[test]
fn superblock_and_descriptors_as_mke2fs() {
    for (features, options) in SETS {
        let size = if features.bit64 { 64 } else { 32 };
        // The last flex group of mke2fs, where it is not full, has gaps that ours has not: so whole ones, or one group.
        for mib in [8, 100, 2048, 20 << 10] {
            let (ours, _) =
                format(&Ext4 { features }, &Sample::default(), Bytes(mib * MIB)).expect("it fits");
            let theirs = theirs(ours.folder.path(), options, mib);
            let ours = first_blocks(&ours.path);
            for at in (0..1024).step_by(4) {
                let expected = match at {
                    // Where the journal lies, which mke2fs puts into the middle, in extents.
                    0x10C..0x148 => continue,
                    // KiB written so far; blocks of metadata, which the kernel counts itself; the checksum.
                    0x178 | 0x248 | 0x3FC => continue,
                    // Birth, mount and check times have a byte more where e2fsprogs is built for it.
                    _ => &theirs[1024 + at..][..4],
                };
                assert_eq!(&ours[1024 + at..][..4], expected, "{options} {mib} MiB: superblock at {at:#x}");
            }
            let groups = mib.div_ceil(128) as usize;
            let word = |bytes: &[u8], group: usize, at: usize| {
                u32::from(u16::from_le_bytes([
                    bytes[4096 + group * size + at],
                    bytes[4097 + group * size + at],
                ]))
            };
            let free = |bytes: &[u8]| (0..groups).map(|group| word(bytes, group, 0x0C)).sum::<u32>();
            assert_eq!(free(&ours), free(&theirs), "{options} {mib} MiB: free blocks");
            for group in 0..groups {
                for at in (0..size).step_by(2) {
                    match at {
                        // Maps and tables where the flex group is not full, as `laid_out_as_mke2fs_does` says.
                        0x00..0x0C if !groups.is_multiple_of(16) => continue,
                        // Free blocks are counted above, checksums follow from them.
                        0x0C | 0x18 | 0x1A | 0x1E | 0x38 | 0x3A => continue,
                        // Whether the block bitmap was ever written depends on where the journal is.
                        0x12 => {
                            let rest = [&ours, &theirs].map(|bytes| word(bytes, group, at) & !2);
                            assert_eq!(rest[0], rest[1], "{options} {mib} MiB: flags of {group}");
                        }
                        _ => {
                            let both = [&ours, &theirs].map(|bytes| word(bytes, group, at));
                            assert_eq!(both[0], both[1], "{options} {mib} MiB: {group} at {at:#x}");
                        }
                    }
                }
            }
        }
    }
}

/// What a larger attribute would cost: GRUB reads nothing of a filesystem with `ea_inode`.
#[test]
fn grub_reads_no_ea_inode() {
    let folder = tempfile::tempdir().expect("a folder");
    sh(folder.path(), "mkdir tree; echo hello > tree/file; truncate -s 20M with.img without.img");
    for (options, image) in [("ea_inode", "with.img"), ("^ea_inode", "without.img")] {
        sh(
            folder.path(),
            &format!("mke2fs -q -t ext4 -O ^metadata_csum_seed,^orphan_file,{options} -d tree {image}"),
        );
    }
    assert_eq!(sh(folder.path(), "grub-fstest $PWD/without.img cat '(loop0)/file'"), "hello\n");
    let said = sh(folder.path(), "grub-fstest $PWD/with.img cat '(loop0)/file' 2>&1 || true");
    assert!(!said.contains("hello"), "{said}");
}

/// Groups, tables, backups, reserved descriptors and the resize inode lie where mke2fs puts them, so what its
/// filesystems can do (grow online, be rescued from a backup) ours can too.
#[test]
fn laid_out_as_mke2fs_does() {
    let layout = |image: &Path| {
        let text = output("dumpe2fs", &[image.as_os_str()]);
        // The last flex group, where it is not full, has gaps in mke2fs's layout that ours does without.
        let full = text.matches("\nGroup ").count() / 16 * 16;
        let (mut group, mut out) = (0, Vec::new());
        for line in text.lines().map(str::trim_start) {
            let starts = |list: &[&str]| list.iter().any(|start| line.starts_with(start));
            if let Some(rest) = line.strip_prefix("Group ").and_then(|l| l.split_once(": (Blocks")) {
                group = rest.0.parse().expect("a group's number");
                out.push(
                    line.split(" csum").next().unwrap_or(line).split(" [").next().unwrap_or(line).to_string(),
                );
            } else if starts(&[
                "Primary",
                "Backup",
                "Reserved GDT",
                "Inodes per group",
                "Total journal blocks",
            ]) || (group < full && starts(&["Block bitmap", "Inode bitmap", "Inode table"]))
            {
                out.push(line.split(", csum").next().unwrap_or(line).to_string());
            }
        }
        out
    };
    let resize = |image: &Path| {
        let text = output("debugfs", &["-R".as_ref(), "blocks <7>".as_ref(), image.as_os_str()]);
        text.split_whitespace().filter_map(|n| n.parse().ok()).collect::<BTreeSet<u64>>()
    };
    for (features, options) in SETS {
        for mib in [8, 40, 140, 511, 512, 600, 9_000, 100 << 10] {
            let (ours, _) =
                format(&Ext4 { features }, &Sample::default(), Bytes(mib * MIB)).expect("it fits");
            let theirs = ours.folder.path().join("mke2fs.img");
            File::create(&theirs).expect("a file").set_len(mib * MIB).expect("its size");
            let args = ["-q", "-t", "ext4", "-b", "4096", "-O", options].map(OsStr::new);
            output("mke2fs", &[&args[..], &[theirs.as_os_str()]].concat());
            assert_eq!(layout(&ours.path), layout(&theirs), "{mib} MiB");
            // But for the double indirect block itself, which each puts where it allocates it.
            let (a, b) = (resize(&ours.path), resize(&theirs));
            assert!(a.difference(&b).count() <= 1 && a.len() == b.len(), "{mib} MiB");
        }
    }
}
