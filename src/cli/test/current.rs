//! Whether the image is what the manifest describes now, as far as the cache knows.

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::base::Sink;
use crate::cli::failure::{Failure, Problem};
use crate::cli::run;
use crate::cli::session::Session;
use crate::exec::explain::foresee;
use crate::front::model::Model;
use crate::plan::{Explanation, Why};

/// Refuses an image for which `osimg apply` would do something because what it is made of has changed.
///
/// Where the cache has not made the image, such as on a machine that only tests, nobody knows, and the menu alone has
/// been compared.
pub fn check(
    model: &Arc<Model>,
    manifest: &Path,
    session: &Session,
    sink: &Arc<dyn Sink>,
) -> Result<(), Failure> {
    let Ok(store) = run::store(session) else { return Ok(()) };
    if store.last_runs(&model.disk.path).is_empty() {
        return Ok(());
    }
    let plan = run::plan(model, session)?;
    let cx = run::cx(model.clone(), store, session, sink, &CancellationToken::new());
    let changed =
        plan.nodes().zip(foresee(&plan, &cx)?).find_map(|((_, node), (explanation, _))| match explanation {
            Explanation::Run(why @ (Why::Changed | Why::InputsChanged { .. })) => {
                Some((node.op.label(), why))
            }
            _ => None,
        });
    let Some((label, why)) = changed else { return Ok(()) };
    let what = format!("the image `{}` is older than the manifest", model.disk.path.display());
    let mut problem = Problem::new(what).help(format!("run `osimg apply {}` first", manifest.display()));
    problem.causes.push(format!("{label}: {why}"));
    Err(problem.into())
}
