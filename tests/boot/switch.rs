//! osimg-switch on whole systems: `osimg test --switch` of the Debian example, one slot with kexec-tools' init script and
//! one without, with a hardware watchdog.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use osimg::proof::switch::scenario::SCENARIOS;
use serde_json::Value;

use crate::debian_dual::dual;

/// The checks of each scenario, in their order.
fn told(checks: &[Value]) -> BTreeMap<&str, Vec<&str>> {
    let mut out: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for check in checks {
        let word = |key: &str| check[key].as_str().unwrap_or_else(|| panic!("{key}: {check}"));
        assert_eq!((word("from"), word("slot")), ("bookworm", "trixie"));
        out.entry(word("scenario")).or_default().push(word("detail"));
    }
    out
}

/// Plays scenarios; gives all that is told of them. Two machines may run at once: one of these, and one that holds [`crate::ONE`].
fn play(firmware: &str, names: &[&str]) -> Vec<Value> {
    static OWN: Mutex<()> = Mutex::new(());
    let example = &dual().with_watchdog;
    let _own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut arguments = vec!["--switch", "--firmware", firmware];
    arguments.extend(names.iter().flat_map(|name| ["--scenario", *name]));
    example.checks(&arguments)
}

const BIOS: [&str; 7] =
    ["trial", "trial-unhealthy", "trial-panic", "trial-hang", "trial-watchdog", "cut-in-commit", "hang"];
/// What differs here: kexec out of a kernel that firmware handed its services, and GRUB's writing to the boot partition.
const UEFI: [&str; 5] = ["there-and-back", "reboot", "trial-panic", "cut-in-trial", "cut-in-commit"];

#[test]
fn trials_end_as_they_should_under_bios() {
    let checks = play("bios", &BIOS);
    let told = told(&checks);
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
fn switches_and_power_cuts_under_uefi() {
    let checks = play("uefi", &UEFI);
    let told = told(&checks);
    assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), UEFI.into_iter().collect());
}

#[test]
fn every_scenario_is_played_under_some_firmware() {
    let all: BTreeSet<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    assert_eq!(BIOS.into_iter().chain(UEFI).collect::<BTreeSet<_>>(), all);
}
