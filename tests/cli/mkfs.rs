//! `osimg mkfs`: whatever the archive is packed in, the same bytes; whatever is wrong with it, no image.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lzma_rust2::{XzOptions, XzWriter};
use osimg::base::Digest;
use osimg::rootfs::ArchiveWriter;
use osimg::rootfs::tree::{Kind, Meta, Node, Timestamp, TreePath};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{Place, Ran, finish};

const MTIME: i64 = 1_700_000_000;
const EXT4: [&str; 4] = ["--type", "ext4", "--size", "16MiB"];

fn node(path: &str, kind: Kind, mode: u16) -> Node {
    let meta = Meta { mode, mtime: Timestamp { secs: MTIME, nanos: 0 }, ..Meta::default() };
    Node { path: TreePath::new(path).expect("a path"), kind, meta }
}

fn file(path: &str, data: &[u8]) -> (Node, Vec<u8>) {
    (node(path, Kind::File { size: data.len() as u64 }, 0o644), data.to_vec())
}

fn pack(tree: &[(Node, Vec<u8>)]) -> Vec<u8> {
    let mut out = ArchiveWriter::new(Vec::new());
    for (node, data) in tree {
        out.append(node, &mut data.as_slice()).expect("an entry");
    }
    out.finish().expect("an archive")
}

