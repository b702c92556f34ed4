//! The manifest as it is written: serde reads it, schemars makes the schema, an IDE shows the comments.
//!
//! Every field is optional here, although the schema says which must be there: so one pass of serde finds all
//! problems, and `resolve` reports what is missing beside what is wrong. No flattened fields and no enums that carry
//! data: both lose the path of a value, and with it the place to underline.
//!
//! The comments are what a user reads on hover. They speak to users.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::words;
use crate::base::name::{NAME_MAX, NAME_PATTERN};
use crate::diag::codes;

mod features;
mod slot;

pub use slot::*;

/// One bootable disk image with several operating systems, each built from a Dockerfile.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["version", "name", "slots"]), title = "osimg manifest")]
pub struct Manifest {
    /// The version of the manifest's format. This osimg reads version 1.
    #[schemars(range(min = 1, max = 1), example = 1)]
    pub version: Option<u64>,
    /// The image's name. It names the output file and the built images, and every filesystem UUID derives from it:
    /// the same name always gives the same identities. Lower-case letters and digits, joined by single `.`, `_` or `-`.
    #[schemars(regex(pattern = NAME_PATTERN), length(max = NAME_MAX), example = &"centos7-8-dual")]
    pub name: Option<String>,
    /// The disk image: where it is written, how large it is, how it is partitioned. Default: `build/<name>.img` with an
    /// MBR, as large as the slots need.
    #[schemars(example = Example::of(r#"{"size": "4GiB"}"#))]
    pub disk: Option<Disk>,
    /// How the disk boots: firmware, menu, consoles. Default: BIOS and UEFI, the first slot after a second.
    #[schemars(example = Example::of(r#"{"default": "centos8", "timeout": "5s"}"#))]
    pub boot: Option<Boot>,
    /// Base images made here instead of pulled from a registry. A Dockerfile names one in `FROM` by its `name`.
    /// Default: none, so that the engine looks for every image of a `FROM` itself.
    #[schemars(
        extend("default" = []),
        example = Example::of(r#"[{"name": "debian-bookworm", "bootstrap": {"suite": "bookworm"}}]"#)
    )]
    pub bases: Option<Vec<Base>>,
    /// Settings that every slot gets, merged key by key: what a slot states itself wins, and a list replaces the
    /// whole list. Default: none.
    #[schemars(example = Example::of(r#"{"filesystem": {"type": "ext4"}, "packages": ["openssh-server"]}"#))]
    pub defaults: Option<Defaults>,
    /// The operating systems, in the order of the disk's partitions and of the boot menu.
    #[schemars(length(min = 1), example = Example::of(r#"[{"name": "bookworm", "dockerfile": "bookworm/Dockerfile"}]"#))]
    pub slots: Option<Vec<Slot>>,
    /// Findings of `osimg check` that this manifest accepts, each with the reason. `osimg explain` lists the codes.
    /// Default: none.
    #[schemars(
        extend("default" = []),
        example = Example::of(r#"[{"code": "osimg::base::unused", "reason": "kept for the next release"}]"#)
    )]
    pub allow: Option<Vec<Allow>>,
}

/// A finding that is accepted, and why.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["code", "reason"]))]
pub struct Allow {
    /// The finding's code: a warning's, or that of an error which may be wrong about your system.
    #[schemars(extend("enum" = allowable()), example = &"osimg::base::unused")]
    pub code: Option<String>,
    /// Why it is all right here, for whoever reads the manifest next.
    #[schemars(regex(pattern = words::REASON), example = &"kept for the next release")]
    pub reason: Option<String>,
}

/// The codes that a manifest may allow.
pub fn allowable() -> Vec<String> {
    let rows = codes::TABLE.iter().filter(|row| row.level.is_allowable());
    rows.map(|row| row.code.to_string()).collect()
}

/// The disk image.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Disk {
    /// Where the image is written, relative to the manifest's folder. Default: `build/<name>.img`.
    #[schemars(regex(pattern = words::FILE), example = &"build/disk.img")]
    pub path: Option<String>,
    /// The disk's size, such as `4GiB` or `700MB`, or `auto`: what the slots hold plus headroom, rounded up.
    /// Default: `auto`.
    #[schemars(
        regex(pattern = words::DISK_SIZE),
        extend("default" = "auto"),
        example = &"auto",
        example = &"4GiB"
    )]
    pub size: Option<String>,
    /// The partition table. Default: `mbr` for up to three slots on a disk of at most 2 TiB, else `gpt`.
    pub table: Option<Table>,
    /// The files to write: a raw image, and the formats that virtual machines read. Default: `[raw]`.
    #[schemars(length(min = 1), extend("default" = ["raw"], "uniqueItems" = true), example = Example::of(r#"["raw"]"#))]
    pub formats: Option<Vec<Format>>,
}

/// A partition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Master boot record: up to four partitions, the boot partition included. Every firmware boots it.
    Mbr,
    /// GUID partition table: up to 126 slots, disks over 2 TiB. BIOSes boot it too, through a BIOS boot partition.
    Gpt,
}

/// A disk image format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The disk's bytes as they are, in a sparse file.
    Raw,
    /// QEMU's format. Planned: `check` reads it, `apply` refuses it yet.
    Qcow2,
    /// VMware's format. Planned: `check` reads it, `apply` refuses it yet.
    Vmdk,
    /// Hyper-V's and Azure's format. Planned: `check` reads it, `apply` refuses it yet.
    Vhd,
}

