//! Kernel arguments are one word each, of characters that neither GRUB nor the kernel reads as more.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::model::{COMMAND_LINE_LIMIT, command_line_length};
use crate::front::resolved::Slot;
use crate::front::words;

/// Arguments that osimg itself sets, and where.
const OURS: &[(&str, &str)] = &[
    ("root", "osimg sets it from the slot's filesystem"),
    ("console", "osimg sets it from `boot.consoles`"),
];

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        length(case, slot, found);
        for arg in &slot.kernel.args {
            let name = arg.split('=').next().unwrap_or_default();
            if !words::fits(words::KERNEL_ARG, arg) {
                let message = format!("`{}` is no kernel argument", arg.value.escape_debug());
                let parts: Vec<&str> = arg.split_whitespace().collect();
                let help = match !parts.is_empty()
                    && parts.iter().all(|part| words::fits(words::KERNEL_ARG, part))
                {
                    true => format!("write each argument as an item of its own: `{}`", parts.join("`, `")),
                    false => {
                        "write `name` or `name=value`, without `$`, `;`, `'`, `\\` and control characters"
                            .to_string()
                    }
                };
                found.push(case.error(codes::KERNEL_ARGUMENT, message, case.line(arg.span), "").help(help));
            } else if let Some((_, why)) = OURS.iter().find(|(ours, _)| *ours == name) {
                let message = format!("`{name}` cannot be set under `kernel.args`");
                found.push(
                    case.error(codes::KERNEL_ARGUMENT_TAKEN, message, arg.span, why).help("remove it here"),
                );
            }
        }
    }
}

/// The whole command line fits what the kernel reads.
fn length(case: &Case<'_>, slot: &Slot, found: &mut Diagnostics) {
    let consoles = case.resolved.boot.consoles.iter().map(|c| c.as_str());
    let length = command_line_length(consoles, slot.kernel.args.iter().map(|a| a.as_str()));
    if length <= COMMAND_LINE_LIMIT {
        return;
    }
    let message = format!(
        "the command line of `{}` takes {length} bytes, the kernel reads {COMMAND_LINE_LIMIT}",
        slot.name.value
    );
    let span = slot.kernel.args.first().map_or(slot.kernel.span, |first| first.span);
    found.push(
        case.error(codes::KERNEL_COMMAND_LINE, message, case.line(span), "the arguments begin here")
            .help("move settings to files: modules' to `/etc/modprobe.d`, sysctls to `/etc/sysctl.d`"),
    );
}
