//! Holds the surveys of all slots against the rules: at each run, since it takes no time and depends on `allow`.

use std::sync::Arc;

use serde_json::Value;

use super::facts;
use crate::diag::Diagnostics;
use crate::exec::cx::Cx;
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::front::model::Model;
use crate::proof::rules::judge;
use crate::rootfs::inspect::Survey;

/// Fails with all findings where one is an error, or a warning that is denied.
pub fn run(inputs: &[Arc<Outcome>], cx: &Cx) -> Result<Outcome, ExecError> {
    let mut found = findings(inputs, &cx.model)?;
    if cx.deny_warnings {
        found = found.denied();
    }
    if found.has_errors() { Err(found.into()) } else { Ok(Outcome::value(Value::Null)) }
}

/// What the rules find. `inspected` are the outcomes of every slot's inspection, in the model's order.
pub fn findings(inspected: &[Arc<Outcome>], model: &Model) -> Result<Diagnostics, ExecError> {
    let surveys = inspected.iter().map(|outcome| facts(outcome)).collect::<Result<Vec<Survey>, _>>()?;
    let trees: Vec<_> = model.slots.iter().zip(&surveys).collect();
    let all = trees.len() == model.slots.len();
    Ok(judge(model, &trees, all).sorted(&model.source.name))
}
