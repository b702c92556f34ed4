//! What the manifest's `allow` does to the findings.
//!
//! Enters: all findings. Leaves: those whose code no entry names, and a warning for an entry that nothing needed.

use super::model::FilesystemKind;
use super::resolved::Resolved;
use super::rules::filesystem_features;
use crate::diag::{Code, Diagnostic, Diagnostics, codes};

pub fn apply(resolved: &Resolved, mut found: Diagnostics) -> Diagnostics {
    let mut needed = vec![false; resolved.allow.len()];
    found.retain(|finding| match resolved.allow.iter().position(|code| code.value == finding.code) {
        Some(entry) => {
            needed[entry] = true;
            false
        }
        None => true,
    });
    // beside errors a rule may not have come to its finding
    if found.has_errors() {
        return found;
    }
    for (code, _) in resolved.allow.iter().zip(needed).filter(|(_, needed)| !needed) {
        if is_late(code.value, resolved) {
            continue;
        }
        found.push(
            Diagnostic::warning(codes::ALLOW_UNUSED, format!("nothing here is `{}`", code.value))
                .at(&resolved.source, code.span, "allows what is not found, or is allowed already")
                .help("remove the entry"),
        );
    }
    found
}

/// Whether a finding of this code may come once something is built.
fn is_late(code: Code, resolved: &Resolved) -> bool {
    match code {
        codes::FEATURE_KERNEL | codes::FEATURE_CHECKER => {
            resolved.slots.iter().any(filesystem_features::waits_for_the_kernel)
        }
        // whose GRUB it is shows late
        codes::FEATURE_GRUB => resolved.slots.iter().any(|slot| slot.filesystem.kind == FilesystemKind::Xfs),
        _ => false,
    }
}
