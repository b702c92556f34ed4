//! What a boot proof found: steps, each a way into a slot with its checks, as values for a table, JSON and JUnit.

use std::path::PathBuf;
use std::time::Duration;

use super::stall::Stall;
use crate::front::model::Firmware;
use crate::host::qemu::Accel;

/// What is checked, in the order of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The other kernel is loaded, and the machine goes to it without its firmware.
    Jump,
    /// The slot comes to its login prompt.
    Login,
    /// The kernel that the menu names runs.
    Kernel,
    /// The root filesystem is the slot's own.
    Root,
    /// systemd says that all its units are well.
    Units,
    /// osimg-switch does what it is told, and the machine leaves in the way that it should.
    Switch,
    /// The right slot comes up, and by the right way.
    Arrival,
    /// osimg-switch says of the slots what has come to pass.
    State,
}

impl Subject {
    /// The word of every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Subject::Jump => "jump",
            Subject::Login => "login",
            Subject::Kernel => "kernel",
            Subject::Root => "root",
            Subject::Units => "units",
            Subject::Switch => "switch",
            Subject::Arrival => "arrival",
            Subject::State => "state",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Passed,
    Failed,
    /// It could not be made; the detail says why. Not a success.
    Unproven,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Passed => "passed",
            State::Failed => "failed",
            State::Unproven => "unproven",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub subject: Subject,
    pub state: State,
    /// What was found: a version, a UUID, units; or why not.
    pub detail: String,
    pub took: Duration,
}

impl Check {
    pub fn new(subject: Subject, state: State, detail: impl Into<String>, took: Duration) -> Check {
        Check { subject, state, detail: detail.into(), took }
    }
}

/// How a slot was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By firmware and GRUB.
    Boot,
    /// By kexec out of another slot.
    Kexec { from: String },
    /// By osimg-switch out of another slot, in a scenario of [`super::switch`].
    Switch { from: String, scenario: &'static str },
}

/// A slot started once and looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub firmware: Firmware,
    pub slot: String,
    pub way: Way,
    /// What ran the machine; nothing when none was started.
    pub accel: Option<Accel>,
    pub checks: Vec<Check>,
    /// Why there was no login prompt, where that is known, and the console's end.
    pub stall: Option<Stall>,
    /// What the console said.
    pub log: Option<PathBuf>,
    pub took: Duration,
}

impl Step {
    /// How people call it: `bios trixie`, `bios bookworm to trixie`.
    pub fn label(&self) -> String {
        label(self.firmware, &self.slot, &self.way)
    }

    /// The worst of its checks.
    pub fn state(&self) -> State {
        let has = |state| self.checks.iter().any(|c| c.state == state);
        match (has(State::Failed), has(State::Unproven)) {
            (true, _) => State::Failed,
            (_, true) => State::Unproven,
            _ => State::Passed,
        }
    }

    /// Why it stopped, where `check` is the one that says that it did.
    pub fn stall_of(&self, check: &Check) -> Option<&Stall> {
        let stopped = matches!(check.subject, Subject::Login | Subject::Arrival);
        self.stall.as_ref().filter(|_| stopped && check.state == State::Failed)
    }

    pub fn check(&self, subject: Subject) -> Option<&Check> {
        self.checks.iter().find(|c| c.subject == subject)
    }
}

/// How people call a step.
pub fn label(firmware: Firmware, slot: &str, way: &Way) -> String {
    match way {
        Way::Boot => format!("{} {slot}", firmware.as_str()),
        Way::Kexec { from } => format!("{} {from} to {slot}", firmware.as_str()),
        Way::Switch { from, scenario } => format!("{} {scenario} {from} to {slot}", firmware.as_str()),
    }
}

/// All steps in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub steps: Vec<Step>,
    pub took: Duration,
}

impl Verdict {
    /// How many checks ended so.
    pub fn count(&self, state: State) -> usize {
        self.steps.iter().flat_map(|s| &s.checks).filter(|c| c.state == state).count()
    }

