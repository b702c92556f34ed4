//! No private ssh host key is in the tree: with the same key each machine passes for any other.

use super::Case;
use crate::diag::{Diagnostics, codes};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for key in &case.survey.traces.host_keys {
        let message =
            format!("{key} is in the image: all machines made of it would have the same ssh host key");
        let finding = case.about_file(codes::TREE_HOST_KEY, &message, key);
        found.push(
            finding.help("leave it out: each machine makes its own with `ssh-keygen -A` at its first boot"),
        );
    }
}
