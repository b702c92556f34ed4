//! The configuration inside the core image: find the boot partition, go on there.

use crate::base::identity::volume_id_text;

/// GRUB commands that set `root` to the FAT partition with this volume id and `prefix` to its `/grub`.
///
/// The rescue parser reads this, which knows commands and variables only (GRUB manual, "Embedding a configuration
/// file"). `root` is the device that firmware booted from; as the hint it is looked at first, so that a copy of the
/// disk in the same machine boots itself.
pub fn configuration(volume_id: u32) -> String {
    format!("search.fs_uuid {} root $root\nset prefix=($root)/grub\n", volume_id_text(volume_id))
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_the_partition_by_its_uuid() {
        assert_eq!(
            super::configuration(0x0a2b_3c4d),
            "search.fs_uuid 0A2B-3C4D root $root\nset prefix=($root)/grub\n"
        );
    }
}
