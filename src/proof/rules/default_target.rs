//! What systemd boots into is a unit that exists.

use super::Case;
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::rootfs::inspect::units::Found;

/// The unit that the boot goes to: the kernel's command line wins over the link (kernel-command-line(7)).
pub fn wanted<'a>(case: &Case<'a>) -> &'a str {
    let mut wanted = "default.target";
    for arg in case.args() {
        wanted = match arg.as_str() {
            "single" | "s" | "S" | "1" | "rescue" => "rescue.target",
            "emergency" | "-b" => "emergency.target",
            "2" | "3" | "4" => "multi-user.target",
            "5" => "graphical.target",
            other => other.strip_prefix("systemd.unit=").unwrap_or(wanted),
        };
    }
    wanted
}

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    if !case.survey.units.systemd {
        return;
    }
    let name = wanted(case);
    let message = match case.survey.units.find(name) {
        Found::There(_) => return,
        Found::Missing(unit) => format!("systemd has nothing to boot into: there is no `{unit}`"),
        Found::Masked(unit, path) => {
            format!("systemd has nothing to boot into: `{unit}` is masked by {path}")
        }
        Found::Dangling(link, to) => {
            format!("systemd has nothing to boot into: {link} leads to {to}, where nothing is")
        }
    };
    let finding = case.of(
        codes::UNIT_DEFAULT_TARGET,
        message,
        |slot| &slot.places.default_target,
        "what it boots into",
    );
    found.push(finding_help(case, finding));
}

fn finding_help(case: &Case<'_>, finding: Diagnostic) -> Diagnostic {
    let help = "install the package that has the unit, or boot into another: `systemd: {default_target: multi-user.target}`";
    let finding = finding.help(help);
    match case.slot().map(|slot| &slot.places.default_target).filter(|place| place.stated) {
        Some(place) => finding.fix("write `multi-user.target`", place.span, "multi-user.target"),
        None => finding,
    }
}
