//! No unit is pulled both ways.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::resolved::Words;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        let s = &slot.systemd;
        let target = vec![s.default_target.clone()];
        let pairs: [(&str, &Words, &str, &Words); 4] = [
            ("unmasked", &s.unmask, "masked", &s.mask),
            ("enabled", &s.enable, "disabled", &s.disable),
            ("enabled", &s.enable, "masked", &s.mask),
            ("the default target", &target, "masked", &s.mask),
        ];
        for (one, ones, other, others) in pairs {
            for unit in ones {
                if let Some(against) = others.iter().find(|o| o.value == unit.value) {
                    let message = format!("`{}` is both {one} and {other}", unit.value);
                    found.push(
                        case.error(codes::UNIT_CONFLICT, message, against.span, &format!("{other} here"))
                            .and(unit.span, format!("{one} here"))
                            .help("keep one of them"),
                    );
                }
            }
        }
    }
}
