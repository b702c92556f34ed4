//! GNU tar as oracle: a folder with everything Linux can put into an inode goes through GNU tar, our reader, our writer and
//! GNU tar again, and is the same folder.

use std::fs;

use osimg::rootfs::tree::{Kind, TreeSource};
use osimg::rootfs::{Archive, ArchiveWriter};

use crate::program::sh;

const MAKE: &str = r#"
mkdir -p root/usr/bin root/etc "root/a b" root/deep
cd root
head -c 3000000 /dev/urandom > usr/bin/ping; chmod 4755 usr/bin/ping
printf x > usr/bin/cap; setcap cap_net_raw,cap_setuid=ep usr/bin/cap
ln usr/bin/ping usr/bin/ping6
printf hello > etc/motd; chown 1000:2000 etc/motd; chmod 0640 etc/motd
: > etc/empty
setfacl -m u:1000:rw-,g:2000:r--,m::rwx etc/motd
setfacl -m d:u:12345:rwx,d:g::r-x etc
setfattr -n user.plain -v some etc/motd
setfattr -n user.empty etc/motd
setfattr -n 'user.odd=name%3D' -v 0x000aff3d etc/motd
setfattr -n trusted.overlay.opaque -v y deep
ln -s ../usr/bin/ping etc/link; ln etc/link etc/link2
ln -s "$(printf 'x%.0s' $(seq 1 300))" long-link
mknod null c 1 3; mknod disk b 259 1048575; mkfifo pipe; chmod 1777 "a b"; chmod 2755 deep
printf new > $'a b/new\nline'; printf raw > $'a b/raw\xff\xfe'
d=deep; for i in 1 2 3 4; do d="$d/$(printf 'directory%.0s' $(seq 1 10))"; mkdir "$d"; printf $i > "$d/file"; done
chown -h 4000000000:3000000 long-link
touch -hd '1960-01-02 03:04:05.123456789' etc/empty
touch -hd '2400-01-02 03:04:05.000000001' etc/link
touch -d '2001-02-03 04:05:06.7' usr/bin/ping
touch -d '2002-02-03 04:05:06.789' . usr usr/bin etc deep "a b"
"#;

/// Everything of a folder that stat, getfattr, getfacl and sha256sum see, inode numbers as groups of hard links.
const LIST: &str = r#"
find . -print0 | LC_ALL=C sort -z | xargs -0 stat --printf '%A %u %g %s %h %t,%T %.9Y %N\n' | grep -v '^d' || true
find . -type d -print0 | LC_ALL=C sort -z | xargs -0 stat --printf '%A %u %g %.9Y %N\n'
find . ! -type l -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex
find . ! -type l -print0 | LC_ALL=C sort -z | xargs -0 getfacl -nE
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
getcap -r . | LC_ALL=C sort
find . -type f -links +1 -printf '%i\n' | sort -u | wc -l
"#;

#[test]
fn everything_survives_from_tar_to_tar() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    sh(at, MAKE);
    sh(at, "tar --format=pax --xattrs --xattrs-include='*' --acls -cf in.tar -C root .");

    let mut archive = Archive::new(fs::File::open(at.join("in.tar")).expect("made"));
    let mut writer = ArchiveWriter::new(fs::File::create(at.join("out.tar")).expect("a file"));
    let mut nodes = 0;
    while let Some(item) = archive.next_item().expect("GNU tar's archive is good") {
        writer.append(&item.node, item.data).expect("can be written");
        nodes += 1;
    }
    writer.finish().expect("written");
    assert_eq!(nodes.to_string(), sh(at, "find root -printf 'x\\n' | wc -l").trim());

    sh(at, "mkdir back && tar --xattrs --xattrs-include='*' --numeric-owner -xpf out.tar -C back");
    let (before, after) = (sh(&at.join("root"), LIST), sh(&at.join("back"), LIST));
    assert!(before.contains(r"user.odd\075name%3D") && before.contains("cap_net_raw"), "{before}");
    assert!(before.contains("posix_acl_default") || before.contains("default:user:12345"), "{before}");
    fs::write(at.join("before"), before).expect("a file");
    fs::write(at.join("after"), after).expect("a file");
    sh(at, "diff -u before after");
}

/// The other formats that GNU tar writes say less, but what they say must be read.
#[test]
fn older_formats_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    sh(at, MAKE);
    let paths = sh(at, "find root -printf 'x\\n' | wc -l");
    // ustar and v7 have no room for these; a path of 300 bytes fits into neither
    sh(at, "rm -r root/long-link root/deep/* root/etc/empty root/etc/link root/etc/link2 root/disk");
    let fewer = sh(at, "find root -printf 'x\\n' | wc -l");
    assert_ne!(paths, fewer);
    for format in ["gnu", "oldgnu", "ustar", "posix"] {
        sh(at, &format!("tar --format={format} -cf {format}.tar -C root ."));
        let file = fs::File::open(at.join(format!("{format}.tar"))).expect("made");
        let mut archive = Archive::new(file);
        let (mut nodes, mut links) = (0, 0);
        while let Some(item) = archive.next_item().unwrap_or_else(|e| panic!("{format}: {e}")) {
            nodes += 1;
            links += usize::from(matches!(item.node.kind, Kind::HardLink { .. }));
            if item.node.path.as_bytes() == b"etc/motd" {
                assert_eq!(
                    (item.node.meta.uid, item.node.meta.gid, item.node.meta.mode),
                    (1000, 2000, 0o670)
                );
            }
        }
        assert_eq!((nodes.to_string().as_str(), links), (fewer.trim(), 1), "{format}");
    }
}
