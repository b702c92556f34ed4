//! Kernel arguments are one word each, of characters that neither GRUB nor the kernel reads as more.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

/// Arguments that osimg itself sets, and where.
const OURS: &[(&str, &str)] = &[
    ("root", "osimg sets it from the slot's filesystem"),
    ("console", "osimg sets it from `boot.consoles`"),
];

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
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
