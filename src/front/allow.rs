//! What the manifest's `allow` does to the findings.
//!
//! Enters: all findings. Leaves: those whose code no entry names, and a warning for an entry that nothing needed.

use super::model::unused_allow;
use super::resolved::Resolved;
use crate::diag::Diagnostics;

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
    for (code, _) in unused.filter(|(code, _)| !code.is_of_a_build()) {
        found.push(unused_allow(&resolved.source, code));
    }
    found
}
