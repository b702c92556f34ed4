//! Identities that other tools would draw at random, derived instead: UUIDv5 (RFC 9562, section 5.5) of the
//! manifest's name, the slot and the role. The same manifest always gives the same disk.

use uuid::Uuid;

use super::Name;

/// The namespace of every identity that osimg derives: UUIDv5 of the DNS name `osimg.invalid`.
fn namespace() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"osimg.invalid")
}

fn derive(parts: &[&str]) -> Uuid {
    // names hold no slash, so the joined text is unambiguous
    Uuid::new_v5(&namespace(), parts.join("/").as_bytes())
}

fn first_u32(uuid: Uuid) -> u32 {
    // the first field of a version 5 UUID is pure hash; the version and variant bits come later
    uuid.as_fields().0
}

/// The UUID of a slot's root filesystem.
pub fn filesystem(manifest: &Name, slot: &Name) -> Uuid {
    derive(&[manifest.as_str(), slot.as_str(), "filesystem"])
}

/// The seed of a slot's directory hashes (ext4 `s_hash_seed`).
pub fn hash_seed(manifest: &Name, slot: &Name) -> Uuid {
    derive(&[manifest.as_str(), slot.as_str(), "hash-seed"])
}

/// The volume id of the FAT boot partition.
pub fn boot_volume(manifest: &Name) -> u32 {
    first_u32(derive(&[manifest.as_str(), "boot", "volume-id"]))
}

/// The identities of a filesystem that belongs to no manifest: what derives from its `kind`, its size in bytes and its
/// label, so that the same command gives the same bytes.
pub fn alone(kind: &str, size: u64, label: &str, role: Role) -> Uuid {
    // a manifest's name is not empty, so these meet none of the above
    derive(&["", kind, &size.to_string(), role.as_str(), label])
}

/// What an identity of a filesystem is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its UUID; the first four bytes are the volume id of a FAT.
    Filesystem,
    HashSeed,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Role::Filesystem => "filesystem",
            Role::HashSeed => "hash-seed",
        }
    }
}

/// The volume id of a FAT that is to have the identity `uuid`: its first four bytes.
pub fn volume_id(uuid: Uuid) -> u32 {
    first_u32(uuid)
}

/// How Linux and GRUB write a FAT volume id as a filesystem UUID: `1A2B-3C4D`.
pub fn volume_id_text(id: u32) -> String {
    format!("{:04X}-{:04X}", id >> 16, id & 0xffff)
}

/// The MBR's disk signature; never zero, which means "none".
pub fn disk_signature(manifest: &Name) -> u32 {
    first_u32(derive(&[manifest.as_str(), "disk", "signature"])).max(1)
}

/// The GUID of a disk with a GPT.
pub fn disk(manifest: &Name) -> Uuid {
    derive(&[manifest.as_str(), "disk", "guid"])
}

/// The GUID of a slot's partition in a GPT.
pub fn partition(manifest: &Name, slot: &Name) -> Uuid {
    derive(&[manifest.as_str(), slot.as_str(), "partition"])
}

/// The GUIDs of the boot partition and of the BIOS boot partition in a GPT.
pub fn boot_partitions(manifest: &Name) -> [Uuid; 2] {
    // no slot's partition: those have two parts between the manifest's name and their last word at most
    ["boot", "bios-boot"].map(|role| derive(&[manifest.as_str(), role, "guid", "partition"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_stable_and_apart() {
        let (m, a, b): (Name, Name, Name) =
            ("m".parse().expect("name"), "a".parse().expect("name"), "b".parse().expect("name"));
        assert_eq!(filesystem(&m, &a), filesystem(&m, &a));
        assert_ne!(filesystem(&m, &a), filesystem(&m, &b));
        assert_ne!(filesystem(&m, &a), hash_seed(&m, &a));
        assert_eq!(filesystem(&m, &a).get_version_num(), 5);
        let [boot, bios] = boot_partitions(&m);
        let guids = [disk(&m), partition(&m, &a), partition(&m, &b), boot, bios, filesystem(&m, &a)];
        assert!(guids.iter().enumerate().all(|(i, g)| !guids[..i].contains(g)));
        assert_eq!(volume_id_text(0x1a2b_3c4d), "1A2B-3C4D");
        let ext4 = |size, label| alone("ext4", size, label, Role::Filesystem);
        assert_eq!(ext4(1, "a"), ext4(1, "a"));
        for other in [ext4(2, "a"), ext4(1, ""), alone("xfs", 1, "a", Role::Filesystem)] {
            assert_ne!(ext4(1, "a"), other);
        }
        assert_ne!(ext4(1, "a"), alone("ext4", 1, "a", Role::HashSeed));
    }
}
