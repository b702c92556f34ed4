//! The boot proof: every slot under every firmware, from power-on to a login, and by kexec from each slot into each other.
//!
//! Enters: an image and what its slots must turn out to be ([`Order`]). Leaves: a [`Verdict`]. Each slot is booted once
//! by the firmware; the last machine then goes on by kexec along a circuit that takes every ordered pair of slots once
//! ([`route`]). A machine that is lost on the way is booted again where the circuit goes on. What cannot be tried, because
//! a slot does not boot by itself, is in the verdict as unproven.

mod jumps;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::boot::{self, AccelChoice, BootError, Entrance, Failure, Guest, Outcome, Spec, Why};
use super::console::Limits;
use super::lab::Lab;
use super::look::{self, Expected};
use super::menu::Entry;
use super::session::{Session, SessionError};
use super::stall;
use super::verdict::{self, Check, State, Step, Subject, Verdict, Way};
use crate::base::Bytes;
use crate::base::event::{Event, NodeId};
use crate::front::model::Firmware;
use crate::host::qemu::Network;

/// One slot as the image has it.
#[derive(Clone, Debug)]
pub struct Proved {
    pub entry: Entry,
    /// The root filesystem's UUID.
    pub root: String,
}

/// How to get behind the login prompt.
#[derive(Clone, Debug, Default)]
pub struct WayIn {
    /// A shell of our own; see [`super::entrance`].
    pub entrance: Option<Entrance>,
    /// A user and a password, where there is no such shell.
    pub login: Option<(String, String)>,
}

impl WayIn {
    fn is_none(&self) -> bool {
        self.entrance.is_none() && self.login.is_none()
    }
}

/// An image, and the machines that it is tried on.
#[derive(Clone, Debug)]
pub struct Rig {
    /// A raw disk image.
    pub image: PathBuf,
    pub firmware: Vec<Firmware>,
    pub accel: AccelChoice,
    pub memory: Bytes,
    /// For one boot, from its start to the login prompt.
    pub limits: Limits,
    /// Whether to stop at the first step that fails, with its machine running.
    pub keep: bool,
}

impl Rig {
    /// A machine of it.
    pub fn spec(&self, firmware: Firmware, accel: AccelChoice) -> Spec {
        let network = Some(Network::Isolated);
        Spec { firmware, accel, memory: self.memory, network, ..Spec::new(&self.image) }
    }
}

/// What is to be proven.
#[derive(Clone, Debug)]
pub struct Order {
    pub rig: Rig,
    pub slots: Vec<Proved>,
    pub way_in: WayIn,
    /// Whether the slots are also started out of each other.
    pub kexec: bool,
}

impl Order {
    /// How many steps it takes.
    pub fn steps(&self) -> usize {
        let slots = self.slots.len();
        let jumps = if self.kexec { slots * slots.saturating_sub(1) } else { 0 };
        self.rig.firmware.len() * (slots + jumps)
    }
}

/// Why a proof could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error("the log `{path}` cannot be written: {source}")]
    Log { path: PathBuf, source: io::Error },
}

/// What came of it, and the machine that `keep` asked for.
pub struct Proof {
    pub verdict: Verdict,
    pub kept: Option<Guest>,
}

/// How long the shell may take once there is a login prompt: it is there before the prompt where it comes at all.
const SHELL: Duration = Duration::from_secs(40);
/// For each word with a system that may be stuck.
const HEARD: Duration = Duration::from_secs(15);
/// What is asked of it.
const EVIDENCE: [(&str, &str); 4] = [
    ("systemd is", "systemctl is-system-running"),
    ("serial-getty@ttyS0.service is", "systemctl is-enabled serial-getty@ttyS0.service"),
    ("failed", "systemctl --failed --no-legend --no-pager | head -n 10"),
    ("waiting", "systemctl list-jobs --no-legend --no-pager | head -n 10"),
];
/// A login's programs, emulated.
const LOGIN: Duration = Duration::from_secs(120);
/// Units that still start when the prompt is there.
const SETTLE: Duration = Duration::from_secs(300);

