//! The partition table has room for every slot and the boot partition.

use super::Case;
use crate::base::partitioning::MBR_PARTITIONS;
use crate::diag::{Diagnostics, codes};
use crate::front::model::Table;

/// One partition is the boot partition.
const MBR_SLOTS: usize = MBR_PARTITIONS - 1;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let count = case.slots().len();
    if case.resolved.disk.table.value == Table::Mbr
        && let Some(slot) = case.slots().get(MBR_SLOTS)
    {
        let message = format!("{count} slots and the boot partition are more than an MBR's four partitions");
        found.push(
            case.error(codes::PARTITIONS_TOO_MANY, message, slot.name.span, "the first that does not fit")
                .help(format!("keep {MBR_SLOTS} slots, or make a second image of the others")),
        );
    }
}