/// How the disk boots.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Boot {
    /// The firmware the image boots on; one image can boot on both. Default: `[bios, uefi]`.
    #[schemars(length(min = 1), extend("default" = ["bios", "uefi"], "uniqueItems" = true), example = Example::of(r#"["uefi"]"#))]
    pub firmware: Option<Vec<Firmware>>,
    /// How long the boot menu waits before it starts the default slot: whole seconds or minutes, `5s` or `1m`.
    /// `0s` boots at once. Default: `1s`.
    #[schemars(regex(pattern = words::TIMEOUT), extend("default" = "1s"), example = &"5s")]
    pub timeout: Option<String>,
    /// The name of the slot that boots when nobody chooses. Default: the first slot.
    #[schemars(regex(pattern = NAME_PATTERN), length(max = NAME_MAX), example = &"centos8")]
    pub default: Option<String>,
    /// The kernel's consoles, in every slot: the last one is where `/dev/console` goes. A serial one (`ttyS0,115200`)
    /// also puts the boot menu on that serial port. Default: `[tty0, "ttyS0,115200"]`.
    #[schemars(
        inner(regex(pattern = words::CONSOLE)),
        extend("default" = ["tty0", "ttyS0,115200"]),
        example = Example::of(r#"["tty0", "ttyS0,115200"]"#)
    )]
    pub consoles: Option<Vec<String>>,
    /// What a slot on trial must show before it becomes the default. Default: that it reaches its default target.
    #[schemars(example = Example::of(r#"{"units": ["sshd.service"], "timeout": "5m"}"#))]
    pub health: Option<Health>,
    /// How many boots a trial has before the slot before it comes back. Default: `1`.
    #[schemars(range(min = 1, max = 9), extend("default" = 1), example = 3)]
    pub tries: Option<u64>,
    /// Arm the machine's hardware watchdog in every slot and across every kexec: it resets a machine that hangs for this
    /// long, `10s` to `10m`. Default: none.
    #[schemars(regex(pattern = words::WATCHDOG_TIME), example = &"1m")]
    pub watchdog: Option<String>,
}

/// What a slot on trial must show. All of it must come true within the time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Health {
    /// Units that must be active, in every slot. Default: none.
    #[schemars(inner(regex(pattern = words::UNIT)), extend("default" = []), example = Example::of(r#"["sshd.service"]"#))]
    pub units: Option<Vec<String>>,
    /// A command for `sh -c` that must end with 0; it is repeated until it does. Default: none.
    #[schemars(regex(pattern = words::COMMAND), example = &"curl -sf http://localhost/health")]
    pub command: Option<String>,
    /// How long a slot may take from the start of its kernel, `30s` to `1440m`; then the trial has failed. Default: `5m`.
    #[schemars(regex(pattern = words::TRIAL_TIME), extend("default" = "5m"), example = &"5m")]
    pub timeout: Option<String>,
}

/// A kind of firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// The PC BIOS: boot code in the first sector.
    Bios,
    /// UEFI: `EFI/BOOT/BOOTX64.EFI` on the boot partition.
    Uefi,
}

/// A base image made here. State either `bootstrap`, or `archive` and `sha256`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["name"]))]
#[schemars(extend("oneOf" = [
    {"required": ["bootstrap"], "not": {"anyOf": [{"required": ["archive"]}, {"required": ["sha256"]}]}},
    {"required": ["archive", "sha256"], "not": {"required": ["bootstrap"]}}
]))]
pub struct Base {
    /// The name that Dockerfiles use: `FROM <name>`.
    #[schemars(regex(pattern = NAME_PATTERN), length(max = NAME_MAX), example = &"debian-bookworm")]
    pub name: Option<String>,
    /// Make a minimal Debian or Ubuntu system with mmdebstrap. Default: none; then `archive` says where the base comes from.
    #[schemars(example = Example::of(r#"{"suite": "bookworm"}"#))]
    pub bootstrap: Option<Bootstrap>,
    /// Import a root filesystem from a tar archive (plain or compressed with gzip, bzip2, xz or zstd), relative to the
    /// manifest's folder. Needs `sha256`. Default: none; then `bootstrap` makes the base.
    #[schemars(regex(pattern = words::FILE), example = &"golden-rootfs.tar.xz")]
    pub archive: Option<String>,
    /// The archive's SHA-256 digest, 64 hexadecimal digits as `sha256sum` prints them: another archive is refused. Default:
    /// none; an `archive` needs it.
    #[schemars(
        regex(pattern = words::SHA256),
        example = &"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )]
    pub sha256: Option<String>,
}

/// A minimal system of the Debian family, made with mmdebstrap.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields, extend("required" = ["suite"]))]
pub struct Bootstrap {
    /// The release: `bookworm`, `trixie`, `noble`.
    #[schemars(regex(pattern = words::SUITE), example = &"bookworm")]
    pub suite: Option<String>,
    /// The package mirror to take it from. Default: the host's own configuration, else the distribution's mirror.
    #[schemars(regex(pattern = words::MIRROR), example = &"http://mirror.example/debian")]
    pub mirror: Option<String>,
}

/// An example that is a mapping or a list, in JSON.
struct Example;

impl Example {
    fn of(json: &str) -> serde_json::Value {
        serde_json::from_str(json).expect("the examples of this file are JSON")
    }
}

/// Build arguments: names to values.
pub type BuildArgs = BTreeMap<String, String>;