fn noise(length: u32) -> Vec<u8> {
    (0..length).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// What all three formats can hold.
fn plain_tree() -> Vec<(Node, Vec<u8>)> {
    vec![
        (node("EFI", Kind::Directory, 0o755), vec![]),
        file("EFI/BOOT/BOOTX64.EFI", &noise(150_000)),
        file("grub/grub.cfg", b"set timeout=5\n"),
        file("empty", b""),
    ]
}

/// What FAT holds, but not all of it.
fn owned_tree() -> Vec<(Node, Vec<u8>)> {
    let mut tree = plain_tree();
    tree[1].0.meta.uid = 1000;
    tree[2].0.meta.mode = 0o600;
    tree[3].0.meta.xattrs.insert(b"security.selinux".to_vec(), b"label".to_vec());
    tree
}

/// With links and a device.
fn linked_tree() -> Vec<(Node, Vec<u8>)> {
    let mut tree = plain_tree();
    let target = TreePath::new("grub/grub.cfg").expect("a path");
    tree.push((node("again", Kind::HardLink { target }, 0), vec![]));
    tree.push((node("link", Kind::Symlink { target: b"again".to_vec() }, 0o777), vec![]));
    tree.push((node("null", Kind::CharDevice { major: 1, minor: 3 }, 0o666), vec![]));
    tree
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = XzWriter::new(Vec::new(), XzOptions::with_preset(0)).expect("memory");
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut out = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    out.include_checksum(true).expect("memory");
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

fn place(name: &str, bytes: &[u8]) -> Place {
    let place = Place::new();
    fs::write(place.path().join(name), bytes).expect("a file");
    place
}

fn mkfs(place: &Place, arguments: &[&str]) -> Ran {
    place.run(&[&["mkfs"], arguments].concat())
}

/// Everything in the place but what was put there.
fn made(place: &Place, put: &[&str]) -> Vec<String> {
    let entries = fs::read_dir(place.path()).expect("a folder");
    let names = entries.map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8"));
    names.filter(|name| !put.contains(&name.as_str())).collect()
}

fn digest(path: &Path) -> Digest {
    Digest::of(&fs::read(path).expect("an image"))
}

#[test]
fn packed_or_not_the_bytes_are_the_same() {
    let plain = pack(&plain_tree());
    for (kind, size) in [("ext4", "16MiB"), ("xfs", "300MiB"), ("fat", "40MiB")] {
        // names say nothing about what is inside
        let place = place("tree.zip", &plain);
        for (name, bytes) in [("a.tar", gzip(&plain)), ("b.gz", xz(&plain)), ("c", zstd(&plain))] {
            fs::write(place.path().join(name), bytes).expect("a file");
        }
        let common = ["--type", kind, "--size", size, "--label", "SOME", "--output"];
        let mut digests = Vec::new();
        for (i, tree) in ["tree.zip", "tree.zip", "a.tar", "b.gz", "c"].iter().enumerate() {
            let image = format!("{i}.img");
            let ran = mkfs(&place, &[&common[..], &[&image, tree]].concat());
            assert_eq!(ran.code, Some(0), "{kind} {tree}: {}", ran.err);
            assert!(
                ran.out.contains(&format!("{kind} of {}, UUID ", size.replace("MiB", " MiB"))),
                "{}",
                ran.out
            );
            digests.push(digest(&place.path().join(image)));
        }
        for tree in ["tree.zip", "c"] {
            let mut command = place.command(&[&["mkfs"], &common[..], &["in.img", "-"]].concat());
            command.stdin(File::open(place.path().join(tree)).expect("the archive"));
            let ran = finish(command);
            assert_eq!(ran.code, Some(0), "{kind} {tree}: {}", ran.err);
            digests.push(digest(&place.path().join("in.img")));
        }
        assert!(digests.iter().all(|d| *d == digests[0]), "{kind}: {digests:?}");
    }
}

#[test]
fn what_is_asked_for_is_in_the_result() {
    let place = place("t", &pack(&linked_tree()));
    let uuid = "6b1d5e3c-0a4f-5c2b-9d8e-7f6a5b4c3d2e";
    let json = |arguments: &[&str]| -> serde_json::Value {
        let ran = mkfs(&place, &[arguments, &["--message-format", "json", "-o", "x", "t"]].concat());
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.err);
        serde_json::from_str(&ran.out).expect("JSON")
    };
    let told = json(&["--type", "ext4", "--size", "20MiB", "--uuid", uuid, "--label", "root"]);
    assert_eq!((&told["uuid"], &told["label"]), (&uuid.into(), &"root".into()));
    assert_eq!((&told["size"], &told["data"]), (&(20 << 20).into(), &150_014.into()));
    let image = fs::read(place.path().join("x")).expect("an image");
    assert_eq!(image.len(), 20 << 20);
    assert_eq!(hex::encode(&image[1024 + 0x68..][..16]), uuid.replace('-', ""));
    assert_eq!(&image[1024 + 0x78..][..5], b"root\0");
    // metadata_csum is a bit of the read-only features
    let checksums = |image: &[u8]| image[1024 + 0x65] & 4 != 0;
    assert!(checksums(&image));
    json(&["--type", "ext4", "--size", "20MiB", "--kernel", "3.10.0-1160.el7.x86_64"]);
    assert!(!checksums(&fs::read(place.path().join("x")).expect("an image")));
    // nothing of the optional features of xfs but file types
    json(&["--type", "xfs", "--size", "300MiB", "--kernel", "3.10"]);
    let image = fs::read(place.path().join("x")).expect("an image");
    assert_eq!((&image[212..216], &image[216..220]), (&[0, 0, 0, 0][..], &[0, 0, 0, 1][..]));
    // without a size it is what the tree takes and some room
    for kind in ["ext4", "xfs"] {
        assert_eq!(json(&["--type", kind])["size"], 320 << 20, "{kind}");
    }
}

#[test]
fn what_fat_drops_is_told_and_what_it_cannot_hold_is_refused() {
    let place = place("t", &pack(&owned_tree()));
    let ran = mkfs(&place, &["--type", "fat", "--size", "40MiB", "-o", "x", "t"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for line in [
        "FAT does not keep owners other than root: /EFI/BOOT/BOOTX64.EFI",
        "FAT does not keep modes that forbid reading: /grub/grub.cfg",
        "FAT does not keep extended attributes: /empty",
    ] {
        assert!(ran.err.contains(line), "{line}: {}", ran.err);
    }
    // the others keep them, and a plain tree loses nothing
    let ran = mkfs(&place, &["--type", "ext4", "--size", "16MiB", "-o", "x", "t"]);
    assert!(ran.code == Some(0) && !ran.err.contains("keep"), "{}", ran.err);
    let place = self::place("t", &pack(&plain_tree()));
    let ran = mkfs(&place, &["--type", "fat", "--size", "40MiB", "-o", "x", "t"]);
    assert!(ran.code == Some(0) && !ran.err.contains("keep"), "{}", ran.err);
    let target = TreePath::new("empty").expect("a path");
    for (kind, problem) in [
        (Kind::HardLink { target }, "FAT has no hard links"),
        (Kind::Symlink { target: b"empty".to_vec() }, "FAT has no symbolic links"),
        (Kind::CharDevice { major: 1, minor: 3 }, "FAT has no device nodes"),
        (Kind::BlockDevice { major: 8, minor: 0 }, "FAT has no device nodes"),
        (Kind::Fifo, "FAT has no pipes and sockets"),
    ] {
        let mut tree = plain_tree();
        tree.push((node("odd", kind, 0o644), vec![]));
        let place = self::place("t", &pack(&tree));
        let ran = mkfs(&place, &["--type", "fat", "--size", "40MiB", "-o", "x", "t"]);
        assert_eq!(ran.code, Some(1));
        let what = format!("/odd cannot be in a filesystem of type fat: {problem}");
        assert!(ran.err.contains(&what), "{}", ran.err);
        assert_eq!(made(&place, &["t"]), [""; 0]);
    }
}

#[test]
fn a_fat_of_its_own_size_and_id() {
    let place = place("t", &pack(&plain_tree()));
    for (uuid, id) in [("1a2b-3C4D", "1A2B-3C4D"), ("6b1d5e3c-0a4f-5c2b-9d8e-7f6a5b4c3d2e", "6B1D-5E3C")] {
        let ran = mkfs(&place, &["--type", "fat", "--uuid", uuid, "-o", "x", "t"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(ran.out.contains(&format!("fat of 320 MiB, UUID {id}\n")), "{}", ran.out);
    }
}

/// Two archives that differ in times after the epoch alone give the same filesystem.
#[test]
fn source_date_epoch_bounds_times() {
    let mut later = linked_tree();
    for (node, _) in &mut later {
        node.meta.mtime.secs += 1000;
    }
    let place = place("a", &pack(&linked_tree()));
    fs::write(place.path().join("b"), pack(&later)).expect("a file");
    let made_at = |tree: &str, epoch: Option<&str>| {
        let mut command = place.command(&[&["mkfs"], &EXT4[..], &["-o", "x", tree]].concat());
        command.envs(epoch.map(|e| ("SOURCE_DATE_EPOCH", e)));
        let ran = finish(command);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        digest(&place.path().join("x"))
    };
    assert_ne!(made_at("a", None), made_at("b", None));
    let epoch = Some("1600000000");
    assert_eq!(made_at("a", epoch), made_at("b", epoch));
    assert_ne!(made_at("a", epoch), made_at("a", None));
    let mut command = place.command(&[&["mkfs"], &EXT4[..], &["-o", "x", "a"]].concat());
    command.env("SOURCE_DATE_EPOCH", "yesterday");
    assert_eq!(finish(command).code, Some(2));
}

#[test]
fn a_filesystem_inside_an_image_leaves_the_rest_alone() {
    let place = place("t", &pack(&linked_tree()));
    assert_eq!(mkfs(&place, &[&EXT4[..], &["-o", "alone", "t"]].concat()).code, Some(0));
    let alone = fs::read(place.path().join("alone")).expect("an image");
    let disk = place.path().join("disk");
    fs::write(&disk, vec![0xa5; 24 << 20]).expect("a disk");
    let whole = |start: usize, end: usize, inside: &dyn Fn(&[u8])| {
        let bytes = fs::read(&disk).expect("a disk");
        assert_eq!(bytes.len(), 24 << 20);
        assert!(bytes[..start].iter().chain(&bytes[end..]).all(|b| *b == 0xa5));
        inside(&bytes[start..end]);
    };
    let at = 3 * 512;
    let inside = [&EXT4[..], &["--offset", "1536", "-o", "disk"]].concat();
    let ran = mkfs(&place, &[&inside[..], &["t"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("disk from byte 1536 on"), "{}", ran.out);
    whole(at, at + (16 << 20), &|bytes| assert!(bytes == alone));
    // a failure leaves zeros there and no half of a filesystem
    let bytes = pack(&linked_tree());
    fs::write(place.path().join("cut"), &bytes[..bytes.len() - 3000]).expect("a file");
    let ran = mkfs(&place, &[&inside[..], &["cut"]].concat());
    assert_eq!(ran.code, Some(1));
    whole(at, at + (16 << 20), &|bytes| assert!(bytes.iter().all(|b| *b == 0)));
    // what does not fit is refused before anything is touched
    let before = digest(&disk);
    for (size, offset) in [("16MiB", "9MiB"), ("16MiB", "18446744073709551104"), ("16MiB", "100")] {
        let ran = mkfs(&place, &["--type", "ext4", "--size", size, "--offset", offset, "-o", "disk", "t"]);
        assert_eq!((ran.code, digest(&disk)), (Some(2), before), "{offset}: {}", ran.err);
    }
    assert_eq!(made(&place, &["t", "cut", "alone", "disk"]), [""; 0]);
}

#[test]
fn a_tree_that_does_not_fit_says_what_would_do() {
    let mut tree = plain_tree();
    tree.push(file("big", &noise(45 << 20)));
    let place = place("t", &pack(&tree));
    fs::write(place.path().join("x"), "the image before").expect("a file");
    for (kind, size) in
        [("ext4", "16MiB"), ("ext4", "1MiB"), ("fat", "33MiB"), ("fat", "0"), ("xfs", "20MiB")]
    {
        let ran = mkfs(&place, &["--type", kind, "--size", size, "-o", "x", "t"]);
        assert_eq!(ran.code, Some(1), "{kind} {size}");
        assert_eq!(fs::read(place.path().join("x")).expect("kept"), b"the image before");
        assert!(ran.err.contains(" bytes), and `--size` is "), "{}", ran.err);
        let (_, rest) = ran.err.split_once("give `--size ").expect("the help says so");
        let (enough, _) = rest.split_once('`').expect("quoted");
        let ran = mkfs(&place, &["--type", kind, "--size", enough, "-o", "y", "t"]);
        assert_eq!(ran.code, Some(0), "{kind} {enough}: {}", ran.err);
        fs::remove_file(place.path().join("y")).expect("made");
    }
}

#[test]
fn wrong_usage() {
    let place = place("t", &pack(&linked_tree()));
    fs::create_dir(place.path().join("folder")).expect("a folder");
    for (arguments, told) in [
        (&["--type", "btrfs", "-o", "x", "t"][..], "invalid value 'btrfs'"),
        (&["-o", "x", "t"], "--type <TYPE>"),
        (&["--type", "xfs", "t"], "--output <FILE>"),
        (&["--type", "xfs", "--size", "2G", "-o", "x", "t"], "`G` is no unit of size; such as 2GiB"),
        (&["--type", "xfs", "--kernel", "el7", "-o", "x", "t"], "a version starts with two numbers"),
        (&["--type", "xfs", "--features", "reflink=yes", "-o", "x", "t"], "turned on or off: reflink=off"),
        (
            &["--type", "xfs", "--kernel", "3.10", "--features", "finobt=off,reflink=on", "-o", "x", "t"],
            "linux 3.10 cannot mount xfs with reflink; it came with 4.9",
        ),
        (&["--type", "xfs", "--uuid", "12", "-o", "x", "t"], "a UUID has 32 hexadecimal digits"),
        (&["--type", "xfs", "--uuid", "1234-abcd", "-o", "x", "t"], "xfs has no volume id but a UUID"),
        (&["--type", "xfs", "--label", "thirteen-byte", "-o", "x", "t"], "an xfs label has at most 12 bytes"),
        (&["--type", "ext4", "--label", "seventeen-byte-is", "-o", "x", "t"], "at most 16 bytes"),
        (&["--type", "fat", "--label", "a.b", "-o", "x", "t"], "a FAT label has at most 11 letters"),
        (&["--type", "xfs", "-o", "x", "none"], "the archive `none` cannot be opened"),
        (&["--type", "xfs", "-o", "x", "folder"], "pack it: `tar -C folder -c . | osimg mkfs"),
        (&["--type", "xfs", "-o", "folder", "t"], "`folder` is no regular file"),
        (&["--type", "xfs", "-o", "/dev/null", "t"], "`/dev/null` is no regular file"),
        (&["--type", "xfs", "-o", "none/x", "t"], "there is no folder `none`"),
        (&["--type", "xfs", "-o", "t", "t"], "the archive itself would be overwritten"),
        (&["--type", "xfs", "-o", "x", "-"], "the size is not given, and the archive can be read only once"),
        (&["--type", "xfs", "--offset", "0", "--size", "1MiB", "-o", "x", "t"], "there is no image `x`"),
    ] {
        let ran = mkfs(&place, arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(told), "{arguments:?}: {}", ran.err);
        assert_eq!(made(&place, &["t", "folder"]), [""; 0], "{arguments:?}");
    }
    fs::write(place.path().join("x"), "an image").expect("a file");
    let ran = mkfs(&place, &["--type", "xfs", "--offset", "0", "-o", "x", "t"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("`--offset` wants a `--size`"), "{}", ran.err);
}

#[test]
fn what_is_no_archive_is_told() {
    let mut unordered = linked_tree();
    unordered.reverse();
    for (bytes, told) in [
        (&b""[..], "it is empty"),
        (b"hello", "it has not one header"),
        (&[b'x'; 2000], "this is no tar archive, or a damaged one"),
        (b"BZh91AY&SY", "it is packed by bzip2"),
        (&pack(&unordered), "it is a hard link to /grub/grub.cfg, which did not come before it"),
    ] {
        for size in ["16MiB", "auto"] {
            let place = place("t", bytes);
            let ran = mkfs(&place, &["--type", "ext4", "--size", size, "-o", "x", "t"]);
            assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{told}");
            assert!(ran.err.contains("`t` cannot be read as a tar archive\n"), "{}", ran.err);
            assert!(ran.err.contains(told), "{told}: {}", ran.err);
            assert_eq!(made(&place, &["t"]), [""; 0], "{told}");
        }
    }
}

/// Cut or flipped at one place: never a panic, never a file after a failure, and nothing that a checksum covers is taken
/// for something else.
#[test]
fn a_damaged_archive_leaves_no_image() {
    let plain = pack(&linked_tree());
    let forms = [plain.clone(), gzip(&plain), xz(&plain), zstd(&plain)];
    let good = {
        let place = place("t", &plain);
        assert_eq!(mkfs(&place, &[&EXT4[..], &["-o", "x", "t"]].concat()).code, Some(0));
        digest(&place.path().join("x"))
    };
    let damage = (0..forms.len(), any::<prop::sample::Index>(), prop::option::of(1..=255u8));
    let mut runner = TestRunner::new(Config { cases: 160, failure_persistence: None, ..Config::default() });
    runner
        .run(&damage, |(form, at, flip)| {
            let mut bytes = forms[form].clone();
            let at = at.index(bytes.len());
            match flip {
                Some(bits) => bytes[at] ^= bits,
                None => bytes.truncate(at),
            }
            let place = place("t", &bytes);
            let ran = mkfs(&place, &[&EXT4[..], &["-o", "x", "t"]].concat());
            prop_assert!(!ran.err.contains("panicked"), "{}", ran.err);
            match ran.code {
                Some(0) => {
                    // file data and some header fields are in no checksum of a plain tar
                    let free = form == 0 && flip.is_some();
                    prop_assert!(free || digest(&place.path().join("x")) == good, "{form} {at} {flip:?}");
                    prop_assert_eq!(made(&place, &["t"]), ["x"]);
                }
                code => {
                    prop_assert_eq!(code, Some(1), "{}", ran.err);
                    prop_assert_eq!(made(&place, &["t"]), [""; 0]);
                }
            }
            Ok(())
        })
        .expect("every damage");
}

#[test]
fn an_interruption_leaves_nothing() {
    let bytes = pack(&linked_tree());
    for signal in ["INT", "TERM"] {
        let place = Place::new();
        let mut command = place.command(&[&["mkfs"], &EXT4[..], &["-o", "x", "-"]].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        // the rest never comes, and the pipe stays open
        let mut pipe = child.stdin.take().expect("a pipe");
        pipe.write_all(&bytes[..20_000]).expect("the binary reads");
        let since = Instant::now();
        while !place.path().join(".x.partial").exists() {
            assert!(since.elapsed() < Duration::from_secs(60), "no file is begun");
            std::thread::sleep(Duration::from_millis(10));
        }
        let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
        let output = child.wait_with_output().expect("the binary ends");
        drop(pipe);
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(made(&place, &[]), [""; 0], "{signal}");
    }
}