/// Proves `order`.
pub async fn prove(lab: Lab<'_>, order: &Order) -> Result<Proof, ProveError> {
    let start = Instant::now();
    lab.sink.emit(Event::RunStarted { total: order.steps() });
    let mut prover = Prover {
        lab,
        order,
        accel: order.rig.accel,
        verdict: Verdict::default(),
        machine: None,
        stopped: false,
    };
    let done = prover.run().await;
    lab.sink.emit(Event::RunFinished { took: start.elapsed() });
    let kept = prover.machine.take();
    let mut verdict = prover.verdict;
    verdict.took = start.elapsed();
    done?;
    let kept = match kept {
        Some((_, guest)) if order.rig.keep => Some(guest),
        Some((_, guest)) => {
            guest.stop().await?;
            None
        }
        None => None,
    };
    Ok(Proof { verdict, kept })
}

struct Prover<'a> {
    lab: Lab<'a>,
    order: &'a Order,
    /// What turned out to work.
    accel: AccelChoice,
    verdict: Verdict,
    /// The machine that runs, and the number of the slot in it.
    machine: Option<(usize, Guest)>,
    /// Whether `keep` ended the proof.
    stopped: bool,
}

/// A step under way.
struct Open {
    node: NodeId,
    firmware: Firmware,
    slot: usize,
    way: Way,
    start: Instant,
    log: Option<PathBuf>,
    checks: Vec<Check>,
    stall: Option<stall::Stall>,
}

