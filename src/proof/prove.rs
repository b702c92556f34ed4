//! The boot proof: every slot under every firmware, from power-on to a login, and by kexec from each slot into each other.
//!
//! Enters: an image and what its slots must turn out to be ([`Order`]). Leaves: a [`Verdict`]. Each slot is booted once
//! by the firmware; the last machine then goes on by kexec along a circuit that takes every ordered pair of slots once
//! ([`route`]). A machine that is lost on the way is booted again where the circuit goes on. What cannot be tried, because
//! a slot does not boot by itself, is in the verdict as unproven.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::boot::{self, AccelChoice, BootError, Entrance, Failure, Guest, Host, Outcome, Spec};
use super::console::Limits;
use super::jump::{self, JumpError};
use super::look::{self, Expected};
use super::menu::Entry;
use super::record::Recorder;
use super::route;
use super::session::{Session, SessionError};
use super::stall;
use super::verdict::{self, Check, State, Step, Subject, Verdict, Way};
use crate::base::event::{Event, NodeId, NodeReporter, Sink};
use crate::base::Bytes;
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

/// What is to be proven, and on which machine.
#[derive(Clone, Debug)]
pub struct Order {
    /// A raw disk image.
    pub image: PathBuf,
    pub slots: Vec<Proved>,
    pub firmware: Vec<Firmware>,
    pub accel: AccelChoice,
    pub memory: Bytes,
    /// For one boot, from its start to the login prompt.
    pub limits: Limits,
    pub way_in: WayIn,
    /// Whether the slots are also started out of each other.
    pub kexec: bool,
    /// Whether to stop at the first step that fails, with its machine running.
    pub keep: bool,
}

