//! What is there on this machine: gathered once, without judgement.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::Bytes;
use crate::boot::Platform;
use crate::host::command::find_program;
use crate::host::firmware;
use crate::host::grub;
use crate::host::qemu::EMULATORS;

/// Where to look.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The root of the files that are looked at, `/` but in tests.
    pub root: PathBuf,
    /// The value of `PATH`.
    pub path: Option<OsString>,
    pub uid: u32,
    pub user: Option<String>,
    pub cache_dir: Option<PathBuf>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub is_root: bool,
    pub user: Option<String>,
    /// The text of `/etc/os-release`.
    pub os_release: String,
    /// A container engine's program is installed, whether it runs or not.
    pub has_engine: bool,
    pub mmdebstrap: Option<PathBuf>,
    pub grub_mkimage: Option<PathBuf>,
    /// GRUB's modules for BIOS.
    pub grub_bios: Option<PathBuf>,
    /// GRUB's modules for 64-bit UEFI.
    pub grub_uefi: Option<PathBuf>,
    pub qemu: Option<PathBuf>,
    pub qemu_img: Option<PathBuf>,
    pub qemu_io: Option<PathBuf>,
    /// UEFI firmware for QEMU.
    pub ovmf: Option<PathBuf>,
    /// What programs said of their versions, where they were asked.
    pub versions: BTreeMap<PathBuf, String>,
    pub kvm: Kvm,
    pub namespaces: Namespaces,
    pub cache_dir: Option<PathBuf>,
    /// Free for this user on the filesystem of the cache.
    pub cache_free: Option<Bytes>,
    /// The nearest folder above the cache that exists may be written to.
    pub cache_writable: bool,
}

/// Hardware virtualisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kvm {
    #[default]
    Absent,
    /// There, but not for this user.
    Denied,
    Usable,
}

/// What mmdebstrap needs to work without root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The kernel lets users make user namespaces.
    pub allowed: bool,
    /// AppArmor restricts them (Ubuntu 23.10 and later).
    pub restricted: bool,
    /// `/etc/subuid` and `/etc/subgid` name the user.
    pub ranges: bool,
    /// `newuidmap` and `newgidmap` are installed.
    pub tools: bool,
}

impl Facts {
    /// The programs that were found.
    pub fn programs(&self) -> Vec<PathBuf> {
        [&self.mmdebstrap, &self.grub_mkimage, &self.qemu, &self.qemu_img, &self.qemu_io]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

/// Gathers the facts, but for versions.
pub fn look(machine: &Machine) -> Facts {
    let program = |names: &[&str]| find_program(names, machine.path.as_deref());
    let library = |platform| grub::library(&machine.root, platform).map(|f| Path::new("/").join(f));
    let nearest = machine.cache_dir.as_deref().and_then(nearest);
    Facts {
        is_root: machine.uid == 0,
        user: machine.user.clone(),
        os_release: text(machine, "/etc/os-release")
            .or_else(|| text(machine, "/usr/lib/os-release"))
            .unwrap_or_default(),
        has_engine: program(&["dockerd", "podman"]).is_some(),
        mmdebstrap: program(&["mmdebstrap"]),
        grub_mkimage: program(&grub::PROGRAMS),
        grub_bios: library(Platform::I386Pc),
        grub_uefi: library(Platform::X86_64Efi),
        qemu: program(EMULATORS),
        qemu_img: program(&["qemu-img"]),
        qemu_io: program(&["qemu-io"]),
        ovmf: firmware::find(|path| machine.root.join(path.strip_prefix("/").unwrap_or(path)).is_file())
            .map(|o| o.code),
        versions: BTreeMap::new(),
        kvm: kvm(&at(machine, "/dev/kvm")),
        namespaces: namespaces(machine),
        cache_free: nearest.and_then(free),
        cache_writable: nearest.is_some_and(writable),
        cache_dir: machine.cache_dir.clone(),
    }
}

fn at(machine: &Machine, path: &str) -> PathBuf {
    machine.root.join(path.trim_start_matches('/'))
}

fn text(machine: &Machine, path: &str) -> Option<String> {
    fs::read(at(machine, path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn kvm(device: &Path) -> Kvm {
    match fs::OpenOptions::new().read(true).write(true).open(device) {
        Ok(_) => Kvm::Usable,
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => Kvm::Denied,
        Err(_) => Kvm::Absent,
    }
}

fn namespaces(machine: &Machine) -> Namespaces {
    let number = |path: &str| text(machine, path).and_then(|t| t.trim().parse::<u64>().ok());
    let named = |path: &str| {
        let ids = [machine.user.clone().unwrap_or_default(), machine.uid.to_string()];
        text(machine, path).is_some_and(|t| {
            t.lines().any(|line| line.split(':').next().is_some_and(|id| ids.iter().any(|i| i == id)))
        })
    };
    Namespaces {
        // kernels without these switches let everyone
        allowed: number("/proc/sys/kernel/unprivileged_userns_clone") != Some(0)
            && number("/proc/sys/user/max_user_namespaces") != Some(0),
        restricted: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1),
        ranges: named("/etc/subuid") && named("/etc/subgid"),
        tools: ["newuidmap", "newgidmap"]
            .iter()
            .all(|name| find_program(&[name], machine.path.as_deref()).is_some()),
    }
}

/// The first of the folder and those above it that exists.
fn nearest(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|p| p.is_dir())
}

fn free(folder: &Path) -> Option<Bytes> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(Bytes(stat.f_bavail.saturating_mul(stat.f_frsize)))
}

fn writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(root: &Path) -> Machine {
        Machine {
            root: root.to_path_buf(),
            path: Some(root.join("bin").into_os_string()),
            uid: 1000,
            user: Some("ada".into()),
            cache_dir: Some(root.join("home/.cache/osimg")),
        }
    }

    fn put(root: &Path, path: &str, content: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        fs::write(path, content).expect("file");
    }

    #[test]
    fn finds_files_under_the_root() {
        let folder = tempfile::tempdir().expect("folder");
        let root = folder.path();
        put(root, "etc/os-release", "ID=debian\n");
        put(root, "etc/subuid", "root:1:1\nada:100000:65536\n");
        put(root, "etc/subgid", "1000:100000:65536\n");
        put(root, "proc/sys/kernel/unprivileged_userns_clone", "1\n");
        put(root, "usr/lib/grub/i386-pc/kernel.img", "");
        put(root, "dev/kvm", "");
        fs::create_dir_all(root.join("home")).expect("folder");
        let facts = look(&machine(root));
        assert_eq!(facts.os_release, "ID=debian\n");
        assert_eq!(facts.grub_bios, Some("/usr/lib/grub/i386-pc".into()));
        assert_eq!(facts.grub_uefi, None);
        assert_eq!(facts.kvm, Kvm::Usable);
        assert!(facts.namespaces.allowed && facts.namespaces.ranges && !facts.namespaces.restricted);
        assert!(facts.cache_writable && facts.cache_free.is_some());
    }

    #[test]
    fn an_empty_machine_has_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let facts = look(&machine(folder.path()));
        assert_eq!(facts.grub_bios, None);
        assert_eq!(facts.ovmf, None);
        assert_eq!(facts.kvm, Kvm::Absent);
        assert!(!facts.namespaces.ranges && !facts.is_root);
    }

    #[test]
    fn a_switch_forbids_namespaces() {
        let folder = tempfile::tempdir().expect("folder");
        put(folder.path(), "proc/sys/user/max_user_namespaces", "0\n");
        assert!(!look(&machine(folder.path())).namespaces.allowed);
    }
}
