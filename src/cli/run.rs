//! What `apply`, `plan` and `render` share: the lowered plan, and a run's surroundings from the session.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::engine;
use super::failure::{Failure, Problem};
use super::manifest::Manifest;
use super::session::Session;
use super::slots;
use crate::base::Sink;
use crate::base::event::{Event, NodeId};
use crate::base::identity;
use crate::boot::early;
use crate::exec::store::Lock;
use crate::exec::{Cx, ExecError, Store, pins};
use crate::front::model::Model;
use crate::plan::lower::lower;
use crate::plan::{Op, Plan};

/// A manifest, and what of it is to be built anew.
#[derive(Args, Debug)]
pub struct Wanted {
    /// The manifest, a YAML file
    #[arg(value_name = "MANIFEST", required_unless_present = "refresh")]
    manifest: Option<PathBuf>,
    /// Build these slots (all, when none is named) anew although nothing
    /// changed, to take in what package repositories have since
    #[arg(long, value_name = "SLOT", num_args = 0..)]
    refresh: Option<Vec<String>>,
}

/// Everything that a run or a look at the plan starts from.
pub struct Prepared {
    pub model: Arc<Model>,
    pub plan: Plan,
    /// The nodes that run although nothing changed.
    pub refresh: BTreeSet<NodeId>,
    pub store: Store,
}

impl Wanted {
    /// Reads the manifest, lowers it, and opens the store.
    pub fn prepare(&self, session: &Session) -> Result<Prepared, Failure> {
        let (manifest, slots) = self.read()?;
        let model = Arc::new(manifest.load(session)?);
        let plan = plan(&model, session)?;
        let refresh = refresh(&plan, &model, slots.as_deref())?;
        Ok(Prepared { model, plan, refresh, store: store(session)? })
    }

    /// The manifest and the slots of `--refresh`. In `--refresh m.yaml` the parser takes the manifest for a slot; slots
    /// hold no dot before `yaml`, so it is found again.
    fn read(&self) -> Result<(Manifest, Option<Vec<String>>), Failure> {
        let mut slots = self.refresh.clone();
        let taken = |slots: &mut Vec<String>| {
            let is_manifest = |s: &String| s.contains('/') || s.ends_with(".yaml") || s.ends_with(".yml");
            slots.iter().position(is_manifest).map(|at| PathBuf::from(slots.remove(at)))
        };
        let path = self.manifest.clone().or_else(|| slots.as_mut().and_then(taken)).ok_or_else(|| {
            Failure::Usage(
                Problem::new("no manifest is named")
                    .help("name it first: `osimg apply examples/debian-dual.yaml --refresh`"),
            )
        })?;
        Ok((Manifest { path }, slots))
    }
}

/// The plan of a model, with everything beside the manifest pinned.
pub fn plan(model: &Model, session: &Session) -> Result<Plan, Failure> {
    let epoch = source_date_epoch(session)?;
    let pins = pins::gather(model, session.environment.path.as_deref(), epoch)?;
    lower(model, &pins, &early::configuration(identity::boot_volume(&model.name))).map_err(Failure::Invalid)
}

/// `SOURCE_DATE_EPOCH`, in seconds since 1970.
pub fn source_date_epoch(session: &Session) -> Result<Option<i64>, Failure> {
    let Some(text) = &session.environment.source_date_epoch else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Failure::Usage(
            Problem::new(format!("SOURCE_DATE_EPOCH is `{text}`"))
                .help("it is a whole number of seconds since 1970-01-01, or not set"),
        )
    })
}

/// The store that the session names.
pub fn store(session: &Session) -> Result<Store, Failure> {
    let folder = session.cache_dir()?;
    Store::open(&folder).map_err(|e| {
        Problem::new(format!("the cache folder `{}` cannot be used", folder.display()))
            .caused_by(&e)
            .help("name another with --cache-dir or OSIMG_CACHE_DIR")
            .into()
    })
}

/// The store's lock, after as long as another run holds it.
pub async fn lock(store: &Store, sink: &Arc<dyn Sink>, cancel: &CancellationToken) -> Result<Lock, Failure> {
    let mut told = false;
    loop {
        let taken = store.try_lock().map_err(|e| Problem::new("the cache cannot be locked").caused_by(&e))?;
        if let Some(lock) = taken {
            return Ok(lock);
        }
        if !told {
            told = true;
            sink.emit(Event::Note { text: "waiting for another osimg that uses this cache".into() });
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
            () = cancel.cancelled() => return Err(Failure::Interrupted),
        }
    }
}

/// A run's surroundings.
pub fn cx(
    model: Arc<Model>,
    store: Store,
    session: &Session,
    sink: &Arc<dyn Sink>,
    cancel: &CancellationToken,
) -> Cx {
    let mut cx = Cx::new(model, store, engine::connector(session));
    cx.sink = sink.clone();
    // a token of its own: a run that fails cancels the rest of itself, which is no interruption by the user
    cx.cancel = cancel.child_token();
    cx.jobs = session.jobs().get();
    cx.deny_warnings = session.denies_warnings();
    cx.path = session.environment.path.clone();
    cx
}

/// The nodes that `--refresh` makes run: the builds of these slots (of all, when none is named) and the bases they use.
fn refresh(plan: &Plan, model: &Model, wanted: Option<&[String]>) -> Result<BTreeSet<NodeId>, Failure> {
    let Some(wanted) = wanted else { return Ok(BTreeSet::new()) };
    let known: Vec<&str> = model.slots.iter().map(|s| s.name.as_str()).collect();
    if let Some(unknown) = wanted.iter().find(|s| !known.contains(&s.as_str())) {
        return Err(slots::unknown(unknown, "the manifest", &known));
    }
    let wanted = |slot: &str| wanted.is_empty() || wanted.iter().any(|s| s == slot);
    let mut nodes = BTreeSet::new();
    for (id, node) in plan.nodes() {
        match &node.op {
            Op::ImageBuild(op) if wanted(&op.slot) => {
                nodes.insert(id);
                nodes.extend(plan.inputs(id));
            }
            Op::FragmentBuild(op) if wanted(&op.slot) => {
                nodes.insert(id);
            }
            _ => {}
        }
    }
    Ok(nodes)
}

impl From<ExecError> for Failure {
    fn from(error: ExecError) -> Failure {
        match error {
            ExecError::Diagnosed { diagnostics, output } => Failure::Located(diagnostics, output),
            ExecError::Failed { doing, problem, help, output } => {
                Failure::Error(Problem { message: doing, causes: vec![problem], output, help })
            }
            ExecError::Cancelled => Failure::Interrupted,
        }
    }
}
