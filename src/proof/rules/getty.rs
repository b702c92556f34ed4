//! Logins on consoles start: `getty.target` is there, not masked, and wanted by what the system boots into.
//!
//! Container images mask it, and their recipes empty the `.wants` folders: the boot then goes well to its end and shows
//! nothing.

use super::Case;
use super::default_target::wanted;
use crate::diag::{Diagnostics, codes};
use crate::front::model::Slot;
use crate::rootfs::inspect::units::Found;

pub const GETTY: &str = "getty.target";

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let units = &case.survey.units;
    // these bring a shell of their own
    if !units.systemd || matches!(wanted(case), "rescue.target" | "emergency.target") {
        return;
    }
    let no_prompt = "no login prompt would ever appear";
    match units.find(GETTY) {
        Found::Masked(_, path) => found.push(case.masked(codes::UNIT_GETTY, no_prompt, GETTY, path)),
        Found::Missing(_) | Found::Dangling(..) => found.push(
            case.at(codes::UNIT_GETTY, format!("{no_prompt}: there is no `{GETTY}`"), |s| s.name.span, "")
                .help("it comes with systemd's own package: something removed the file"),
        ),
        Found::There(_) => {
            let Found::There(target) = units.find(wanted(case)) else { return };
            if !units.reached(target).contains(GETTY) {
                let message = format!("{no_prompt}: nothing that `{target}` starts wants `{GETTY}`");
                let help = format!(
                    "a recipe for containers has emptied the `.wants` folders: `RUN systemctl add-wants {target} {GETTY}` in the \
                     Dockerfile"
                );
                let place = |slot: &Slot| slot.places.default_target.span;
                found.push(case.at(codes::UNIT_GETTY, message, place, "").help(help));
            }
        }
    }
}
