//! `/sbin/init`, which the initramfs runs once the root is mounted, leads to a program inside the tree.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::rootfs::inspect::Program;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    // another program was asked for
    if case.args().iter().any(|arg| arg.starts_with("init=")) {
        return;
    }
    let message = match &case.survey.init {
        Program::There(_) => return,
        Program::Missing => "there is no init: /sbin/init is not there".to_string(),
        Program::Dangling(to) => format!("there is no init: /sbin/init leads to {to}, where nothing is"),
        Program::NotExecutable(path) => format!("init cannot be run: {path} is not executable"),
        Program::Empty(path) => format!("init cannot be run: {path} is empty"),
        Program::NoFile(path) => format!("init cannot be run: {path} is no file"),
    };
    let help = "install `systemd` (on Debian and Ubuntu `systemd-sysv` too), or name another program as `init=` in `kernel.args`";
    found.push(case.at(codes::INIT_MISSING, message, |slot| slot.dockerfile.span, "").help(help));
}
