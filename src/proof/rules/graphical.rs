//! A graphical target without a display manager boots no further than `multi-user.target` would, and waits for what never comes
//! where other units order themselves behind it.

use super::Case;
use super::default_target::wanted;
use crate::diag::{Diagnostics, codes};
use crate::rootfs::inspect::units::Found;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let units = &case.survey.units;
    if units.find(wanted(case)) != Found::There("graphical.target")
        || matches!(units.find("display-manager.service"), Found::There(_))
    {
        return;
    }
    let message = "it boots into `graphical.target`, but no display manager is installed";
    let finding = case
        .of(codes::UNIT_GRAPHICAL, message, |slot| &slot.places.default_target, "what it boots into")
        .help("boot into `multi-user.target`, or install a display manager such as `gdm` or `lightdm`");
    found.push(match case.slot().map(|slot| &slot.places.default_target).filter(|place| place.stated) {
        Some(place) => finding.fix("write `multi-user.target`", place.span, "multi-user.target"),
        None => finding,
    });
}
