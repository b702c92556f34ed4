//! Gathers the pins: reads what lies beside the manifest and which GRUB this host has.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::error::ExecError;
use super::ops::boot_files::platforms;
use crate::base::Digest;
use crate::engine::BuildContext;
use crate::engine::context::context_digest;
use crate::front::model::{FileContent, Firmware, Model, Slot};
use crate::host::grub;
use crate::plan::pins::{Pins, SlotPins};

/// Digests of the Dockerfiles, contexts and files that the model names, and of this host's GRUB.
///
/// `path` is the value of `PATH`, `source_date_epoch` that of `SOURCE_DATE_EPOCH`.
pub fn gather(
    model: &Model,
    path: Option<&OsStr>,
    source_date_epoch: Option<i64>,
) -> Result<Pins, ExecError> {
    let mut pins = Pins { slots: Default::default(), host_grub: host_grub(model, path), source_date_epoch };
    for slot in &model.slots {
        pins.slots.insert(slot.name.to_string(), slot_pins(slot)?);
    }
    Ok(pins)
}

fn slot_pins(slot: &Slot) -> Result<SlotPins, ExecError> {
    let context =
        BuildContext::Folder { path: slot.context.value.clone(), dockerfile: slot.dockerfile.value.clone() };
    let reading = |path: &Path| format!("reading {}", path.display());
    let mut sources = Vec::new();
    for file in slot.files.iter() {
        if let FileContent::Source(path) = &file.content {
            let bytes = fs::read(path).map_err(|e| ExecError::failed(reading(path), e))?;
            sources.push(Digest::of(&bytes));
        }
    }
    let dockerfile =
        fs::read(&slot.dockerfile.value).map_err(|e| ExecError::failed(reading(&slot.dockerfile), e))?;
    Ok(SlotPins {
        dockerfile: Digest::of(&dockerfile),
        context: context_digest(&context).map_err(|e| ExecError::failed(reading(&slot.context), e))?,
        sources,
    })
}

/// The digest of this host's GRUB; nothing where it lacks a platform that the manifest asks for, or cannot be read.
fn host_grub(model: &Model, path: Option<&OsStr>) -> Option<Digest> {
    let firmware: Vec<Firmware> = model.boot.firmware.iter().copied().collect();
    grub::locate(path, Path::new("/"), &platforms(&firmware)).ok()?.digest().ok()
}
