//! Computes the SHA-256 of the finished image: the assembled file enters, its digest leaves as a value.

use super::{Work, blocking};
use crate::disk::checksum;
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::plan::op::Checksum;

pub async fn run(op: &Checksum, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let (image, cancel, reporter) = (op.path.clone(), work.cx.cancel.clone(), work.reporter.clone());
    blocking(move || {
        let digest = checksum::digest(&image, &|| cancel.is_cancelled(), &mut |done, total| {
            reporter.bytes(done, Some(total));
        });
        digest.map(Outcome::value).map_err(|e| ExecError::failed("computing the image's checksum", e))
    })
    .await
}
