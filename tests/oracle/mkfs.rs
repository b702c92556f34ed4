//! `osimg mkfs` as its users call it: GNU tar, gzip, xz and zstd before it, checkers and the kernel's mount after it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::filesystem::Filesystem;
use crate::image::Image;
use crate::program::{output, sh};
use crate::xfs::db;
use osimg::fs::ext4::Ext4;
use osimg::fs::xfs::Xfs;

/// A folder with one of everything that tar takes.
const TREE: &str = r#"
mkdir -p tree/usr/bin tree/etc/deep/er tree/dev tree/tmp
cd tree
chmod 1777 tmp
printf 'root:x:0:0\n' > etc/passwd
head -c 3000000 /dev/urandom > usr/bin/big
truncate -s 5M usr/bin/hole
chmod 4755 usr/bin/big
ln usr/bin/big usr/bin/again
ln -s ../etc/passwd usr/link
ln -s "$(printf 'x%.0s' $(seq 300))" usr/long-link
mknod dev/null c 1 3
mknod dev/sda b 8 16
mkfifo dev/pipe
chown 1000:70000 etc/passwd
setfattr -n user.note -v hello etc/passwd
setfattr -n trusted.more -v "$(head -c 900 /dev/zero | tr '\0' v)" etc
setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 usr/bin/big
setfacl -m u:1234:rx usr/bin
touch "etc/deep/er/ a name with
a line" "etc/deep/$(printf 'n%.0s' $(seq 255))"
for i in $(seq 500); do echo "$i" > "etc/deep/file $i"; done
touch -h -d '2001-02-03 04:05:06.789 UTC' etc/passwd usr/link etc/deep
"#;

/// All that a tree is, as text. Xfs shows an ACL a second time, under the name that it has on the disk.
const LISTING: &str = r#"
find . -name lost+found -prune -o ! -path . -type d -printf '%p %y %m %U %G %T@\0' \
    -o ! -path . -printf '%p %y %m %U %G %T@ %n %s %l\0' | sort -z | tr '\0' '\n'
find . -type f -print0 | sort -z | xargs -0 sha256sum
stat -c '%n %t %T' dev/null dev/sda
find . -name lost+found -prune -o -print0 | sort -z | xargs -0 getfattr -hd -m - -e hex -- | grep -v ^trusted.SGI_ACL
"#;

/// The binary, which must succeed.
fn mkfs(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osimg"));
    let out = command.arg("mkfs").args(arguments).current_dir(folder).output().expect("the binary starts");
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// A folder with `tree`, and `tree.tar` in all its packings.
fn packed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    sh(folder.path(), TREE);
    sh(
        folder.path(),
        "tar --format=posix --xattrs --xattrs-include='*' --acls --numeric-owner -C tree -cf tree.tar .
         gzip -k tree.tar; xz -k -T2 --block-size=1MiB tree.tar; zstd -q -k tree.tar
         # more than one member, more than one stream
         head -c 1000000 tree.tar | gzip > two.gz; tail -c +1000001 tree.tar | gzip >> two.gz
         head -c 1000000 tree.tar | xz > two.xz; tail -c +1000001 tree.tar | xz >> two.xz
         head -c 1000000 tree.tar | zstd -q > two.zst; tail -c +1000001 tree.tar | zstd -q >> two.zst",
    );
    folder
}

/// An image that is mounted must hold the folder `tree`.
fn same_tree(image: &Image, tree: &Path) {
    let mount = image.mount("loop");
    let (there, expected) = (sh(&mount.point, LISTING), sh(tree, LISTING));
    assert!(expected.lines().count() > 1000, "{expected}");
    let differ = there.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert!(there == expected, "{differ:?}");
}

