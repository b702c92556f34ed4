//! What the facts mean: pure, from [`Facts`] to [`Finding`]s.

use std::path::Path;

use super::facts::{Facts, Kvm};
use super::packages::{Manager, Need, sudo};
use super::{Finding, State};
use crate::base::Bytes;

/// Less free space than this stops a build of two small slots.
const SPACE_NEEDED: Bytes = Bytes::gib(1);
/// Less than this is soon used up.
const SPACE_WANTED: Bytes = Bytes::gib(5);

/// Without GRUB's packages a toolbox image is built that has them.
const NO_GRUB: &str = "not installed; an image that has it is built instead";

/// One finding per subject, in the order a user should mend them.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let manager = Manager::of(&facts.os_release);
    let install = |need| manager.map(|m| m.install(&[need], facts.is_root));
    let tool =
        |subject: &str, found: &Option<std::path::PathBuf>, need, otherwise: State, absent: &str| match found
        {
            Some(path) => {
                let version = facts.versions.get(path).map(|v| format!("{v}, ")).unwrap_or_default();
                Finding::new(subject, State::Ok, format!("{version}{}", path.display()))
            }
            None => Finding::new(subject, otherwise, absent).fix(install(need)),
        };
    use State::{Missing, Warning};
    let mut found = vec![
        tool(
            "mmdebstrap",
            &facts.mmdebstrap,
            Need::Mmdebstrap,
            Missing,
            "not installed; makes the bases that `bootstrap` asks for",
        ),
        tool("grub-mkimage", &facts.grub_mkimage, Need::GrubTools, Warning, NO_GRUB),
        tool("GRUB for BIOS", &facts.grub_bios, Need::GrubBios, Warning, NO_GRUB),
        tool("GRUB for UEFI", &facts.grub_uefi, Need::GrubUefi, Warning, NO_GRUB),
    ];
    if !facts.is_root {
        found.push(namespaces(facts, manager));
    }
    found.push(cache(facts));
    found.push(tool("QEMU", &facts.qemu, Need::Qemu, Warning, "not installed; `osimg boot` needs it"));
    found.push(tool(
        "qemu-img",
        &facts.qemu_img,
        Need::QemuImg,
        Warning,
        "not installed; `osimg boot` needs it",
    ));
    found.push(tool(
        "qemu-io",
        &facts.qemu_io,
        Need::QemuImg,
        Warning,
        "not installed; `osimg boot` needs it",
    ));
    found.push(tool(
        "UEFI firmware",
        &facts.ovmf,
        Need::Ovmf,
        Warning,
        "not installed; `osimg boot` needs it for UEFI",
    ));
    found.push(kvm(facts));
    found
}

/// One command that installs the packages of all `fixes` that install something; the others stay as they are.
pub fn together(fixes: &[String]) -> Vec<String> {
    let mut installs: Vec<(String, Vec<String>)> = Vec::new();
    let mut rest = Vec::new();
    for fix in fixes {
        let Some((program, packages)) = fix.split_once(" install -y ") else {
            if !rest.contains(fix) {
                rest.push(fix.clone());
            }
            continue;
        };
        let program = format!("{program} install -y");
        let at = installs.iter().position(|(p, _)| *p == program).unwrap_or_else(|| {
            installs.push((program, Vec::new()));
            installs.len() - 1
        });
        for package in packages.split_whitespace() {
            if !installs[at].1.iter().any(|p| p == package) {
                installs[at].1.push(package.to_string());
            }
        }
    }
    installs
        .into_iter()
        .map(|(program, packages)| format!("{program} {}", packages.join(" ")))
        .chain(rest)
        .collect()
}

fn namespaces(facts: &Facts, manager: Option<Manager>) -> Finding {
    let subject = "user namespaces";
    let n = facts.namespaces;
    let user = facts.user.as_deref().unwrap_or("$USER");
    let missing = |detail: &str, fix: Option<String>| Finding::new(subject, State::Missing, detail).fix(fix);
    if !n.allowed {
        let fix = "sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000";
        missing("the kernel forbids them to users; mmdebstrap needs them without root", Some(fix.into()))
    } else if !n.tools {
        let fix = manager.map(|m| m.install(&[Need::IdMaps], false));
        missing("newuidmap is not installed; mmdebstrap needs it without root", fix)
    } else if !n.ranges {
        let fix = format!("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}");
        missing("no ids of its own for this user in /etc/subuid and /etc/subgid", Some(fix))
    } else if n.restricted {
        let fix = "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0";
        Finding::new(subject, State::Warning, "AppArmor restricts them to programs with a profile")
            .fix(Some(fix.into()))
    } else {
        Finding::new(subject, State::Ok, "usable without root")
    }
}

