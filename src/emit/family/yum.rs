//! Enterprise Linux 7: yum.
//!
//! One `kernel` package of name-version-release.architecture, as `uname -r` says it; grubby's hook runs dracut.

use super::Family;

pub fn family(version: Option<&str>) -> Family {
    Family {
        kernel_template: "yum-kernel.j2",
        packages_template: "yum-packages.j2",
        kexec_template: "yum-kexec.j2",
        userland: ["systemd", "dracut"].map(String::from).to_vec(),
        kernel: vec![version.map_or_else(|| "kernel".to_string(), |v| format!("kernel-{v}"))],
        initramfs: "\"/boot/initramfs-$version.img\"",
        // el has its own sshd-keygen, which looks for each key file
        ssh_host_keys: false,
    }
}
