//! Puts boot code, boot partition and slots into one image file, which appears under its name whole or not at all.

use std::path::PathBuf;
use std::sync::Arc;

use super::filesystem::Made;
use super::{Work, blocking, boot_files, facts, object, value};
use crate::base::features::{Readers, Refusal, Version};
use crate::base::{Digest, DigestBuilder, Lba, Sectors};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::disk::image::{Assembly, assemble};
use crate::disk::layout::{Layout, Role};
use crate::disk::table::table;
use crate::exec::error::ExecError;
use crate::exec::product::{Outcome, Product, WrittenFile};
use crate::front::model::Firmware;
use crate::plan::op::Assemble;

/// The inputs in lowering's order: layout, boot files, boot partition, then the slots' filesystems.
const LAYOUT: usize = 0;
const BOOT_FILES: usize = 1;
const BOOT_PARTITION: usize = 2;
const FILESYSTEMS: usize = 3;

pub async fn run(op: &Assemble, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let layout: Layout = value(work.inputs, LAYOUT)?;
    let firmware: Vec<Firmware> = cx.model.boot.firmware.iter().copied().collect();
    let files = boot_files::load(work, BOOT_FILES, &firmware).await?;
    unreadable(work, &files.version)?;
    let doing = format!("writing {}", op.path.display());
    // without a place for it there is no BIOS to boot from it, and so no core image
    let (core, _) = layout.core_image().unwrap_or((Lba(0), Sectors(0)));
    let table = table(&layout, &files.boot_code(core)).map_err(|e| ExecError::failed(&doing, e))?;
    // partitions and their images stand in one order: the boot partition, then the slots as lowered
    let images: Vec<PathBuf> =
        (BOOT_PARTITION..work.inputs.len()).map(|i| cx.store.object(object(work.inputs, i))).collect();
    debug_assert!(layout.partitions.first().is_some_and(|p| p.role == Role::Boot));
    let filesystems = layout.partitions.iter().filter(|p| p.role.has_filesystem());
    let assembly = Assembly {
        target: op.path.clone(),
        partitions: filesystems.map(|p| p.number).zip(images).collect(),
        table,
        core_image: files.core_image(core),
        layout,
    };
    let contents = contents(&assembly, &work.inputs[BOOT_PARTITION..])?;
    let (cancel, reporter) = (cx.cancel.clone(), work.reporter.clone());
    blocking(move || {
        assemble(&assembly, &|| cancel.is_cancelled(), &mut |done, total| {
            reporter.bytes(done, Some(total));
        })
        .map_err(|e| ExecError::failed(&doing, e))?;
        let file = WrittenFile::at(&assembly.target, contents).map_err(|e| ExecError::failed(&doing, e))?;
        Ok(Outcome { product: Product::File(file), facts: serde_json::Value::Null })
    })
    .await
}

/// What decides the image's bytes: where its parts lie, and what each holds. To hash the image itself takes longer than to
/// write it.
fn contents(assembly: &Assembly, filesystems: &[Arc<Outcome>]) -> Result<Digest, ExecError> {
    let layout =
        serde_json::to_string(&assembly.layout).map_err(|e| ExecError::failed("writing the layout", e))?;
    let mut digest = DigestBuilder::new("osimg image")
        .field("layout", layout)
        .field("head", &assembly.table.head)
        .field("tail", &assembly.table.tail)
        .field("core image", &assembly.core_image);
    for filesystem in filesystems {
        digest.add("filesystem", filesystem.product.content().0);
    }
    Ok(digest.finish())
}

/// What GRUB `version` cannot read of the slots' filesystems: a host's own GRUB, or that of an old base, may be older than
/// the one that osimg counts on.
fn unreadable(work: &Work<'_>, version: &str) -> Result<(), ExecError> {
    let model = &work.cx.model;
    let Some(grub) = Version::parse(version) else { return Ok(()) };
    let readers = Readers { grub, ..Readers::newest() };
    let mut found = Diagnostics::new();
    for (slot, filesystem) in model.slots.iter().zip(&work.inputs[FILESYSTEMS..]) {
        let made: Made = facts(filesystem)?;
        let table = slot.filesystem.kind.features();
        let rows = table.optional.iter().filter(|row| made.features.iter().any(|name| name == row.name));
        for row in rows.filter(|row| row.refused_by(&readers).any(|who| who == Refusal::Grub)) {
            let stated = slot.filesystem.features.iter().find(|stated| stated.name == row.name);
            let span = stated.map_or(slot.filesystem.span, |stated| stated.span);
            let (name, why) = (slot.name.as_str(), row.refusal(Refusal::Grub, table.filesystem, &readers));
            let help =
                format!("write `features: {{{}: false}}` beside its type, or install a newer GRUB", row.name);
            found.push(
                Diagnostic::error(codes::FEATURE_GRUB, format!("slot `{name}`: {why}"))
                    .at(&model.source, span, "its filesystem has it")
                    .help(help),
            );
        }
    }
    found.retain(|finding| !model.allow.iter().any(|code| code.value == finding.code));
    if found.is_empty() { Ok(()) } else { Err(found.into()) }
}
