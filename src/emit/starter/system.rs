//! Which operating systems a first manifest can start from, and where each comes from.
//!
//! Enters: `debian:trixie`, `ubuntu:24.04`, `el9`. Leaves: a [`System`]: a release of the Debian family is bootstrapped,
//! the others start from an image of a registry.

use crate::front::model::Distro;

/// Releases of the Debian family by suite and version; the first of a family is what its bare name means.
const SUITES: [(Distro, &str, &str); 7] = [
    (Distro::Debian, "trixie", "13"),
    (Distro::Debian, "bookworm", "12"),
    (Distro::Debian, "bullseye", "11"),
    (Distro::Debian, "forky", "14"),
    (Distro::Ubuntu, "noble", "24.04"),
    (Distro::Ubuntu, "jammy", "22.04"),
    (Distro::Ubuntu, "focal", "20.04"),
];
/// The Fedora that `fedora` means.
const FEDORA: &str = "43";
/// The last image of CentOS 7, and the only one whose packages stay where they are.
const CENTOS_7: &str = "7.9.2009";

/// Where a slot's Dockerfile starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A base of the manifest, made from this suite.
    Bootstrap { suite: String },
    /// An image of a registry or of the engine.
    Image(String),
}

/// An operating system to start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    pub distro: Distro,
    /// What the boot menu shows.
    pub title: String,
    /// The slot's name when the user gives none.
    pub name: String,
    pub origin: Origin,
}

/// Why a text names no system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SystemError {
    #[error("`{0}` is no distribution that osimg knows")]
    Family(String),
    #[error("{family} has no release `{release}`")]
    Release { family: &'static str, release: String },
}

impl System {
    /// Reads `FAMILY` or `FAMILY:RELEASE`: `debian`, `debian:trixie`, `debian:12`, `el9`, `el9:9.4`, `fedora:43`.
    ///
    /// # Errors
    ///
    /// A family that is none, a release that the family cannot have.
    pub fn parse(text: &str) -> Result<System, SystemError> {
        let (family, release) = match text.split_once(':') {
            Some((family, release)) => (family, Some(release)),
            None => (text, None),
        };
        let known = Distro::ALL.into_iter().find(|d| d.as_str() == family);
        let distro = known.ok_or_else(|| SystemError::Family(family.to_string()))?;
        let unknown =
            || SystemError::Release { family: distro.as_str(), release: release.unwrap_or("").to_string() };
        match distro {
            Distro::Debian | Distro::Ubuntu => debian(distro, release).ok_or_else(unknown),
            Distro::El7 | Distro::El8 | Distro::El9 => enterprise(distro, release).ok_or_else(unknown),
            Distro::Fedora => fedora(release.unwrap_or(FEDORA)).ok_or_else(unknown),
        }
    }

    /// The system for people to choose: each family, and the releases that have a name.
    pub fn known() -> Vec<String> {
        let suites = SUITES.iter().map(|(distro, suite, _)| format!("{}:{suite}", distro.as_str()));
        let families = [Distro::El7, Distro::El8, Distro::El9, Distro::Fedora];
        suites.chain(families.iter().map(|d| d.as_str().to_string())).collect()
    }
}

fn debian(distro: Distro, release: Option<&str>) -> Option<System> {
    let label = if distro == Distro::Debian { "Debian" } else { "Ubuntu" };
    let mut of_family = SUITES.iter().filter(|(family, ..)| *family == distro);
    let known = match release {
        None => of_family.next(),
        Some(release) => of_family.find(|(_, suite, version)| [*suite, *version].contains(&release)),
    };
    let (suite, title) = match (known, release) {
        (Some((_, suite, version)), _) => (suite.to_string(), format!("{label} {version} ({suite})")),
        // a suite of tomorrow, or `sid`: mmdebstrap knows them
        (None, Some(suite)) if is_suite(suite) => (suite.to_string(), format!("{label} {suite}")),
        (None, _) => return None,
    };
    Some(System { distro, title, name: suite.clone(), origin: Origin::Bootstrap { suite } })
}

