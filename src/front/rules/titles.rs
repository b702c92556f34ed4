//! A title is one line of the menu.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        let title = &slot.title;
        let problem = if title.trim().is_empty() {
            "a title cannot be empty"
        } else if words::fits(words::TITLE, title) {
            continue;
        } else if title.chars().any(char::is_control) {
            "a title is one line without control characters"
        } else {
            "a title has at most 70 characters: the menu shows no more"
        };
        let help = match title.trim() {
            words if words::fits(words::TITLE, words) && words != title.value => {
                format!("write it on one line: `{words}`")
            }
            _ => "write what the menu should show: `CentOS 7.9`".to_string(),
        };
        found.push(case.error(codes::SLOT_TITLE, problem, case.line(title.span), "").help(help));
    }
}
