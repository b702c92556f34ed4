//! Units have names that systemd.unit(5) allows: `systemctl` gets them on its command line.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let help = "write the unit's full name with its type: `sshd.service`, `getty@tty1.service`";
    for slot in case.slots() {
        let s = &slot.systemd;
        let units = s.unmask.iter().chain(&s.enable).chain(&s.disable).chain(&s.mask);
        case.each_fits(codes::SYSTEMD_UNIT_NAME, units, words::UNIT, "unit's name", help, found);
        let target = std::iter::once(&s.default_target);
        case.each_fits(
            codes::SYSTEMD_TARGET_NAME,
            target,
            words::TARGET,
            "target",
            "write its full name: `multi-user.target`",
            found,
        );
    }
}
