//! The rules: what a manifest must hold beyond the types of its values. One rule a file, each a row of [`TABLE`].

mod base_names;
mod base_use;
mod boot_default;
mod build_args;
mod consoles;
mod copy_sources;
mod disk_fit;
mod dockerfiles;
mod driver_words;
mod file_paths;
pub mod filesystem_features;
mod hostnames;
mod images;
mod kernel_args;
mod kernel_version;
mod labels;
mod not_yet;
mod packages;
mod partitions;
mod passwords;
mod root_driver;
mod shares;
mod slot_names;
mod sources;
mod ssh_keys;
mod stages;
mod target;
mod titles;
mod unit_conflicts;
mod unit_names;
mod user_names;

use std::sync::Arc;

use super::dockerfile::Dockerfile;
use super::probe::Probe;
use super::resolved::{Resolved, Slot};
use super::words;
use crate::diag::{Code, Diagnostic, Diagnostics, Source, Span, Spanned};

/// What became of a slot's Dockerfile.
pub enum Reading {
    Missing,
    Unreadable(String),
    /// The text, and where its bytes stop being UTF-8.
    NotUtf8(Arc<Source>, Span),
    Done(Arc<Source>, Dockerfile),
}

impl Reading {
    /// The text and what it says, where it could be read.
    pub fn done(&self) -> Option<(&Arc<Source>, &Dockerfile)> {
        match self {
            Reading::Done(source, dockerfile) => Some((source, dockerfile)),
            _ => None,
        }
    }
}

/// The most findings that one rule has for one Dockerfile: what comes behind is more of the same.
const MOST_FINDINGS: usize = 50;

/// What a rule sees.
pub struct Case<'a> {
    pub resolved: &'a Resolved,
    pub probe: &'a dyn Probe,
    /// Of each slot, in order.
    pub dockerfiles: &'a [Reading],
}

impl Case<'_> {
    fn source(&self) -> &Arc<Source> {
        &self.resolved.source
    }

    fn slots(&self) -> &[Slot] {
        &self.resolved.slots
    }

    /// Each slot whose Dockerfile could be read, with its text and what it says.
    fn read_dockerfiles(&self) -> impl Iterator<Item = (&Slot, &Arc<Source>, &Dockerfile)> {
        let read = self.slots().iter().zip(self.dockerfiles);
        read.filter_map(|(slot, look)| look.done().map(|(source, dockerfile)| (slot, source, dockerfile)))
    }

    fn error(&self, code: Code, message: impl Into<String>, span: Span, label: &str) -> Diagnostic {
        Diagnostic::error(code, message).at(self.source(), span, label)
    }

    fn warning(&self, code: Code, message: impl Into<String>, span: Span, label: &str) -> Diagnostic {
        Diagnostic::warning(code, message).at(self.source(), span, label)
    }

    /// Each of `list` must be as `pattern` says; `code` is of those that are not.
    fn each_fits<'w>(
        &self,
        code: Code,
        list: impl IntoIterator<Item = &'w Spanned<String>>,
        pattern: &'static str,
        what: &str,
        help: &str,
        found: &mut Diagnostics,
    ) {
        for word in list {
            if !words::fits(pattern, word) {
                let shown = word.value.escape_debug().to_string();
                let message = format!("`{shown}` is no {what}");
                let parts: Vec<&str> = word.split([',', ' ', '\n']).filter(|part| !part.is_empty()).collect();
                let several = parts.len() > 1 && parts.iter().all(|part| words::fits(pattern, part));
                let help = match several {
                    true => format!("write each as an item of its own: `{}`", parts.join("`, `")),
                    false => help.to_string(),
                };
                found.push(self.error(code, message, self.line(word.span), "").help(help));
            }
        }
    }

    /// A span cut to its first line.
    fn line(&self, span: Span) -> Span {
        super::parse::first_line(self.source(), span)
    }

    /// Values that come again; `what` names them.
    fn duplicates<'w, T: PartialEq + std::fmt::Display + 'w>(
        &self,
        list: impl IntoIterator<Item = &'w Spanned<T>>,
        code: Code,
        what: &str,
        help: &str,
        found: &mut Diagnostics,
    ) {
        let mut seen: Vec<&Spanned<T>> = Vec::new();
        for item in list {
            match seen.iter().find(|s| s.value == item.value) {
                Some(first) if first.span == item.span => found.push(
                    self.error(
                        code,
                        format!("two {what} `{}`", item.value),
                        item.span,
                        "both come from here",
                    )
                    .help("an alias repeats the whole value: write the second one out"),
                ),
                Some(first) => found.push(
                    self.error(code, format!("two {what} `{}`", item.value), item.span, "the second one")
                        .and(first.span, "the first one")
                        .help(help),
                ),
                None => seen.push(item),
            }
        }
    }
}

/// A rule looks at the case and says what it finds.
pub type Rule = fn(&Case<'_>, &mut Diagnostics);

/// Every rule.
pub const TABLE: &[Rule] = &[
    slot_names::check,
    base_names::check,
    user_names::check,
    file_paths::check,
    boot_default::check,
    consoles::check,
    shares::check,
    disk_fit::check,
    partitions::check,
    sources::check,
    dockerfiles::check,
    target::check,
    stages::check,
    images::check,
    copy_sources::check,
    build_args::check,
    base_use::check,
    kernel_version::check,
    kernel_args::check,
    filesystem_features::check,
    root_driver::check,
    driver_words::check,
    unit_names::check,
    unit_conflicts::check,
    packages::check,
    titles::check,
    hostnames::check,
    passwords::check,
    ssh_keys::check,
    labels::check,
    not_yet::check,
];

/// Applies every rule. Findings that a shared default or a shared Dockerfile makes once per slot are said once.
pub fn apply(case: &Case<'_>) -> Diagnostics {
    let mut found = Diagnostics::new();
    for rule in TABLE {
        rule(case, &mut found);
    }
    let mut once = Diagnostics::new();
    let mut seen = std::collections::BTreeSet::new();
    for finding in found {
        // the further places of one finding may be a slot's own
        let place = finding.labels.first().map(|l| (l.source.name.clone(), l.span));
        if seen.insert((finding.code, finding.message.clone(), place)) {
            once.push(finding);
        }
    }
    once
}
