//! What a manifest means once it is checked: valid values only, names bound, defaults merged in.
//!
//! Later stages read this and never the YAML. Values that a later stage may have to blame keep their span.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

mod filesystem;

pub use crate::base::grubenv::TRIES_MAX;
use crate::base::{Bytes, Digest, Name};
use crate::diag::{Code, Diagnostic, Source, Span, Spanned, codes};

pub use filesystem::{Filesystem, FilesystemKind, KnownKernel, StatedFeature};

/// A checked manifest.
#[derive(Clone, Debug)]
pub struct Model {
    pub name: Name,
    /// The text that spans point into.
    pub source: Arc<Source>,
    /// The manifest's folder. Every relative path of the manifest has been joined to it.
    pub dir: PathBuf,
    pub disk: Disk,
    pub boot: Boot,
    pub bases: Vec<Base>,
    /// In the order of the disk and the menu; never empty.
    pub slots: Vec<Slot>,
    /// The codes of findings that the manifest accepts.
    pub allow: Vec<Spanned<Code>>,
}

impl Model {
    /// The slot of that name.
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|s| s.name.as_str() == name)
    }
}

#[derive(Clone, Debug)]
pub struct Disk {
    /// Where the image is written.
    pub path: PathBuf,
    pub size: Spanned<DiskSize>,
    pub table: Spanned<Table>,
    pub formats: Spanned<Vec<Format>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskSize {
    /// What the slots hold plus their headroom, rounded up.
    Auto,
    Fixed(Bytes),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Mbr,
    Gpt,
}

impl Table {
    /// The word a manifest uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Table::Mbr => "mbr",
            Table::Gpt => "gpt",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    Raw,
    Qcow2,
    Vmdk,
    Vhd,
}

#[derive(Clone, Debug)]
pub struct Boot {
    pub firmware: BTreeSet<Firmware>,
    /// How long GRUB's menu waits, whole seconds.
    pub timeout: Duration,
    /// Index into `Model::slots`.
    pub default: usize,
    pub consoles: Vec<Console>,
    pub health: Health,
    /// Boots that a trial has, 1 to [`TRIES_MAX`].
    pub tries: u8,
    /// Time of a hardware watchdog in every slot, whole seconds; none where the manifest asks for none.
    pub watchdog: Option<Duration>,
}

/// What a slot must show to pass its trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Units that must be active.
    pub units: Vec<String>,
    /// A command of `sh` that must end with 0.
    pub command: Option<String>,
    /// From the kernel's start, whole seconds.
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Firmware {
    Bios,
    Uefi,
}

impl Firmware {
    /// The word a manifest uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Firmware::Bios => "bios",
            Firmware::Uefi => "uefi",
        }
    }
}

/// A kernel console (`Documentation/admin-guide/serial-console.rst`): device and, for a serial one, its line settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    /// `tty0`, `ttyS0`, `ttyAMA0`, `hvc0`.
    pub device: String,
    /// What stands after the comma, as written: `115200n8`.
    pub options: Option<String>,
}

impl Console {
    /// Unit number and speed in baud when this is a PC serial port (`ttyS<n>`), else nothing. The kernel's default
    /// speed is 9600 baud.
    pub fn serial(&self) -> Option<(u8, u32)> {
        let unit = self.device.strip_prefix("ttyS")?.parse().ok()?;
        let speed = self.options.as_deref().map_or(Some(9600), |o| {
            o[..o.find(|c: char| !c.is_ascii_digit()).unwrap_or(o.len())].parse().ok()
        })?;
        Some((unit, speed))
    }

