//! Which package of which distribution holds what osimg uses, and the command that installs it.

/// What osimg uses from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Engine,
    Mmdebstrap,
    GrubTools,
    GrubBios,
    GrubUefi,
    Qemu,
    QemuImg,
    Ovmf,
    /// `newuidmap` and `newgidmap`.
    IdMaps,
}

/// The package manager, by the distribution's family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    Apt,
    Dnf,
}

impl Manager {
    /// From the text of `os-release` (os-release(5)): `ID` and `ID_LIKE`.
    pub fn of(os_release: &str) -> Option<Manager> {
        let words: Vec<&str> = os_release
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
            .flat_map(|value| value.trim_matches(['"', '\'']).split_whitespace())
            .collect();
        let any = |ids: &[&str]| words.iter().any(|w| ids.contains(w));
        if any(&["debian", "ubuntu"]) {
            Some(Manager::Apt)
        } else if any(&["fedora", "rhel", "centos"]) {
            Some(Manager::Dnf)
        } else {
            None
        }
    }

    fn package(self, need: Need) -> &'static str {
        match (self, need) {
            (Manager::Apt, Need::Engine) => "docker.io",
            (Manager::Apt, Need::GrubTools) => "grub-common",
            (Manager::Apt, Need::GrubBios) => "grub-pc-bin",
            (Manager::Apt, Need::GrubUefi) => "grub-efi-amd64-bin",
            (Manager::Apt, Need::QemuImg) => "qemu-utils",
            (Manager::Apt, Need::Ovmf) => "ovmf",
            (Manager::Apt, Need::IdMaps) => "uidmap",
            (Manager::Dnf, Need::Engine) => "podman",
            (Manager::Dnf, Need::GrubTools) => "grub2-tools",
            (Manager::Dnf, Need::GrubBios) => "grub2-pc-modules",
            (Manager::Dnf, Need::GrubUefi) => "grub2-efi-x64-modules",
            (Manager::Dnf, Need::QemuImg) => "qemu-img",
            (Manager::Dnf, Need::Ovmf) => "edk2-ovmf",
            (Manager::Dnf, Need::IdMaps) => "shadow-utils",
            (_, Need::Mmdebstrap) => "mmdebstrap",
            (_, Need::Qemu) => "qemu-system-x86",
        }
    }

    /// The command that installs what `needs` name, each package once.
    pub fn install(self, needs: &[Need], is_root: bool) -> String {
        let mut packages: Vec<&str> = Vec::new();
        for need in needs {
            let package = self.package(*need);
            if !packages.contains(&package) {
                packages.push(package);
            }
        }
        let program = match self {
            Manager::Apt => "apt-get install -y",
            Manager::Dnf => "dnf install -y",
        };
        format!("{}{program} {}", sudo(is_root), packages.join(" "))
    }
}

/// What stands before a command that only root may run.
pub fn sudo(is_root: bool) -> &'static str {
    if is_root { "" } else { "sudo " }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_families_by_id_and_likeness() {
        assert_eq!(Manager::of("NAME=x\nID=debian\n"), Some(Manager::Apt));
        assert_eq!(Manager::of("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), Some(Manager::Apt));
        assert_eq!(Manager::of("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), Some(Manager::Dnf));
        assert_eq!(Manager::of("ID=arch\n"), None);
    }

    #[test]
    fn one_command_installs_all() {
        let needs = [Need::Mmdebstrap, Need::GrubBios, Need::Mmdebstrap];
        assert_eq!(Manager::Apt.install(&needs, false), "sudo apt-get install -y mmdebstrap grub-pc-bin");
        assert_eq!(Manager::Dnf.install(&needs, true), "dnf install -y mmdebstrap grub2-pc-modules");
    }
}
