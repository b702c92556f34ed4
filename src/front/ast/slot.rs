//! A slot as it is written, and the settings that `defaults` may hold for all of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{BuildArgs, Example, features};
use crate::base::name::{NAME_MAX, NAME_PATTERN};
use crate::front::words;

/// Declares the settings once for `slots` and for `defaults`: serde's `flatten` would lose the places.
macro_rules! slot_types {
    ($($(#[$meta:meta])* $field:ident: $type:ty;)*) => {
        /// One operating system: a Dockerfile, the partition it goes to, and what makes it bootable.
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
        #[serde(default)]
        #[schemars(deny_unknown_fields, extend("required" = ["name", "dockerfile"]))]
        pub struct Slot {
            /// The slot's name: the menu entry's id, the filesystem's label, and what `boot.default` refers to.
            #[schemars(regex(pattern = NAME_PATTERN), length(max = NAME_MAX), example = &"centos7")]
            pub name: Option<String>,
            /// What the boot menu shows. Default: the name.
            #[schemars(regex(pattern = words::TITLE), example = &"CentOS 7.9")]
            pub title: Option<String>,
            /// The Dockerfile of the operating system, relative to the manifest's folder. It is built untouched.
            #[schemars(regex(pattern = words::FILE), example = &"centos7/Dockerfile")]
            pub dockerfile: Option<String>,
            /// The build's context folder, relative to the manifest's folder. Default: the Dockerfile's folder.
            #[schemars(regex(pattern = words::PATH), example = &"centos7")]
            pub context: Option<String>,
            /// The host name. Default: the slot's name.
            #[schemars(regex(pattern = words::HOSTNAME), length(max = 64), example = &"node-a")]
            pub hostname: Option<String>,
            $($(#[$meta])* pub $field: Option<$type>,)*
        }

        /// Settings for every slot. A slot's own win key by key; lists are replaced, not joined.
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
        #[serde(default)]
        #[schemars(deny_unknown_fields)]
        pub struct Defaults {
            $($(#[$meta])* pub $field: Option<$type>,)*
        }
    };
}

slot_types! {
    /// Values for the Dockerfile's `ARG`s. Quote numbers: `"7.10"`, not `7.10`. Default: none, so that each `ARG` has the
    /// default of the Dockerfile.
    #[schemars(
        extend("propertyNames" = {"pattern": words::BUILD_ARG}),
        example = Example::of(r#"{"RELEASE": "7.9.2009"}"#)
    )]
    build_args: BuildArgs;
    /// The stage of the Dockerfile to build. Default: the last one.
    #[schemars(regex(pattern = words::STAGE), example = &"runtime")]
    target: String;
    /// The distribution family. Default: what the built image's `/etc/os-release` says. State it to render without an
    /// engine; the image is checked against it.
    distro: Distro;
    /// The partition's size: bytes (`2GiB`), or a share of what fixed sizes leave (`50%`). Default: an equal share of
    /// what is left.
    #[schemars(
        regex(pattern = words::SLOT_SIZE),
        example = &"50%",
        example = &"2GiB"
    )]
    size: String;
    /// The root filesystem. Its features follow from the slot's kernel and from GRUB, never from the host's tools.
    /// Default: ext4.
    #[schemars(example = Example::of(r#"{"type": "ext4"}"#))]
    filesystem: Filesystem;
    /// The kernel: which one, and what is added to its command line. Default: the distribution's current one.
    #[schemars(example = Example::of(r#"{"version": "6.1.0-28-amd64", "args": ["quiet"]}"#))]
    kernel: Kernel;
    /// Whether `osimg-switch` may use kexec to start this slot and to leave it. Default: `allow`.
    #[schemars(extend("default" = "allow"))]
    kexec: Kexec;
    /// What dracut puts into the initramfs: it sees only the build's container, so say what the machine needs. Default:
    /// virtio disks and the root filesystem.
    #[schemars(example = Example::of(r#"{"drivers": ["virtio_blk", "virtio_scsi", "nvme", "ext4"]}"#))]
    dracut: Dracut;
    /// systemd's default target, and units to enable, disable, mask or unmask. Default: `multi-user.target` with
    /// `getty.target` unmasked, so that there is a login prompt.
    #[schemars(example = Example::of(r#"{"default_target": "multi-user.target", "enable": ["sshd.service"]}"#))]
    systemd: Systemd;
    /// Packages to install on top of the Dockerfile's image, by the distribution's package manager. Default: none but
    /// what booting needs.
    #[schemars(inner(regex(pattern = words::PACKAGE)), example = Example::of(r#"["openssh-server"]"#))]
    packages: Vec<String>;
    /// Users to create or to change. Default: those of the image, whose `root` often cannot log in.
    #[schemars(example = Example::of(r#"[{"name": "root", "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA admin"]}]"#))]
    users: Vec<User>;
    /// Files to write into the root filesystem. Default: none but `/etc/fstab`, `/etc/hostname`, `/etc/hosts` and an empty
    /// `/etc/machine-id`.
    #[schemars(example = Example::of(r#"[{"path": "/etc/motd", "content": "built by osimg\n"}]"#))]
    files: Vec<File>;
}

/// A distribution family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Distro {
    /// Debian (apt).
    Debian,
    /// Ubuntu (apt).
    Ubuntu,
    /// CentOS 7, RHEL 7 and their kin (yum).
    El7,
    /// CentOS 8, RHEL 8, Rocky, Alma and their kin (dnf).
    El8,
    /// CentOS Stream 9, RHEL 9, Rocky, Alma and their kin (dnf).
    El9,
    /// Fedora (dnf).
    Fedora,
}

/// Whether kexec may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kexec {
    /// A switch starts the next kernel from this one, which spares the firmware. The slot gets kexec-tools.
    Allow,
    /// A switch goes through the firmware: for hardware or drivers that do not survive a kexec.
    Never,
}

/// The root filesystem.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("allOf" = features::by_type()))]
pub struct Filesystem {
    /// The filesystem's type. Default: `ext4`.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "ext4"))]
    pub kind: Option<FilesystemType>,
    /// Features to turn on or off, as `mke2fs` and `mkfs.xfs` name them: `reflink: false`. What is not named follows from
    /// the slot's kernel and from GRUB. Those of `defaults` and of the slot are merged by name. Default: none.
    #[schemars(schema_with = "features::schema", example = Example::of(r#"{"reflink": false}"#))]
    pub features: Option<BTreeMap<String, bool>>,
}

/// A root filesystem's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FilesystemType {
    /// Read by every kernel and every GRUB.
    Ext4,
    /// The default of the RHEL family. Read by every kernel and every GRUB too: its newer features are left out where the
    /// slot's kernel or GRUB could not read them.
    Xfs,
}

