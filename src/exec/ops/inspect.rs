//! Looks for kernel and initramfs in a slot's tree.

use std::fs::File;

use super::stream::Watched;
use super::{Work, blocking, object};
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::plan::op::Inspect;
use crate::rootfs::archive::Archive;
use crate::rootfs::inspect::inspect;

pub async fn run(op: &Inspect, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let path = cx.store.object(object(work.inputs, 0));
    let file = File::open(&path).map_err(|e| ExecError::failed(format!("reading {}", path.display()), e))?;
    let reader = Watched::new(file, None, work.reporter, &cx.cancel);
    let pin = op.kernel.clone();
    let found = blocking(cx, move || Ok(inspect(&mut Archive::new(reader), pin.as_deref()))).await?;
    match found {
        Ok(facts) => Ok(Outcome::value(facts)),
        Err(error) => Err(no_kernel(error, op, work)),
    }
}
