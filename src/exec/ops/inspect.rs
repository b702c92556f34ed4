//! Surveys a slot's tree and chooses its kernel. What is wrong with either the rules say, of all slots at once.

use std::fs::File;

use super::stream::Watched;
use super::{Work, blocking, object};
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::plan::op::Inspect;
use crate::rootfs::archive::Archive;
use crate::rootfs::inspect::{choose, inspect};

pub async fn run(op: &Inspect, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let path = cx.store.object(object(work.inputs, 0));
    let file = File::open(&path).map_err(|e| ExecError::failed(format!("reading {}", path.display()), e))?;
    let reader = Watched::new(file, None, work.reporter, &cx.cancel);
    let survey = blocking(move || Ok(inspect(&mut Archive::of_file(reader)))).await?;
    let survey =
        survey.map_err(|error| ExecError::failed(format!("inspecting slot `{}`", op.slot), error))?;
    let kernel = choose(&survey, op.kernel.as_deref()).ok().map(|choice| choice.kernel);
    // the survey is in no key: it follows from the tree, which is
    let facts = serde_json::to_value(survey).expect("plain data with text keys");
    Ok(Outcome { facts, ..Outcome::value(kernel) })
}
