//! Fixed sizes fit a fixed disk. `plan::layout` has the exact arithmetic; this is what the manifest alone can know.

use super::Case;
use crate::base::Bytes;
use crate::base::partitioning::{self, ALIGNMENT, BOOT_SIZE, GAP, MBR_REACH};
use crate::diag::{Diagnostics, codes};
use crate::front::model::{DiskSize, SlotSize, Table};

/// Beyond this the sums below could overflow; no disk is so large.
const LARGEST: Bytes = Bytes(1 << 56);

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let disk = &case.resolved.disk;
    let fixed = |size: SlotSize| match size {
        SlotSize::Fixed(size) => Some(size),
        _ => None,
    };
    for slot in case.slots() {
        let share = if slot.size.value == SlotSize::Share(0.0) { Some(Bytes(0)) } else { None };
        match fixed(slot.size.value).or(share) {
            Some(Bytes(0)) => {
                let message = format!("the slot `{}` has no room at all", slot.name.value);
                found.push(
                    case.error(codes::SIZE_TOO_SMALL, message, slot.size.span, "")
                        .help("leave `size` out for an equal share of the disk"),
                );
            }
            Some(size) if size > LARGEST => {
                let message = format!("no disk holds a slot of {size}");
                found.push(case.error(codes::SIZE_DOES_NOT_FIT, message, slot.size.span, ""));
                return;
            }
            Some(size) if size.round_up(ALIGNMENT) < slot.filesystem.kind.least() => {
                let (kind, least) = (slot.filesystem.kind.as_str(), slot.filesystem.kind.least());
                let message = format!("slot `{}` has {size}, {kind} takes at least {least}", slot.name.value);
                found.push(
                    case.error(codes::SIZE_TOO_SMALL, message, slot.size.span, "too small for any content")
                        .and(slot.filesystem.span, "its filesystem")
                        .help(format!("write `size: {}MiB` or more", least.0 >> 20)),
                );
            }
            _ => {}
        }
    }
    let DiskSize::Fixed(have) = disk.size.value else { return };
    if disk.table.value == Table::Mbr && have > MBR_REACH.bytes() {
        let message = format!("an MBR disk ends at 2 TiB, this one has {have}");
        found.push(
            case.error(codes::DISK_TOO_LARGE, message, disk.size.span, "")
                .and(disk.table.span, "this table")
                .fix("write `gpt`", disk.table.span, Table::Gpt.as_str())
                .help("write `table: gpt` or leave `table` out, or write a size of at most 2 TiB"),
        );
    }
    let slots: Bytes = case.slots().iter().filter_map(|s| fixed(s.size.value)).map(aligned).sum();
    let tail = partitioning::tail(disk.table.value == Table::Gpt);
    let need = GAP + BOOT_SIZE + slots + tail;
    // a slot with a share needs room too, the smallest partition is a mebibyte
    let shared = case.slots().iter().filter(|s| fixed(s.size.value).is_none()).count() as u64;
    if need + Bytes::mib(shared) <= have {
        return;
    }
    let (code, message) = match need > have {
        true => (
            codes::SIZE_DOES_NOT_FIT,
            format!("the slots need a disk of {}, this one has {}", need.exact(), have.exact()),
        ),
        false => (
            codes::SIZE_NOTHING_LEFT,
            format!("fixed sizes and the boot partition take {need} of {have}: nothing is left to share"),
        ),
    };
    let mut finding = case.error(code, message, disk.size.span, "the whole disk");
    for slot in case.slots().iter().filter(|s| fixed(s.size.value).is_some_and(|size| size.0 > 0)) {
        finding = finding.and(slot.size.span, format!("for `{}`", slot.name.value));
    }
    found.push(finding.help(format!(
        "besides the slots, {BOOT_SIZE} are for the boot partition and {} for the table and GRUB",
        GAP + tail
    )));
}

fn aligned(size: Bytes) -> Bytes {
    size.round_up(ALIGNMENT)
}
