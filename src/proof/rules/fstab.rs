//! `/etc/fstab` mounts only what is on this disk, and this slot's filesystem as the root. What does not come within 90 seconds
//! ends the boot in emergency mode (systemd.mount(5)).

use super::Case;
use crate::base::identity;
use crate::diag::{Diagnostics, codes};
use crate::front::model::Slot;
use crate::rootfs::inspect::mounts::Mount;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let (Some((model, slot)), Some(mounts)) = (case.stated, &case.survey.mounts) else { return };
    let uuid = |slot: &Slot| identity::filesystem(&model.name, &slot.name).to_string();
    let label = |slot: &Slot| {
        let name = slot.name.value.as_str();
        name.get(..slot.filesystem.kind.label_max()).unwrap_or(name).to_string()
    };
    let boot = identity::volume_id_text(identity::boot_volume(&model.name)).to_ascii_lowercase();
    let own = |device: &str, slot: &Slot| match device.split_once('=') {
        Some(("UUID", id)) => id.trim_matches('"').eq_ignore_ascii_case(&uuid(slot)),
        Some(("LABEL", text)) => text.trim_matches('"') == label(slot),
        _ => false,
    };
    for mount in mounts.iter().filter(|mount| waits(mount)) {
        let device = mount.device.as_str();
        let ours = match device.split_once('=') {
            Some(("UUID", id)) => {
                id.trim_matches('"').eq_ignore_ascii_case(&boot) || model.slots.iter().any(|s| own(device, s))
            }
            Some(("LABEL", _)) => model.slots.iter().any(|s| own(device, s)),
            // of partitions nothing is said here
            Some(_) => continue,
            None => false,
        };
        let problem = if mount.point == "/" && !own(device, slot) {
            format!("/etc/fstab mounts {device} as the root, which is not this slot's filesystem")
        } else if ours {
            continue;
        } else if device.starts_with("/dev/") {
            format!("/etc/fstab mounts {device}, a name that differs between machines, on {}", mount.point)
        } else {
            format!("/etc/fstab mounts {device} on {}, which is not on this disk", mount.point)
        };
        found.push(
            case.about_file(codes::FSTAB_DEVICE, &problem, "/etc/fstab")
                .help("name a filesystem of this disk by its UUID, or add the option `nofail`"),
        );
    }
}

/// Whether the boot waits for a mount's device.
fn waits(mount: &Mount) -> bool {
    let on_a_device = mount.device.starts_with("/dev/") || mount.device.contains('=');
    on_a_device && !mount.has("noauto") && !mount.has("nofail") && !mount.has("bind")
}
