//! Partition arithmetic: from sizes as a manifest states them to sectors on the disk.
//!
//! What holds in a [`Layout`]: the boot partition is number 1 and starts at 1 MiB, so that GRUB's core image has the gap
//! before it; every partition starts and ends on a MiB, which suits every drive's erase block and physical sector;
//! slots follow in the manifest's order without gaps between them. A GPT keeps its copy behind them, and for BIOSes the
//! core image has a partition of its own in the gap.

use std::collections::BTreeMap;

use crate::base::partitioning::{
    self, ALIGNMENT, BIOS_BOOT, BOOT_SIZE, GAP, GPT_SLOTS, MBR_REACH, MBR_SLOTS,
};
use crate::base::{Bytes, Lba, Sectors, identity};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::disk::layout::{self, Layout, Partition, Role};
use crate::front::model::{DiskSize, Firmware, Model, Slot, SlotSize, Table};

/// How large a slot of automatic size becomes: what it holds, a quarter more and 256 MiB to work with, in steps of
/// 64 MiB, so that a rebuild with a few files more does not move the partitions after it.
pub fn auto_size(content: Bytes) -> Bytes {
    (content + Bytes(content.0 / 4) + Bytes::mib(256)).round_up(Bytes::mib(64))
}

/// Whether a slot's size depends on what it holds.
pub fn is_auto(model: &Model, slot: &Slot) -> bool {
    *model.disk.size == DiskSize::Auto && !matches!(*slot.size, SlotSize::Fixed(_))
}

/// Sizes of all slots in the manifest's order. `contents` holds, by slot name, what each slot of automatic size holds.
///
/// Fails with a located diagnostic where the sizes do not fit the disk.
pub fn slot_sizes(model: &Model, contents: &BTreeMap<String, Bytes>) -> Result<Vec<Bytes>, Diagnostics> {
    match *model.disk.size {
        DiskSize::Auto => Ok(model
            .slots
            .iter()
            .map(|slot| match *slot.size {
                SlotSize::Fixed(size) => size.round_up(ALIGNMENT),
                _ => auto_size(contents.get(slot.name.as_str()).copied().unwrap_or_default()),
            })
            .collect()),
        DiskSize::Fixed(total) => sizes_on(model, total),
    }
}

fn sizes_on(model: &Model, total: Bytes) -> Result<Vec<Bytes>, Diagnostics> {
    let usable = total.saturating_sub(GAP + BOOT_SIZE + tail(model)).round_down(ALIGNMENT);
    let fixed: Bytes = model.slots.iter().filter_map(fixed_size).sum();
    if fixed > usable {
        return Err(does_not_fit(model, format!("the slots need {fixed}, the disk has {usable} for them")));
    }
    let rest = usable - fixed;
    let shares: Vec<Bytes> = model.slots.iter().filter_map(|s| share_of(s, rest)).collect();
    let shared: Bytes = shares.iter().copied().sum();
    if shared > rest {
        return Err(does_not_fit(model, "the shares add up to more than the disk has".into()));
    }
    let equal_slots = model.slots.iter().filter(|s| *s.size == SlotSize::Equal).count() as u64;
    let equal = (rest - shared).0.checked_div(equal_slots).map(|b| Bytes(b).round_down(ALIGNMENT));
    let mut found = Diagnostics::new();
    let mut sizes = Vec::new();
    for slot in &model.slots {
        let size = fixed_size(slot).or_else(|| share_of(slot, rest)).or(equal).unwrap_or_default();
        let (kind, least) = (slot.filesystem.kind.as_str(), slot.filesystem.kind.least());
        if size < least {
            let name = slot.name.as_str();
            found.push(
                Diagnostic::error(
                    codes::SIZE_TOO_SMALL,
                    format!("slot `{name}` would get {size}, {kind} takes at least {least}"),
                )
                .at(&model.source, slot.size.span, "this slot")
                .and(model.disk.size.span, "of a disk this large")
                .help("make the disk larger or the other slots smaller"),
            );
        }
        sizes.push(size);
    }
    if found.has_errors() { Err(found) } else { Ok(sizes) }
}

fn fixed_size(slot: &Slot) -> Option<Bytes> {
    match *slot.size {
        SlotSize::Fixed(size) => Some(size.round_up(ALIGNMENT)),
        _ => None,
    }
}

