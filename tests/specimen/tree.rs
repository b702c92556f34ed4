//! A small tree that passes every rule, and changes of it: what the fake engine exports.

use std::collections::BTreeMap;

use osimg::rootfs::ArchiveWriter;
use osimg::rootfs::tree::{Kind, Meta, Node, TreePath};

/// Modules with what they need, as a generic initramfs has them.
const MODULES: [(&str, &[&str]); 10] = [
    ("drivers/block/virtio_blk", &["drivers/virtio/virtio_ring"]),
    ("drivers/scsi/virtio_scsi", &["drivers/virtio/virtio_ring"]),
    ("drivers/virtio/virtio_pci", &["drivers/virtio/virtio_ring"]),
    ("drivers/virtio/virtio_ring", &[]),
    ("drivers/scsi/sd_mod", &[]),
    ("fs/ext4/ext4", &["fs/jbd2/jbd2"]),
    ("fs/jbd2/jbd2", &[]),
    ("fs/xfs/xfs", &["lib/libcrc32c"]),
    ("lib/libcrc32c", &[]),
    ("fs/fat/vfat", &[]),
];

enum Thing {
    File(Vec<u8>, u16),
    Link(String),
    Directory,
}

/// Nodes by their absolute paths.
pub struct Tree(BTreeMap<String, Thing>);

impl Tree {
    /// A Debian with one kernel that boots and lets root in.
    pub fn debian(version: &str) -> Tree {
        let mut tree = Tree(BTreeMap::new());
        let modules = format!("/usr/lib/modules/{version}");
        let path = |name: &str| format!("kernel/{name}.ko");
        let line = |(name, needed): &(&str, &[&str])| {
            let needed: Vec<String> = needed.iter().map(|n| path(n)).collect();
            format!("{}: {}\n", path(name), needed.join(" "))
        };
        tree.link("/lib", "usr/lib");
        tree.link("/bin", "usr/bin");
        tree.link("/sbin", "usr/sbin");
        tree.file(&format!("/boot/vmlinuz-{version}"), kernel(version));
        tree.file(&format!("{modules}/modules.dep"), MODULES.iter().map(line).collect::<String>());
        tree.file(&format!("{modules}/modules.builtin"), "kernel/fs/configfs/configfs.ko\n");
        let names: Vec<String> =
            MODULES.iter().map(|(name, _)| format!("usr/lib/modules/{version}/{}", path(name))).collect();
        tree.initramfs(version, names.iter().map(String::as_str).chain(["init"]));
        tree.program("/usr/lib/systemd/systemd", 0o755);
        tree.link("/usr/sbin/init", "/lib/systemd/systemd");
        tree.program("/usr/bin/bash", 0o755);
        tree.program("/usr/bin/su", 0o4755);
        tree.program("/usr/sbin/sshd", 0o755);
        tree.units();
        tree.file("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        tree.file(
            "/etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nmail:x:8:8::/var/mail:/usr/sbin/nologin\n",
        );
        tree.file("/etc/shadow", "root:$6$salt$abcdefghijklmnop:20000:0:99999:7:::\nmail:*:20000::::::\n");
        tree
    }

    fn units(&mut self) {
        let units = "/usr/lib/systemd/system";
        for unit in [
            "multi-user.target",
            "getty.target",
            "rescue.target",
            "getty@.service",
            "serial-getty@.service",
            "systemd-logind.service",
            "ssh.service",
        ] {
            self.file(&format!("{units}/{unit}"), "[Unit]\nDescription=of the test\n");
        }
        self.file(
            &format!("{units}/graphical.target"),
            "[Unit]\nRequires=multi-user.target\nWants=display-manager.service\n",
        );
        self.link(&format!("{units}/default.target"), "graphical.target");
        self.link(&format!("{units}/multi-user.target.wants/getty.target"), "../getty.target");
        self.link(&format!("{units}/multi-user.target.wants/ssh.service"), "../ssh.service");
        self.link("/etc/systemd/system/default.target", &format!("{units}/multi-user.target"));
        self.program("/usr/lib/systemd/system-generators/systemd-getty-generator", 0o755);
    }

