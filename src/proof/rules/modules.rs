//! The kernel finds its modules: `/lib/modules/<version>` with the list that depmod(8) makes.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::model::Slot;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let (Ok(choice), Some(modules)) = (&case.choice, case.modules()) else { return };
    let version = &choice.kernel.version;
    let span = |slot: &Slot| slot.kernel.version.as_ref().map_or(slot.name.span, |v| v.span);
    if !modules.folder {
        let message = format!("kernel {version} has no modules: /lib/modules/{version} is not there");
        let help = "install the kernel's whole package; a kernel that needs no modules can be allowed";
        found.push(case.at(codes::KERNEL_MODULES, message, span, "").help(help));
    } else if !modules.listed {
        let message = format!(
            "kernel {version} cannot find its modules: /lib/modules/{version}/modules.dep is not there"
        );
        found.push(
            case.at(codes::KERNEL_MODULES, message, span, "")
                .help(format!("`RUN depmod {version}` at the end of the Dockerfile")),
        );
    }
}
