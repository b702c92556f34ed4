//! Says what a run would do, without doing it.

use std::sync::Arc;

use super::cx::Cx;
use super::error::ExecError;
use super::ops;
use super::product::{Outcome, Product};
use super::schedule::is_there;
use super::store::LastRun;
use crate::base::Digest;
use crate::base::event::NodeId;
use crate::front::model::KnownKernel;
use crate::plan::explain::{Explained, FeatureChoice};
use crate::plan::{Explanation, Op, Plan, Why, key};
use crate::rootfs::inspect::Kernel;

/// Why a node that is not in the store must run, from what it looked like when it last ran.
pub fn reason(last: Option<&LastRun>, definition: &Digest, inputs: &[(String, Digest)]) -> Why {
    let Some(last) = last else { return Why::NeverRun };
    if last.definition != *definition {
        return Why::Changed;
    }
    let changed: Vec<String> =
        inputs.iter().filter(|input| !last.inputs.contains(input)).map(|(label, _)| label.clone()).collect();
    if !changed.is_empty() {
        return Why::InputsChanged { inputs: changed };
    }
    if last.inputs.len() != inputs.len() { Why::Changed } else { Why::CacheCleaned }
}

/// What a run would do to a node, and its outcome where that is known already.
pub type Foreseen = (Explanation, Option<Arc<Outcome>>);

/// Every node as far as it can be known without running anything or asking the engine, in the plan's order.
pub fn foresee(plan: &Plan, cx: &Cx) -> Result<Vec<Foreseen>, ExecError> {
    let last = cx.store.last_runs(&cx.model.disk.path);
    let mut states: Vec<Foreseen> = Vec::with_capacity(plan.len());
    for (id, node) in plan.nodes() {
        let inputs = plan.inputs(id);
        let label = |i: &NodeId| plan.node(*i).op.label();
        let waiting: Vec<String> = inputs.iter().filter(|i| states[i.0].1.is_none()).map(label).collect();
        if cx.refresh.contains(&id) {
            states.push((Explanation::Run(Why::Refresh), None));
            continue;
        }
        if !waiting.is_empty() {
            states.push((Explanation::Depends { on: waiting }, None));
            continue;
        }
        let outcomes: Vec<Arc<Outcome>> = inputs.iter().filter_map(|i| states[i.0].1.clone()).collect();
        if node.op.is_pure() {
            let outcome = match ops::pure::compute(&node.op, &outcomes, cx) {
                // a tree that is not right is found so by the run, which says it in whole
                Err(ExecError::Diagnosed { .. }) if matches!(node.op, Op::Rules(_) | Op::GrubCfg(_)) => None,
                outcome => Some(Arc::new(outcome?)),
            };
            states.push((Explanation::Computed, outcome));
            continue;
        }
        let contents: Vec<(String, Digest)> =
            inputs.iter().zip(&outcomes).map(|(i, o)| (label(i), o.product.content())).collect();
        let digests: Vec<Digest> = contents.iter().map(|(_, d)| *d).collect();
        states.push(match cx.store.lookup(&key::key(&node.op, &digests)) {
            Some(record) => (Explanation::Cached, Some(Arc::new(record.outcome))),
            None => {
                let why = reason(last.get(&node.op.label()), &key::definition(&node.op), &contents);
                (Explanation::Run(why), None)
            }
        });
    }
    Ok(states)
}

/// Every node with what a run would do to it, in the plan's order.
///
/// Looks into the store, and into the engine only where a node that runs needs an image. An engine that cannot be
/// reached counts as one that has its images: the plan can be shown without it.
pub async fn explain(plan: &Plan, cx: &Cx) -> Result<Vec<Explained>, ExecError> {
    let mut states = foresee(plan, cx)?;
    need_products(plan, cx, &mut states).await?;
    let kernels = kernels(&states);
    Ok(plan
        .nodes()
        .zip(states)
        .map(|((id, node), (explanation, _))| Explained {
            node: id,
            label: node.op.label(),
            explanation,
            inputs: plan.inputs(id),
            features: features(&node.op, plan, id, &kernels, cx),
        })
        .collect())
}

/// The kernels that were found in the slots' trees, by node, where that is known.
fn kernels(states: &[Foreseen]) -> Vec<Option<String>> {
    let version = |outcome: &Arc<Outcome>| match &outcome.product {
        Product::Value(value) => {
            ops::read::<Option<Kernel>>(value).ok().flatten().map(|kernel| kernel.version)
        }
        _ => None,
    };
    states.iter().map(|(_, outcome)| outcome.as_ref().and_then(version)).collect()
}

/// The features of a filesystem: for the kernel that was found, or that the manifest decides on.
fn features(op: &Op, plan: &Plan, id: NodeId, kernels: &[Option<String>], cx: &Cx) -> Vec<FeatureChoice> {
    let Op::Filesystem(op) = op else { return Vec::new() };
    let slot = cx.slot(&op.slot);
    let found = plan.inputs(id).into_iter().find_map(|input| kernels[input.0].as_deref());
    let stated = KnownKernel::of(slot.kernel.version.as_ref(), slot.distro.as_ref());
    FeatureChoice::of(&slot.filesystem, found.or(stated.map(|kernel| kernel.version)))
}

/// From the goal backwards: a cached product that a running node needs must be there, or its node runs too.
async fn need_products(plan: &Plan, cx: &Cx, states: &mut [Foreseen]) -> Result<(), ExecError> {
    let mut needed = vec![false; plan.len()];
    if let Some(goal) = plan.goal() {
        needed[goal.0] = true;
    }
    for id in (0..plan.len()).rev().map(NodeId) {
        let outcome = match &states[id.0] {
            (Explanation::Cached, Some(outcome)) if needed[id.0] => Some(outcome.clone()),
            _ => None,
        };
        if let Some(outcome) = outcome {
            // an engine out of reach is assumed to hold its images
            if !is_there(&outcome.product, cx).await.unwrap_or(true) {
                let why = match outcome.product {
                    Product::File(_) => Why::OutputGone,
                    _ => Why::ProductGone,
                };
                states[id.0].0 = Explanation::Run(why);
            }
        }
        if matches!(states[id.0].0, Explanation::Run(_) | Explanation::Depends { .. }) {
            for input in plan.inputs(id) {
                needed[input.0] = true;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_why() {
        let d = |s: &str| Digest::of(s.as_bytes());
        let last = LastRun {
            definition: d("def"),
            inputs: vec![("a".into(), d("1")), ("b".into(), d("2"))],
            key: d("k"),
            previous: None,
        };
        let same = [("a".to_string(), d("1")), ("b".to_string(), d("2"))];
        let other = [("a".to_string(), d("1")), ("b".to_string(), d("3"))];
        assert_eq!(reason(None, &d("def"), &same), Why::NeverRun);
        assert_eq!(reason(Some(&last), &d("new"), &same), Why::Changed);
        assert_eq!(reason(Some(&last), &d("def"), &other), Why::InputsChanged { inputs: vec!["b".into()] });
        assert_eq!(reason(Some(&last), &d("def"), &same), Why::CacheCleaned);
    }
}
