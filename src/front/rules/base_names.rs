//! Bases have names of their own: `FROM` finds them by it.

use super::Case;
use crate::diag::{Diagnostics, codes};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let names = case.resolved.bases.iter().map(|b| &b.name);
    case.duplicates(
        names,
        codes::BASE_DUPLICATE,
        "bases are called",
        "give each base a name of its own",
        found,
    );
}
