//! Reads FAT filesystems that dosfstools and mtools wrote.

use std::fs::File;

use osimg::base::{Bytes, Digest};
use osimg::fs::fat::read::Reader;

use crate::program::sh;

/// Bytes without a pattern that a wrong cluster would repeat.
fn content(length: usize, seed: u8) -> Vec<u8> {
    let blocks = (0..length.div_ceil(32)).map(|n| Digest::of(&[&n.to_le_bytes()[..], &[seed]].concat()).0);
    blocks.flatten().take(length).collect()
}

#[test]
fn reads_what_mtools_wrote() {
    for (sectors_per_cluster, offset) in [(1u64, 0u64), (1, 2048), (8, 2048)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path();
        let kib = 40 * 1024 * sectors_per_cluster;
        sh(
            at,
            &format!(
                "truncate -s $((({kib} + {offset}) * 1024)) disk.img\n\
                 mkfs.vfat -F 32 -s {sectors_per_cluster} -n BOOT --offset {offset} disk.img {kib} >/dev/null\n\
                 mmd -i disk.img@@$(({offset} * 512)) ::grub ::grub/i386-pc '::a folder with a long name'"
            ),
        );
        let files = [
            ("grub/grubenv", content(1024, 1)),
            ("grub/grub.cfg", content(5000, 2)),
            ("grub/i386-pc/normal.mod", content(170_003, 3)),
            ("a folder with a long name/Größe und mehr als dreizehn Zeichen.txt", content(777, 4)),
            ("empty", Vec::new()),
        ];
        let copy = |name: &str, bytes: &[u8]| {
            std::fs::write(at.join("file"), bytes).expect("a file");
            sh(at, &format!("mcopy -o -i disk.img@@$(({offset} * 512)) file '::{name}'"));
        };
        for (name, bytes) in &files {
            copy(name, bytes);
        }
        // holes left by removed files put the next file in pieces
        for n in 0..40 {
            copy(&format!("hole{n}"), &content(4096, n));
        }
        for n in (0..40).step_by(2) {
            sh(at, &format!("mdel -i disk.img@@$(({offset} * 512)) ::hole{n}"));
        }
        // mtools goes on behind the cluster it used last, unless FSInfo (sector 1) says that nobody knows which it was
        sh(
            at,
            &format!(
                "printf '\\377\\377\\377\\377' | \
                 dd of=disk.img bs=1 seek=$(({offset} * 512 + 512 + 492)) conv=notrunc status=none"
            ),
        );
        let pieces = content(300_000 * sectors_per_cluster as usize, 99);
        copy("pieces.bin", &pieces);

        let image = at.join("disk.img");
        let mut fat =
            Reader::open(File::open(&image).expect("the image"), Bytes(offset * 512)).expect("FAT32");
        let disk = std::fs::read(&image).expect("the image");
        for (name, bytes) in files.iter().chain(&[("PIECES.BIN", pieces)]) {
            let entry = fat.find(name).expect("reads").unwrap_or_else(|| panic!("{name} is not there"));
            assert_eq!(&fat.read(&entry, Bytes::mib(16)).expect("reads"), bytes, "{name}");
            // the extents, cut out of the disk by hand, are the file
            let cut: Vec<u8> = fat
                .extents(&entry)
                .expect("reads")
                .iter()
                .flat_map(|e| &disk[e.offset.0 as usize..(e.offset.0 + e.length.0) as usize])
                .copied()
                .collect();
            assert_eq!(&cut, bytes, "{name}");
        }
        let entry = fat.find("pieces.bin").expect("reads").expect("is there");
        let extents = fat.extents(&entry).expect("reads").len();
        assert!(extents > 1, "the file is in one piece: this test shows less than it should");
        assert_eq!(fat.find("hole0").expect("reads"), None, "a removed file is still seen");
        let root = fat.find("/").expect("reads").expect("the root");
        let names: Vec<String> = fat.list(&root).expect("reads").into_iter().map(|e| e.name).collect();
        assert!(!names.contains(&"BOOT".to_string()), "the label is no file: {names:?}");
        let folder = fat.find("A FOLDER with a long name").expect("reads").expect("case does not count");
        assert!(folder.directory);
    }
}
