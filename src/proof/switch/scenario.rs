//! The ways in which going to another slot can end, each as a list of acts: what is done, and what must come of it.
//!
//! Two slots play: *here* is the manifest's default, where every scenario begins and which is the default at its end;
//! *there* is the other. Texts may hold `{here}` and `{there}`.

/// One of the two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Here,
    There,
}

/// How a machine comes to its next slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// By kexec, where both slots may be left and come to so; else through the firmware.
    Kexec,
    /// By firmware and GRUB.
    Firmware,
}

/// What is wrong with *there* from its next start on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It starts, and its health check fails.
    Sick,
    /// Its kernel panics before systemd has started the system.
    Panic,
    /// systemd runs and never gets through.
    Hang,
    /// Its kernel panics and stays there, whatever the command line says of panics.
    Dead,
}

/// When the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Now,
    /// As soon as the one write that makes *there* the default is on the disk; its records may be there or not.
    Commit,
}

/// What is done, or what must come to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Something is wrong with *there* from now on.
    Spoil(Fault),
    /// `osimg-switch` with these words, which leaves the slot that runs.
    Leave(&'static str, Route),
    /// `osimg-switch` with these words, which must end well.
    Run(&'static str),
    /// The console says this.
    Hear(&'static str),
    /// A login prompt comes, and this slot is behind it, come to in this way.
    Arrive(Role, Route),
    /// The slot's unit that checks its health is through.
    Settle,
    /// `osimg-switch status` has these lines, among others.
    State(&'static str),
    /// `osimg-switch history` ends with a line that has this.
    Noted(&'static str),
    /// `osimg-switch list` says this of *there*'s health.
    Health(&'static str),
    /// The power goes, and comes again.
    Power(Cut),
}

/// Without which a scenario says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// Slots that arm a hardware watchdog.
    Watchdog,
    /// Slots that hand over by kexec: what is noted of a hang differs.
    Kexec,
}

/// A story with a name.
#[derive(Debug, PartialEq, Eq)]
pub struct Scenario {
    /// In kebab-case, for the command line and for reports.
    pub name: &'static str,
    /// A sentence's part for people.
    pub about: &'static str,
    pub needs: Needs,
    pub acts: &'static [Act],
}

use Act::{Arrive, Health, Hear, Leave, Noted, Power, Run, Settle, Spoil, State};
use Role::{Here, There};
use Route::{Firmware, Kexec};

/// The state in which every scenario begins.
pub const REST: &str = "running={here} default={here} next= trial= jump=";

/// All of them, in the order in which they are played.
pub const SCENARIOS: [Scenario; 10] = [
    Scenario {
        name: "there-and-back",
        about: "there and back, and the default stays as it is",
        needs: Needs::Nothing,
        acts: &[
            Leave("to {there}", Kexec),
            Arrive(There, Kexec),
            Settle,
            State("running={there} default={here} next= trial= jump="),
            Leave("to {here}", Kexec),
            Arrive(Here, Kexec),
            Settle,
            State(REST),
        ],
    },
    Scenario {
        name: "trial",
        about: "a healthy slot becomes the default, and rollback goes back",
        needs: Needs::Nothing,
        acts: &[
            Leave("to {there} --trial", Kexec),
            Arrive(There, Kexec),
            Settle,
            State("running={there} default={there} trial= previous={here}"),
            Noted("{there} trial passed"),
            Health("good"),
            Leave("rollback", Kexec),
            Arrive(Here, Kexec),
            Settle,
            State(REST),
        ],
    },
    Scenario {
        name: "reboot",
        about: "the same through the firmware, for one boot only",
        needs: Needs::Nothing,
        acts: &[
            Leave("to {there} --reboot", Firmware),
            Arrive(There, Firmware),
            Settle,
            State("running={there} default={here} next= trial= jump="),
            Power(Cut::Now),
            Arrive(Here, Firmware),
            Settle,
            State(REST),
        ],
    },
    Scenario {
        name: "trial-unhealthy",
        about: "a slot whose health check fails gives way by itself",
        needs: Needs::Nothing,
        acts: &[
            Spoil(Fault::Sick),
            Leave("to {there} --trial --tries 1", Kexec),
            Arrive(There, Kexec),
            State("running={there} default={here} trial={there} trial_from={here}"),
            Arrive(Here, Firmware),
            Settle,
            State(REST),
            Noted("{there} trial over: not passed, back in {here}"),
            Health("bad"),
        ],
    },
    Scenario {
        name: "trial-panic",
        about: "a slot whose kernel panics has its tries, then the one before boots",
        needs: Needs::Nothing,
        acts: &[
            Spoil(Fault::Panic),
            Leave("to {there} --trial --tries 2", Kexec),
            Hear("Kernel panic - not syncing"),
            Hear("Kernel panic - not syncing"),
            Arrive(Here, Firmware),
            Settle,
            State(REST),
            Noted("{there} trial over: not passed, back in {here}"),
            Health("bad"),
        ],
    },
    Scenario {
        name: "trial-hang",
        about: "a slot that never comes up is rebooted, and the one before boots",
        needs: Needs::Nothing,
        acts: &[
            Spoil(Fault::Hang),
            Leave("to {there} --trial --tries 1", Kexec),
            Arrive(Here, Firmware),
            Settle,
            State(REST),
            Noted("{there} trial over: not passed, back in {here}"),
            Health("bad"),
        ],
    },
    Scenario {
        name: "trial-watchdog",
        about: "a kernel that stops without a word is reset by the hardware watchdog",
        needs: Needs::Watchdog,
        acts: &[
            Spoil(Fault::Dead),
            Leave("to {there} --trial --tries 1", Kexec),
            Hear("end Kernel panic"),
            Arrive(Here, Firmware),
            Settle,
            State(REST),
            Noted("{there} trial over: not passed, back in {here}"),
        ],
    },
    Scenario {
        name: "cut-in-trial",
        about: "a power cut before the verdict: the slot before boots",
        needs: Needs::Nothing,
        acts: &[
            Spoil(Fault::Sick),
            Leave("to {there} --trial --tries 1", Kexec),
            Arrive(There, Kexec),
            Power(Cut::Now),
            Arrive(Here, Firmware),
            Settle,
            State(REST),
            Noted("{there} trial over: not passed, back in {here}"),
        ],
    },
    Scenario {
        name: "cut-in-commit",
        about: "a power cut within the commit: the new default boots, and it can be taken back",
        needs: Needs::Nothing,
        acts: &[
            Spoil(Fault::Sick),
            Leave("to {there} --trial --tries 1", Kexec),
            Arrive(There, Kexec),
            Power(Cut::Commit),
            Arrive(There, Firmware),
            Settle,
            State("running={there} default={there} next= trial= previous={here} jump="),
            Run("set-default {here}"),
            State("running={there} default={here} previous={there}"),
            Leave("to {here}", Kexec),
            Arrive(Here, Kexec),
            Settle,
            State(REST),
        ],
    },
    Scenario {
        name: "hang",
        about: "a slot that hangs without a trial: after a reset by hand the old one boots",
        needs: Needs::Kexec,
        acts: &[
            Spoil(Fault::Dead),
            Leave("to {there}", Kexec),
            Hear("end Kernel panic"),
            Power(Cut::Now),
            Arrive(Here, Firmware),
            Settle,
            State(REST),
            Noted("{there} did not start: back in {here}"),
            Health("bad"),
        ],
    },
];

/// The scenario of that name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_story_begins_and_ends_here() {
        for scenario in &SCENARIOS {
            assert_eq!(named(scenario.name), Some(scenario), "names are different");
            let mut at = Here;
            for act in scenario.acts {
                match act {
                    Arrive(role, _) => at = *role,
                    // faults are written into a filesystem that nobody runs from
                    Spoil(_) => assert_eq!(at, Here, "{}", scenario.name),
                    _ => {}
                }
            }
            assert_eq!(at, Here, "{}", scenario.name);
            let last = scenario.acts.iter().rfind(|act| matches!(act, State(_)));
            assert_eq!(last, Some(&State(REST)), "{}", scenario.name);
        }
    }

    #[test]
    fn every_end_of_a_trial_is_played() {
        let all = || SCENARIOS.iter().flat_map(|s| s.acts);
        for fault in [Fault::Sick, Fault::Panic, Fault::Hang, Fault::Dead] {
            assert!(all().any(|act| *act == Spoil(fault)), "{fault:?}");
        }
        for cut in [Cut::Now, Cut::Commit] {
            assert!(all().any(|act| *act == Power(cut)), "{cut:?}");
        }
    }
}
