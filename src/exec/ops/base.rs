//! Makes a base image: mmdebstrap, or an archive whose digest is checked, imported under the base's name.
//!
//! Leaves: an image with [`BASE_LABEL`]. An image of that name without the label is somebody's own and is never
//! replaced.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::stream::Watched;
use super::{Work, blocking};
use crate::base::Digest;
use crate::diag::{Diagnostic, Span, codes};
use crate::exec::cx::engine_error;
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::host::command::{Call, CommandError};
use crate::plan::op::{Base, BaseFrom};

/// The label by which osimg knows the images it imported.
pub const BASE_LABEL: &str = "osimg.base";

pub async fn run(op: &Base, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let engine = cx.engine().await?;
    let tag = format!("{}:latest", op.name);
    if let Some(found) = engine.image(&tag).await.map_err(engine_error)?
        && !found.labels.contains_key(BASE_LABEL)
    {
        return Err(taken(op, work));
    }
    let staged = cx.store.stage().map_err(|e| ExecError::failed("writing to the cache", e))?;
    let archive: PathBuf = match &op.from {
        BaseFrom::Bootstrap { suite, mirror } => {
            bootstrap(op, suite, mirror.as_deref(), staged.path(), work).await?;
            staged.path().to_path_buf()
        }
        BaseFrom::Archive { sha256, path } => {
            verify(op, sha256, path, work).await?;
            path.clone()
        }
    };
    work.reporter.step("importing into the engine");
    let labels = BTreeMap::from([(BASE_LABEL.to_string(), op.name.clone())]);
    let id = engine.import(archive, &tag, &labels, work.reporter, &cx.cancel).await.map_err(engine_error)?;
    Ok(Outcome::image(id))
}

async fn bootstrap(
    op: &Base,
    suite: &str,
    mirror: Option<&str>,
    target: &Path,
    work: &Work<'_>,
) -> Result<(), ExecError> {
    work.reporter.step(format!("bootstrapping {suite}"));
    let mut call = Call::new(
        crate::host::command::find_program(&["mmdebstrap"], work.cx.path.as_deref())
            .unwrap_or_else(|| "mmdebstrap".into()),
    )
    // Ubuntu's apt is not of the priority that `minbase` goes by
    .args(["--variant=minbase", "--include=apt", "--format=tar"])
    // the same archive each time: mmdebstrap clamps every time stamp to this
    .env("SOURCE_DATE_EPOCH", crate::plan::pins::DEFAULT_CREATED.secs.to_string())
    .arg(suite)
    .arg(target);
    if let Some(mirror) = mirror {
        call = call.arg(mirror);
    }
    call.run(work.reporter, &work.cx.cancel).await.map(drop).map_err(|error| match error {
        CommandError::Cancelled => ExecError::Cancelled,
        CommandError::Missing { .. } => {
            ExecError::failed(format!("bootstrapping base `{}`", op.name), "mmdebstrap is not installed")
                .help("`apt-get install mmdebstrap`, or give the base as an `archive:`")
        }
        CommandError::Failed { status, tail, .. } => {
            let at = span(op, work);
            ExecError::from(
                Diagnostic::error(
                    codes::BASE_BOOTSTRAP,
                    format!("bootstrapping base `{}` failed (mmdebstrap: {status})", op.name),
                )
                .at(&work.cx.model.source, at, "this base")
                .help("check that the suite exists on the mirror, and that the mirror can be reached"),
            )
            .output(tail)
        }
        other => ExecError::failed(format!("bootstrapping base `{}`", op.name), other),
    })
}

async fn verify(op: &Base, expected: &Digest, path: &Path, work: &Work<'_>) -> Result<(), ExecError> {
    work.reporter.step("checking the archive's sha256");
    let reading = format!("reading {}", path.display());
    let file = File::open(path).map_err(|e| ExecError::failed(&reading, e))?;
    let total = file.metadata().ok().map(|m| m.len());
    let mut reader = Watched::new(file, total, work.reporter, &work.cx.cancel);
    let found =
        blocking(move || Digest::of_reader(&mut reader).map_err(|e| ExecError::failed(reading, e))).await?;
    if found == *expected {
        return Ok(());
    }
    Err(Diagnostic::error(
        codes::BASE_DIGEST_MISMATCH,
        format!("base `{}` has another sha256 than stated", op.name),
    )
    .at(&work.cx.model.source, span(op, work), "this base")
    .help(format!("{} has sha256 {found}", path.display()))
    .into())
}

fn taken(op: &Base, work: &Work<'_>) -> ExecError {
    Diagnostic::error(
        codes::BASE_NAME_TAKEN,
        format!("the engine has an image `{}` that osimg did not make", op.name),
    )
    .at(&work.cx.model.source, span(op, work), "this base would take its name")
    .help("give the base another name, or remove the image")
    .into()
}

fn span(op: &Base, work: &Work<'_>) -> Span {
    let base = work.cx.model.bases.iter().find(|b| b.name.as_str() == op.name);
    base.map(|b| b.name.span).unwrap_or_default()
}
