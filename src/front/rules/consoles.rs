//! Consoles are devices that the kernel knows, each once (`Documentation/admin-guide/serial-console.rst`).

use super::Case;
use crate::diag::{Diagnostics, Spanned, codes};
use crate::front::words;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let consoles = &case.resolved.boot.consoles;
    for console in consoles {
        if !words::fits(words::CONSOLE, console) {
            let message = format!("`{}` is no console", console.value.escape_debug());
            let help = match console.strip_prefix("/dev/").or(console.strip_prefix("console=")) {
                Some(rest) => format!("write `{rest}`"),
                None => "write a device of the kernel: `tty0`, `ttyS0`, or `\"ttyS0,115200\"` with its speed"
                    .into(),
            };
            found.push(case.error(codes::BOOT_CONSOLE, message, case.line(console.span), "").help(help));
        }
    }
    let devices: Vec<Spanned<String>> = consoles
        .iter()
        .map(|c| Spanned::new(c.split(',').next().unwrap_or_default().to_string(), c.span))
        .collect();
    case.duplicates(&devices, codes::BOOT_CONSOLE_DUPLICATE, "consoles are on", "keep one of them", found);
}
