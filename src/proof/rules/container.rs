//! Nothing says that this is a container: systemd believes such marks, and then starts neither udev nor logins.

use super::Case;
use crate::diag::{Diagnostics, codes};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for mark in &case.survey.traces.container {
        let message = format!("{mark} is there: systemd would take the machine for a container");
        let finding = case.about_file(codes::TREE_CONTAINER, &message, mark);
        found.push(finding.help(format!("remove {mark}: an engine leaves it in what it exports")));
    }
}