impl Prover<'_> {
    async fn run(&mut self) -> Result<(), ProveError> {
        for &firmware in &self.order.rig.firmware {
            let mut boots = Vec::new();
            for slot in 0..self.order.slots.len() {
                self.end_machine().await?;
                boots.push(self.boot(firmware, slot).await?);
                if self.stopped {
                    return Ok(());
                }
            }
            if self.order.kexec {
                self.jumps(firmware, &boots).await?;
            }
            if self.stopped {
                return Ok(());
            }
            if self.order.rig.firmware.last() != Some(&firmware) {
                self.end_machine().await?;
            }
        }
        Ok(())
    }

    async fn end_machine(&mut self) -> Result<(), ProveError> {
        match self.machine.take() {
            Some((_, guest)) => Ok(guest.stop().await?),
            None => Ok(()),
        }
    }

    /// Boots a slot through the firmware and checks it. Whether jumps can start there.
    async fn boot(&mut self, firmware: Firmware, slot: usize) -> Result<bool, ProveError> {
        let mut open = self.open(firmware, slot, Way::Boot)?;
        let (mut guest, outcome) = self.start(firmware, slot).await?;
        let usable = self.judge(&mut guest, outcome, &mut open).await?;
        let accel = guest.accel;
        self.machine = Some((slot, guest));
        self.close(open, Some(accel));
        Ok(usable)
    }

    async fn start(&mut self, firmware: Firmware, slot: usize) -> Result<(Guest, Outcome), ProveError> {
        let spec = Spec {
            slot: Some(self.order.slots[slot].entry.id.clone()),
            entrance: self.order.way_in.entrance,
            ..self.order.rig.spec(firmware, self.accel)
        };
        let Lab { host, recorder, cancel, .. } = self.lab;
        let (limits, watcher) = (self.order.rig.limits, recorder.watcher());
        let booted = boot::boot(host, &spec, limits, &watcher, self.lab.sink(), cancel).await?;
        self.accel = AccelChoice::Only(booted.0.accel);
        Ok(booted)
    }

    /// Checks a guest that came as far as `outcome`. Whether it can be gone on with.
    async fn judge(&self, guest: &mut Guest, outcome: Outcome, open: &mut Open) -> Result<bool, ProveError> {
        let took = match outcome {
            Outcome::Login { took } => took,
            Outcome::Failed(Failure { why, .. }) => {
                let mut lines = guest.console.tail(stall::REACH);
                if may_answer(&why) {
                    lines.extend(self.evidence(guest).await?);
                }
                let stall = stall::explain(&why, &lines);
                let check = Check::new(Subject::Login, State::Failed, why.to_string(), open.start.elapsed());
                open.checks.push(check);
                open.stall = Some(stall);
                return Ok(false);
            }
        };
        open.checks.push(Check::new(Subject::Login, State::Passed, "login prompt", took));
        let slot = &self.order.slots[open.slot];
        let expected =
            Expected { release: slot.entry.release().map(str::to_string), root: slot.root.clone() };
        if self.order.way_in.is_none() {
            return Ok(false);
        }
        self.step(open, "logging in");
        let unproven = |detail: &str| {
            let rest = [Subject::Kernel, Subject::Root, Subject::Units];
            rest.map(|subject| Check::new(subject, State::Unproven, detail, Duration::ZERO))
        };
        let checks = match self.session(guest).await {
            Ok(Some(mut session)) => {
                self.step(open, "looking around");
                look::look(&mut session, &expected, SETTLE).await
            }
            Ok(None) => {
                open.checks.extend(unproven(NO_WAY_IN));
                return Ok(false);
            }
            Err(error) => Err(error),
        };
        match checks {
            Ok(checks) => {
                open.checks.extend(checks);
                Ok(true)
            }
            Err(SessionError::Cancelled) => Err(BootError::Cancelled.into()),
            Err(error) => {
                open.checks.extend(unproven(&error.to_string()));
                Ok(false)
            }
        }
    }

    /// What a system says of itself that came to no login prompt but to our shell; lines as of a console.
    async fn evidence(&self, guest: &mut Guest) -> Result<Vec<String>, ProveError> {
        let Some(control) = &mut guest.control else { return Ok(Vec::new()) };
        let mut out = Vec::new();
        let mut session = match Session::attach(control, HEARD, self.lab.cancel).await {
            Ok(session) => session,
            Err(SessionError::Cancelled) => return Err(BootError::Cancelled.into()),
            Err(_) => return Ok(out),
        };
        for (title, command) in EVIDENCE {
            match session.run(command, HEARD).await {
                Ok(answer) => {
                    out.extend(answer.text().lines().map(|line| format!("{title}: {}", line.trim())))
                }
                Err(SessionError::Cancelled) => return Err(BootError::Cancelled.into()),
                Err(_) => return Ok(out),
            }
        }
        Ok(out)
    }

    /// A shell in the guest: ours, else one behind a login; none where neither answers.
    async fn session<'g>(&self, guest: &'g mut Guest) -> Result<Option<Session<'g>>, SessionError> {
        let Guest { console, control, .. } = guest;
        if let Some(control) = control {
            match Session::attach(control, SHELL, self.lab.cancel).await {
                Ok(session) => return Ok(Some(session)),
                Err(error @ SessionError::Cancelled) => return Err(error),
                Err(_) => {}
            }
        }
        match &self.order.way_in.login {
            Some((user, password)) => {
                Session::login(console, user, password, LOGIN, self.lab.cancel).await.map(Some)
            }
            None => Ok(None),
        }
    }

    fn name(&self, slot: usize) -> String {
        self.order.slots[slot].entry.id.clone()
    }

    /// Begins a step with a log of its own.
    fn open(&self, firmware: Firmware, slot: usize, way: Way) -> Result<Open, ProveError> {
        let mut open = self.enter(firmware, slot, way);
        let label = verdict::label(firmware, &self.name(slot), &open.way);
        open.log = Some(self.lab.log(open.node, &label)?);
        Ok(open)
    }

    fn enter(&self, firmware: Firmware, slot: usize, way: Way) -> Open {
        let node = NodeId(self.verdict.steps.len());
        let label = verdict::label(firmware, &self.name(slot), &way);
        self.lab.begun(node, label, String::new());
        let start = Instant::now();
        Open { node, firmware, slot, way, start, log: None, checks: Vec::new(), stall: None }
    }

    fn step(&self, open: &Open, text: &str) {
        self.lab.reporter(open.node).step(text);
    }

    fn close(&mut self, open: Open, accel: Option<crate::host::qemu::Accel>) {
        let step = Step {
            firmware: open.firmware,
            slot: self.name(open.slot),
            way: open.way,
            accel,
            checks: open.checks,
            stall: open.stall,
            log: open.log,
            took: open.start.elapsed(),
        };
        self.lab.ended(open.node, &step);
        self.stopped |= self.order.rig.keep && step.state() == State::Failed;
        self.verdict.steps.push(step);
    }
}

/// Whether a system that came to no login prompt may still run.
fn may_answer(why: &Why) -> bool {
    match why {
        Why::Stalled { .. } | Why::TimedOut { .. } => true,
        Why::Panic { sign } => sign.starts_with("systemd went into "),
        Why::Exited { .. } => false,
    }
}

const NO_WAY_IN: &str = "tested to the login prompt only: the slot has no dracut and systemd to give a shell through, and \
                         no password was given";