/// As the schema has it, so that the manifest is valid; a suite of the other family is a slip.
fn is_suite(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !SUITES.iter().any(|(_, suite, _)| *suite == text)
}

/// `release` is `8`, `8.10`: the family's number, and a minor one.
fn enterprise(distro: Distro, release: Option<&str>) -> Option<System> {
    let major = distro.as_str().strip_prefix("el")?;
    let minor = release.map(|r| r == major || r.strip_prefix(major).is_some_and(is_minor));
    if minor == Some(false) {
        return None;
    }
    let (title, image) = match (distro, release) {
        (Distro::El7, None | Some("7")) => ("CentOS 7.9".to_string(), format!("centos:{CENTOS_7}")),
        // the Dockerfile sends packages to the vault's folder of the last release
        (Distro::El7, Some(CENTOS_7 | "7.9")) => ("CentOS 7.9".to_string(), format!("centos:{CENTOS_7}")),
        (Distro::El7, Some(_)) => return None,
        (_, release) => {
            let release = release.unwrap_or(major);
            (format!("AlmaLinux {release}"), format!("almalinux:{release}"))
        }
    };
    Some(System { distro, title, name: distro.as_str().to_string(), origin: Origin::Image(image) })
}

fn is_minor(text: &str) -> bool {
    text.strip_prefix('.').is_some_and(|rest| {
        rest.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn fedora(release: &str) -> Option<System> {
    let is_number = !release.is_empty() && release.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| System {
        distro: Distro::Fedora,
        title: format!("Fedora {release}"),
        name: format!("fedora{release}"),
        origin: Origin::Image(format!("fedora:{release}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (String, String, Origin) {
        let system = System::parse(text).expect("a system");
        (system.title, system.name, system.origin)
    }

    fn bootstrap(suite: &str) -> Origin {
        Origin::Bootstrap { suite: suite.into() }
    }

    fn image(reference: &str) -> Origin {
        Origin::Image(reference.into())
    }

    #[test]
    fn families_and_releases() {
        assert_eq!(of("debian"), ("Debian 13 (trixie)".into(), "trixie".into(), bootstrap("trixie")));
        assert_eq!(of("debian:12"), of("debian:bookworm"));
        assert_eq!(of("debian:sid"), ("Debian sid".into(), "sid".into(), bootstrap("sid")));
        assert_eq!(of("ubuntu:24.04"), ("Ubuntu 24.04 (noble)".into(), "noble".into(), bootstrap("noble")));
        assert_eq!(of("el7"), ("CentOS 7.9".into(), "el7".into(), image("centos:7.9.2009")));
        assert_eq!(of("el7:7.9"), of("el7"));
        assert_eq!(of("el8:8.10").2, image("almalinux:8.10"));
        assert_eq!(of("el9"), ("AlmaLinux 9".into(), "el9".into(), image("almalinux:9")));
        assert_eq!(of("fedora:44"), ("Fedora 44".into(), "fedora44".into(), image("fedora:44")));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "bookworm", "Debian", "arch", "el10", "bookworm:debian"] {
            assert!(matches!(System::parse(text), Err(SystemError::Family(_))), "{text}");
        }
        for text in [
            "debian:",
            "debian:noble",
            "ubuntu:trixie",
            "debian:99",
            "debian:a b",
            "el8:9",
            "el8:8.",
            "el8:8.x",
            "el9:90",
            "el7:7.6",
            "fedora:",
            "fedora:rawhide",
            "fedora:4 3",
        ] {
            assert!(matches!(System::parse(text), Err(SystemError::Release { .. })), "{text}");
        }
    }

    #[test]
    fn every_system_that_is_offered_is_one() {
        for text in System::known() {
            assert!(System::parse(&text).is_ok(), "{text}");
        }
        for distro in Distro::ALL {
            assert_eq!(System::parse(distro.as_str()).map(|s| s.distro), Ok(distro));
        }
    }
}
