//! Slots have names of their own: a name is a menu entry, a label and a UUID.

use super::Case;
use crate::diag::{Diagnostics, codes};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let names = case.slots().iter().map(|s| &s.name);
    case.duplicates(
        names,
        codes::SLOT_DUPLICATE,
        "slots are called",
        "give each slot a name of its own",
        found,
    );
}