/// The kernel.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Kernel {
    /// The exact version, as `uname -r` says it. Default: the distribution's current kernel.
    #[schemars(
        regex(pattern = words::KERNEL_VERSION),
        example = &"3.10.0-1160.11.1.el7.x86_64",
        example = &"6.1.0-28-amd64"
    )]
    pub version: Option<String>,
    /// Added to the kernel's command line, after the root and the consoles. Default: none.
    #[schemars(inner(regex(pattern = words::KERNEL_ARG)), example = Example::of(r#"["modprobe.blacklist=floppy"]"#))]
    pub args: Option<Vec<String>>,
}

/// What dracut puts into the initramfs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Dracut {
    /// Kernel modules to add (`--add-drivers`). Default: `virtio_blk`, `virtio_scsi` and the root filesystem's module.
    #[schemars(inner(regex(pattern = words::MODULE)), example = Example::of(r#"["virtio_blk", "virtio_scsi", "xfs"]"#))]
    pub drivers: Option<Vec<String>>,
    /// The filesystems to support (`--filesystems`). Default: dracut's own choice.
    #[schemars(inner(regex(pattern = words::MODULE)), example = Example::of(r#"["xfs"]"#))]
    pub filesystems: Option<Vec<String>>,
    /// Kernel modules to leave out (`--omit-drivers`). Default: none.
    #[schemars(inner(regex(pattern = words::MODULE)), example = Example::of(r#"["floppy"]"#))]
    pub omit_drivers: Option<Vec<String>>,
}

