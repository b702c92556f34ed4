//! What the manifest's `allow` does to the findings.
//!
//! Enters: all findings. Leaves: those whose code no entry names, and a warning for an entry that nothing needed.

use super::model::{FilesystemKind, unused_allow};
use super::resolved::Resolved;
use super::rules::filesystem_features;
use crate::diag::{Code, Diagnostics, codes};

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
    let unused = resolved.allow.iter().zip(needed).filter(|(_, needed)| !needed);
    // what only a build can find, the rules on the built tree look for
    for (code, _) in unused.filter(|(code, _)| !code.is_of_a_build() && !is_late(code.value, resolved)) {
        found.push(unused_allow(&resolved.source, code));
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