    pub fn file(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.0.insert(path.to_string(), Thing::File(content.into(), 0o644));
    }

    pub fn program(&mut self, path: &str, mode: u16) {
        self.0.insert(path.to_string(), Thing::File(b"\x7fELF".to_vec(), mode));
    }

    pub fn link(&mut self, path: &str, target: &str) {
        self.0.insert(path.to_string(), Thing::Link(target.to_string()));
    }

    /// The whole initramfs but these modules.
    fn initramfs_without(&mut self, modules: &[&str]) {
        let image = self.0.keys().find_map(|path| path.strip_prefix("/boot/vmlinuz-"));
        let version = image.expect("the tree has a kernel").to_string();
        let names: Vec<String> = MODULES
            .iter()
            .filter(|(path, _)| !modules.iter().any(|module| path.ends_with(&format!("/{module}"))))
            .map(|(path, _)| format!("usr/lib/modules/{version}/kernel/{path}.ko"))
            .collect();
        self.initramfs(&version, names.iter().map(String::as_str).chain(["init"]));
    }

    /// The initramfs of that kernel, made of these names.
    pub fn initramfs<'n>(&mut self, version: &str, names: impl IntoIterator<Item = &'n str>) {
        self.file(&format!("/boot/initrd.img-{version}"), cpio(names));
    }

    /// Takes a node and all below it away.
    pub fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        let before = self.0.len();
        self.0.retain(|at, _| at != path && !at.starts_with(&below));
        assert!(self.0.len() < before, "{path} is not in the tree");
    }

    /// A change as a page writes it: `- path` takes away, `path -> target` is a symbolic link, `path/` a folder,
    /// `path 4755` a program of that mode, `initramfs lacks …` leaves modules out; a path alone is a file that holds its path.
    pub fn change(&mut self, line: &str) {
        if let Some(path) = line.strip_prefix("- ") {
            self.remove(path);
        } else if let Some((path, target)) = line.split_once(" -> ") {
            self.link(path, target);
        } else if let Some(modules) = line.strip_prefix("initramfs lacks ") {
            self.initramfs_without(&modules.split(' ').collect::<Vec<_>>());
        } else if let Some((path, mode)) = line.split_once(' ') {
            self.program(path, u16::from_str_radix(mode, 8).expect("a mode"));
        } else if let Some(path) = line.strip_suffix('/') {
            self.0.insert(path.to_string(), Thing::Directory);
        } else {
            self.file(line, line);
        }
    }

    /// As a tar archive.
    pub fn pack(&self) -> Vec<u8> {
        let mut writer = ArchiveWriter::new(Vec::new());
        for (path, thing) in &self.0 {
            let (kind, mode, content) = match thing {
                Thing::File(content, mode) => {
                    (Kind::File { size: content.len() as u64 }, *mode, content.as_slice())
                }
                Thing::Link(target) => (Kind::Symlink { target: target.clone().into() }, 0o777, &b""[..]),
                Thing::Directory => (Kind::Directory, 0o755, &b""[..]),
            };
            let path = TreePath::new(path).expect("a path");
            let node = Node { path, kind, meta: Meta { mode, ..Meta::default() } };
            writer.append(&node, &mut &content[..]).expect("memory");
        }
        writer.finish().expect("memory")
    }
}

/// The head of an x86 kernel image of that version.
pub fn kernel(version: &str) -> Vec<u8> {
    let mut image = vec![0; 0x400];
    image[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x20e..0x210].copy_from_slice(&0x100u16.to_le_bytes());
    image[0x300..0x300 + version.len()].copy_from_slice(version.as_bytes());
    image
}

/// A cpio archive of empty files.
pub fn cpio<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<u8> {
    let mut out = Vec::new();
    for name in names.into_iter().chain(["TRAILER!!!"]) {
        out.extend_from_slice(b"070701");
        let fields = [1, 0o100_755, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.len() + 1, 0];
        out.extend(fields.iter().flat_map(|field| format!("{field:08x}").into_bytes()));
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}
