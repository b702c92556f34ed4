//! Partition tables to sfdisk and fdisk, whole images to cmp and to a full disk.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use osimg::base::{Bytes, Lba, Sectors};
use osimg::disk::layout::{Layout, Partition, Role, Table};
use osimg::disk::table::table;
use osimg::disk::{Assembly, ImageError, assemble, checksum};

use uuid::Uuid;

use crate::program::output;

const MIB: u64 = 1 << 20;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn partition(number: u8, start_mib: u64, length_mib: u64) -> Partition {
    Partition {
        number,
        role: if number == 1 { Role::Boot } else { Role::Slot(format!("s{number}")) },
        start: Lba(start_mib * 2048),
        length: Sectors(length_mib * 2048),
        guid: Uuid::from_u128(u128::from(number) + 0x1000),
    }
}

#[test]
fn sfdisk_and_fdisk_read_the_table() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("disk.img");
    let layout = Layout {
        table: Table::Mbr(0xdead_beef),
        total: Sectors((100 << 30) / 512),
        partitions: vec![
            partition(1, 1, 64),
            partition(2, 65, 3000),
            partition(3, 3065, 50 * 1024),
            partition(4, 90 * 1024, 10 * 1024),
        ],
    };
    let sector = table(&layout, &[0x90; 440]).expect("a table").head;
    let file = File::create(&path).expect("image");
    file.set_len(100 << 30).expect("length");
    file.write_all_at(&sector, 0).expect("write");

    let verdict = output("sfdisk", &["--verify", text(&path)]);
    assert!(verdict.contains("No errors detected"), "{verdict}");
    let json: serde_json::Value =
        serde_json::from_str(&output("sfdisk", &["--json", text(&path)])).expect("JSON");
    let table = &json["partitiontable"];
    assert_eq!((&table["label"], &table["id"]), (&"dos".into(), &"0xdeadbeef".into()));
    let read: Vec<(u64, u64, &str, bool)> = table["partitions"]
        .as_array()
        .expect("partitions")
        .iter()
        .map(|p| {
            let number = |key: &str| p[key].as_u64().expect("a number");
            let active = p["bootable"].as_bool().unwrap_or(false);
            (number("start"), number("size"), p["type"].as_str().expect("a type"), active)
        })
        .collect();
    assert_eq!(
        read,
        [
            (2048, 64 * 2048, "ef", true),
            (65 * 2048, 3000 * 2048, "83", false),
            (3065 * 2048, 50 * 1024 * 2048, "83", false),
            (90 * 1024 * 2048, 10 * 1024 * 2048, "83", false),
        ]
    );
    // fdisk's expert list and its complaints know of CHS
    let listed = output("fdisk", &["-l", text(&path)]);
    assert!(listed.contains("Disk identifier: 0xdeadbeef"), "{listed}");
    assert!(!listed.contains("different physical/logical"), "{listed}");
    assert!(!listed.contains("does not start on"), "{listed}");
    let chs = output("sfdisk", &["-l", "-o", "Device,Start-C/H/S,End-C/H/S", text(&path)]);
    assert!(chs.contains("0/32/33"), "{chs}");
    assert!(chs.contains("1023/254/63"), "{chs}");
}