/// systemd's units.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Systemd {
    /// The target the system boots to. Default: `multi-user.target`, since container images often point to a graphical
    /// one that is not there.
    #[schemars(
        regex(pattern = words::TARGET),
        extend("default" = "multi-user.target"),
        example = &"multi-user.target",
        example = &"rescue.target"
    )]
    pub default_target: Option<String>,
    /// Units to unmask. Default: `[getty.target]`, which container images often mask: without it no login prompt appears.
    #[schemars(
        inner(regex(pattern = words::UNIT)),
        extend("default" = ["getty.target"]),
        example = Example::of(r#"["getty.target", "systemd-logind.service"]"#)
    )]
    pub unmask: Option<Vec<String>>,
    /// Units to enable. Default: none but what the packages enable.
    #[schemars(inner(regex(pattern = words::UNIT)), example = Example::of(r#"["sshd.service"]"#))]
    pub enable: Option<Vec<String>>,
    /// Units to disable. Default: none.
    #[schemars(inner(regex(pattern = words::UNIT)), example = Example::of(r#"["postfix.service"]"#))]
    pub disable: Option<Vec<String>>,
    /// Units to mask: they cannot be started at all. Default: none.
    #[schemars(inner(regex(pattern = words::UNIT)), example = Example::of(r#"["systemd-firstboot.service"]"#))]
    pub mask: Option<Vec<String>>,
}

/// A user to create, or to change where the image has it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["name"]))]
pub struct User {
    /// The user's name.
    #[schemars(regex(pattern = words::USER), example = &"root")]
    pub name: Option<String>,
    /// The password's crypt(5) hash: the output of `mkpasswd -m sha-512` or `openssl passwd -6`. Never the password.
    /// `!` or `*` locks it. Default: as the image has it; locked for a new user.
    #[schemars(regex(pattern = words::PASSWORD_HASH), example = &"$6$saltsalt$and.the.hash.itself")]
    pub password_hash: Option<String>,
    /// Public keys for `~/.ssh/authorized_keys`, one line each, as in an `id_ed25519.pub`. Default: the file stays as the
    /// image has it.
    #[schemars(
        inner(regex(pattern = words::SSH_KEY)),
        example = Example::of(r#"["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA admin"]"#)
    )]
    pub ssh_keys: Option<Vec<String>>,
    /// Supplementary groups. They must be there in the image. Default: as the image has it; none for a new user.
    #[schemars(inner(regex(pattern = words::USER)), example = Example::of(r#"["wheel"]"#))]
    pub groups: Option<Vec<String>>,
    /// The login shell's absolute path. Default: as the image has it; the distribution's default for a new user.
    #[schemars(regex(pattern = words::SHELL), example = &"/bin/bash")]
    pub shell: Option<String>,
}

/// A file in the root filesystem. State either `content` or `source`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["path"]))]
#[schemars(extend("oneOf" = [{"required": ["content"]}, {"required": ["source"]}]))]
pub struct File {
    /// The file's absolute path in the slot. Missing folders are made.
    #[schemars(regex(pattern = words::ABSOLUTE_PATH), example = &"/etc/motd")]
    pub path: Option<String>,
    /// The file's text. Default: none; then `source` names a file.
    #[schemars(example = &"built by osimg\n")]
    pub content: Option<String>,
    /// A file to copy byte for byte, relative to the manifest's folder. Default: none; then `content` is the text.
    #[schemars(regex(pattern = words::FILE), example = &"files/motd")]
    pub source: Option<String>,
    /// The permission bits in octal, quoted: `"0644"`. Default: `"0644"`.
    #[schemars(regex(pattern = words::MODE), extend("default" = "0644"), example = &"0644")]
    pub mode: Option<String>,
    /// The owner. Default: root.
    #[schemars(example = Example::of(r#"{"uid": 1000, "gid": 1000}"#))]
    pub owner: Option<Owner>,
}

/// A file's owner, by number: the names of one image are not those of another.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Owner {
    /// The user's number. Default: 0, which is root.
    #[schemars(range(max = 4294967294u32), extend("default" = 0), example = 1000)]
    pub uid: Option<u32>,
    /// The group's number. Default: 0, which is root.
    #[schemars(range(max = 4294967294u32), extend("default" = 0), example = 1000)]
    pub gid: Option<u32>,
}
