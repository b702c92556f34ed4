//! `/etc/machine-id` is empty or missing, so that each machine makes its own (machine-id(5)).

use super::Case;
use crate::diag::{Diagnostics, codes};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    if case.survey.traces.machine_id {
        let message = "/etc/machine-id has an id: all machines made of this image would have the same";
        let finding = case.about_file(codes::TREE_MACHINE_ID, message, "/etc/machine-id");
        found.push(
            finding.help("empty the file: DHCP leases, MAC addresses of bridges and logs go by this id"),
        );
    }
}
