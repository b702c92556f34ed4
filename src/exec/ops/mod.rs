//! One file per op: how its work is done with the back ends.
//!
//! Enters: the op, its inputs' outcomes (all there), and the run's surroundings. Leaves: the node's outcome. Each op
//! stops soon after a cancel and leaves nothing behind when it fails.

pub mod assemble;
pub mod base;
pub mod boot_files;
pub mod boot_partition;
pub mod checksum;
pub mod export;
pub mod filesystem;
pub mod fragment_build;
pub mod image_build;
pub mod inspect;
pub mod pure;
pub mod release;
pub mod rules;
pub mod stream;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cx::Cx;
use super::error::ExecError;
use super::product::{Outcome, Product};
use crate::base::Digest;
use crate::base::event::NodeReporter;
use crate::engine::ImageId;
use crate::plan::Op;

/// A node's work order.
pub struct Work<'a> {
    pub inputs: &'a [Arc<Outcome>],
    /// The node's key.
    pub key: Digest,
    /// Whether the engine's own cache must not be used.
    pub fresh: bool,
    pub reporter: &'a NodeReporter,
    pub cx: &'a Cx,
}

/// Does a node's work.
pub async fn execute(op: &Op, work: &Work<'_>) -> Result<Outcome, ExecError> {
    match op {
        Op::Base(op) => base::run(op, work).await,
        Op::ImageBuild(op) => image_build::run(op, work).await,
        Op::Release(op) => release::run(op, work).await,
        Op::FragmentBuild(op) => fragment_build::run(op, work).await,
        Op::Export(op) => export::run(op, work).await,
        Op::Inspect(op) => inspect::run(op, work).await,
        Op::Filesystem(op) => filesystem::run(op, work).await,
        Op::BootFiles(op) => boot_files::run(op, work).await,
        Op::BootPartition(op) => boot_partition::run(op, work).await,
        Op::Assemble(op) => assemble::run(op, work).await,
        Op::Checksum(op) => checksum::run(op, work).await,
        Op::Fragments(_) | Op::Finish(_) | Op::Rules(_) | Op::Layout(_) | Op::GrubCfg(_) => {
            pure::compute(op, work.inputs, work.cx)
        }
    }
}

/// The value of an input.
pub fn value<T: DeserializeOwned>(inputs: &[Arc<Outcome>], position: usize) -> Result<T, ExecError> {
    match &inputs[position].product {
        Product::Value(value) => read(value),
        other => unreachable!("lowering gives this node a value as input {position}, not {other:?}"),
    }
}

/// The facts of an input.
pub fn facts<T: DeserializeOwned>(input: &Outcome) -> Result<T, ExecError> {
    read(&input.facts)
}

/// A value of the store as what it was before it was stored.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, ExecError> {
    T::deserialize(value).map_err(|e| {
        ExecError::failed("reading the cache", e).help("an older osimg wrote it: remove the cache folder")
    })
}

/// The image of an input.
pub fn image(inputs: &[Arc<Outcome>], position: usize) -> &ImageId {
    match &inputs[position].product {
        Product::Image(id) => id,
        other => unreachable!("lowering gives this node an image as input {position}, not {other:?}"),
    }
}

/// The object of an input.
pub fn object(inputs: &[Arc<Outcome>], position: usize) -> &Digest {
    match &inputs[position].product {
        Product::Object(digest) => digest,
        other => unreachable!("lowering gives this node an object as input {position}, not {other:?}"),
    }
}

/// Runs blocking work on a thread of its own. The work looks at the token itself.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExecError> + Send + 'static,
) -> Result<T, ExecError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ExecError::Cancelled),
        },
    }
}

/// The labels of images that a run makes, so that people can find them in their engine.
pub fn engine_labels(work: &Work<'_>, slot: &str) -> std::collections::BTreeMap<String, String> {
    [("osimg.manifest", work.cx.model.name.as_str()), ("osimg.slot", slot)]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .into()
}
