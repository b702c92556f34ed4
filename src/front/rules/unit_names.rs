//! Units have names that systemd.unit(5) allows: `systemctl` gets them on its command line.

use super::Case;
use crate::diag::{Diagnostics, Spanned, codes};
use crate::front::{suggest, words};

/// The types of units that a manifest can name.
const TYPES: [&str; 11] = [
    "service",
    "socket",
    "target",
    "timer",
    "path",
    "mount",
    "automount",
    "swap",
    "slice",
    "scope",
    "device",
];

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for unit in &case.resolved.boot.health.units {
        name(case, unit, found);
    }
    for slot in case.slots() {
        let s = &slot.systemd;
        for unit in s.unmask.iter().chain(&s.enable).chain(&s.disable).chain(&s.mask) {
            name(case, unit, found);
        }
        let target = &s.default_target;
        if !words::fits(words::TARGET, target) {
            let message = format!("`{}` is no target", target.value.escape_debug());
            let full = format!("{}.target", target.value);
            let help = match words::fits(words::TARGET, &full) && !words::fits(words::UNIT, target) {
                true => format!("write its full name: `{full}`"),
                false => "write a target's full name: `multi-user.target`, `graphical.target`".to_string(),
            };
            found
                .push(case.error(codes::SYSTEMD_TARGET_NAME, message, case.line(target.span), "").help(help));
        }
    }
}

fn name(case: &Case<'_>, unit: &Spanned<String>, found: &mut Diagnostics) {
    if words::fits(words::UNIT, unit) {
        return;
    }
    let message = format!("`{}` is no unit's name", unit.value.escape_debug());
    let help = match meant(unit) {
        Some(name) => format!("write its full name with its type, such as `{name}`"),
        None => "write the unit's full name with its type: `sshd.service`, `getty@tty1.service`".into(),
    };
    let finding = case.error(codes::SYSTEMD_UNIT_NAME, message, case.line(unit.span), "").help(help);
    found.push(match meant(unit) {
        Some(name) => finding.fix(format!("write `{name}`"), unit.span, name),
        None => finding,
    });
}

/// The name that was meant, as far as can be guessed: without the folder in front, with the type behind.
fn meant(word: &str) -> Option<String> {
    let file = word.rsplit('/').next().unwrap_or_default();
    let types = TYPES.map(String::from);
    let guess = match file.rsplit_once('.') {
        _ if words::fits(words::UNIT, file) => file.to_string(),
        Some((name, kind)) => format!("{name}.{}", suggest::nearest(kind, &types)?),
        None => format!("{file}.service"),
    };
    words::fits(words::UNIT, &guess).then_some(guess)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_guessed() {
        assert_eq!(meant("sshd").as_deref(), Some("sshd.service"));
        assert_eq!(meant("/usr/lib/systemd/system/sshd.socket").as_deref(), Some("sshd.socket"));
        assert_eq!(meant("getty@.servcie").as_deref(), Some("getty@.service"));
        assert_eq!(meant("a b.service"), None);
    }

    #[test]
    fn every_type_is_a_unit() {
        for kind in TYPES {
            assert!(words::fits(words::UNIT, &format!("a.{kind}")), "{kind}");
        }
    }
}
