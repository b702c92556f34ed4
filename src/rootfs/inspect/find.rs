//! Which paths are a kernel's and which an initramfs', and of what version.
//!
//! Enters: a path. Leaves: its [`Role`] by name alone; whether there is a file behind it, the caller knows.

use crate::rootfs::tree::TreePath;

/// What a path is by its name. Where a version has several, the lowest `rank` is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Image { version: String, rank: u8 },
    Initramfs { version: String, rank: u8 },
    Rescue,
}

/// The name before the version, the name after it, the rank.
const IMAGES: [(&str, &str); 2] = [("vmlinuz-", ""), ("kernel-", "")];
const INITRAMFS: [(&str, &str); 6] = [
    ("initramfs-", ".img"),
    ("initrd.img-", ""),
    ("initrd-", ".img"),
    ("initrd-", ""),
    ("initramfs-", ""),
    ("initramfs.img-", ""),
];

/// What `path` is.
pub fn role(path: &TreePath) -> Option<Role> {
    let parts: Vec<&str> = path.components().map(std::str::from_utf8).collect::<Result<_, _>>().ok()?;
    match parts.as_slice() {
        ["boot", name] => in_boot(name),
        ["boot", .., _token, version, name @ ("linux" | "initrd" | "initrd.img")] => {
            // the token is a machine id or a name of the image; the folder below is the version
            let version = is_version(version)?;
            Some(match (version.contains("rescue"), *name) {
                (true, "linux") => Role::Rescue,
                (true, _) => return None,
                (false, "linux") => Role::Image { version, rank: 10 },
                (false, _) => Role::Initramfs { version, rank: 10 },
            })
        }
        ["lib", "modules", version, name] | ["usr", "lib", "modules", version, name] => {
            let version = is_version(version)?;
            match *name {
                "vmlinuz" => Some(Role::Image { version, rank: 20 }),
                // where image-based systems keep it
                "initramfs.img" | "initrd" => Some(Role::Initramfs { version, rank: 20 }),
                _ => None,
            }
        }
        _ => None,
    }
}

fn in_boot(name: &str) -> Option<Role> {
    let versions = |table: &[(&str, &str)]| {
        table.iter().enumerate().find_map(|(rank, (before, after))| {
            let version = name.strip_prefix(before)?.strip_suffix(after)?;
            Some((version.to_string(), u8::try_from(rank).ok()?))
        })
    };
    if let Some((version, rank)) = versions(&IMAGES) {
        if version.contains("-rescue-") || version.starts_with("rescue") {
            return Some(Role::Rescue);
        }
        // `make install` keeps the kernel before as .old, dpkg and rpm leave these
        let leftover = [".old", ".bak", ".dpkg-bak", ".dpkg-new", ".rpmsave", ".rpmnew", ".hmac"]
            .iter()
            .any(|end| version.ends_with(end));
        let version = is_version(&version).filter(|_| !leftover)?;
        return Some(Role::Image { version, rank });
    }
    let (version, rank) = versions(&INITRAMFS)?;
    // kdump's own initramfs has not what a root filesystem needs
    let other = version.contains("-rescue-") || version.ends_with("kdump");
    is_version(&version).filter(|_| !other).map(|version| Role::Initramfs { version, rank })
}

/// Kernel versions start with a digit; `vmlinuz-linux` and `vmlinuz-virt` are names of packages.
fn is_version(text: &str) -> Option<String> {
    text.starts_with(|c: char| c.is_ascii_digit()).then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let of = |path: &str| role(&TreePath::new(path).expect("path"));
        let image = |version: &str, rank| Some(Role::Image { version: version.into(), rank });
        let initramfs = |version: &str, rank| Some(Role::Initramfs { version: version.into(), rank });
        assert_eq!(of("boot/vmlinuz-6.1.0-28-amd64"), image("6.1.0-28-amd64", 0));
        assert_eq!(of("boot/initrd.img-6.1.0-28-amd64"), initramfs("6.1.0-28-amd64", 1));
        assert_eq!(of("boot/initramfs-3.10.0-1160.el7.x86_64.img"), initramfs("3.10.0-1160.el7.x86_64", 0));
        assert_eq!(of("boot/initrd-5.3"), initramfs("5.3", 3));
        assert_eq!(of("boot/0123456789abcdef0123456789abcdef/4.18.0/linux"), image("4.18.0", 10));
        assert_eq!(of("boot/0123456789abcdef0123456789abcdef/4.18.0/initrd"), initramfs("4.18.0", 10));
        assert_eq!(of("boot/efi/token/4.18.0/linux"), image("4.18.0", 10));
        assert_eq!(of("usr/lib/modules/6.12.1/vmlinuz"), image("6.12.1", 20));
        assert_eq!(of("lib/modules/6.12.1/vmlinuz"), image("6.12.1", 20));
        assert_eq!(of("boot/vmlinuz-0-rescue-0123"), Some(Role::Rescue));
        assert_eq!(of("boot/0123/0-rescue/linux"), Some(Role::Rescue));
        for none in [
            "boot/vmlinuz",
            "boot/vmlinuz-linux",
            "boot/vmlinuz-6.1.old",
            "boot/initramfs-0-rescue-0123.img",
            "boot/initramfs-3.10.0kdump.img",
            "boot/config-6.1",
            "boot/grub/i386-pc/linux.mod",
            "boot/linux",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
