//! The drivers in the initramfs have the modules that they need (modules.dep(5)) beside them.

use super::Case;
use crate::diag::{Diagnostics, codes};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let (Some((path, initramfs)), Some(modules)) = (case.initramfs(), case.modules()) else { return };
    let Some(lacking) = modules.lacking.get(path) else { return };
    for driver in case.drivers().into_iter().filter(|driver| case.has(initramfs, driver)) {
        let Some(missing) = lacking.get(&driver.replace('-', "_")) else { continue };
        let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
        let message = format!(
            "the initramfs {path} has the driver `{driver}`, but not `{}`, which it needs",
            missing.join("`, `")
        );
        found.push(case.of(codes::INITRAMFS_DEPENDENCY, message, |slot| &slot.places.drivers, "").help(
            "dracut takes in what modules.dep lists: run depmod before it, or check `dracut.omit_drivers`",
        ));
    }
}
