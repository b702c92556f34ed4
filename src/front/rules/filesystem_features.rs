//! The features that a root filesystem is told to have or not: the filesystem has them, they go together, and the slot's
//! kernel, its e2fsck and GRUB can read the result.
//!
//! A name in `defaults` counts for the slots whose filesystem knows it; beside a `type` it must be one of that type's. The
//! kernel is known where it is pinned or where the family has one version only; else the run asks again once it knows.

use super::Case;
use crate::base::features::{Known, TABLES};
use crate::diag::{Diagnostic, Diagnostics, Spanned, codes};
use crate::front::model::{FilesystemKind, KnownKernel};
use crate::front::resolved::{Feature, Slot};
use crate::front::suggest;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let defaults = &case.resolved.default_features;
    let kinds: Vec<FilesystemKind> = match defaults.beside {
        Some(kind) => vec![kind],
        None => case.slots().iter().map(|slot| slot.filesystem.kind).collect(),
    };
    for feature in &defaults.features {
        name(case, feature, &kinds, found);
    }
    for slot in case.slots() {
        let filesystem = &slot.filesystem.value;
        for feature in filesystem.features.iter().filter(|feature| feature.own) {
            name(case, feature, &[filesystem.kind], found);
        }
        together(case, slot, found);
        found.extend(filesystem.known().refused(known_kernel(slot), case.source()));
    }
}

/// Whether the slot turns a feature on whose kernel is known only once it is built.
pub fn waits_for_the_kernel(slot: &Slot) -> bool {
    known_kernel(slot).is_none() && slot.filesystem.features.iter().any(|feature| feature.on.value)
}

/// The kernel that the manifest decides on.
fn known_kernel(slot: &Slot) -> Option<KnownKernel<'_>> {
    KnownKernel::of(slot.kernel.version.as_ref(), slot.distro.as_ref())
}

/// One of `kinds` has a feature of this name, and it can be so.
fn name(case: &Case<'_>, feature: &Feature, kinds: &[FilesystemKind], found: &mut Diagnostics) {
    let Feature { name, on, .. } = feature;
    let here: Vec<Known> = kinds.iter().filter_map(|kind| kind.features().find(name)).collect();
    if here.is_empty() {
        // a manifest without slots has another finding
        if let Some(kind) = kinds.first() {
            found.push(unknown(case, name, *kind));
        }
        return;
    }
    let fixed = kinds.iter().find_map(|kind| match kind.features().find(name) {
        Some(Known::Fixed(fixed)) if fixed.on != on.value => Some((fixed, kind)),
        _ => None,
    });
    if let Some((fixed, kind)) = fixed {
        let help = match fixed.on {
            true => format!("remove `{}`: nothing that boots has to do without it", name.value),
            false => format!("remove `{}`", name.value),
        };
        found.push(
            case.error(codes::FEATURE_FIXED, fixed.refusal(kind.as_str()), name.span, "cannot be chosen")
                .help(help),
        );
    }
}

fn unknown(case: &Case<'_>, name: &Spanned<String>, kind: FilesystemKind) -> Diagnostic {
    let shown = name.value.escape_debug();
    let this = kind.as_str();
    if let Some(other) = TABLES.into_iter().find(|table| table.find(name).is_some()) {
        let other = other.filesystem;
        let message = format!("`{shown}` is a feature of {other}, and the filesystem is {this}");
        return case
            .error(codes::FEATURE_ELSEWHERE, message, name.span, &format!("a feature of {other}"))
            .help(format!("remove it, or write `type: {other}` beside `features`"));
    }
    let known: Vec<String> = kind.features().names().map(str::to_string).collect();
    let help = match suggest::nearest(name, &known) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("{this} can do with or without {}", suggest::list(&known).replace(" or ", " and ")),
    };
    let message = format!("{this} has no feature `{shown}`");
    let finding = case.error(codes::FEATURE_UNKNOWN, message, name.span, "no such feature").help(help);
    suggest::fix(finding, name.span, name, &known)
}

/// Nothing is on without what it needs.
fn together(case: &Case<'_>, slot: &Slot, found: &mut Diagnostics) {
    let filesystem = slot.filesystem.value.known();
    let Some((feature, needs)) = filesystem.kind.features().contradiction(&filesystem.stated()) else {
        return;
    };
    let span = |name: &str| filesystem.features.iter().find(|f| f.name == name).map(|f| f.span);
    let (Some(on), Some(off)) = (span(feature.name), span(needs)) else { return };
    let message = format!("{} with {} needs {needs} too", filesystem.kind.as_str(), feature.name);
    found.push(
        case.error(codes::FEATURE_NEEDS, message, on, "turned on here")
            .and(off, "turned off here")
            .help(format!("remove `{needs}`: it comes with `{}`", feature.name)),
    );
}
