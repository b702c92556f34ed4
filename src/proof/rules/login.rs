//! Somebody can log in: with a password, or with a key where sshd starts.

use super::Case;
use super::default_target::wanted;
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::front::model::Slot;
use crate::rootfs::inspect::accounts::{Password, Shell};
use crate::rootfs::inspect::units::Found;

/// Units that start sshd, by distribution and by way.
const SSHD: [&str; 4] = ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"];

/// Whether the boot starts sshd.
pub fn sshd_starts(case: &Case<'_>) -> bool {
    let units = &case.survey.units;
    let Found::There(target) = units.find(wanted(case)) else { return false };
    let reached = units.reached(target);
    case.survey.accounts.sshd && SSHD.iter().any(|unit| reached.contains(*unit))
}

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let accounts = &case.survey.accounts;
    if !accounts.listed || accounts.by_password().next().is_some() {
        return;
    }
    let keys: Vec<&str> = accounts.by_key().map(|user| user.name.as_str()).collect();
    if !keys.is_empty() && sshd_starts(case) {
        return;
    }
    let set = accounts.users.iter().find(|user| user.password == Password::Set || user.keys);
    let why = match (keys.first(), set) {
        (Some(user), _) if accounts.sshd => {
            format!("`{user}` has ssh keys, but the boot does not start sshd")
        }
        (Some(user), _) => format!("`{user}` has ssh keys, but there is no sshd"),
        (None, Some(user)) => match user.shell_state {
            Shell::NoLogin => format!("the shell of `{}` is {}", user.name, user.shell),
            _ => format!("the shell of `{}`, {}, is not there", user.name, user.shell),
        },
        (None, None) => "nobody has a password or ssh keys".to_string(),
    };
    let message = format!("nobody could log in: {why}");
    let help = "give a user a `password_hash` (`openssl passwd -6` makes one), or `ssh_keys` with sshd in `packages` and `systemd.enable`";
    let span = |slot: &Slot| slot.places.users;
    let finding = case.at(codes::LOGIN_NOBODY, message, span, "").help(help);
    found.push(cut(finding));
}

/// A list of users may be long: its first line stands for it.
fn cut(mut finding: Diagnostic) -> Diagnostic {
    for label in &mut finding.labels {
        label.span = super::first_line(&label.source.text, label.span);
    }
    finding
}