fn share_of(slot: &Slot, rest: Bytes) -> Option<Bytes> {
    match *slot.size {
        // a share is at most 100, and 2^53 bytes are far more than the MBR's 2 TiB: the arithmetic is exact enough
        SlotSize::Share(percent) => {
            Some(Bytes((rest.0 as f64 * percent / 100.0) as u64).round_down(ALIGNMENT))
        }
        _ => None,
    }
}

fn does_not_fit(model: &Model, message: String) -> Diagnostics {
    let needed: Bytes = GAP
        + BOOT_SIZE
        + tail(model)
        + model.slots.iter().map(|s| fixed_size(s).unwrap_or(s.filesystem.kind.least())).sum::<Bytes>();
    Diagnostic::error(codes::SIZE_DOES_NOT_FIT, message)
        .at(&model.source, model.disk.size.span, "the disk's size")
        .help(format!(
            "{} for the table and GRUB, {BOOT_SIZE} for the boot partition and the slots need at least {needed}",
            GAP + tail(model)
        ))
        .into()
}

/// What the disk keeps behind its last partition.
fn tail(model: &Model) -> Bytes {
    partitioning::tail(*model.disk.table == Table::Gpt)
}

/// The whole disk. See [`slot_sizes`] for `contents` and errors.
pub fn layout(model: &Model, contents: &BTreeMap<String, Bytes>) -> Result<Layout, Diagnostics> {
    let sizes = slot_sizes(model, contents)?;
    let (room, table) = match *model.disk.table {
        Table::Mbr => (MBR_SLOTS, layout::Table::Mbr(identity::disk_signature(&model.name))),
        Table::Gpt => (GPT_SLOTS, layout::Table::Gpt(identity::disk(&model.name))),
    };
    if model.slots.len() > room {
        return Err(too_many(model, room));
    }
    let (partitions, end) = partitions(model, &sizes);
    let total = match *model.disk.size {
        DiskSize::Auto => (end.offset() + tail(model)).sectors(),
        DiskSize::Fixed(total) => total.sectors(),
    };
    if *model.disk.table == Table::Mbr && end.0 > MBR_REACH.0 {
        return Err(Diagnostic::error(
            codes::DISK_TOO_LARGE,
            format!("the partitions end at {}, an MBR reaches {}", end.offset(), MBR_REACH.bytes()),
        )
        .at(&model.source, model.disk.size.span, "the disk's size")
        .help("write `disk: {table: gpt}`, or make the slots smaller")
        .into());
    }
    Ok(Layout { table, total, partitions })
}

/// The boot partition, the slots, and where a BIOS boots a GPT the partition for GRUB's core image; then the first
/// sector behind the slots.
fn partitions(model: &Model, sizes: &[Bytes]) -> (Vec<Partition>, Lba) {
    let [boot, bios_boot] = identity::boot_partitions(&model.name);
    let number = |n: usize| u8::try_from(n).expect("no table has more than 128 partitions");
    let first = Lba(GAP.sectors().0);
    let length = BOOT_SIZE.sectors();
    let mut partitions = vec![Partition { number: 1, role: Role::Boot, start: first, length, guid: boot }];
    let mut next = first + length;
    for (i, (slot, size)) in model.slots.iter().zip(sizes).enumerate() {
        partitions.push(Partition {
            number: number(i + 2),
            role: Role::Slot(slot.name.to_string()),
            start: next,
            length: size.sectors(),
            guid: identity::partition(&model.name, &slot.name),
        });
        next = next + size.sectors();
    }
    if *model.disk.table == Table::Gpt && model.boot.firmware.contains(&Firmware::Bios) {
        partitions.push(Partition {
            // the last, so that boot partition and slots have the same numbers in both tables
            number: number(partitions.len() + 1),
            role: Role::BiosBoot,
            start: BIOS_BOOT,
            length: Sectors(first.0 - BIOS_BOOT.0),
            guid: bios_boot,
        });
    }
    (partitions, next)
}

fn too_many(model: &Model, room: usize) -> Diagnostics {
    let table = model.disk.table.as_str();
    Diagnostic::error(
        codes::PARTITIONS_TOO_MANY,
        format!("{} slots and the boot partition are more than the table holds", model.slots.len()),
    )
    .at(&model.source, model.disk.table.span, "")
    .help(format!("`{table}` has room for {room} slots"))
    .into()
}
