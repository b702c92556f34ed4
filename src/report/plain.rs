//! A log for files and pipes: one line per event that matters, the node's label before it, no control characters.
//!
//! Progress and build output are thinned to one line per node every [`EVERY`]; with `-v` all output is written.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::board::Board;
use super::clean::clean;
use super::{Clock, Verbosity, duration};
use crate::base::Bytes;
use crate::base::event::{Event, NodeId, Sink, Unit};

/// The shortest time between two lines about one node's progress.
pub const EVERY: Duration = Duration::from_secs(5);

/// The sink.
pub struct Plain {
    state: Mutex<State>,
    clock: Clock,
    verbosity: Verbosity,
}

struct State {
    out: Box<dyn Write + Send>,
    board: Board,
    /// When each node was last heard of.
    told: BTreeMap<NodeId, Duration>,
}

impl Plain {
    pub fn new(out: Box<dyn Write + Send>, clock: Clock, verbosity: Verbosity) -> Plain {
        let state = State { out, board: Board::default(), told: BTreeMap::new() };
        Plain { state: Mutex::new(state), clock, verbosity }
    }

    fn line(&self, state: &mut State, event: &Event, now: Duration) -> Option<String> {
        let verbose = self.verbosity == Verbosity::Verbose;
        let ended = state.board.apply(event, now);
        let label = |node: &NodeId| state.board.label(*node).unwrap_or("?").to_string();
        Some(match event {
            Event::NodeCached { label, .. } if verbose => format!("[{}] cached", clean(label)),
            Event::NodeStarted { node, label, why } => {
                state.told.insert(*node, now);
                if why.is_empty() {
                    format!("[{}] started", clean(label))
                } else {
                    format!("[{}] started: {}", clean(label), clean(why))
                }
            }
            Event::NodeStep { node, text } => {
                state.told.insert(*node, now);
                format!("[{}] {}", label(node), clean(text))
            }
            Event::NodeOutput { node, line } if verbose => format!("[{}] | {}", label(node), clean(line)),
            Event::NodeOutput { node, line } => {
                let (label, line) = (label(node), clean(line));
                if line.is_empty() || !due(&mut state.told, *node, now) {
                    return None;
                }
                format!("[{label}] | {line}")
            }
            Event::NodeProgress { node, done, total, unit } => {
                let label = label(node);
                if !due(&mut state.told, *node, now) {
                    return None;
                }
                let text = |n: u64| match unit {
                    Unit::Bytes => Bytes(n).to_string(),
                    Unit::Steps => n.to_string(),
                };
                match total {
                    Some(total) => format!("[{label}] {} of {}", text(*done), text(*total)),
                    None => format!("[{label}] {}", text(*done)),
                }
            }
            Event::NodeFinished { label, took, .. } => {
                let done = state.board.finished + state.board.cached.len();
                let total = state.board.total;
                format!("[{}] done in {} ({done} of {total})", clean(label), duration::exact(*took))
            }
            Event::NodeFailed { label, .. } => match ended {
                Some(r) => {
                    format!("[{}] failed after {}", r.label, duration::exact(now.saturating_sub(r.since)))
                }
                None => format!("[{}] failed", clean(label)),
            },
            Event::Note { text } => clean(text),
            Event::NodeCached { .. } | Event::RunStarted { .. } | Event::RunFinished { .. } => return None,
        })
    }
}

/// Whether a node may be heard of again; notes that it was.
fn due(told: &mut BTreeMap<NodeId, Duration>, node: NodeId, now: Duration) -> bool {
    let is_due = told.get(&node).is_none_or(|last| now.saturating_sub(*last) >= EVERY);
    if is_due {
        told.insert(node, now);
    }
    is_due
}

impl Sink for Plain {
    fn emit(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.clock)();
        if let Some(line) = self.line(&mut state, &event, now) {
            // a log that cannot be written is no reason to end the run
            let _ = writeln!(state.out, "{line}").and_then(|()| state.out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Hand, Paper, play};
    use super::*;

    fn log(verbosity: Verbosity) -> String {
        let (hand, paper) = (Hand::default(), Paper::default());
        play(&Plain::new(Box::new(paper.clone()), hand.clock(), verbosity), &hand);
        paper.text()
    }

    #[test]
    fn a_line_per_event_that_matters() {
        insta::assert_snapshot!(log(Verbosity::Normal), @r#"
        [export bookworm] started: not in the store
        [base debian-trixie] started: the suite changed
        [base debian-trixie] mmdebstrap trixie
        [export bookworm] 799 MiB of 800 MiB
        [export bookworm] done in 5.6 s (3 of 8)
        [base debian-trixie] | Unpacking libc6 (2.41-12)  ...
        [base debian-trixie] done in 12.3 s (4 of 8)
        [build trixie] started: its base changed
        [build trixie] [2/3] RUN apt-get install -y openssh-server
        [build trixie] failed after 1.1 s
        cleaning up
        "#);
    }

    #[test]
    fn verbose_has_every_line_of_output() {
        insta::assert_snapshot!(log(Verbosity::Verbose), @r#"
        [base debian-bookworm] cached
        [build bookworm] cached
        [export bookworm] started: not in the store
        [base debian-trixie] started: the suite changed
        [base debian-trixie] mmdebstrap trixie
        [base debian-trixie] | I: downloading packages with apt...
        [export bookworm] 799 MiB of 800 MiB
        [export bookworm] done in 5.6 s (3 of 8)
        [base debian-trixie] | Unpacking libc6 (2.41-12)  ...
        [base debian-trixie] done in 12.3 s (4 of 8)
        [build trixie] started: its base changed
        [build trixie] [2/3] RUN apt-get install -y openssh-server
        [build trixie] | E: Unable to locate package openssh-server
        [build trixie] failed after 1.1 s
        cleaning up
        "#);
    }

    #[test]
    fn no_control_characters() {
        let log = log(Verbosity::Verbose);
        assert!(log.chars().all(|c| c == '\n' || !c.is_control()), "{log:?}");
    }
}
