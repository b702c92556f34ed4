//! Writes a slot's filesystem from its exported tree into a sparse file of the partition's size.

use std::fs::File;

use serde::{Deserialize, Serialize};

use super::stream::Watched;
use super::{Work, blocking, facts, object, value};
use crate::base::Bytes;
use crate::base::features::Readers;
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::exec::cx::Cx;
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::front::model::{FilesystemKind, KnownKernel, Slot};
use crate::fs::ext4::{self, Ext4};
use crate::fs::features::Switches;
use crate::fs::xfs::{self, Xfs};
use crate::fs::{Formatter, FsError, Request, Window};
use crate::plan::layout::auto_size;
use crate::plan::op::Filesystem;
use crate::rootfs::archive::Archive;
use crate::rootfs::finish::Census;
use crate::rootfs::inspect::Kernel;

/// What is kept beside the product.
#[derive(Debug, Serialize, Deserialize)]
pub struct Made {
    /// The names of the optional features that it has.
    pub features: Vec<String>,
}

/// The inputs in lowering's order: the exported tree, the kernel that was found in it; the rules' product is nothing.
const TREE: usize = 0;
const KERNEL: usize = 1;

pub async fn run(op: &Filesystem, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let census: Census = facts(&work.inputs[TREE])?;
    let kernel: Kernel = value(work.inputs, KERNEL)?;
    let size = op.size.unwrap_or_else(|| auto_size(census.footprint()));
    let request = Request {
        size,
        uuid: op.uuid,
        hash_seed: op.hash_seed,
        label: op.label.clone(),
        created: op.created,
    };
    let slot = cx.slot(&op.slot);
    refused(slot, &kernel.version, cx)?;
    let readers = Readers::of_kernel(&kernel.version);
    let decisions = op.kind.features().decide(&readers, &op.features);
    let formatter: Box<dyn Formatter + Send> = match op.kind {
        FilesystemKind::Ext4 => Box::new(Ext4 { features: ext4::Features::decided(&decisions) }),
        FilesystemKind::Xfs => Box::new(Xfs { features: xfs::Features::decided(&decisions) }),
    };
    let features = decisions.iter().filter(|d| d.on).map(|d| d.feature.name.to_string()).collect();
    let made = serde_json::to_value(Made { features }).expect("names are plain data");
    let tree = cx.store.object(object(work.inputs, TREE));
    let open = |e| ExecError::failed(format!("reading {}", tree.display()), e);
    let file = File::open(&tree).map_err(open)?;
    let total = file.metadata().map_err(open)?.len();
    let reader = Watched::new(file, Some(total), work.reporter, &cx.cancel);
    let doing = format!("writing the {} filesystem of slot `{}`", op.kind.as_str(), op.slot);
    let too_small = {
        let (source, span, name) = (cx.model.source.clone(), slot.size.span, op.slot.clone());
        move |need: Bytes, have: Bytes| {
            Diagnostic::error(
                codes::SIZE_TOO_SMALL,
                format!("slot `{name}` needs a partition of {need}, its partition has {have}"),
            )
            .at(&source, span, "too small for what the slot holds")
            .help(format!(
                "give the slot `size: {}MiB` or more, or make the disk larger",
                need.0.div_ceil(1 << 20)
            ))
        }
    };
    let (store, key) = (cx.store.clone(), work.key);
    blocking(move || {
        let io = |e| ExecError::failed(&doing, e);
        let staged = store.stage().map_err(io)?;
        staged.as_file().set_len(size.0).map_err(io)?;
        let mut tree = Archive::new(reader);
        let mut window = Window::new(staged.as_file(), Bytes(0), size);
        match formatter.format(&request, &mut tree, &mut window) {
            Ok(_) => {}
            Err(FsError::TooSmall { need, have }) => return Err(too_small(need, have).into()),
            Err(error) => return Err(ExecError::failed(&doing, error)),
        }
        store.publish(staged, &key).map_err(io)?;
        Ok(Outcome { facts: made, ..Outcome::object(key) })
    })
    .await
}

/// What the manifest turns on and the kernel that was built cannot read. `check` has said it where the manifest names the
/// kernel.
fn refused(slot: &Slot, version: &str, cx: &Cx) -> Result<(), ExecError> {
    let known = KnownKernel { version, because: None };
    let mut found = slot.filesystem.refused(Some(known), &cx.model.source);
    found.retain(|finding| !cx.model.allow.iter().any(|code| code.value == finding.code));
    if found.is_empty() {
        return Ok(());
    }
    let mut told = Diagnostics::new();
    for mut finding in found {
        finding.message = format!("slot `{}` has {version}: {}", slot.name.as_str(), finding.message);
        told.push(finding);
    }
    Err(told.into())
}