/// One slot, or as many as there are entries; a disk whose size is no multiple of a MiB too.
#[test]
fn sfdisk_and_sgdisk_verify_a_gpt() {
    for (slots, total) in [(1u64, (200 << 30) / 512), (126, (3 << 40) / 512), (3, 9_999_999)] {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("disk.img");
        let mut partitions = vec![partition(1, 1, 64)];
        partitions.extend((0..slots).map(|i| partition(i as u8 + 2, 65 + i * 100, 100)));
        let (role, number) = (Role::BiosBoot, slots as u8 + 2);
        let start = Lba(40);
        partitions.push(Partition { role, start, length: Sectors(2008), ..partition(number, 0, 0) });
        let disk = Uuid::from_u128(0xdead_beef);
        let layout = Layout { table: Table::Gpt(disk), total: Sectors(total), partitions };
        let table = table(&layout, &[0x90; 440]).expect("a table");
        let file = File::create(&path).expect("image");
        file.set_len(total * 512).expect("length");
        file.write_all_at(&table.head, 0).expect("write");
        file.write_all_at(&table.tail, total * 512 - table.tail.len() as u64).expect("write");

        let verdict = output("sgdisk", &["--verify", text(&path)]);
        assert!(verdict.contains("No problems found"), "{verdict}");
        assert!(!verdict.contains("Caution") && !verdict.contains("Warning"), "{verdict}");
        let verdict = output("sfdisk", &["--verify", text(&path)]);
        assert!(verdict.contains("No errors detected"), "{verdict}");
        let json: serde_json::Value =
            serde_json::from_str(&output("sfdisk", &["--json", text(&path)])).expect("JSON");
        let read = &json["partitiontable"];
        let id = disk.to_string().to_uppercase();
        assert_eq!((&read["label"], &read["id"]), (&"gpt".into(), &id.into()));
        let read = read["partitions"].as_array().expect("partitions");
        assert_eq!(read.len(), layout.partitions.len());
        for (have, want) in read.iter().zip(&layout.partitions) {
            assert_eq!((&have["start"], &have["size"]), (&want.start.0.into(), &want.length.0.into()));
            assert_eq!(have["uuid"], want.guid.to_string().to_uppercase());
            let (kind, name) = match &want.role {
                Role::Boot => ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "boot"),
                Role::BiosBoot => ("21686148-6449-6E6F-744E-656564454649", "BIOS boot"),
                Role::Slot(name) => ("0FC63DAF-8483-4772-8E79-3D69D8477DE4", name.as_str()),
            };
            assert_eq!((&have["type"], &have["name"]), (&kind.into(), &name.into()));
        }
    }
}

fn assembly(folder: &Path, target: PathBuf) -> Assembly {
    let file = |name: &str, length: u64| {
        let path = folder.join(name);
        let file = File::create(&path).expect("file");
        file.set_len(length * MIB).expect("length");
        let data: Vec<u8> =
            (0..3 * MIB as u32).map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
        file.write_all_at(&data, 5000).expect("write");
        file.write_all_at(&data, (length - 4) * MIB).expect("write");
        path
    };
    let layout = Layout {
        table: Table::Mbr(1),
        total: Sectors(128 * 2048),
        partitions: vec![partition(1, 1, 40), partition(2, 41, 80)],
    };
    let table = table(&layout, &[0; 440]).expect("a table");
    Assembly {
        target,
        table,
        core_image: vec![0xcc; 100_000],
        partitions: vec![(1, file("one", 40)), (2, file("two", 80))],
        layout,
    }
}

/// What the image has to be, byte by byte.
fn expected(assembly: &Assembly) -> Vec<u8> {
    let mut image = vec![0; assembly.layout.total.bytes().0 as usize];
    let mut put = |at: u64, bytes: &[u8]| image[at as usize..][..bytes.len()].copy_from_slice(bytes);
    put(0, &assembly.table.head);
    put(512, &assembly.core_image);
    for (partition, (number, path)) in assembly.layout.partitions.iter().zip(&assembly.partitions) {
        assert_eq!(partition.number, *number);
        put(partition.start.offset().0, &fs::read(path).expect("source"));
    }
    image
}

