//! What proofs have in common: where their machines run, where consoles and news go, and what stops them.
//!
//! Enters: a step as it begins and ends. Leaves: its events, and a log of its own for its console.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::boot::Host;
use super::host_fault::BUSY_NOTE;
use super::prove::ProveError;
use super::record::Recorder;
use super::verdict::{State, Step};
use crate::base::event::{Event, NodeId, NodeReporter, Sink};

/// The surroundings of a proof.
#[derive(Clone, Copy)]
pub struct Lab<'a> {
    pub host: &'a Host,
    /// Each step's console goes through it.
    pub recorder: &'a Recorder,
    pub sink: &'a Arc<dyn Sink>,
    pub cancel: &'a CancellationToken,
}

impl<'a> Lab<'a> {
    pub(super) fn sink(&self) -> &'a dyn Sink {
        &**self.sink
    }

    pub(super) fn reporter(&self, node: NodeId) -> NodeReporter {
        NodeReporter::new(node, self.sink.clone())
    }

    /// Has the console written to a log of its own from now on, for the step of this label.
    pub(super) fn log(&self, node: NodeId, label: &str) -> Result<PathBuf, ProveError> {
        let name = format!("{}.log", label.replace(' ', "-"));
        let turned = self.recorder.turn(&name, self.reporter(node));
        turned.map_err(|source| ProveError::Log { path: PathBuf::from(name), source })
    }

    /// Tells that a step is tried again, since this host was to blame.
    pub(super) fn again(&self) {
        self.sink.emit(Event::Note { text: BUSY_NOTE.to_string() });
    }

    pub(super) fn begun(&self, node: NodeId, label: String, why: String) {
        self.sink.emit(Event::NodeStarted { node, label, why });
    }

    pub(super) fn ended(&self, node: NodeId, step: &Step) {
        let label = step.label();
        self.sink.emit(match step.state() {
            State::Failed => Event::NodeFailed { node, label },
            _ => Event::NodeFinished { node, label, took: step.took },
        });
    }
}
