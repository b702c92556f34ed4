//! osimg-switch on whole systems: `osimg test --switch` of the Debian example, one slot with kexec-tools' init script and
//! one without, on a GPT with a hardware watchdog; and of the rpm lab, with an MBR and without a watchdog.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use osimg::proof::switch::scenario::SCENARIOS;
use serde_json::Value;

use crate::debian_dual::dual;
use crate::rpm_lab;

/// The checks of each scenario between two slots, in their order.
fn told<'c>(checks: &'c [Value], from: &str, slot: &str) -> BTreeMap<&'c str, Vec<&'c str>> {
    let mut out: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for check in checks {
        let word = |key: &str| check[key].as_str().unwrap_or_else(|| panic!("{key}: {check}"));
        assert_eq!((word("from"), word("slot")), (from, slot));
        out.entry(word("scenario")).or_default().push(word("detail"));
    }
    out
}

/// Plays scenarios; gives all that is told of them. Two machines may run at once: one of these, and one that holds [`crate::ONE`].
fn play(firmware: &str, names: &[&str]) -> Vec<Value> {
    static OWN: Mutex<()> = Mutex::new(());
    let example = &dual().with_watchdog;
    let _own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    example.checks(&arguments(firmware, names))
}

fn arguments<'a>(firmware: &'a str, names: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["--switch", "--firmware", firmware];
    arguments.extend(names.iter().flat_map(|name| ["--scenario", *name]));
    arguments
}

/// Minutes each, so only the first is played twice; `osimg test --switch` by hand plays all under both.
const BIOS: [&str; 4] = ["trial", "trial-panic", "trial-watchdog", "cut-in-commit"];
const UEFI: [&str; 3] = ["there-and-back", "trial-unhealthy", "hang"];
/// On rpm systems, whose kernels, initramfs and units come from elsewhere.
const RPM: [&str; 2] = ["trial", "trial-hang"];
/// What GRUB does there, each boot of a chosen slot and `tests/switch.rs` try.
const BY_HAND: [&str; 2] = ["reboot", "cut-in-trial"];

#[test]
fn trials_end_as_they_should_under_bios() {
    let checks = play("bios", &BIOS);
    let told = told(&checks, "bookworm", "trixie");
    assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), BIOS.into_iter().collect());
    let has = |scenario: &str, part: &str| told[scenario].iter().any(|detail| detail.contains(part));
    assert!(has("trial", "trixie by kexec") && has("trial", "bookworm by kexec"), "{told:?}");
    assert!(has("cut-in-commit", "trixie by firmware"), "{told:?}");
    for scenario in BIOS.into_iter().filter(|name| name.starts_with("trial-")) {
        assert!(
            has(scenario, "bookworm by firmware") && has(scenario, "not passed, back in bookworm"),
            "{told:?}"
        );
    }
}

#[test]
fn switches_under_uefi() {
    let checks = play("uefi", &UEFI);
    let told = told(&checks, "bookworm", "trixie");
    assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), UEFI.into_iter().collect());
}

#[test]
fn the_rpm_lab_is_tried_and_comes_back() {
    let checks = rpm_lab::checks(&arguments("bios", &RPM));
    let told = told(&checks, "el8", "el7");
    assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), RPM.into_iter().collect());
    let has = |scenario: &str, part: &str| told[scenario].iter().any(|detail| detail.contains(part));
    assert!(has("trial", "el7 by kexec") && has("trial", "el8 by kexec"), "{told:?}");
    assert!(has("trial-hang", "el8 by firmware") && has("trial-hang", "not passed, back in el8"), "{told:?}");
}

#[test]
fn every_scenario_has_its_place() {
    let all: BTreeSet<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    assert_eq!(BIOS.into_iter().chain(UEFI).chain(RPM).chain(BY_HAND).collect::<BTreeSet<_>>(), all);
}