fn cache(facts: &Facts) -> Finding {
    let subject = "cache";
    let Some(folder) = &facts.cache_dir else {
        return Finding::new(subject, State::Missing, "no place: HOME is not set, use --cache-dir");
    };
    let folder = folder.display();
    if !facts.cache_writable {
        return Finding::new(subject, State::Missing, format!("{folder} cannot be written"));
    }
    match facts.cache_free {
        Some(free) if free < SPACE_NEEDED => {
            Finding::new(subject, State::Missing, format!("{folder}: only {free} free"))
        }
        Some(free) if free < SPACE_WANTED => {
            Finding::new(subject, State::Warning, format!("{folder}: only {free} free"))
        }
        Some(free) => Finding::new(subject, State::Ok, format!("{folder}: {free} free")),
        None => Finding::new(subject, State::Ok, folder.to_string()),
    }
}

fn kvm(facts: &Facts) -> Finding {
    let subject = "KVM";
    let slow = "`osimg boot` emulates the processor, which is slow";
    match facts.kvm {
        Kvm::Usable => Finding::new(subject, State::Ok, Path::new("/dev/kvm").display().to_string()),
        Kvm::Absent => Finding::new(subject, State::Warning, format!("no /dev/kvm: {slow}")),
        Kvm::Denied => {
            let user = facts.user.as_deref().unwrap_or("$USER");
            Finding::new(subject, State::Warning, format!("/dev/kvm is not for this user: {slow}"))
                .fix(Some(format!("{}usermod -aG kvm {user}", sudo(facts.is_root))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::doctor::facts::Namespaces;

    fn full() -> Facts {
        let there = |p: &str| Some(p.into());
        Facts {
            is_root: false,
            user: Some("ada".into()),
            os_release: "ID=debian\n".into(),
            has_engine: true,
            mmdebstrap: there("/usr/bin/mmdebstrap"),
            grub_mkimage: there("/usr/bin/grub-mkimage"),
            grub_bios: there("/usr/lib/grub/i386-pc"),
            grub_uefi: there("/usr/lib/grub/x86_64-efi"),
            qemu: there("/usr/bin/qemu-system-x86_64"),
            qemu_img: there("/usr/bin/qemu-img"),
            qemu_io: there("/usr/bin/qemu-io"),
            ovmf: there("/usr/share/OVMF/OVMF_CODE_4M.fd"),
            versions: std::collections::BTreeMap::from([("/usr/bin/mmdebstrap".into(), "1.3.5".into())]),
            kvm: Kvm::Usable,
            namespaces: Namespaces { allowed: true, restricted: false, ranges: true, tools: true },
            cache_dir: there("/home/ada/.cache/osimg"),
            cache_free: Some(Bytes::gib(40)),
            cache_writable: true,
        }
    }

    #[test]
    fn a_full_machine_is_fine() {
        assert!(judge(&full()).iter().all(|f| f.state == State::Ok), "{:#?}", judge(&full()));
        assert_eq!(judge(&full())[0].detail, "1.3.5, /usr/bin/mmdebstrap");
    }

    #[test]
    fn an_empty_machine_is_told_what_to_install() {
        for os_release in ["ID=ubuntu\n", "ID=fedora\n", "ID=plan9\n"] {
            let facts = Facts { os_release: os_release.into(), ..Facts::default() };
            let found = judge(&facts);
            let fixes: Vec<String> = found.iter().filter_map(|f| f.fix.clone()).collect();
            let states: Vec<String> =
                found.iter().map(|f| format!("{:?} {}: {}", f.state, f.subject, f.detail)).collect();
            insta::assert_snapshot!(
                os_release.trim().trim_start_matches("ID=").to_string(),
                format!("{}\n\n{}\n", states.join("\n"), together(&fixes).join("\n"))
            );
        }
    }

    #[test]
    fn what_apply_can_do_without_is_a_warning() {
        let facts =
            Facts { qemu: None, ovmf: None, qemu_img: None, grub_bios: None, kvm: Kvm::Denied, ..full() };
        let found = judge(&facts);
        assert_eq!(found.iter().filter(|f| f.state == State::Warning).count(), 5);
        assert!(found.iter().all(|f| f.state != State::Missing));
    }

    #[test]
    fn namespaces_matter_to_users_and_not_to_root() {
        let none = Namespaces::default();
        let find = |facts: &Facts| judge(facts).into_iter().find(|f| f.subject == "user namespaces");
        assert_eq!(find(&Facts { is_root: true, namespaces: none, ..full() }), None);
        let forbidden = find(&Facts { namespaces: none, ..full() }).expect("there");
        assert_eq!(forbidden.state, State::Missing);
        let ranges = Namespaces { ranges: false, ..full().namespaces };
        let ranges = find(&Facts { namespaces: ranges, ..full() }).expect("there");
        assert!(ranges.fix.expect("a fix").ends_with(" ada"));
    }

    #[test]
    fn a_full_disk_is_missing_and_a_filling_one_a_warning() {
        let state = |free| {
            let facts = Facts { cache_free: Some(free), ..full() };
            judge(&facts).into_iter().find(|f| f.subject == "cache").expect("there").state
        };
        assert_eq!(state(Bytes::mib(500)), State::Missing);
        assert_eq!(state(Bytes::gib(2)), State::Warning);
        assert_eq!(state(Bytes::gib(9)), State::Ok);
    }
}
