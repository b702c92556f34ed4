//! The state of a run as its events tell it: what is running since when, and what is done. A pure fold; the time of
//! an event is handed in, counted from the start of the sink.

use std::collections::BTreeSet;
use std::time::Duration;

use super::clean::clean;
use super::fit;
use crate::base::event::{Event, NodeId, Unit};

/// A node at work.
#[derive(Clone, Debug)]
pub struct Running {
    pub node: NodeId,
    pub label: String,
    pub since: Duration,
    /// Why it runs.
    pub why: String,
    /// The step it is at.
    pub step: String,
    /// The last line of output since that step began.
    pub output: String,
    pub progress: Option<Progress>,
}

/// How far a node is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub done: u64,
    pub total: Option<u64>,
    pub unit: Unit,
}

/// A run.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Nodes of the whole run.
    pub total: usize,
    pub finished: usize,
    /// Nodes found in the cache that did not have to be made after all.
    pub cached: BTreeSet<NodeId>,
    pub failed: usize,
    /// When the run began.
    pub since: Duration,
    /// In the order they started.
    pub running: Vec<Running>,
    /// Columns of the widest label so far.
    pub label_width: usize,
    pub over: bool,
}

impl Board {
    /// Takes in what happened at `now`. Gives the node that the event ended, if it did.
    pub fn apply(&mut self, event: &Event, now: Duration) -> Option<Running> {
        match event {
            Event::RunStarted { total } => {
                *self = Board { total: *total, since: now, ..Board::default() };
            }
            Event::NodeCached { node, label } => {
                self.cached.insert(*node);
                self.see(label);
            }
            Event::NodeStarted { node, label, why } => {
                // known from the cache, but its product was gone when it was needed
                self.cached.remove(node);
                self.see(label);
                self.running.push(Running {
                    node: *node,
                    label: clean(label),
                    since: now,
                    why: clean(why),
                    step: String::new(),
                    output: String::new(),
                    progress: None,
                });
            }
            Event::NodeProgress { node, done, total, unit } => {
                if let Some(r) = self.find(*node) {
                    r.progress = Some(Progress { done: *done, total: *total, unit: *unit });
                }
            }
            Event::NodeStep { node, text } => {
                if let Some(r) = self.find(*node) {
                    r.step = clean(text);
                    r.output.clear();
                }
            }
            Event::NodeOutput { node, line } => {
                let line = clean(line);
                if let Some(r) = self.find(*node).filter(|_| !line.is_empty()) {
                    r.output = line;
                }
            }
            Event::NodeFinished { node, .. } => {
                self.finished += 1;
                return self.remove(*node);
            }
            Event::NodeFailed { node, .. } => {
                self.failed += 1;
                return self.remove(*node);
            }
            Event::Note { .. } => {}
            Event::RunFinished { .. } => {
                self.running.clear();
                self.over = true;
            }
        }
        None
    }

    /// The label of a running node.
    pub fn label(&self, node: NodeId) -> Option<&str> {
        self.running.iter().find(|r| r.node == node).map(|r| r.label.as_str())
    }

    fn see(&mut self, label: &str) {
        self.label_width = self.label_width.max(fit::width(label));
    }

    fn find(&mut self, node: NodeId) -> Option<&mut Running> {
        self.running.iter_mut().find(|r| r.node == node)
    }

    fn remove(&mut self, node: NodeId) -> Option<Running> {
        let at = self.running.iter().position(|r| r.node == node)?;
        Some(self.running.remove(at))
    }
}
