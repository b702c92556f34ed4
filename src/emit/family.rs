//! Distribution families: which one an image is of, and the packages that make it boot.
//!
//! Enters: the fields of `/etc/os-release` (os-release(5)) or the manifest's `distro:`. Leaves: a [`Distro`], and for
//! each package manager ([`apt`], [`yum`], [`dnf`]) the names of packages and templates.

mod apt;
mod dnf;
mod yum;

use crate::front::model::Distro;

/// What a family's fragments need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Template of the fragment that installs init, dracut and the kernel.
    pub kernel_template: &'static str,
    /// Template of the fragment that installs the manifest's packages.
    pub packages_template: &'static str,
    /// Template of the fragment that installs kexec.
    pub kexec_template: &'static str,
    /// Init and dracut.
    pub userland: Vec<String>,
    /// The kernel, pinned or the distribution's current one.
    pub kernel: Vec<String>,
    /// Where the family keeps the initramfs of the kernel in the shell's `$version`, as a shell word.
    pub initramfs: &'static str,
    /// Whether sshd of this family needs a unit that makes its host keys.
    pub ssh_host_keys: bool,
}

impl Family {
    /// Where the family's packages put the kernel of `version` and its initramfs, when nothing in the image says
    /// otherwise.
    pub fn boot_paths(&self, version: &str) -> (String, String) {
        let initramfs = self.initramfs.trim_matches('"').replace("$version", version);
        (format!("/boot/vmlinuz-{version}"), initramfs)
    }
}

/// The family of `distro`, with the kernel of `version` (as `uname -r` says it) or the current one.
pub fn family(distro: Distro, version: Option<&str>) -> Family {
    match distro {
        Distro::Debian => apt::family("linux-image-amd64", version),
        // `generic`, not `virtual`: the image may land on metal
        Distro::Ubuntu => apt::family("linux-image-generic", version),
        Distro::El7 => yum::family(version),
        Distro::El8 | Distro::El9 | Distro::Fedora => dnf::family(version),
    }
}

/// A distribution without fragments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fragments for `{id}`{}", version.as_deref().map(|v| format!(" {v}")).unwrap_or_default())]
pub struct Unsupported {
    pub id: String,
    pub version: Option<String>,
}

impl Unsupported {
    /// What can be used instead, for a help line.
    pub fn help() -> String {
        let known: Vec<&str> = Distro::ALL.iter().map(|d| d.as_str()).collect();
        format!(
            "osimg has fragments for {}, and for what is like them by its /etc/os-release",
            known.join(", ")
        )
    }
}

/// The distribution that `ID`, `ID_LIKE` and `VERSION_ID` of `/etc/os-release` name.
pub fn release(id: &str, id_like: &[String], version_id: Option<&str>) -> Result<Distro, Unsupported> {
    let unsupported = || Unsupported { id: id.to_string(), version: version_id.map(str::to_string) };
    // the first word that is known decides; `ID_LIKE` goes from near to far (CentOS is like "rhel fedora")
    for word in std::iter::once(id).chain(id_like.iter().map(String::as_str)) {
        match word {
            "debian" => return Ok(Distro::Debian),
            "ubuntu" => return Ok(Distro::Ubuntu),
            "fedora" => return Ok(Distro::Fedora),
            "rhel" | "centos" | "rocky" | "almalinux" | "ol" => {
                let major = version_id.and_then(|v| v.split('.').next());
                return match major {
                    Some("7") => Ok(Distro::El7),
                    Some("8") => Ok(Distro::El8),
                    Some("9") => Ok(Distro::El9),
                    _ => Err(unsupported()),
                };
            }
            _ => {}
        }
    }
    Err(unsupported())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, like: &str, version: &str) -> Result<Distro, Unsupported> {
        let like: Vec<String> = like.split_whitespace().map(str::to_string).collect();
        release(id, &like, (!version.is_empty()).then_some(version))
    }

    #[test]
    fn releases_as_distributions_write_them() {
        assert_eq!(of("debian", "", "12"), Ok(Distro::Debian));
        assert_eq!(of("debian", "", ""), Ok(Distro::Debian), "sid has no version");
        assert_eq!(of("ubuntu", "debian", "24.04"), Ok(Distro::Ubuntu));
        assert_eq!(of("linuxmint", "ubuntu debian", "21"), Ok(Distro::Ubuntu));
        assert_eq!(of("centos", "rhel fedora", "7"), Ok(Distro::El7));
        assert_eq!(of("centos", "rhel fedora", "8"), Ok(Distro::El8));
        assert_eq!(of("rocky", "rhel centos fedora", "9.4"), Ok(Distro::El9));
        assert_eq!(of("almalinux", "rhel centos fedora", "8.10"), Ok(Distro::El8));
        assert_eq!(of("ol", "fedora", "8.9"), Ok(Distro::El8));
        assert_eq!(of("fedora", "", "42"), Ok(Distro::Fedora));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let ten = of("rocky", "rhel centos fedora", "10.0").expect_err("el10 has no fragments");
        assert_eq!(ten.to_string(), "no fragments for `rocky` 10.0");
        assert!(of("alpine", "", "3.20").is_err());
        assert!(of("amzn", "centos rhel fedora", "2").is_err());
        assert!(Unsupported::help().contains("el9, fedora"));
    }
}
