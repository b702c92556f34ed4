//! The proof of osimg-switch: every way in which going to another slot can end, played on a machine in QEMU.
//!
//! Enters: an image, its slots and what the manifest says of switching ([`Order`]). Leaves: a [`Verdict`] with a step per
//! firmware, other slot and [`scenario`]. One machine goes from scenario to scenario as long as all goes well; after a
//! failure the next one begins on a new machine. What the slots get for it lies in the overlay only ([`stage`]).

mod play;
mod power;
pub mod scenario;
mod stage;
mod words;

use std::time::{Duration, Instant};

use self::play::{Machine, Trouble};
use self::scenario::{Needs, Scenario};
use super::boot::{AccelChoice, Entrance, Guest};
use super::host_fault::TRIES;
use super::lab::Lab;
use super::prove::{Proof, ProveError, Proved, Rig};
use super::verdict::{self, Check, State, Step, Subject, Verdict, Way};
use crate::base::event::{Event, NodeId, NodeReporter};
use crate::front::model::Firmware;

/// A slot, and whether it may be left and come to by kexec.
#[derive(Clone, Debug)]
pub struct Player {
    pub proved: Proved,
    pub kexec: bool,
}

/// What is to be proven.
#[derive(Clone, Debug)]
pub struct Order {
    pub rig: Rig,
    /// The manifest's default, where every scenario begins.
    pub here: Player,
    /// The slots to go to.
    pub others: Vec<Player>,
    pub entrance: Entrance,
    /// The time that a trial has by the manifest. Where a boot is fast the test gives less, to wait less.
    pub window: Duration,
    /// Whether the slots arm a hardware watchdog.
    pub watchdog: bool,
    pub scenarios: Vec<&'static Scenario>,
}

impl Order {
    /// How many steps it takes.
    pub fn steps(&self) -> usize {
        self.rig.firmware.len() * self.others.len() * self.scenarios.len()
    }
}

/// Proves `order`.
pub async fn prove(lab: Lab<'_>, order: &Order) -> Result<Proof, ProveError> {
    let start = Instant::now();
    lab.sink.emit(Event::RunStarted { total: order.steps() });
    let mut prover = Prover { lab, order, accel: order.rig.accel, verdict: Verdict::default(), kept: None };
    let done = prover.run().await;
    lab.sink.emit(Event::RunFinished { took: start.elapsed() });
    let Prover { mut verdict, kept, .. } = prover;
    done?;
    verdict.took = start.elapsed();
    Ok(Proof { verdict, kept })
}

struct Prover<'a> {
    lab: Lab<'a>,
    order: &'a Order,
    /// What turned out to work.
    accel: AccelChoice,
    verdict: Verdict,
    /// The machine of the step that `keep` ended the proof with.
    kept: Option<Guest>,
}

/// Two slots under one firmware.
#[derive(Clone, Copy)]
struct Stage<'a> {
    firmware: Firmware,
    here: &'a Player,
    there: &'a Player,
}

impl Prover<'_> {
    async fn run(&mut self) -> Result<(), ProveError> {
        for &firmware in &self.order.rig.firmware {
            for there in &self.order.others {
                let stage = Stage { firmware, here: &self.order.here, there };
                let mut machine = None;
                for &scenario in &self.order.scenarios {
                    machine = self.step(stage, scenario, machine).await?;
                    if self.kept.is_some() {
                        return Ok(());
                    }
                }
                if let Some(machine) = machine {
                    machine.guest.stop().await?;
                }
            }
        }
        Ok(())
    }

    /// Plays a scenario, again where only this host was to blame, and gives the machine where it can be gone on with.
    async fn step(
        &mut self,
        stage: Stage<'_>,
        scenario: &'static Scenario,
        mut machine: Option<Machine>,
    ) -> Result<Option<Machine>, ProveError> {
        let from = stage.here.proved.entry.id.clone();
        let slot = stage.there.proved.entry.id.clone();
        let way = Way::Switch { from, scenario: scenario.name };
        let node = NodeId(self.verdict.steps.len());
        let label = verdict::label(stage.firmware, &slot, &way);
        self.lab.begun(node, label.clone(), scenario.about.to_string());
        let start = Instant::now();
        let mut step = Step {
            firmware: stage.firmware,
            slot,
            way,
            accel: None,
            checks: Vec::new(),
            stall: None,
            log: None,
            took: Duration::ZERO,
        };
        if let Some(detail) = self.out_of_reach(stage, scenario) {
            step.checks.push(Check::new(Subject::Switch, State::Unproven, detail, Duration::ZERO));
        } else {
            step.log = Some(self.lab.log(node, &label)?);
            machine = self.played(stage, scenario, machine, &mut step, &self.lab.reporter(node)).await?;
        }
        step.took = start.elapsed();
        self.lab.ended(node, &step);
        self.verdict.steps.push(step);
        Ok(machine)
    }

    /// Why a scenario cannot be played with these slots.
    fn out_of_reach(&self, stage: Stage<'_>, scenario: &Scenario) -> Option<String> {
        match scenario.needs {
            Needs::Watchdog if !self.order.watchdog => {
                Some("the manifest asks for no `boot.watchdog`".to_string())
            }
            Needs::Kexec if !(stage.here.kexec && stage.there.kexec) => {
                Some("the manifest says `kexec: never`".to_string())
            }
            _ => None,
        }
    }

    async fn played(
        &mut self,
        stage: Stage<'_>,
        scenario: &'static Scenario,
        mut machine: Option<Machine>,
        step: &mut Step,
        reporter: &NodeReporter,
    ) -> Result<Option<Machine>, ProveError> {
        for tries in (0..TRIES).rev() {
            let mut scene = play::Scene {
                lab: self.lab,
                order: self.order,
                accel: self.accel,
                stage,
                reporter,
                machine: machine.take(),
                checks: Vec::new(),
                stall: None,
            };
            let trouble = scene.play(scenario).await?;
            self.accel = scene.accel;
            step.accel = scene.machine.as_ref().map(|m| m.guest.accel);
            step.checks = scene.checks;
            step.stall = scene.stall;
            match (trouble, scene.machine) {
                (None, done) => return Ok(done),
                (Some(Trouble::Host), lost) if tries > 0 => {
                    if let Some(lost) = lost {
                        lost.guest.stop().await?;
                    }
                    self.lab.again();
                }
                (Some(_), Some(lost)) if self.order.rig.keep => {
                    self.kept = Some(lost.guest);
                    return Ok(None);
                }
                (Some(_), Some(lost)) => {
                    lost.guest.stop().await?;
                    return Ok(None);
                }
                (Some(_), None) => return Ok(None),
            }
        }
        Ok(None)
    }
}
