//! [`Parsed`] to [`Resolved`]: names bound, `defaults` merged under every slot, paths joined to the manifest's folder,
//! words read as the values they mean.
//!
//! A value that cannot be read becomes a finding, and something harmless stands in for it, so that the rules still
//! see the rest: whoever calls must not use the result when there are errors.

mod allow;
mod base;
mod slot;
mod value;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::ast;
use super::model::{Disk, DiskSize, Firmware, Format, Table};
use super::parse::Parsed;
use super::place::Place;
use super::resolved::{Boot, DefaultFeatures, Health, Resolved, Words};
use super::words;
use crate::base::partitioning::{MBR_REACH, MBR_SLOTS};
use crate::diag::{Diagnostic, Diagnostics, Spanned, codes};
use value::{Reader, Times};

/// The version of the manifest's format that this osimg reads.
const VERSION: u64 = 1;

/// `dir` is the manifest's folder.
pub fn resolve(parsed: &Parsed, dir: &Path) -> (Resolved, Diagnostics) {
    let mut reader = Reader { source: &parsed.source, dir, found: Diagnostics::new() };
    let (manifest, root) = (&parsed.manifest, Place::root(&parsed.tree));
    version(&mut reader, manifest.version, root);
    let name = reader.name(codes::MANIFEST_NAME, manifest.name.as_deref(), root, "a manifest", "unnamed");
    let disk = disk(
        &mut reader,
        manifest.disk.clone().unwrap_or_default(),
        root.key("disk"),
        &name,
        manifest.slots.as_ref().map_or(0, Vec::len),
    );
    let boot = boot(&mut reader, manifest.boot.clone().unwrap_or_default(), root.key("boot"));
    let bases = manifest.bases.iter().flatten().enumerate();
    let bases = bases.filter_map(|(i, b)| base::base(&mut reader, b, root.key("bases").item(i), i)).collect();
    if !root.has("slots") {
        reader.missing(
            root,
            "slots",
            "a manifest",
            "list the operating systems: `slots:` with a `- name:` each",
        );
    } else if manifest.slots.as_ref().is_some_and(Vec::is_empty) {
        reader.found.push(
            Diagnostic::error(codes::SLOT_NONE, "a manifest needs at least one slot")
                .at(&parsed.source, root.key("slots").span(), "none here")
                .help("a slot has at least a `name` and a `dockerfile`"),
        );
    }
    let defaults = manifest.defaults.clone().unwrap_or_default();
    let section = defaults.filesystem.clone().unwrap_or_default();
    let default_features = DefaultFeatures {
        features: slot::features(&section, root.key("defaults").key("filesystem"), false),
        beside: section.kind.map(slot::kind),
    };
    let slots = manifest.slots.iter().flatten().enumerate();
    let slots = slots
        .map(|(i, s)| {
            let places = slot::Places { own: root.key("slots").item(i), defaults: root.key("defaults") };
            slot::slot(&mut reader, s, &defaults, places, i)
        })
        .collect();
    let source = parsed.source.clone();
    let allow = allow::allow(&mut reader, manifest.allow.as_deref().unwrap_or_default(), root.key("allow"));
    let dir = dir.to_path_buf();
    (Resolved { source, dir, name, disk, boot, bases, default_features, slots, allow }, reader.found)
}

fn version(reader: &mut Reader<'_>, version: Option<u64>, root: Place<'_>) {
    match version {
        None => reader.missing(root, "version", "a manifest", "start with `version: 1`"),
        Some(VERSION) => {}
        Some(other) => reader.found.push(
            Diagnostic::error(codes::MANIFEST_VERSION, format!("manifests of version {other} are unknown"))
                .at(reader.source, root.key("version").span(), "this osimg reads version 1")
                .help("write `version: 1`, or use a newer osimg"),
        ),
    }
}

