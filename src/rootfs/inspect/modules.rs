//! A kernel's modules: `/lib/modules/<version>` and the lists in it (modules.dep(5), kbuild's `modules.builtin`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::initramfs::module;
use super::super::outline::What;
use super::{Listing, Notes};

/// The modules of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modules {
    /// Whether the folder is there.
    pub folder: bool,
    /// Whether `modules.dep` is, without which `modprobe` finds nothing.
    pub listed: bool,
    /// All of `modules.dep`, with `_` for `-`.
    pub names: BTreeSet<String>,
    /// Those that are part of the kernel image.
    pub builtin: BTreeSet<String>,
    /// Of each initramfs, by its path, and each module in it: what that needs and the initramfs lacks.
    pub lacking: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

pub(super) fn of(notes: &Notes, version: &str) -> Modules {
    let folder = format!("lib/modules/{version}");
    let dependencies = notes.text(&format!("{folder}/modules.dep")).map(dependencies);
    let builtin: BTreeSet<String> = notes
        .text(&format!("{folder}/modules.builtin"))
        .map(|text| text.lines().filter_map(name).collect())
        .unwrap_or_default();
    let mut lacking = BTreeMap::new();
    for (path, listing) in &notes.initramfs {
        let Listing::Read(found) = listing else { continue };
        let Some(there) = found.modules.get(version) else { continue };
        let missing: BTreeMap<String, BTreeSet<String>> = there
            .iter()
            .filter_map(|module| {
                let needed = dependencies.as_ref()?.get(module)?;
                let missing = needed.iter().filter(|n| !there.contains(*n) && !builtin.contains(*n));
                Some((module.clone(), missing.cloned().collect()))
            })
            .filter(|(_, missing): &(String, BTreeSet<String>)| !missing.is_empty())
            .collect();
        if !missing.is_empty() {
            lacking.insert(path.to_string(), missing);
        }
    }
    Modules {
        folder: matches!(notes.what(&folder), Some(What::Directory | What::Implied)),
        listed: dependencies.is_some(),
        names: dependencies.map(|d| d.into_keys().collect()).unwrap_or_default(),
        builtin,
        lacking,
    }
}

/// The module of a path in one of the lists.
fn name(path: &str) -> Option<String> {
    module(path.trim().rsplit('/').next()?)
}

/// Each module with all that it needs.
fn dependencies(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let line = |line: &str| {
        let (path, needed) = line.split_once(':')?;
        Some((name(path)?, needed.split_whitespace().filter_map(name).collect()))
    };
    text.lines().filter_map(line).collect()
}
