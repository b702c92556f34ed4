//! The verdict for programs: one object per check on standard output, and one about all (docs/events.md).

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::front::model::Model;
use crate::proof::verdict::{Check, State, Step, Verdict, Way};

/// Grows when a member goes or changes its meaning.
const VERSION: u32 = 1;

/// All objects, a line each.
pub fn lines(verdict: &Verdict, model: &Model, logs: &Path) -> String {
    let mut out = String::new();
    for step in &verdict.steps {
        for check in &step.checks {
            out.push_str(&format!("{}\n", object(step, check)));
        }
    }
    let count = |state| verdict.count(state);
    let sum = json!({
        "event": "tested",
        "version": VERSION,
        "image": model.disk.path,
        "proven": verdict.is_proven(),
        "passed": count(State::Passed),
        "failed": count(State::Failed),
        "unproven": count(State::Unproven),
        "took": seconds(verdict.took),
        "logs": logs,
    });
    out.push_str(&format!("{sum}\n"));
    out
}

fn object(step: &Step, check: &Check) -> Value {
    let (from, scenario) = match &step.way {
        Way::Boot => (None, None),
        Way::Kexec { from } => (Some(from), None),
        Way::Switch { from, scenario } => (Some(from), Some(scenario)),
    };
    let stall = step.stall_of(check);
    json!({
        "event": "check",
        "version": VERSION,
        "firmware": step.firmware.as_str(),
        "slot": step.slot,
        "from": from,
        "scenario": scenario,
        "accel": step.accel.map(|a| a.as_str()),
        "check": check.subject.as_str(),
        "state": check.state.as_str(),
        "detail": check.detail,
        "took": seconds(check.took),
        "code": stall.map(|s| s.rule.code.as_str()),
        "console": stall.map(|s| &s.tail),
        "log": step.log,
    })
}

/// With three decimals.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}