fn disk(
    reader: &mut Reader<'_>,
    disk: ast::Disk,
    at: Place<'_>,
    name: &Spanned<crate::base::Name>,
    slots: usize,
) -> Disk {
    let path = match disk.path {
        Some(path) => {
            if path.ends_with('/') {
                let help = "name the file: `build/disk.img`";
                reader.invalid(
                    codes::DISK_PATH,
                    at.key("path"),
                    "`disk.path` names a folder",
                    "the image is a file",
                    help,
                );
            }
            reader.path(&path, at.key("path")).value
        }
        None => reader.dir.join("build").join(format!("{}.img", name.value)),
    };
    let size = match disk.size.as_deref() {
        None => DiskSize::Auto,
        Some(text) => reader.disk_size(text, at.key("size")),
    };
    let table = match disk.table {
        Some(ast::Table::Mbr) => Table::Mbr,
        Some(ast::Table::Gpt) => Table::Gpt,
        None if slots > MBR_SLOTS => Table::Gpt,
        None if matches!(size, DiskSize::Fixed(size) if size > MBR_REACH.bytes()) => Table::Gpt,
        None => Table::Mbr,
    };
    let formats = match disk.formats {
        None => vec![Format::Raw],
        Some(formats) => {
            reader.not_empty(at.key("formats"), "disk.formats", "`[raw]`");
            let formats: BTreeSet<Format> = formats.into_iter().map(format).collect();
            formats.into_iter().collect()
        }
    };
    let near = |key: &str| if at.has(key) { at.key(key).span() } else { name.span };
    Disk {
        path,
        size: Spanned::new(size, near("size")),
        table: Spanned::new(table, near("table")),
        formats: Spanned::new(formats, near("formats")),
    }
}

fn format(format: ast::Format) -> Format {
    match format {
        ast::Format::Raw => Format::Raw,
        ast::Format::Qcow2 => Format::Qcow2,
        ast::Format::Vmdk => Format::Vmdk,
        ast::Format::Vhd => Format::Vhd,
    }
}

fn boot(reader: &mut Reader<'_>, boot: ast::Boot, at: Place<'_>) -> Boot {
    let firmware = match boot.firmware {
        None => BTreeSet::from([Firmware::Bios, Firmware::Uefi]),
        Some(list) => {
            reader.not_empty(at.key("firmware"), "boot.firmware", "`[bios, uefi]`");
            list.into_iter()
                .map(|f| match f {
                    ast::Firmware::Bios => Firmware::Bios,
                    ast::Firmware::Uefi => Firmware::Uefi,
                })
                .collect()
        }
    };
    let timeout = match boot.timeout.as_deref() {
        None => Duration::from_secs(1),
        Some(text) => reader.timeout(text, at.key("timeout")),
    };
    let default = boot.default.map(|name| Spanned::new(name, at.key("default").span()));
    let consoles: Words = match boot.consoles {
        Some(list) => reader.words(&list, at.key("consoles")),
        None => ["tty0", "ttyS0,115200"].map(|c| Spanned::new(c.to_string(), at.span())).into(),
    };
    let tries = reader.tries(boot.tries, at.key("tries"));
    let watchdog = boot.watchdog.map(|text| reader.span_of_time(&text, at.key("watchdog"), WATCHDOG));
    let health = health(reader, boot.health.unwrap_or_default(), at.key("health"));
    Boot { firmware, timeout, default, consoles, health, tries, watchdog }
}

/// Times that make sense, with what stands in for one that does not. A hardware watchdog counts to few
/// minutes; a slot comes up in more than a moment.
const WATCHDOG: Times = Times {
    what: "a watchdog's time",
    pattern: words::WATCHDOG_TIME,
    range: "from 10 seconds to 10 minutes",
    otherwise: 60,
};
const HEALTH: Times = Times {
    what: "a trial's time",
    pattern: words::TRIAL_TIME,
    range: "from 30 seconds to a day",
    otherwise: 300,
};

fn health(reader: &mut Reader<'_>, health: ast::Health, at: Place<'_>) -> Health {
    let units = health.units.map(|list| reader.words(&list, at.key("units"))).unwrap_or_default();
    let command = health.command.map(|text| {
        let place = at.key("command");
        reader.fits(
            codes::BOOT_HEALTH_COMMAND,
            words::COMMAND,
            &text,
            place,
            "`boot.health.command` is no command of one line",
            "write one line for `sh -c`; what needs more goes into a script of `files`",
        );
        Spanned::new(text, place.span())
    });
    let timeout = match health.timeout.as_deref() {
        None => Duration::from_secs(HEALTH.otherwise),
        Some(text) => reader.span_of_time(text, at.key("timeout"), HEALTH),
    };
    Health { units, command, timeout }
}
