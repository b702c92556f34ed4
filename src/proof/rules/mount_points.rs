//! The folders that `/etc/fstab` mounts on are there: systemd makes them only where the filesystem above is writable.

use super::Case;
use crate::diag::{Diagnostics, codes};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let Some(mounts) = &case.survey.mounts else { return };
    for mount in mounts {
        // swap space has none
        if mount.point_is_there || !mount.point.starts_with('/') || in_a_filesystem_of_its_own(&mount.point) {
            continue;
        }
        // another mount brings it
        let above = mounts.iter().any(|other| {
            other.point != "/"
                && other.point != mount.point
                && mount.point.strip_prefix(&other.point).is_some_and(|rest| rest.starts_with('/'))
        });
        if above {
            continue;
        }
        let message = format!("/etc/fstab mounts on {}, which is not there", mount.point);
        found.push(
            case.about_file(codes::FSTAB_MOUNT_POINT, &message, "/etc/fstab")
                .help(format!("`RUN mkdir -p {}` in the Dockerfile", mount.point)),
        );
    }
}

/// Whether the running system makes a path anew at each boot.
fn in_a_filesystem_of_its_own(point: &str) -> bool {
    ["/dev/", "/proc/", "/run/", "/sys/"].iter().any(|folder| point.starts_with(folder))
}