    /// Whether every check passed.
    pub fn is_proven(&self) -> bool {
        self.count(State::Passed) > 0 && self.steps.iter().all(|s| s.state() == State::Passed)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A verdict with something of everything.
    pub fn sample() -> Verdict {
        let check =
            |subject, state, detail: &str, ms| Check::new(subject, state, detail, Duration::from_millis(ms));
        let step = |firmware, slot: &str, way, checks| Step {
            firmware,
            slot: slot.to_string(),
            way,
            accel: Some(Accel::Tcg),
            checks,
            stall: None,
            log: Some(PathBuf::from(format!("/srv/dual.proof/{slot}.log"))),
            took: Duration::from_secs(70),
        };
        let good = |login| {
            vec![
                check(Subject::Login, State::Passed, "login prompt", login),
                check(Subject::Kernel, State::Passed, "6.1.0-56-amd64", 200),
                check(Subject::Root, State::Passed, "9d48e935-26b5-5062-ac73-f3755655ba30", 100),
                check(Subject::Units, State::Passed, "running", 4200),
            ]
        };
        let mut bad = step(
            Firmware::Bios,
            "trixie",
            Way::Boot,
            vec![check(
                Subject::Login,
                State::Failed,
                "the kernel panicked <\"no\" & \u{1b}[31mred>",
                12_000,
            )],
        );
        let why = super::super::boot::Why::Panic { sign: "the kernel panicked" };
        let console =
            ["Run /nope as init process", "Kernel panic - not syncing: Requested init /nope failed <\u{7}>"];
        bad.stall = Some(super::super::stall::explain(&why, &console.map(String::from)));
        let mut degraded = good(41_200);
        degraded[3] = check(Subject::Units, State::Failed, "degraded: a.service, b.mount", 9_000);
        let mut jump = good(30_000);
        jump.insert(0, check(Subject::Jump, State::Passed, "kexec", 8_000));
        let unproven = vec![check(
            Subject::Jump,
            State::Unproven,
            "slot `trixie` does not boot, so no jump leaves it",
            0,
        )];
        let from = |from: &str| Way::Kexec { from: from.to_string() };
        let mut missing = step(Firmware::Uefi, "bookworm", from("trixie"), unproven);
        (missing.accel, missing.log) = (None, None);
        Verdict {
            steps: vec![
                step(Firmware::Bios, "bookworm", Way::Boot, good(41_200)),
                bad,
                step(Firmware::Bios, "trixie", from("bookworm"), jump),
                step(Firmware::Uefi, "bookworm", Way::Boot, degraded),
                missing,
            ],
            took: Duration::from_secs(372),
        }
    }

    /// Two scenarios of osimg-switch, of which one failed.
    pub fn scenarios() -> Verdict {
        let step = |scenario, last| Step {
            firmware: Firmware::Uefi,
            slot: "trixie".to_string(),
            way: Way::Switch { from: "bookworm".to_string(), scenario },
            accel: Some(Accel::Tcg),
            checks: vec![
                Check::new(Subject::Switch, State::Passed, "to trixie --trial", Duration::from_secs(9)),
                last,
            ],
            stall: None,
            log: Some(PathBuf::from(format!("/srv/dual.proof/{scenario}.log"))),
            took: Duration::from_secs(81),
        };
        let arrival = |state, detail| Check::new(Subject::Arrival, state, detail, Duration::from_secs(70));
        Verdict {
            steps: vec![
                step("trial", arrival(State::Passed, "trixie by kexec in 34 s")),
                step(
                    "trial-panic",
                    arrival(State::Failed, "trixie by firmware in 40 s, not bookworm by firmware"),
                ),
            ],
            took: Duration::from_secs(162),
        }
    }

    #[test]
    fn a_proof_has_no_gap() {
        let verdict = sample();
        assert!(!verdict.is_proven());
        let states: Vec<State> = verdict.steps.iter().map(Step::state).collect();
        assert_eq!(states, [State::Passed, State::Failed, State::Passed, State::Failed, State::Unproven]);
        let whole = Verdict { steps: vec![verdict.steps[0].clone()], ..verdict.clone() };
        assert!(whole.is_proven());
        let open = Verdict { steps: vec![verdict.steps[4].clone()], ..verdict };
        assert!(!open.is_proven() && !Verdict::default().is_proven());
    }
}
