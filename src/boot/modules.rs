//! Which of GRUB's modules go where: in the core image what it takes to read the boot partition, on the boot partition
//! all of them, since a few megabytes there spare the user who extends grub.cfg a rebuild.

use super::Platform;

/// The modules built into a platform's core image.
pub fn core(platform: Platform) -> Vec<&'static str> {
    // UEFI brings its own disk driver
    let disk: &[&str] = match platform {
        Platform::I386Pc => &["biosdisk"],
        Platform::X86_64Efi => &[],
    };
    // both tables: a disk may be copied behind either
    [disk, &["part_msdos", "part_gpt", "fat", "search_fs_uuid", "normal", "configfile"]].concat()
}

/// Whether a file of a platform's folder goes to the boot partition: a module, or a list that tells which module has
/// a command, a filesystem or a terminal.
pub fn copied(name: &str) -> bool {
    name.ends_with(".mod") || name.ends_with(".lst")
}
