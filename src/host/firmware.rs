//! Finds the UEFI firmware that QEMU boots: OVMF's code, mapped read-only, and the template of its variable store,
//! which each run copies because the firmware writes to it.
//!
//! Enters: a file lookup. Leaves: two paths of one build. Code and variables of different sizes do not fit together,
//! so they are only ever taken as pairs.

use std::path::{Path, PathBuf};

/// A build of OVMF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ovmf {
    pub code: PathBuf,
    /// The empty variable store.
    pub variables: PathBuf,
}

/// Where distributions put OVMF, without secure boot, as raw files; the larger 4 MiB build first.
const PLACES: &[(&str, &str)] = &[
    // Debian, Ubuntu
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    // Fedora, EL; older Debian and Ubuntu
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    // Arch
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"),
    // openSUSE
    ("/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"),
    // QEMU's own build, whose variable store all x86 machines share
    ("/usr/share/qemu/edk2-x86_64-code.fd", "/usr/share/qemu/edk2-i386-vars.fd"),
];

/// The first build of which `exists` knows both files.
pub fn find(exists: impl Fn(&Path) -> bool) -> Option<Ovmf> {
    PLACES
        .iter()
        .map(|(code, variables)| Ovmf { code: PathBuf::from(code), variables: PathBuf::from(variables) })
        .find(|o| exists(&o.code) && exists(&o.variables))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_pairs_only() {
        let lone = |p: &Path| p == Path::new("/usr/share/OVMF/OVMF_CODE_4M.fd");
        assert_eq!(find(lone), None);
        let fedora = |p: &Path| p.starts_with("/usr/share/edk2/ovmf") || lone(p);
        assert_eq!(find(fedora).expect("a pair").code, Path::new("/usr/share/edk2/ovmf/OVMF_CODE.fd"));
        assert_eq!(find(|_| true).expect("a pair").variables, Path::new("/usr/share/OVMF/OVMF_VARS_4M.fd"));
    }
}
