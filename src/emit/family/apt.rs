//! Debian and Ubuntu: apt.
//!
//! Kernels are packages named after `uname -r`, and dracut stands in for initramfs-tools, which it conflicts with.

use super::Family;

/// `current` is the package that depends on the current kernel.
pub fn family(current: &str, version: Option<&str>) -> Family {
    Family {
        kernel_template: "apt-kernel.j2",
        packages_template: "apt-packages.j2",
        kexec_template: "apt-kexec.j2",
        // `dbus` for logind and the journal's clients; `kmod` and `udev` are only recommended by systemd
        userland: ["systemd", "systemd-sysv", "udev", "dbus", "kmod", "dracut"].map(String::from).to_vec(),
        kernel: vec![version.map_or_else(|| current.to_string(), |v| format!("linux-image-{v}"))],
        initramfs: "\"/boot/initrd.img-$version\"",
        ssh_host_keys: true,
    }
}
