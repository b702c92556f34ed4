//! Filesystems are labelled by their slots' names, and a label holds the first bytes of one only: two slots that begin alike
//! would share it. The boot goes by UUID, so this is a warning for those who mount by label.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::resolved::Slot;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let slots = case.slots();
    for (i, slot) in slots.iter().enumerate() {
        let twin = slots[..i].iter().find(|s| label(s) == label(slot) && s.name.value != slot.name.value);
        if let Some(twin) = twin {
            let message = format!("the filesystems of two slots get the label `{}`", label(slot));
            let help = format!(
                "a label holds {} bytes; give the slots names that differ earlier",
                slot.filesystem.kind.label_max()
            );
            found.push(
                case.warning(codes::SLOT_LABEL, message, slot.name.span, "the second one")
                    .and(twin.name.span, "the first one")
                    .help(help),
            );
        }
    }
}

/// The slot's name, which is ASCII, as its filesystem holds it.
fn label(slot: &Slot) -> &str {
    let name = slot.name.value.as_str();
    name.get(..slot.filesystem.kind.label_max()).unwrap_or(name)
}
