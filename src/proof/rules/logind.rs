//! systemd-logind is not masked, as container images mask it: without it logins have no session and no `/run/user` folder.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::rootfs::inspect::units::Found;

const LOGIND: &str = "systemd-logind.service";

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    if !case.survey.units.systemd {
        return;
    }
    if let Found::Masked(_, path) = case.survey.units.find(LOGIND) {
        found.push(case.masked(codes::UNIT_LOGIND, "logins would get no session", LOGIND, path));
    }
}
