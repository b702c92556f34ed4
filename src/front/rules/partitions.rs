//! The partition table has room for every slot and the boot partition.

use super::Case;
use crate::base::partitioning::{GPT_SLOTS, MBR_SLOTS};
use crate::diag::{Diagnostics, codes};
use crate::front::model::Table;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let table = &case.resolved.disk.table;
    let (room, what) = match table.value {
        Table::Mbr => (MBR_SLOTS, "an MBR's four partitions"),
        Table::Gpt => (GPT_SLOTS, "a GPT's 128 partitions"),
    };
    let Some(slot) = case.slots().get(room) else { return };
    let count = case.slots().len();
    let message = format!("{count} slots and the boot partition are more than {what}");
    let finding =
        case.error(codes::PARTITIONS_TOO_MANY, message, slot.name.span, "the first that does not fit");
    found.push(match table.value {
        Table::Mbr => finding
            .and(table.span, "this table")
            .fix("write `gpt`", table.span, Table::Gpt.as_str())
            .help("write `table: gpt`, which has room for more, or leave `table` out"),
        Table::Gpt => finding.help(format!("keep {room} slots, or make a second image of the others")),
    });
}
