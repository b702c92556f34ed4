//! Lowers a checked model to the plan: which pieces of work there are and what each needs.
//!
//! Enters: the model, the pins (digests of what lies beside the manifest), GRUB's early configuration. Leaves: the
//! graph, or located diagnostics for what this version cannot build and for sizes that do not fit. The same model and
//! pins give the same graph.

use std::collections::BTreeMap;

use super::graph::Plan;
use super::layout;
use super::op::{self, Op};
use super::pins::{Pins, SlotPins};
use crate::base::event::NodeId;
use crate::base::{identity, partitioning};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::front::model::{Base, BaseSource, Format, Model, Slot};

/// The label of the boot partition: at most 11 bytes on FAT.
pub const BOOT_LABEL: &str = "OSIMG-BOOT";
/// What the GRUB toolbox is built on where the manifest bootstraps no Debian itself.
const TOOLBOX_FALLBACK: &str = "debian:trixie-slim";

/// Everything the image needs, as a graph whose goal assembles it. `early` is GRUB's embedded configuration.
///
/// Fails where the model asks for what this version cannot build, and where sizes do not fit.
pub fn lower(model: &Model, pins: &Pins, early: &str) -> Result<Plan, Diagnostics> {
    let mut found = unsupported(model);
    // a disk of fixed size has its whole layout now; one of automatic size waits for the slots' contents
    let sizes = match layout::layout(model, &BTreeMap::new())
        .and_then(|_| layout::slot_sizes(model, &BTreeMap::new()))
    {
        Ok(sizes) => sizes,
        Err(more) => {
            found.extend(more);
            Vec::new()
        }
    };
    if found.has_errors() {
        return Err(found);
    }
    let mut plan = Plan::default();
    let bases: Vec<NodeId> = model.bases.iter().map(|b| plan.add(base(b), &[])).collect();
    let names: Vec<String> = model.slots.iter().map(|s| s.name.to_string()).collect();
    let mut exports = Vec::new();
    let mut inspects = Vec::new();
    for slot in &model.slots {
        let pinned = pins.slots.get(slot.name.as_str()).ok_or_else(|| not_pinned(model, slot))?;
        let export = lower_slot(&mut plan, model, slot, pins, pinned, &bases);
        exports.push(export);
        inspects.push(plan.add(
            Op::Inspect(op::Inspect {
                slot: slot.name.to_string(),
                kernel: slot.kernel.version.as_ref().map(|v| v.value.clone()),
            }),
            &[export],
        ));
    }
    // one look at all trees: no filesystem is written before every slot is found right
    let rules = plan.add(Op::Rules(op::Rules { slots: names.clone() }), &inspects);
    let mut filesystems = Vec::new();
    for (n, (slot, size)) in model.slots.iter().zip(sizes).enumerate() {
        filesystems.push(plan.add(
            Op::Filesystem(op::Filesystem {
                slot: slot.name.to_string(),
                kind: slot.filesystem.kind,
                size: (!layout::is_auto(model, slot)).then_some(size),
                uuid: identity::filesystem(&model.name, &slot.name),
                hash_seed: identity::hash_seed(&model.name, &slot.name),
                label: slot.name.to_string(),
                created: pins.created(),
                features: slot.filesystem.stated(),
            }),
            // the kernel that was found decides the filesystem's features
            &[exports[n], inspects[n], rules],
        ));
    }
    let measured: Vec<NodeId> = model
        .slots
        .iter()
        .zip(&exports)
        .filter(|(slot, _)| layout::is_auto(model, slot))
        .map(|(_, export)| *export)
        .collect();
    let layout = plan.add(Op::Layout(op::Layout { slots: names.clone() }), &measured);
    let grub_cfg = plan.add(Op::GrubCfg(op::GrubCfg { slots: names }), &inspects);
    let grub = boot_files(&mut plan, model, pins, early, &bases);
    let boot = plan.add(
        Op::BootPartition(op::BootPartition {
            volume_id: identity::boot_volume(&model.name),
            label: BOOT_LABEL.into(),
            size: partitioning::BOOT_SIZE,
            start: partitioning::GAP.sectors().0,
            firmware: model.boot.firmware.iter().copied().collect(),
            created: pins.created(),
        }),
        &[grub_cfg, grub],
    );
    let mut parts = vec![layout, grub, boot];
    parts.extend(filesystems);
    plan.add(Op::Assemble(op::Assemble { path: model.disk.path.clone() }), &parts);
    Ok(plan)
}

