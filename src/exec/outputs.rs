//! What a finished run has to show: the image, and what each slot is.
//!
//! Enters: the plan, the model and the results of a run whose goal was reached. Leaves: plain values for people or
//! JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::error::ExecError;
use super::ops;
use super::product::{Outcome, Product};
use super::schedule::Results;
use crate::base::{Bytes, Digest, identity};
use crate::diag::Diagnostics;
use crate::disk::layout::Layout;
use crate::front::model::Model;
use crate::plan::{Op, Plan};
use crate::rootfs::inspect::Kernel;

/// A finished run.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    pub image: ImageOutput,
    pub slots: Vec<SlotOutput>,
    /// Nodes that ran, with how long each took.
    pub ran: BTreeMap<String, Duration>,
    /// Nodes whose product was there already.
    pub cached: Vec<String>,
    /// What the rules warn of.
    #[serde(skip)]
    pub findings: Diagnostics,
}

/// The finished image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageOutput {
    pub path: PathBuf,
    /// Of all its bytes, where the run was asked for it.
    pub sha256: Option<Digest>,
    pub size: Bytes,
    /// Bytes that take space on this machine; the rest are holes.
    pub allocated: Bytes,
    /// Nanoseconds since 1970.
    pub modified: i128,
}

/// A slot on the finished disk.
#[derive(Clone, Debug, Serialize)]
pub struct SlotOutput {
    pub name: String,
    /// As `uname -r` will say.
    pub kernel: String,
    pub partition: u8,
    pub size: Bytes,
    pub filesystem: &'static str,
    pub uuid: Uuid,
    /// Time spent on the slot's nodes in this run; nothing when all came from the cache.
    pub took: Option<Duration>,
}

impl Outputs {
    /// Sums up `results`, which a successful run gave.
    pub fn of(plan: &Plan, model: &Model, results: &Results) -> Result<Outputs, ExecError> {
        let product = |wanted: &dyn Fn(&Op) -> bool| {
            plan.find(wanted).and_then(|id| results.get(&id)).map(|r| &r.outcome.product)
        };
        let Some(Product::File(image)) = product(&|op| matches!(op, Op::Assemble(_))) else {
            unreachable!("a successful run has an image")
        };
        let checksum = product(&|op| matches!(op, Op::Checksum(_)));
        let sha256 = checksum.map(|product| value(Some(product))).transpose()?;
        let image = ImageOutput {
            path: image.path.clone(),
            sha256,
            size: image.size,
            allocated: image.allocated,
            modified: image.modified,
        };
        let layout: Layout = value(product(&|op| matches!(op, Op::Layout(_))))?;
        let mut slots = Vec::new();
        for slot in &model.slots {
            let name = slot.name.as_str();
            let kernel: Kernel = value(product(&|op| matches!(op, Op::Inspect(i) if i.slot == name)))?;
            let partition = layout.slot(name).expect("the layout has a partition for each slot");
            let times: Vec<Duration> = plan
                .nodes()
                .filter(|(_, node)| node.op.slot() == Some(name))
                .filter_map(|(id, _)| results.get(&id)?.ran)
                .collect();
            slots.push(SlotOutput {
                name: name.into(),
                kernel: kernel.version,
                partition: partition.number,
                size: partition.length.bytes(),
                filesystem: slot.filesystem.kind.as_str(),
                uuid: identity::filesystem(&model.name, &slot.name),
                took: (!times.is_empty()).then(|| times.iter().sum()),
            });
        }
        let mut ran = BTreeMap::new();
        let mut cached = Vec::new();
        for (id, node) in plan.nodes().filter(|(_, node)| !node.op.is_pure()) {
            match results.get(&id).and_then(|r| r.ran) {
                Some(took) => {
                    ran.insert(node.op.label(), took);
                }
                None => cached.push(node.op.label()),
            }
        }
        let inspected =
            plan.find(|op| matches!(op, Op::Rules(_))).map(|id| plan.inputs(id)).unwrap_or_default();
        let trees: Vec<Arc<Outcome>> =
            inspected.iter().filter_map(|id| results.get(id)).map(|r| r.outcome.clone()).collect();
        let findings = ops::rules::findings(&trees, model)?;
        Ok(Outputs { image, slots, ran, cached, findings })
    }
}

fn value<T: DeserializeOwned>(product: Option<&Product>) -> Result<T, ExecError> {
    match product {
        Some(Product::Value(value)) => ops::read(value),
        other => {
            unreachable!("layout, inspection and checksum of a successful run are values, not {other:?}")
        }
    }
}
