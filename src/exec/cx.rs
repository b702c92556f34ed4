//! What a run works with: the model, the store, the engine, programs of the host, where events go, how to stop.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::error::ExecError;
use super::store::Store;
use crate::base::Sink;
use crate::base::event::NodeId;
use crate::engine::{Engine, EngineError};
use crate::front::model::{Model, Slot};

/// Connects to the engine; called once, and only when a node needs it.
pub type Connector = Box<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn Engine>, EngineError>> + Send + Sync>;

/// A run's surroundings.
pub struct Cx {
    pub model: Arc<Model>,
    pub store: Store,
    pub sink: Arc<dyn Sink>,
    pub cancel: CancellationToken,
    /// How many nodes work at once, at least 1.
    pub jobs: usize,
    /// Nodes that run although nothing changed.
    pub refresh: BTreeSet<NodeId>,
    /// Whether the rules' warnings stop the run.
    pub deny_warnings: bool,
    /// The value of `PATH`, for programs of the host.
    pub path: Option<OsString>,
    connector: Connector,
    engine: OnceCell<Arc<dyn Engine>>,
}

impl Cx {
    pub fn new(model: Arc<Model>, store: Store, connector: Connector) -> Cx {
        Cx {
            model,
            store,
            sink: Arc::new(crate::base::event::Silent),
            cancel: CancellationToken::new(),
            jobs: 1,
            refresh: BTreeSet::new(),
            deny_warnings: false,
            path: None,
            connector,
            engine: OnceCell::new(),
        }
    }

    /// The engine, connected at the first call.
    pub async fn engine(&self) -> Result<&Arc<dyn Engine>, ExecError> {
        self.engine.get_or_try_init(|| (self.connector)()).await.map_err(engine_error)
    }

    /// The slot of that name.
    pub fn slot(&self, name: &str) -> &Slot {
        slot_of(&self.model, name)
    }
}

/// The slot that a node of a plan lowered from `model` is for.
pub fn slot_of<'a>(model: &'a Model, name: &str) -> &'a Slot {
    model.slot(name).expect("a plan names only slots of the model it was lowered from")
}

/// An engine's failure that no words of the manifest caused.
pub fn engine_error(error: EngineError) -> ExecError {
    match error {
        EngineError::Unreachable { problem, hint } => {
            ExecError::failed("reaching the container engine", problem).help(hint)
        }
        EngineError::Build { step, problem, tail } => {
            ExecError::failed(format!("building `{step}`"), problem).output(tail)
        }
        EngineError::Request { doing, problem } => ExecError::failed(doing, problem),
        EngineError::Io { doing, source } => ExecError::failed(doing, source),
        EngineError::Cancelled => ExecError::Cancelled,
    }
}
