//! Which files' contents are kept while a tree streams by: small texts that say what the system does.

use super::super::tree::TreePath;
use super::units;

/// More than any of these files has but a kernel's list of modules, in bytes.
const TEXT_MAX: u64 = 256 << 10;
/// More than the list of modules of any kernel has, in bytes.
const MODULES_MAX: u64 = 8 << 20;

/// Whether the content of the file of that size is kept.
pub fn is_kept(path: &TreePath, size: u64) -> bool {
    let Ok(text) = std::str::from_utf8(path.as_bytes()) else { return false };
    let parts: Vec<&str> = text.split('/').collect();
    let most = match parts.as_slice() {
        // distributions keep it in /usr/lib, flavours of one in a folder beside it, and link to it
        [.., name] if name.starts_with("os-release") => TEXT_MAX,
        ["etc", "fstab" | "passwd" | "shadow" | "machine-id"] | ["etc", "selinux", "config"] => TEXT_MAX,
        ["lib", "modules", _, name] | ["usr", "lib", "modules", _, name]
            if matches!(*name, "modules.dep" | "modules.builtin") =>
        {
            MODULES_MAX
        }
        [.., "sysctl.d", name] if name.ends_with(".conf") => TEXT_MAX,
        ["etc", "sysctl.conf"] => TEXT_MAX,
        _ if units::says_what_it_wants(path) => TEXT_MAX,
        _ => return false,
    };
    size <= most
}
