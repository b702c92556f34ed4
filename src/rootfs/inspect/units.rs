//! systemd's units as it finds them: systemd.unit(5), "Unit File Load Path"; bootup(7).
//!
//! What holds: of a unit's files the one in the folder with the highest rank counts; an empty one, or a link to `/dev/null`,
//! masks the unit; another link is an alias. A unit wants what lies in its `.wants` and `.requires` folders, and what
//! targets say in their own text.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::outline::What;
use super::super::tree::TreePath;
use super::Notes;

/// Where units are, the highest rank first. `/lib` counts where it is no link to `/usr/lib`.
const FOLDERS: [&str; 4] =
    ["etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"];
const GENERATORS: [&str; 4] = [
    "etc/systemd/system-generators",
    "usr/local/lib/systemd/system-generators",
    "usr/lib/systemd/system-generators",
    "lib/systemd/system-generators",
];
/// systemd's service manager, from 2012 on.
const MANAGERS: [&str; 2] = ["usr/lib/systemd/systemd", "lib/systemd/systemd"];
/// Starts a login on each serial console (systemd-getty-generator(8)).
const GETTY_GENERATOR: &str = "systemd-getty-generator";
/// How many aliases one name may lead through.
const MAX_ALIASES: usize = 16;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// Whether systemd itself is there: packages and osimg leave units in trees without it too.
    pub systemd: bool,
    /// Every name with what it is.
    pub states: BTreeMap<String, Unit>,
    /// What each target wants, and each unit that has a folder for it.
    pub wants: BTreeMap<String, BTreeSet<String>>,
    pub getty_generator: Generator,
}

/// What a unit's name is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A file with something in it.
    There,
    /// By the file or link at this absolute path.
    Masked(String),
    /// Another unit's.
    Alias(String),
    /// The link at the first path leads to the second, where nothing is.
    Dangling(String, String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    There,
    #[default]
    Missing,
    Masked,
}

/// What a name comes to, aliases followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Under this name.
    There(&'a str),
    /// This name, by the file or link at this path.
    Masked(&'a str, &'a str),
    /// No file has this name.
    Missing(&'a str),
    /// The link at the first path leads to the second, where nothing is.
    Dangling(&'a str, &'a str),
}

impl Units {
    /// What `name` comes to. An instance (`getty@tty1.service`) without a file of its own is its template's.
    pub fn find<'a>(&'a self, name: &'a str) -> Found<'a> {
        let mut name = name;
        for _ in 0..MAX_ALIASES {
            let own = self.states.get(name);
            let state = own.or_else(|| self.states.get(&template(name)?));
            match state {
                None => return Found::Missing(name),
                Some(Unit::There) => return Found::There(name),
                Some(Unit::Masked(path)) => return Found::Masked(name, path),
                Some(Unit::Dangling(path, to)) => return Found::Dangling(path, to),
                Some(Unit::Alias(of)) if of == name => return Found::There(name),
                // a template's alias says nothing about this instance's name
                Some(Unit::Alias(_)) if own.is_none() => return Found::There(name),
                Some(Unit::Alias(of)) => name = of,
            }
        }
        Found::Missing(name)
    }

    /// All that starts with `target`, itself included. What is masked or missing starts nothing.
    pub fn reached(&self, target: &str) -> BTreeSet<String> {
        let (mut seen, mut reached) = (BTreeSet::new(), BTreeSet::new());
        let mut ahead = vec![target.to_string()];
        while let Some(name) = ahead.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let Found::There(found) = self.find(&name) else { continue };
            let found = found.to_string();
            ahead.extend([&name, &found].iter().filter_map(|n| self.wants.get(*n)).flatten().cloned());
            reached.extend([name, found]);
        }
        reached
    }
}

/// The template of an instance.
fn template(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('@')?;
    let (instance, kind) = rest.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{prefix}@.{kind}"))
}

/// The folder of [`FOLDERS`] that a path is in, by its rank, and the path from there.
fn place(path: &TreePath) -> Option<(usize, &str)> {
    let text = std::str::from_utf8(path.as_bytes()).ok()?;
    let inside =
        |(rank, folder): (usize, &&str)| Some((rank, text.strip_prefix(*folder)?.strip_prefix('/')?));
    FOLDERS.iter().enumerate().find_map(inside)
}

pub(super) fn is_in_a_unit_folder(path: &TreePath) -> bool {
    place(path).is_some()
}