#[test]
fn sha256sum_and_dd_agree_with_the_image() {
    let folder = tempfile::tempdir().expect("folder");
    let assembly = assembly(folder.path(), folder.path().join("disk.img"));
    assemble(&assembly, &|| false, &mut |_, _| {}).expect("assembles");
    let digest = checksum::digest(&assembly.target, &|| false, &mut |_, _| {}).expect("a digest");
    checksum::write(&assembly.target, &digest).expect("written");
    let told =
        output("sh", &["-c", "cd \"$1\" && sha256sum --check --strict *.sha256", "sh", text(folder.path())]);
    assert_eq!(told, "disk.img: OK\n");
    for (at, path) in [(1, &assembly.partitions[0].1), (41, &assembly.partitions[1].1)] {
        let skip = (at * MIB).to_string();
        let length = fs::metadata(path).expect("source").len().to_string();
        output("cmp", &["-i", &format!("{skip}:0"), "-n", &length, text(&assembly.target), text(path)]);
    }
    assert!(on_disk(&assembly.target) < Bytes::mib(16));
}

/// The space that `du` finds a file to take.
fn on_disk(path: &Path) -> Bytes {
    let out = output("du", &["-B1", text(path)]);
    Bytes(out.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number"))
}

/// A small filesystem of its own, unmounted when dropped.
struct Mounted {
    _folder: tempfile::TempDir,
    at: PathBuf,
}

impl Mounted {
    fn tmpfs(mib: u64) -> Mounted {
        let folder = tempfile::tempdir().expect("folder");
        let at = folder.path().join("small");
        fs::create_dir(&at).expect("folder");
        output("mount", &["-t", "tmpfs", "-o", &format!("size={mib}m"), "none", text(&at)]);
        Mounted { _folder: folder, at }
    }
}

impl Mounted {
    /// An xfs with reflinks in a loop device.
    fn xfs(mib: u64) -> Mounted {
        let folder = tempfile::tempdir().expect("folder");
        let (image, at) = (folder.path().join("xfs.img"), folder.path().join("xfs"));
        File::create(&image).and_then(|f| f.set_len(mib * MIB)).expect("image");
        fs::create_dir(&at).expect("folder");
        output("mkfs.xfs", &["-q", "-m", "reflink=1", text(&image)]);
        output("mount", &["-o", "loop", text(&image), text(&at)]);
        Mounted { _folder: folder, at }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        output("umount", &[text(&self.at)]);
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let small = Mounted::tmpfs(8);
    let target = small.at.join("disk.img");
    fs::write(&target, "previous").expect("write");
    let assembly = assembly(folder.path(), target.clone());
    let error = assemble(&assembly, &|| false, &mut |_, _| {}).expect_err("12 MiB do not fit 8");
    let ImageError::Full { need, free, .. } = &error else { panic!("{error}") };
    assert!((Bytes::mib(12)..Bytes::mib(14)).contains(need), "{need}");
    assert!((Bytes::mib(7)..=Bytes::mib(8)).contains(free), "{free}");
    assert_eq!(fs::read(&target).expect("target"), b"previous");
    let left: Vec<_> = fs::read_dir(&small.at).expect("folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn copies_between_filesystems() {
    let folder = tempfile::tempdir().expect("folder");
    let other = Mounted::tmpfs(64);
    let assembly = assembly(folder.path(), other.at.join("disk.img"));
    assemble(&assembly, &|| false, &mut |_, _| {}).expect("assembles");
    assert!(fs::read(&assembly.target).expect("image") == expected(&assembly));
    assert!(on_disk(&assembly.target) < Bytes::mib(16));
}

#[test]
fn shares_blocks_where_the_filesystem_can() {
    let xfs = Mounted::xfs(400);
    let assembly = assembly(&xfs.at, xfs.at.join("disk.img"));
    let free = || {
        let out = output("df", &["--output=avail", "-B1", text(&xfs.at)]);
        out.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).expect("a number")
    };
    output("sync", &["-f", text(&xfs.at)]);
    let before = free();
    assemble(&assembly, &|| false, &mut |_, _| {}).expect("assembles");
    output("sync", &["-f", text(&xfs.at)]);
    assert!(fs::read(&assembly.target).expect("image") == expected(&assembly));
    let took = before.saturating_sub(free());
    assert!(took < 2 * MIB, "12 MiB of data took {took} bytes");
}
