//! Builds the generated Dockerfile on top of the user's image.

use super::image_build::build_failed;
use super::pure::{Generated, blame};
use super::{Work, engine_labels, value};
use crate::engine::{BuildContext, BuildRequest, EngineError};
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::plan::op::FragmentBuild;

/// The inputs in lowering's order: the user's image, the generated Dockerfile.
const FRAGMENTS: usize = 1;

pub async fn run(op: &FragmentBuild, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let slot = cx.slot(&op.slot);
    let generated: Generated = value(work.inputs, FRAGMENTS)?;
    let files = generated.files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    let request = BuildRequest {
        context: BuildContext::Text { dockerfile: generated.text, files },
        build_args: Default::default(),
        target: None,
        tag: op.tag.clone(),
        labels: engine_labels(work, &op.slot),
        fresh: work.fresh,
        // it is FROM an image of ours alone
        images: Vec::new(),
    };
    let error = match cx.engine().await?.build(&request, work.reporter, &cx.cancel).await {
        Ok(id) => return Ok(Outcome::image(id)),
        Err(error) => error,
    };
    let placed = match &error {
        EngineError::Build { step, .. } => blame(&work.inputs[FRAGMENTS], step),
        _ => None,
    };
    let (span, label) = match placed {
        Some((span, concern)) => (span, format!("{} asked for here", concern.as_str())),
        None => (slot.span, "while making this slot bootable".to_string()),
    };
    Err(build_failed(error, work, &op.slot, span, &label))
}
