//! One JSON object per line, for programs that watch a run (`--message-format json`).
//!
//! Each object has `event`, the kind of event in snake case, and `at`, seconds since the start. The other members:
//!
//! | event | members |
//! |---|---|
//! | `run_started` | `total` nodes |
//! | `node_cached` | `node`, `label` |
//! | `node_started` | `node`, `label`, `why` |
//! | `node_progress` | `node`, `done`, `total` (or null), `unit`: `bytes` or `steps`; at most twice a second for a node |
//! | `node_step` | `node`, `text` |
//! | `node_output` | `node`, `line`, as the program wrote it; with `-v` only |
//! | `node_finished` | `node`, `label`, `took` in seconds |
//! | `node_failed` | `node`, `label` |
//! | `note` | `text` |
//! | `run_finished` | `took` in seconds |
//!
//! `node` is a number that stands for the node within this run. New members and events may come; readers skip what
//! they do not know. After the last event the command writes its problems, if any, as `diagnostic` and `error` objects.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Clock, Verbosity};
use crate::base::event::{Event, NodeId, Sink};

/// The shortest time between two progress objects of a node.
pub const EVERY: Duration = Duration::from_millis(500);

/// The sink.
pub struct Json {
    state: Mutex<State>,
    clock: Clock,
    verbosity: Verbosity,
}

struct State {
    out: Box<dyn Write + Send>,
    told: BTreeMap<NodeId, Duration>,
}

impl Json {
    pub fn new(out: Box<dyn Write + Send>, clock: Clock, verbosity: Verbosity) -> Json {
        Json { state: Mutex::new(State { out, told: BTreeMap::new() }), clock, verbosity }
    }
}

/// Seconds with three decimals.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

fn object(event: &Event, now: Duration) -> Value {
    let at = seconds(now);
    match event {
        Event::RunStarted { total } => json!({"event": "run_started", "at": at, "total": total}),
        Event::NodeCached { node, label } => {
            json!({"event": "node_cached", "at": at, "node": node, "label": label})
        }
        Event::NodeStarted { node, label, why } => {
            json!({"event": "node_started", "at": at, "node": node, "label": label, "why": why})
        }
        Event::NodeProgress { node, done, total, unit } => {
            json!({"event": "node_progress", "at": at, "node": node, "done": done, "total": total, "unit": unit})
        }
        Event::NodeStep { node, text } => json!({"event": "node_step", "at": at, "node": node, "text": text}),
        Event::NodeOutput { node, line } => {
            json!({"event": "node_output", "at": at, "node": node, "line": line})
        }
        Event::NodeFinished { node, label, took } => {
            json!({"event": "node_finished", "at": at, "node": node, "label": label, "took": seconds(*took)})
        }
        Event::NodeFailed { node, label } => {
            json!({"event": "node_failed", "at": at, "node": node, "label": label})
        }
        Event::Note { text } => json!({"event": "note", "at": at, "text": text}),
        Event::RunFinished { took } => json!({"event": "run_finished", "at": at, "took": seconds(*took)}),
    }
}

impl Sink for Json {
    fn emit(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.clock)();
        match &event {
            Event::NodeOutput { .. } if self.verbosity < Verbosity::Verbose => return,
            Event::NodeProgress { node, done, total, .. } => {
                // the last one is always told: readers want to see a bar fill up
                let full = total.is_some_and(|t| *done >= t);
                let early = state.told.get(node).is_some_and(|last| now.saturating_sub(*last) < EVERY);
                if early && !full {
                    return;
                }
                state.told.insert(*node, now);
            }
            _ => {}
        }
        // a log that cannot be written is no reason to end the run
        let _ = writeln!(state.out, "{}", object(&event, now)).and_then(|()| state.out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Hand, Paper, play};
    use super::*;

    fn log(verbosity: Verbosity) -> String {
        let (hand, paper) = (Hand::default(), Paper::default());
        play(&Json::new(Box::new(paper.clone()), hand.clock(), verbosity), &hand);
        paper.text()
    }

    #[test]
    fn an_object_per_line() {
        insta::assert_snapshot!(log(Verbosity::Normal), @r#"
        {"at":0.0,"event":"run_started","total":8}
        {"at":0.01,"event":"node_cached","label":"base debian-bookworm","node":0}
        {"at":0.01,"event":"node_cached","label":"build bookworm","node":1}
        {"at":0.02,"event":"node_started","label":"export bookworm","node":2,"why":"not in the store"}
        {"at":0.02,"event":"node_started","label":"base debian-trixie","node":3,"why":"the suite changed"}
        {"at":0.1,"done":1048576,"event":"node_progress","node":2,"total":838860800,"unit":"bytes"}
        {"at":0.9,"event":"node_step","node":3,"text":"mmdebstrap trixie"}
        {"at":3.0,"done":419430400,"event":"node_progress","node":2,"total":838860800,"unit":"bytes"}
        {"at":5.5,"done":837812224,"event":"node_progress","node":2,"total":838860800,"unit":"bytes"}
        {"at":5.6,"done":838860800,"event":"node_progress","node":2,"total":838860800,"unit":"bytes"}
        {"at":5.62,"event":"node_finished","label":"export bookworm","node":2,"took":5.6}
        {"at":12.34,"event":"node_finished","label":"base debian-trixie","node":3,"took":12.32}
        {"at":12.4,"event":"node_started","label":"build trixie","node":4,"why":"its base changed"}
        {"at":12.5,"event":"node_step","node":4,"text":"[2/3] RUN apt-get install -y openssh-server"}
        {"at":13.5,"event":"node_failed","label":"build trixie","node":4}
        {"at":13.5,"event":"note","text":"cleaning up"}
        {"at":13.6,"event":"run_finished","took":13.6}
        "#);
    }

    #[test]
    fn output_comes_with_verbose_only() {
        let output = |log: &str| log.lines().filter(|l| l.contains("node_output")).count();
        assert_eq!(output(&log(Verbosity::Normal)), 0);
        assert_eq!(output(&log(Verbosity::Verbose)), 3);
    }

    #[test]
    fn every_line_parses_and_says_what_and_when() {
        for line in log(Verbosity::Verbose).lines() {
            let value: Value = serde_json::from_str(line).expect("an object");
            assert!(value["event"].is_string() && value["at"].is_f64(), "{line}");
        }
    }
}
