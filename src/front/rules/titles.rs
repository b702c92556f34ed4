//! A title is one line of the menu.

use super::Case;
use crate::diag::{Diagnostics, codes};

/// Characters that a menu of 80 columns shows.
const LONGEST: usize = 70;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        let title = &slot.title;
        let problem = if title.trim().is_empty() {
            "a title cannot be empty"
        } else if title.chars().any(char::is_control) {
            "a title is one line without control characters"
        } else if title.chars().count() > LONGEST {
            "a title has at most 70 characters: the menu shows no more"
        } else {
            continue;
        };
        found.push(
            case.error(codes::VALUE_INVALID, problem, case.line(title.span), "")
                .help("write what the menu should show: `CentOS 7.9`"),
        );
    }
}