/// Adds to a plan that [`lower`] made the node that computes the image's checksum, a goal of its own beside the image.
pub fn checksum(plan: &mut Plan, model: &Model) -> NodeId {
    let image = plan.goal().expect("lowering ends with the assembly");
    plan.add(Op::Checksum(op::Checksum { path: model.disk.path.clone() }), &[image])
}

fn base(base: &Base) -> Op {
    Op::Base(op::Base {
        name: base.name.to_string(),
        from: match &base.from {
            BaseSource::Bootstrap { suite, mirror } => {
                op::BaseFrom::Bootstrap { suite: suite.clone(), mirror: mirror.clone() }
            }
            BaseSource::Archive { path, sha256 } => {
                op::BaseFrom::Archive { sha256: *sha256, path: path.clone() }
            }
        },
    })
}

/// The tag of a slot's own image, before anything is added.
pub fn image_tag(model: &Model, slot: &Slot) -> String {
    tag(model, slot, "image")
}

fn tag(model: &Model, slot: &Slot, stage: &str) -> String {
    format!("osimg/{}/{}:{stage}", model.name, slot.name.as_str())
}

/// From the user's Dockerfile to the exported tree.
fn lower_slot(
    plan: &mut Plan,
    model: &Model,
    slot: &Slot,
    pins: &Pins,
    pinned: &SlotPins,
    bases: &[NodeId],
) -> NodeId {
    let name = slot.name.to_string();
    let needed: Vec<NodeId> = model
        .bases
        .iter()
        .zip(bases)
        .filter(|(base, _)| slot.from.iter().any(|from| base.is_named_by(from)))
        .map(|(_, node)| *node)
        .collect();
    let image = plan.add(
        Op::ImageBuild(op::ImageBuild {
            slot: name.clone(),
            dockerfile: pinned.dockerfile,
            context: pinned.context,
            build_args: slot.build_args.clone(),
            target: slot.target.as_ref().map(|t| t.value.clone()),
            tag: image_tag(model, slot),
        }),
        &needed,
    );
    let stated = op::distro_word(slot.distro.as_ref().map(|d| d.value));
    let release = plan.add(Op::Release(op::Release { slot: name.clone(), stated }), &[image]);
    let fragments = plan
        .add(Op::Fragments(op::Fragments { slot: name.clone(), from: image_tag(model, slot) }), &[release]);
    let built = plan.add(
        Op::FragmentBuild(op::FragmentBuild { slot: name.clone(), tag: tag(model, slot, "slot") }),
        &[image, fragments],
    );
    let finish =
        plan.add(Op::Finish(op::Finish { slot: name.clone(), sources: pinned.sources.clone() }), &[]);
    plan.add(
        Op::Export(op::Export { slot: name, created: pins.created(), clamp: pins.source_date_epoch }),
        &[built, finish],
    )
}

fn boot_files(plan: &mut Plan, model: &Model, pins: &Pins, early: &str, bases: &[NodeId]) -> NodeId {
    let (firmware, table) = (model.boot.firmware.iter().copied().collect(), *model.disk.table);
    let early = early.to_string();
    if let Some(digest) = pins.host_grub {
        let from = op::BootFilesFrom::Host { digest };
        return plan.add(Op::BootFiles(op::BootFiles { from, early, firmware, table }), &[]);
    }
    let bootstrapped =
        model.bases.iter().zip(bases).find(|(b, _)| matches!(b.from, BaseSource::Bootstrap { .. }));
    let (from, inputs) = match bootstrapped {
        Some((base, node)) => (base.name.to_string(), vec![*node]),
        None => (TOOLBOX_FALLBACK.to_string(), vec![]),
    };
    let from = op::BootFilesFrom::Toolbox { from };
    plan.add(Op::BootFiles(op::BootFiles { from, early, firmware, table }), &inputs)
}

/// What manifests may say and this version cannot build.
fn unsupported(model: &Model) -> Diagnostics {
    let mut found = Diagnostics::new();
    if model.disk.formats.iter().any(|f| *f != Format::Raw) {
        found.push(
            Diagnostic::warning(codes::NOT_YET, "this version of osimg writes raw images only")
                .at(&model.source, model.disk.formats.span, "asked for here")
                .help("use `formats: [raw]` and convert the result with `qemu-img convert`")
                .into_error(),
        );
    }
    found
}

fn not_pinned(model: &Model, slot: &Slot) -> Diagnostics {
    Diagnostic::error(
        codes::DOCKERFILE_MISSING,
        format!("slot `{}` has no Dockerfile to read", slot.name.as_str()),
    )
    .at(&model.source, slot.dockerfile.span, "")
    .into()
}
