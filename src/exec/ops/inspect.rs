//! Looks for kernel and initramfs in a slot's tree.

use std::fs::File;

use super::stream::Watched;
use super::{Work, blocking, object};
use crate::diag::{Diagnostic, codes};
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::plan::op::Inspect;
use crate::rootfs::archive::Archive;
use crate::rootfs::inspect::{InspectError, inspect};

pub async fn run(op: &Inspect, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let path = cx.store.object(object(work.inputs, 0));
    let file = File::open(&path).map_err(|e| ExecError::failed(format!("reading {}", path.display()), e))?;
    let reader = Watched::new(file, None, work.reporter, &cx.cancel);
    let pin = op.kernel.clone();
    let found = blocking(move || Ok(inspect(&mut Archive::of_file(reader), pin.as_deref()))).await?;
    match found {
        Ok(facts) => Ok(Outcome::value(facts)),
        Err(error) => Err(no_kernel(error, op, work)),
    }
}

/// A tree that cannot boot, with the manifest's words that would mend it.
fn no_kernel(error: InspectError, op: &Inspect, work: &Work<'_>) -> ExecError {
    let slot = work.cx.slot(&op.slot);
    let version_span = slot.kernel.version.as_ref().map_or(slot.span, |v| v.span);
    let (code, span, help) = match &error {
        InspectError::Read(_) | InspectError::Clash { .. } => {
            return ExecError::failed(format!("inspecting slot `{}`", op.slot), error);
        }
        InspectError::NoKernel { .. } => (
            codes::KERNEL_MISSING,
            slot.dockerfile.span,
            "the Dockerfile or `packages` took the kernel out again, or /boot is a mount point in the image",
        ),
        InspectError::NotThere { .. } => {
            (codes::KERNEL_MISSING, version_span, "pin one of those, or leave `version` out for the newest")
        }
        InspectError::EmptyKernel { .. } => (
            codes::KERNEL_MISSING,
            version_span,
            "an interrupted install leaves such files: `apply --refresh`",
        ),
        InspectError::NoInitramfs { .. } | InspectError::EmptyInitramfs { .. } => (
            codes::INITRAMFS_MISSING,
            slot.dracut.span,
            "dracut's output is in the build's log: `apply -v --refresh` shows it",
        ),
    };
    Diagnostic::error(code, format!("slot `{}`: {error}", op.slot))
        .at(&work.cx.model.source, span, "")
        .help(help)
        .into()
}