#[test]
fn other_programs_find_the_tree_whatever_it_was_packed_in() {
    let source = packed();
    for (kind, size) in [("xfs", "320MiB"), ("ext4", "64MiB")] {
        let mut first: Option<Vec<u8>> = None;
        for tree in ["tree.tar", "tree.tar.gz", "tree.tar.xz", "tree.tar.zst", "two.gz", "two.xz", "two.zst"]
        {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("part.img");
            let name = path.to_str().expect("UTF-8");
            mkfs(source.path(), &["--type", kind, "--size", size, "--label", "root", "-o", name, tree]);
            let bytes = fs::read(&path).expect("an image");
            match &first {
                Some(first) => assert!(*first == bytes, "{kind} from {tree}"),
                None => {
                    first = Some(bytes);
                    let image = Image { folder, path };
                    if kind == "xfs" {
                        Xfs::check(&image)
                    } else {
                        Ext4::check(&image)
                    }
                    same_tree(&image, &source.path().join("tree"));
                }
            }
        }
    }
}

#[test]
fn for_an_old_kernel_and_of_its_own_size() {
    let source = packed();
    for kind in ["xfs", "ext4"] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part.img");
        let name = path.to_str().expect("UTF-8");
        mkfs(source.path(), &["--type", kind, "--kernel", "3.10", "-o", name, "tree.tar.zst"]);
        let image = Image { folder, path };
        if kind == "xfs" {
            Xfs::check(&image)
        } else {
            Ext4::check(&image)
        }
        same_tree(&image, &source.path().join("tree"));
    }
}

#[test]
fn with_features_of_ones_own() {
    let source = packed();
    for (kind, features, seen) in [
        ("xfs", "rmapbt=on,nrext64=on,sparse=off", "rmapbt=1"),
        ("xfs", "reflink=off,bigtime=off", "reflink=0"),
        ("ext4", "has_journal=off", "metadata_csum"),
        ("ext4", "64bit=off,metadata_csum=off", "uninit_bg"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part.img");
        let name = path.to_str().expect("UTF-8");
        mkfs(source.path(), &["--type", kind, "--features", features, "-o", name, "tree.tar.zst"]);
        let image = Image { folder, path };
        let told = if kind == "xfs" {
            Xfs::check(&image);
            db(&image, &["info"])
        } else {
            Ext4::check(&image);
            output("dumpe2fs", &["-h".as_ref(), image.path.as_os_str()])
        };
        assert!(told.contains(seen), "{features}: {told}");
        same_tree(&image, &source.path().join("tree"));
    }
}

#[test]
fn fat_inside_a_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    sh(
        folder.path(),
        "mkdir -p tree/EFI/BOOT; head -c 200000 /dev/urandom > tree/EFI/BOOT/BOOTX64.EFI
         for i in $(seq 300); do echo $i > \"tree/EFI/a long name $i\"; done
         tar -C tree -cJf tree.tar.xz EFI; truncate -s 100M disk.img",
    );
    let inside =
        ["--type", "fat", "--size", "64MiB", "--offset", "1MiB", "--uuid", "1A2B-3C4D", "--label", "boot"];
    mkfs(folder.path(), &[&inside[..], &["-o", "disk.img", "tree.tar.xz"]].concat());
    sh(folder.path(), "dd if=disk.img of=part.img bs=1M skip=1 count=64 status=none");
    let part = folder.path().join("part.img");
    let verdict = output("fsck.vfat", &["-n".as_ref(), "-v".as_ref(), part.as_os_str()]);
    assert!(verdict.contains(": 304 files, "), "{verdict}");
    let found = output("blkid", &["-p".as_ref(), part.as_os_str()]);
    assert!(found.contains(" LABEL=\"BOOT\" UUID=\"1A2B-3C4D\""), "{found}");
    // hidden sectors: where the partition starts on its disk
    assert_eq!(fs::read(&part).expect("an image")[28..32], 2048u32.to_le_bytes());
    sh(folder.path(), "mkdir out; mcopy -s -n -i part.img ::EFI out; diff -r out/EFI tree/EFI");
}
