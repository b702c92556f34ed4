//! Enterprise Linux 8 and later, Fedora: dnf.
//!
//! `kernel` requires `kernel-core` and `kernel-modules` of its own version; `kernel-install` runs dracut, or does not
//! where `/etc/machine-id` is empty.

use super::Family;

pub fn family(version: Option<&str>) -> Family {
    Family {
        kernel_template: "dnf-kernel.j2",
        packages_template: "dnf-packages.j2",
        kexec_template: "dnf-kexec.j2",
        userland: ["systemd", "dracut"].map(String::from).to_vec(),
        kernel: vec![version.map_or_else(|| "kernel".to_string(), |v| format!("kernel-{v}"))],
        initramfs: "\"/boot/initramfs-$version.img\"",
        ssh_host_keys: false,
    }
}
