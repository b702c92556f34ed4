//! What a manifest may say but `apply` cannot do yet: `check` warns, lowering refuses.

use super::Case;
use crate::diag::{Diagnostics, Span, codes};
use crate::front::model::Format;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let mut warn = |what: &str, span: Span, help: &str| {
        let message = format!("{what} cannot be made yet");
        found.push(case.warning(codes::NOT_YET, message, span, "`apply` will refuse this").help(help));
    };
    let disk = &case.resolved.disk;
    for (format, name) in [(Format::Qcow2, "qcow2"), (Format::Vmdk, "vmdk"), (Format::Vhd, "vhd")] {
        if disk.formats.value.contains(&format) {
            let help = "write `formats: [raw]`; `qemu-img convert` makes the others of it";
            warn(&format!("an image in the format {name}"), disk.formats.span, help);
        }
    }
}