    /// The value of `console=` on the kernel command line.
    pub fn argument(&self) -> String {
        match &self.options {
            Some(options) => format!("{},{options}", self.device),
            None => self.device.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Base {
    pub name: Spanned<Name>,
    pub from: BaseSource,
    /// The base's whole entry.
    pub span: Span,
}

impl Base {
    /// Whether an image reference of a Dockerfile means this base.
    pub fn is_named_by(&self, image: &str) -> bool {
        image_is(image, &self.name)
    }
}

/// Whether an image reference means the local image `name`: bare or under `localhost/` (as Podman says it), with the
/// tag `latest` or without.
pub fn image_is(image: &str, name: &Name) -> bool {
    let bare = image.strip_prefix("localhost/").unwrap_or(image);
    bare.strip_suffix(":latest").unwrap_or(bare) == name.as_str()
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseSource {
    /// Made with mmdebstrap, variant `minbase`.
    Bootstrap {
        suite: String,
        mirror: Option<String>,
    },
    Archive {
        path: PathBuf,
        sha256: Digest,
    },
}

#[derive(Clone, Debug)]
pub struct Slot {
    pub name: Spanned<Name>,
    /// What the menu shows.
    pub title: String,
    pub dockerfile: Spanned<PathBuf>,
    pub context: Spanned<PathBuf>,
    pub build_args: BTreeMap<String, String>,
    pub target: Option<Spanned<String>>,
    /// The images that the Dockerfile takes from elsewhere (`FROM`, `COPY --from`, `RUN --mount=from=`), build arguments
    /// applied, its own stages and `scratch` left out, each once, in order.
    pub from: Vec<String>,
    /// Stated in the manifest; else the built image says.
    pub distro: Option<Spanned<Distro>>,
    pub size: Spanned<SlotSize>,
    pub filesystem: Spanned<Filesystem>,
    pub kernel: Kernel,
    /// Whether kexec may start this slot, and may leave it.
    pub kexec: bool,
    pub dracut: Spanned<Dracut>,
    pub systemd: Spanned<Systemd>,
    pub packages: Spanned<Vec<String>>,
    pub hostname: String,
    pub users: Spanned<Vec<User>>,
    pub files: Spanned<Vec<File>>,
    /// The slot's whole entry.
    pub span: Span,
    pub places: Places,
}

/// A distribution family and, where it matters, its major release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Distro {
    Debian,
    Ubuntu,
    El7,
    El8,
    El9,
    Fedora,
}

impl Distro {
    pub const ALL: [Distro; 6] =
        [Distro::Debian, Distro::Ubuntu, Distro::El7, Distro::El8, Distro::El9, Distro::Fedora];

    /// The word a manifest uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Distro::Debian => "debian",
            Distro::Ubuntu => "ubuntu",
            Distro::El7 => "el7",
            Distro::El8 => "el8",
            Distro::El9 => "el9",
            Distro::Fedora => "fedora",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SlotSize {
    /// An equal share of what fixed sizes and shares leave.
    Equal,
    /// Per cent of what fixed sizes leave, above 0 and at most 100.
    Share(f64),
    Fixed(Bytes),
}

/// Where a slot's settings stand, for findings that only its built tree shows.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub default_target: Place,
    pub unmask: Place,
    pub mask: Place,
    pub drivers: Place,
    pub args: Place,
    /// The users, or the slot's name.
    pub users: Span,
    /// The path of each of the files.
    pub files: Vec<Spanned<String>>,
}

/// Where one setting stands, or would.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The value of the slot or of `defaults`; else the section it would be in; else the slot's name.
    pub span: Span,
    /// Whether there is a value.
    pub stated: bool,
    /// The words of a list.
    pub items: Vec<Spanned<String>>,
    /// How to give the list one word more, the list and its section too where they lack.
    pub add: Option<Insertion>,
}

/// How to insert a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insertion {
    /// A byte of the manifest.
    pub at: usize,
    /// What stands between there and the word.
    pub before: String,
    pub after: String,
}

impl Insertion {
    pub fn span(&self) -> Span {
        Span::new(self.at, self.at)
    }

    /// What to insert for `word`.
    pub fn text(&self, word: &str) -> String {
        format!("{}{word}{}", self.before, self.after)
    }
}

#[derive(Clone, Debug)]
pub struct Kernel {
    /// As `uname -r` will say; the distribution's current kernel where it is not pinned.
    pub version: Option<Spanned<String>>,
    /// Added to the command line after root and consoles.
    pub args: Vec<String>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dracut {
    pub drivers: Vec<String>,
    pub filesystems: Vec<String>,
    pub omit_drivers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Systemd {
    pub default_target: Option<String>,
    pub unmask: Vec<String>,
    pub enable: Vec<String>,
    pub disable: Vec<String>,
    pub mask: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    /// A crypt(5) hash; without one the password stays as the image has it (locked for a new user).
    pub password_hash: Option<String>,
    pub ssh_keys: Vec<String>,
    /// Supplementary groups.
    pub groups: Vec<String>,
    pub shell: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Absolute, normal (no `.` or `..`).
    pub path: String,
    pub content: FileContent,
    /// Permission bits, at most 07777.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    Text(String),
    /// A file beside the manifest, copied byte for byte.
    Source(PathBuf),
}

/// `COMMAND_LINE_SIZE` of x86 less the closing NUL, in bytes: the kernel cuts the rest off without a word.
pub const COMMAND_LINE_LIMIT: usize = 2047;

/// Bytes of the command line that `emit::command_line` makes: root and `rw`, the consoles, the manifest's arguments.
pub fn command_line_length<'a>(
    consoles: impl IntoIterator<Item = &'a str>,
    args: impl IntoIterator<Item = &'a str>,
) -> usize {
    const UUID: usize = 36;
    let consoles: usize = consoles.into_iter().map(|c| " console=".len() + c.len()).sum();
    let args: usize = args.into_iter().map(|a| " ".len() + a.len()).sum();
    "root=UUID=".len() + UUID + " rw".len() + consoles + args
}

/// The warning for an entry of `allow` that nothing needs.
pub fn unused_allow(source: &Arc<Source>, code: &Spanned<Code>) -> Diagnostic {
    Diagnostic::warning(codes::ALLOW_UNUSED, format!("nothing here is `{}`", code.value))
        .at(source, code.span, "allows what is not found, or is allowed already")
        .help("remove the entry")
}
