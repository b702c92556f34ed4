//! Writes the SHA-256 of the finished image beside it.

use super::{Work, blocking};
use crate::disk::checksum;
use crate::exec::error::ExecError;
use crate::exec::product::{Outcome, Product, WrittenFile};
use crate::plan::op::Checksum;

pub async fn run(op: &Checksum, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let (image, cancel, reporter) = (op.path.clone(), work.cx.cancel.clone(), work.reporter.clone());
    blocking(move || {
        let doing = format!("writing the checksum of {}", image.display());
        let sha256 = checksum::write(&image, &|| cancel.is_cancelled(), &mut |done, total| {
            reporter.bytes(done, Some(total));
        })
        .map_err(|e| ExecError::failed(&doing, e))?;
        // the checksum's own contents are the digest
        let file =
            WrittenFile::at(&checksum::path(&image), sha256).map_err(|e| ExecError::failed(&doing, e))?;
        Ok(Outcome { product: Product::File(file), facts: serde_json::Value::Null })
    })
    .await
}
