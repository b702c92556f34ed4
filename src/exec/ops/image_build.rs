//! Builds a slot's own Dockerfile, untouched.

use super::{Work, engine_labels};
use crate::diag::{Diagnostic, Span, codes};
use crate::engine::{BuildContext, BuildRequest, EngineError};
use crate::exec::cx::engine_error;
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::plan::op::ImageBuild;

pub async fn run(op: &ImageBuild, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let slot = cx.slot(&op.slot);
    let request = BuildRequest {
        context: BuildContext::Folder {
            path: slot.context.value.clone(),
            dockerfile: slot.dockerfile.value.clone(),
        },
        build_args: op.build_args.clone(),
        target: op.target.clone(),
        tag: op.tag.clone(),
        labels: engine_labels(work, &op.slot),
        fresh: work.fresh,
        images: slot.from.clone(),
    };
    let engine = cx.engine().await?;
    match engine.build(&request, work.reporter, &cx.cancel).await {
        Ok(id) => Ok(Outcome::image(id)),
        Err(error) => Err(build_failed(error, work, &op.slot, slot.dockerfile.span, "this Dockerfile")),
    }
}

/// A failed build as a diagnostic: the step and the manifest's words that caused it.
pub fn build_failed(error: EngineError, work: &Work<'_>, slot: &str, span: Span, label: &str) -> ExecError {
    let EngineError::Build { step, problem, tail } = error else { return engine_error(error) };
    let message = if step.is_empty() {
        format!("slot `{slot}`: the build failed: {problem}")
    } else {
        format!("slot `{slot}`: `{}` failed: {problem}", shortened(&step))
    };
    ExecError::from(
        Diagnostic::error(codes::BUILD_FAILED, message)
            .at(&work.cx.model.source, span, label)
            .help("the last lines of its output stand above; `-v` shows all of it"),
    )
    .output(tail)
}

/// One line of a step, cut where it gets long.
fn shortened(step: &str) -> String {
    let line = step.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 100 {
        return line;
    }
    line.chars().take(99).collect::<String>() + "…"
}
