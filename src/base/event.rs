//! What a run tells the outside while it works: plain values, so that a terminal, a log file and a test can each
//! make of them what they want.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// A node of the plan, by its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct NodeId(pub usize);

/// What a progress number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Bytes,
    Steps,
}

/// One thing that happened in a run.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins; `total` nodes will either run or be found in the cache.
    RunStarted {
        total: usize,
    },
    /// A node's product was already there.
    NodeCached {
        node: NodeId,
        label: String,
    },
    /// A node starts; `why` says what made it necessary.
    NodeStarted {
        node: NodeId,
        label: String,
        why: String,
    },
    /// `done` of `total` (where known) units of a running node.
    NodeProgress {
        node: NodeId,
        done: u64,
        total: Option<u64>,
        unit: Unit,
    },
    /// The step a running node is at, such as a Dockerfile instruction.
    NodeStep {
        node: NodeId,
        text: String,
    },
    /// A line of output of what a node runs.
    NodeOutput {
        node: NodeId,
        line: String,
    },
    NodeFinished {
        node: NodeId,
        label: String,
        took: Duration,
    },
    NodeFailed {
        node: NodeId,
        label: String,
    },
    /// Something a user should know that belongs to no node.
    Note {
        text: String,
    },
    /// The run is over, well or not.
    RunFinished {
        took: Duration,
    },
}

/// Where events go. Called from many threads.
pub trait Sink: Send + Sync {
    fn emit(&self, event: Event);
}

/// A sink that drops everything.
pub struct Silent;

impl Sink for Silent {
    fn emit(&self, _: Event) {}
}

/// A sink bound to one node, handed to what does the node's work.
#[derive(Clone)]
pub struct NodeReporter {
    node: NodeId,
    sink: Arc<dyn Sink>,
}

impl NodeReporter {
    pub fn new(node: NodeId, sink: Arc<dyn Sink>) -> NodeReporter {
        NodeReporter { node, sink }
    }

    /// A reporter nobody listens to.
    pub fn silent() -> NodeReporter {
        NodeReporter::new(NodeId(0), Arc::new(Silent))
    }

    pub fn step(&self, text: impl Into<String>) {
        self.sink.emit(Event::NodeStep { node: self.node, text: text.into() });
    }

    pub fn output(&self, line: impl Into<String>) {
        self.sink.emit(Event::NodeOutput { node: self.node, line: line.into() });
    }

    pub fn bytes(&self, done: u64, total: Option<u64>) {
        self.sink.emit(Event::NodeProgress { node: self.node, done, total, unit: Unit::Bytes });
    }

    pub fn steps(&self, done: u64, total: Option<u64>) {
        self.sink.emit(Event::NodeProgress { node: self.node, done, total, unit: Unit::Steps });
    }
}
