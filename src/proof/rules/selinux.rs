//! SELinux does not enforce a policy that is not there, nor one on files without labels, which no engine exports.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::model::Slot;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let selinux = &case.survey.selinux;
    let off = case.args().iter().any(|arg| matches!(arg.as_str(), "selinux=0" | "enforcing=0"));
    if selinux.mode.as_deref() != Some("enforcing") || off {
        return;
    }
    let (message, help) = if !selinux.policy {
        (
            "SELinux is to enforce a policy that is not installed: systemd would stop at once",
            "install the policy (`selinux-policy-targeted`), or switch SELinux off: `kernel: {args: [selinux=0]}`",
        )
    } else if selinux.labelled * 2 < case.survey.inodes && !selinux.autorelabel {
        (
            "SELinux is to enforce its policy, but the files have no labels",
            "switch it off: `kernel: {args: [selinux=0]}`; or label at the first boot: write an empty `/.autorelabel` by `files`, \
             with `enforcing=0` in `kernel.args` until that is done",
        )
    } else {
        return;
    };
    let place = |slot: &Slot| slot.places.args.span;
    let finding = case.at(codes::SELINUX_ENFORCING, message, place, "").help(help);
    found.push(case.adding(
        finding,
        |slot| &slot.places.args,
        "add `selinux=0` to `kernel.args`",
        "selinux=0",
    ));
}
