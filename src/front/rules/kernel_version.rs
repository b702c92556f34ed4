//! A pinned kernel is one that the distribution can have: each family marks its packages' versions.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::model::Distro;
use crate::front::words;

/// The versions of a family's kernels, as `uname -r` says them, and an example.
fn family(distro: Distro) -> (&'static str, &'static str) {
    match distro {
        Distro::Debian => (
            "^[0-9]+\\.[0-9]+\\.[0-9]+[0-9A-Za-z.+~-]*-(amd64|arm64|[a-z0-9]+-(amd64|arm64))$",
            "6.1.0-28-amd64",
        ),
        Distro::Ubuntu => (
            "^[0-9]+\\.[0-9]+\\.[0-9]+-[0-9]+(\\.[0-9]+)?-(generic|lowlatency|realtime|kvm|aws|azure|gcp|gke|gkeop|ibm|oracle|nvidia|intel|oem|raspi|xilinx)(-[a-z0-9]+)*$",
            "5.15.0-91-generic",
        ),
        Distro::El7 => (
            "^[0-9]+\\.[0-9]+\\.[0-9]+-.*\\.el7([._][A-Za-z0-9_.]*)?\\.(x86_64|aarch64)$",
            "3.10.0-1160.11.1.el7.x86_64",
        ),
        Distro::El8 => (
            "^[0-9]+\\.[0-9]+\\.[0-9]+-.*\\.el8([._][A-Za-z0-9_.]*)?\\.(x86_64|aarch64)(\\+[a-z0-9]+)?$",
            "4.18.0-240.10.1.el8_3.x86_64",
        ),
        Distro::El9 => (
            "^[0-9]+\\.[0-9]+\\.[0-9]+-.*\\.el9([._][A-Za-z0-9_.]*)?\\.(x86_64|aarch64)(\\+[a-z0-9]+)?$",
            "5.14.0-427.13.1.el9_4.x86_64",
        ),
        Distro::Fedora => (
            "^[0-9]+\\.[0-9]+\\.[0-9]+-.*\\.fc[0-9]+\\.(x86_64|aarch64)(\\+[a-z0-9]+)?$",
            "6.8.5-301.fc40.x86_64",
        ),
    }
}

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        let Some(version) = &slot.kernel.version else { continue };
        let shown = version.value.escape_debug();
        if !words::fits(words::KERNEL_VERSION, version) {
            let message = format!("`{shown}` is no kernel version");
            let help =
                "write what `uname -r` says, such as `6.1.0-28-amd64`; leave it out for the current kernel";
            found.push(
                case.error(codes::KERNEL_VERSION_SYNTAX, message, case.line(version.span), "").help(help),
            );
            continue;
        }
        let Some(distro) = &slot.distro else { continue };
        let (pattern, example) = family(distro.value);
        if words::fits(pattern, version) {
            continue;
        }
        let message = format!("{} has no kernel `{shown}`", distro.as_str());
        let other = Distro::ALL.into_iter().find(|d| words::fits(family(*d).0, version));
        let help = match other {
            Some(other) => format!(
                "this is a kernel of {}; one of {} looks like `{example}`",
                other.as_str(),
                distro.as_str()
            ),
            None => format!("a kernel of {} looks like `{example}`", distro.as_str()),
        };
        found.push(
            case.error(codes::KERNEL_VERSION, message, version.span, "the pinned kernel")
                .and(distro.span, "the slot's distribution")
                .help(help),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_know_their_kernels() {
        for (distro, versions) in [
            (Distro::Debian, &["6.1.0-28-amd64", "6.12.38+deb13-amd64", "6.1.0-0.deb11.21-cloud-amd64"][..]),
            (Distro::Ubuntu, &["5.15.0-91-generic", "6.8.0-1008-aws"]),
            (Distro::El7, &["3.10.0-1160.11.1.el7.x86_64", "5.4.278-1.el7.elrepo.x86_64"]),
            (Distro::El8, &["4.18.0-240.10.1.el8_3.x86_64", "4.18.0-553.el8_10.x86_64"]),
            (Distro::El9, &["5.14.0-427.13.1.el9_4.x86_64", "5.14.0-427.el9.x86_64+rt"]),
            (Distro::Fedora, &["6.8.5-301.fc40.x86_64"]),
        ] {
            for version in versions {
                assert!(words::fits(family(distro).0, version), "{distro:?} {version}");
                for other in Distro::ALL.into_iter().filter(|d| *d != distro) {
                    assert!(!words::fits(family(other).0, version), "{other:?} {version}");
                }
            }
            assert!(words::fits(family(distro).0, family(distro).1));
        }
    }
}