impl Order {
    /// How many steps it takes.
    pub fn steps(&self) -> usize {
        let slots = self.slots.len();
        let jumps = if self.kexec { slots * slots.saturating_sub(1) } else { 0 };
        self.firmware.len() * (slots + jumps)
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
/// A login's programs, emulated.
const LOGIN: Duration = Duration::from_secs(120);
/// Units that still start when the prompt is there.
const SETTLE: Duration = Duration::from_secs(300);

/// Proves `order`; each step's console goes through `recorder`.
pub async fn prove(
    host: &Host,
    order: &Order,
    recorder: &Recorder,
    sink: &Arc<dyn Sink>,
    cancel: &CancellationToken,
) -> Result<Proof, ProveError> {
    let start = Instant::now();
    sink.emit(Event::RunStarted { total: order.steps() });
    let mut prover = Prover {
        host,
        order,
        recorder,
        sink,
        cancel,
        accel: order.accel,
        verdict: Verdict::default(),
        machine: None,
        stopped: false,
    };
    let done = prover.run().await;
    sink.emit(Event::RunFinished { took: start.elapsed() });
    let kept = prover.machine.take();
    let mut verdict = prover.verdict;
    verdict.took = start.elapsed();
    done?;
    let kept = match kept {
        Some((_, guest)) if order.keep => Some(guest),
        Some((_, guest)) => {
            guest.stop().await?;
            None
        }
        None => None,
    };
    Ok(Proof { verdict, kept })
}

struct Prover<'a> {
    host: &'a Host,
    order: &'a Order,
    recorder: &'a Recorder,
    sink: &'a Arc<dyn Sink>,
    cancel: &'a CancellationToken,
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
        for &firmware in &self.order.firmware {
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
            if self.order.firmware.last() != Some(&firmware) {
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
            firmware,
            accel: self.accel,
            memory: self.order.memory,
            network: Some(Network::Isolated),
            entrance: self.order.way_in.entrance,
            ..Spec::new(&self.order.image)
        };
        let watcher = self.recorder.watcher();
        let sink: &dyn Sink = &**self.sink;
        let booted = boot::boot(self.host, &spec, self.order.limits, &watcher, sink, self.cancel).await?;
        self.accel = AccelChoice::Only(booted.0.accel);
        Ok(booted)
    }

    /// Walks the circuit of all jumps. `boots` says which slots can be left and come to.
    async fn jumps(&mut self, firmware: Firmware, boots: &[bool]) -> Result<(), ProveError> {
        let good: Vec<usize> = (0..boots.len()).filter(|slot| boots[*slot]).collect();
        let here = self.machine.as_ref().map(|(slot, _)| *slot);
        let start = good.iter().position(|slot| Some(*slot) == here).unwrap_or(0);
        let route: Vec<usize> =
            route::circuit(good.len(), start).into_iter().filter_map(|at| good.get(at).copied()).collect();
        for pair in route.windows(2) {
            self.jump(firmware, pair[0], pair[1]).await?;
            if self.stopped {
                return Ok(());
            }
        }
        let all = 0..boots.len();
        for (from, to) in all.clone().flat_map(|from| all.clone().map(move |to| (from, to))) {
            if from != to && !(boots[from] && boots[to]) {
                let bad = if boots[from] { to } else { from };
                self.unproven(firmware, from, to, bad)?;
            }
        }
        Ok(())
    }

    /// A jump that is not tried.
    fn unproven(&mut self, firmware: Firmware, from: usize, to: usize, bad: usize) -> Result<(), ProveError> {
        let way = Way::Kexec { from: self.name(from) };
        let mut open = self.enter(firmware, to, way);
        let detail = format!("not tried: slot `{}` did not come to a shell after its own boot", self.name(bad));
        open.checks.push(Check::new(Subject::Jump, State::Unproven, detail, Duration::ZERO));
        self.close(open, None);
        Ok(())
    }

    async fn jump(&mut self, firmware: Firmware, from: usize, to: usize) -> Result<(), ProveError> {
        let mut open = self.open(firmware, to, Way::Kexec { from: self.name(from) })?;
        if self.machine.as_ref().is_none_or(|(at, _)| *at != from) {
            self.end_machine().await?;
            let text = format!("booting {} again to jump out of it", self.name(from));
            self.sink.emit(Event::NodeStep { node: open.node, text });
            let (guest, outcome) = self.start(firmware, from).await?;
            self.machine = Some((from, guest));
            if let Outcome::Failed(failure) = outcome {
                let detail = format!("slot `{}` does not boot a second time: {}", self.name(from), failure.why);
                open.checks.push(Check::new(Subject::Jump, State::Unproven, detail, open.start.elapsed()));
                self.close(open, None);
                self.end_machine().await?;
                return Ok(());
            }
        }
        let (_, mut guest) = self.machine.take().expect("the machine of `from` runs or has just been booted");
        let accel = guest.accel;
        self.step(&open, &format!("loading the kernel of {}", self.name(to)));
        let loaded = self.load(&mut guest, to).await?;
        let took = open.start.elapsed();
        let lost = match loaded {
            Ok(()) => {
                self.step(&open, "jumping");
                guest.restart_clock();
                let outcome = guest.wait_login(self.order.limits, self.cancel).await?;
                let detail = "kexec, not the firmware".to_string();
                let jumped = !matches!(&outcome, Outcome::Failed(Failure { why: boot::Why::Exited { .. }, .. }));
                open.checks.push(match jumped {
                    true => Check::new(Subject::Jump, State::Passed, detail, took),
                    false => Check::new(
                        Subject::Jump,
                        State::Failed,
                        "the machine went through its firmware or off instead of into the loaded kernel",
                        took,
                    ),
                });
                !self.judge(&mut guest, outcome, &mut open).await?
            }
            Err(error) => {
                let state = match error {
                    JumpError::Without(_) => State::Unproven,
                    _ => State::Failed,
                };
                open.checks.push(Check::new(Subject::Jump, state, error.to_string(), took));
                self.machine = Some((from, guest));
                self.close(open, Some(accel));
                return Ok(());
            }
        };
        self.machine = Some((to, guest));
        self.close(open, Some(accel));
        if lost && !self.stopped {
            self.end_machine().await?;
        }
        Ok(())
    }

    /// Loads the kernel of slot `to` and leaves for it.
    async fn load(&self, guest: &mut Guest, to: usize) -> Result<Result<(), JumpError>, ProveError> {
        let slot = &self.order.slots[to];
        let port = self.order.way_in.entrance.map(|entrance| entrance.port);
        let mut session = match self.session(guest).await {
            Ok(Some(session)) => session,
            Ok(None) => return Ok(Err(JumpError::Without("there is no way in".to_string()))),
            Err(SessionError::Cancelled) => return Err(BootError::Cancelled.into()),
            Err(error) => return Ok(Err(error.into())),
        };
        let target = jump::Target { entry: &slot.entry, root: &slot.root, port };
        match jump::load(&mut session, &target).await {
            Err(JumpError::Session(SessionError::Cancelled)) => Err(BootError::Cancelled.into()),
            Ok(()) => {
                jump::leave(&session);
                Ok(Ok(()))
            }
            error => Ok(error),
        }
    }

    /// Checks a guest that came as far as `outcome`. Whether it can be gone on with.
    async fn judge(&self, guest: &mut Guest, outcome: Outcome, open: &mut Open) -> Result<bool, ProveError> {
        let took = match outcome {
            Outcome::Login { took } => took,
            Outcome::Failed(Failure { why, .. }) => {
                let lines = guest.console.tail(stall::REACH);
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

    /// A shell in the guest: ours, else one behind a login; none where neither answers.
    async fn session<'g>(&self, guest: &'g mut Guest) -> Result<Option<Session<'g>>, SessionError> {
        let Guest { console, control, .. } = guest;
        if let Some(control) = control {
            match Session::attach(control, SHELL, self.cancel).await {
                Ok(session) => return Ok(Some(session)),
                Err(error @ SessionError::Cancelled) => return Err(error),
                Err(_) => {}
            }
        }
        match &self.order.way_in.login {
            Some((user, password)) => Session::login(console, user, password, LOGIN, self.cancel).await.map(Some),
            None => Ok(None),
        }
    }

    fn name(&self, slot: usize) -> String {
        self.order.slots[slot].entry.id.clone()
    }

    /// Begins a step with a log of its own.
    fn open(&self, firmware: Firmware, slot: usize, way: Way) -> Result<Open, ProveError> {
        let mut open = self.enter(firmware, slot, way);
        let name = format!("{}.log", verdict::label(firmware, &self.name(slot), &open.way).replace(' ', "-"));
        let reporter = NodeReporter::new(open.node, self.sink.clone());
        let log = self
            .recorder
            .turn(&name, reporter)
            .map_err(|source| ProveError::Log { path: PathBuf::from(&name), source })?;
        open.log = Some(log);
        Ok(open)
    }

    fn enter(&self, firmware: Firmware, slot: usize, way: Way) -> Open {
        let node = NodeId(self.verdict.steps.len());
        let label = verdict::label(firmware, &self.name(slot), &way);
        self.sink.emit(Event::NodeStarted { node, label, why: String::new() });
        let start = Instant::now();
        Open { node, firmware, slot, way, start, log: None, checks: Vec::new(), stall: None }
    }

    fn step(&self, open: &Open, text: &str) {
        self.sink.emit(Event::NodeStep { node: open.node, text: text.to_string() });
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
        let (node, label, took) = (open.node, step.label(), step.took);
        self.sink.emit(match step.state() {
            State::Failed => Event::NodeFailed { node, label },
            _ => Event::NodeFinished { node, label, took },
        });
        self.stopped |= self.order.keep && step.state() == State::Failed;
        self.verdict.steps.push(step);
    }
}

const NO_WAY_IN: &str = "tested to the login prompt only: the slot has no dracut and systemd to give a shell through, and \
                         no password was given";
