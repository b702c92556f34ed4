//! osimg-switch on whole systems: `osimg test --switch` of the Debian example, one slot with kexec-tools' init script and
//! one without, with a hardware watchdog.

use std::collections::BTreeMap;

use osimg::proof::switch::scenario::SCENARIOS;
use serde_json::Value;

use crate::ONE;
use crate::debian_dual::{Example, dual};

/// The example with a watchdog, applied. What the other example has built is in the cache.
fn example() -> Example {
    dual();
    let example = Example::copied("switch");
    example.edit("  timeout: 1s\n", "  timeout: 1s\n  watchdog: 30s\n");
    let _one = ONE.blocking_lock();
    example.apply(&[]);
    example
}

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

#[test]
fn every_end_comes_as_it_should_under_bios() {
    let example = example();
    let _one = ONE.blocking_lock();
    let checks = example.checks(&["--switch", "--firmware", "bios"]);
    let told = told(&checks);
    assert_eq!(told.len(), SCENARIOS.len(), "{told:?}");
    let has = |scenario: &str, part: &str| told[scenario].iter().any(|detail| detail.contains(part));
    assert!(
        has("there-and-back", "trixie by kexec") && has("there-and-back", "bookworm by kexec"),
        "{told:?}"
    );
    assert!(has("cut-in-commit", "trixie by firmware"), "{told:?}");
    for scenario in SCENARIOS.iter().map(|s| s.name).filter(|name| name.starts_with("trial-")) {
        assert!(
            has(scenario, "bookworm by firmware") && has(scenario, "not passed, back in bookworm"),
            "{told:?}"
        );
    }
}

/// What differs there: kexec out of a kernel that firmware handed its services, and GRUB's writing to the boot partition.
#[test]
fn kexec_panic_and_commit_under_uefi() {
    let example = example();
    let _one = ONE.blocking_lock();
    let names = ["there-and-back", "trial-panic", "cut-in-commit"];
    let mut arguments = vec!["--switch", "--firmware", "uefi"];
    arguments.extend(names.iter().flat_map(|name| ["--scenario", *name]));
    let checks = example.checks(&arguments);
    let told = told(&checks);
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), ["cut-in-commit", "there-and-back", "trial-panic"]);
}
