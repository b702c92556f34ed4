//! `/etc/fstab` of a slot (fstab(5), systemd.mount(5)).
//!
//! Enters: the root filesystem's kind and UUID, the boot partition's volume id. Leaves: the file's text.

use minijinja::context;
use uuid::Uuid;

use super::{EmitError, templates};
use crate::base::identity;
use crate::front::model::FilesystemKind;

/// Where a slot sees the boot partition that all slots share. Not `/boot`, `/efi` or `/boot/efi`: kernel packages write
/// to those when something is mounted there, and one slot's kernels must not fill what all slots boot from.
/// The directory must be in the slot's tree.
pub const BOOT_MOUNT_POINT: &str = "/boot/osimg";

/// `boot_volume` is the FAT volume id.
pub fn fstab(kind: FilesystemKind, root: Uuid, boot_volume: u32) -> Result<String, EmitError> {
    let (options, pass) = match kind {
        FilesystemKind::Ext4 => ("defaults,errors=remount-ro", 1),
        // xfs checks itself as it mounts, fsck.xfs does nothing; on an error it always shuts down
        FilesystemKind::Xfs => ("defaults", 0),
    };
    templates::render(
        "fstab.j2",
        context! {
            root => context! { uuid => root.to_string(), kind => kind.as_str(), options, pass },
            boot => context! {
                uuid => identity::volume_id_text(boot_volume),
                path => BOOT_MOUNT_POINT,
                options => "ro,umask=0077,noauto,nofail,x-systemd.automount,x-systemd.idle-timeout=60",
            },
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds() {
        let uuid = Uuid::from_u128(0x1234);
        insta::assert_snapshot!(fstab(FilesystemKind::Ext4, uuid, 0x1a2b_3c4d).expect("renders"));
        insta::assert_snapshot!(fstab(FilesystemKind::Xfs, uuid, 0x1a2b_3c4d).expect("renders"));
    }
}