/// Whether a file's text may say what its unit wants.
pub(super) fn says_what_it_wants(path: &TreePath) -> bool {
    place(path).is_some_and(|(_, name)| match name.split_once('/') {
        None => name.ends_with(".target"),
        Some((folder, file)) => folder.ends_with(".target.d") && file.ends_with(".conf"),
    })
}

pub(super) fn of(notes: &Notes) -> Units {
    let mut ranked: Vec<(usize, &str, &TreePath)> =
        notes.units.iter().filter_map(|path| place(path).map(|(rank, name)| (rank, name, path))).collect();
    ranked.sort();
    let mut units = Units {
        systemd: MANAGERS.iter().any(|path| is_file(notes, path)),
        getty_generator: generator(notes, GETTY_GENERATOR),
        ..Units::default()
    };
    for (_, name, path) in ranked {
        match name.split_once('/') {
            None => {
                if !units.states.contains_key(name)
                    && let Some(state) = state(notes, name, path)
                {
                    units.states.insert(name.to_string(), state);
                }
                add_wants(&mut units, notes, name, path);
            }
            Some((folder, wanted)) => {
                let unit = folder.strip_suffix(".wants").or_else(|| folder.strip_suffix(".requires"));
                if let Some(unit) = unit {
                    units.wants.entry(unit.to_string()).or_default().insert(wanted.to_string());
                } else if let Some(unit) = folder.strip_suffix(".d") {
                    add_wants(&mut units, notes, unit, path);
                }
            }
        }
    }
    units
}

/// What the text at `path` says that `unit` wants.
fn add_wants(units: &mut Units, notes: &Notes, unit: &str, path: &TreePath) {
    let Some(text) = notes.texts.get(path) else { return };
    let values = text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        matches!(key.trim(), "Wants" | "Requires" | "BindsTo" | "Upholds").then_some(value)
    });
    let wanted = values.flat_map(str::split_whitespace).map(String::from);
    units.wants.entry(unit.to_string()).or_default().extend(wanted);
}

/// What the node at `path`, which has the unit's name, makes of the unit.
fn state(notes: &Notes, name: &str, path: &TreePath) -> Option<Unit> {
    let at = path.to_string();
    match notes.outline.get(path)? {
        What::File => Some(Unit::There),
        What::EmptyFile => Some(Unit::Masked(at)),
        What::Symlink => {
            let target = notes.outline.link(path)?;
            // /dev is empty in a tree, so the link's own text says it
            let real = notes.outline.resolve(path, true).ok()?;
            if real.as_bytes() == b"dev/null" {
                return Some(Unit::Masked(at));
            }
            let last = target.rsplit(|b| *b == b'/').find(|part| !part.is_empty())?;
            let alias = std::str::from_utf8(last).ok()?;
            match notes.outline.get(&real) {
                Some(What::EmptyFile) => Some(Unit::Masked(at)),
                Some(What::File) if alias == name => Some(Unit::There),
                Some(What::File) if is_unit(alias) => Some(Unit::Alias(alias.to_string())),
                // a unit file kept elsewhere under another name
                Some(What::File) => Some(Unit::There),
                _ => Some(Unit::Dangling(at, real.to_string())),
            }
        }
        _ => None,
    }
}

fn is_unit(name: &str) -> bool {
    const KINDS: [&str; 8] = ["service", "target", "socket", "mount", "timer", "path", "slice", "automount"];
    name.rsplit_once('.').is_some_and(|(_, kind)| KINDS.contains(&kind))
}

fn is_file(notes: &Notes, path: &str) -> bool {
    let real = TreePath::new(path).and_then(|path| notes.outline.resolve(&path, true).ok());
    real.is_some_and(|real| matches!(notes.outline.get(&real), Some(What::File)))
}

fn generator(notes: &Notes, name: &str) -> Generator {
    for folder in GENERATORS {
        let Some(path) = TreePath::new(format!("{folder}/{name}")) else { continue };
        let Ok(real) = notes.outline.resolve(&path, true) else { continue };
        match notes.outline.get(&real) {
            Some(What::File) => return Generator::There,
            Some(What::EmptyFile) => return Generator::Masked,
            None if real.as_bytes() == b"dev/null" && notes.is_link(&path) => return Generator::Masked,
            _ => {}
        }
    }
    Generator::Missing
}
