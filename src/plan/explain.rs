//! Why a node runs or does not: values for `osimg plan` and for the progress display.

use std::fmt;

use serde::Serialize;

use crate::base::event::NodeId;
use crate::base::features::Readers;
use crate::front::model::Filesystem;

/// What made a node necessary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Why {
    /// It never ran on this machine with this manifest.
    NeverRun,
    /// Its own parameters are other than last time.
    Changed,
    /// These inputs gave other products than last time.
    InputsChanged { inputs: Vec<String> },
    /// `--refresh` asked for it.
    Refresh,
    /// Its product was there and is gone: an image removed from the engine, an object from the cache.
    ProductGone,
    /// The image file is missing or is not what was written.
    OutputGone,
    /// It has never been seen with these inputs, though its parameters and inputs are those of last time: the cache was
    /// cleaned.
    CacheCleaned,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::NeverRun => f.write_str("not built before"),
            Why::Changed => f.write_str("its definition changed"),
            Why::InputsChanged { inputs } => write!(f, "changed: {}", inputs.join(", ")),
            Why::Refresh => f.write_str("--refresh"),
            Why::ProductGone => f.write_str("its product is gone"),
            Why::OutputGone => f.write_str("the image file is missing or was changed"),
            Why::CacheCleaned => f.write_str("not in the cache any more"),
        }
    }
}

/// What will happen to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Explanation {
    Cached,
    /// Computed at each run; takes no time.
    Computed,
    Run(Why),
    /// Decided when its inputs are there: it stays cached if they come out as before.
    Depends {
        on: Vec<String>,
    },
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Explanation::Cached => f.write_str("cached"),
            Explanation::Computed => f.write_str("computed"),
            Explanation::Run(why) => write!(f, "to run ({why})"),
            Explanation::Depends { on } => write!(f, "to run unless {} comes out as before", on.join(", ")),
        }
    }
}

/// A node with what will happen to it.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    pub node: NodeId,
    pub label: String,
    #[serde(flatten)]
    pub explanation: Explanation,
    pub inputs: Vec<NodeId>,
    /// The features that a filesystem will get and not get, as far as they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<FeatureChoice>,
}

/// Whether a filesystem will have an optional feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeatureChoice {
    pub name: &'static str,
    pub on: bool,
    pub why: String,
}

impl FeatureChoice {
    /// The choices for a slot with Linux `kernel`, as `uname -r` says it. Without one only what the manifest states is known.
    pub fn of(filesystem: &Filesystem, kernel: Option<&str>) -> Vec<FeatureChoice> {
        let table = filesystem.kind.features();
        let readers = kernel.map_or_else(Readers::newest, Readers::of_kernel);
        let decisions = table.decide(&readers, &filesystem.stated());
        let known = decisions.into_iter().filter(|decision| kernel.is_some() || decision.is_stated());
        known.map(|d| FeatureChoice { name: d.feature.name, on: d.on, why: d.reason() }).collect()
    }
}
