//! A scenario on a machine: each act is done or waited for, and what it shows becomes a check.

use std::time::{Duration, Instant};

use super::scenario::{Act, Cut, Role, Route, Scenario};
use super::words::{self, way};
use super::{Order, Player, Stage, stage};
use crate::base::{Bytes, NodeReporter};
use crate::proof::boot::{self, BootError, Failure, Guest, Outcome, is_login_prompt};
use crate::proof::console::{Limits, Pattern, Waited};
use crate::proof::host_fault::is_hosts_fault_line;
use crate::proof::lab::Lab;
use crate::proof::session::{Session, SessionError};
use crate::proof::stall;
use crate::proof::verdict::{Check, State, Subject};

/// How long the shell may take once there is a login prompt.
const SHELL: Duration = Duration::from_secs(90);
/// For a command, emulated: loading a kernel is the longest.
pub(super) const COMMAND: Duration = Duration::from_secs(180);
/// For the services of a slot to stop.
const DOWN: Duration = Duration::from_secs(240);
/// Between two looks at a unit.
const PAUSE: Duration = Duration::from_secs(1);
/// What an orderly and a forced reboot take beyond a trial's time (templates/osimg-switch.j2, `deadline`).
const AFTER_WINDOW: Duration = Duration::from_secs(180);
/// The number that kexec has as a boot loader, in the upper four bits (Documentation/arch/x86/boot.rst, `type_of_loader`).
const KEXEC_LOADER: u32 = 0xd;

/// A machine with its slots furnished.
pub struct Machine {
    pub guest: Guest,
    /// Where GRUB's environment block is on its disk.
    pub(super) environment: Bytes,
    /// The time that a trial has.
    pub(super) window: Duration,
}

/// Why a scenario did not come to its end.
pub enum Trouble {
    /// A check says it.
    Told,
    /// This host had no time for the machine.
    Host,
}

/// What an act came to: a sentence's part either way.
pub(super) type Done = Result<String, Bad>;

pub(super) enum Bad {
    Failed(String),
    Unproven(String),
    Fatal(BootError),
}

impl From<BootError> for Bad {
    fn from(error: BootError) -> Bad {
        Bad::Fatal(error)
    }
}

impl From<SessionError> for Bad {
    fn from(error: SessionError) -> Bad {
        match error {
            SessionError::Cancelled => Bad::Fatal(BootError::Cancelled),
            error => Bad::Failed(error.to_string()),
        }
    }
}

pub(super) fn failed<T>(text: impl Into<String>) -> Result<T, Bad> {
    Err(Bad::Failed(text.into()))
}

/// What a scenario is played with, and what came of it.
pub struct Scene<'a> {
    pub lab: Lab<'a>,
    pub order: &'a Order,
    pub accel: boot::AccelChoice,
    pub stage: Stage<'a>,
    pub reporter: &'a NodeReporter,
    pub machine: Option<Machine>,
    pub checks: Vec<Check>,
    pub stall: Option<stall::Stall>,
}

impl Scene<'_> {
    /// Plays all acts, up to the first that does not go as it should.
    pub async fn play(&mut self, scenario: &Scenario) -> Result<Option<Trouble>, BootError> {
        let start = Instant::now();
        if self.machine.is_none()
            && let Err(bad) = self.set_up().await
        {
            return self.ended(Subject::Arrival, bad, start).map(Some);
        }
        let spoiled = scenario.acts.iter().any(|act| matches!(act, Act::Spoil(_)));
        // whatever an earlier one has left
        if let Err(bad) = self.commands(stage::spoil(&self.stage.there.proved.root, None)).await {
            return self.ended(Subject::Switch, bad, start).map(Some);
        }
        for act in scenario.acts {
            let start = Instant::now();
            self.reporter.step(self.described(act));
            let subject = subject(act);
            match (self.act(act, spoiled).await, subject) {
                (Ok(detail), Some(subject)) => {
                    self.checks.push(Check::new(subject, State::Passed, detail, start.elapsed()));
                }
                (Ok(_), None) => {}
                (Err(bad), subject) => {
                    return self.ended(subject.unwrap_or(Subject::Switch), bad, start).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn ended(&mut self, subject: Subject, bad: Bad, start: Instant) -> Result<Trouble, BootError> {
        let (state, detail) = match bad {
            Bad::Fatal(error) => return Err(error),
            Bad::Failed(detail) => (State::Failed, detail),
            Bad::Unproven(detail) => (State::Unproven, detail),
        };
        self.reporter.output(format!("{} {}: {detail}", subject.as_str(), state.as_str()));
        self.checks.push(Check::new(subject, state, detail, start.elapsed()));
        let hosts = self.machine.as_ref().is_some_and(|Machine { guest, .. }| {
            let lines = guest.console.tail(stall::REACH);
            lines.iter().any(|line| is_hosts_fault_line(line, guest.accel))
        });
        Ok(if hosts { Trouble::Host } else { Trouble::Told })
    }

    /// An act in the words of a progress line.
    fn described(&self, act: &Act) -> String {
        match act {
            Act::Spoil(_) => self.text("preparing {there}"),
            Act::Leave(words, _) | Act::Run(words) => format!("osimg-switch {}", self.text(words)),
            Act::Hear(text) => format!("waiting for `{text}`"),
            Act::Arrive(role, _) => format!("waiting for {}", self.name(*role)),
            Act::Settle => "waiting for its health check".to_string(),
            Act::State(_) | Act::Noted(_) | Act::Health(_) => "asking osimg-switch".to_string(),
            Act::Power(Cut::Now) => "cutting the power".to_string(),
            Act::Power(Cut::Commit) => "cutting the power at the commit".to_string(),
        }
    }

    fn player(&self, role: Role) -> &Player {
        match role {
            Role::Here => self.stage.here,
            Role::There => self.stage.there,
        }
    }

    pub(super) fn name(&self, role: Role) -> &str {
        &self.player(role).proved.entry.id
    }

    /// A scenario's text with the slots' names.
    pub(super) fn text(&self, text: &str) -> String {
        text.replace("{here}", self.name(Role::Here)).replace("{there}", self.name(Role::There))
    }

    /// By kexec, where the manifest lets both slots do so.
    fn route(&self, route: Route) -> Route {
        match route {
            Route::Kexec if self.stage.here.kexec && self.stage.there.kexec => Route::Kexec,
            _ => Route::Firmware,
        }
    }

    pub(super) fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().expect("a scenario begins with a machine, and a power cut gives it back")
    }

    async fn act(&mut self, act: &Act, spoiled: bool) -> Done {
        match act {
            Act::Spoil(fault) => {
                let commands = stage::spoil(&self.stage.there.proved.root, Some(*fault));
                self.commands(commands).await
            }
            Act::Leave(words, route) => {
                let command = self.text(words);
                self.leave(&command, self.route(*route)).await
            }
            Act::Run(words) => {
                let words = self.text(words);
                self.commands(vec![format!("osimg-switch {words}")]).await?;
                Ok(words)
            }
            Act::Hear(text) => self.hear(text).await,
            Act::Arrive(role, route) => self.arrive(*role, self.route(*route), spoiled).await,
            Act::Settle => self.settle().await,
            Act::State(wanted) => {
                let wanted = self.text(wanted);
                let status = self.ask("osimg-switch status").await?;
                words::held(&status, &wanted).map_err(Bad::Failed)
            }
            Act::Noted(wanted) => {
                let wanted = self.text(wanted);
                let last = self.ask("osimg-switch history | tail -n 1").await?;
                if last.contains(&wanted) {
                    Ok(wanted)
                } else {
                    failed(format!("noted is `{last}`, not `{wanted}`"))
                }
            }
            Act::Health(wanted) => {
                let list = self.ask("osimg-switch list").await?;
                let found = words::health(&list, self.name(Role::There));
                let text = format!("{} is {}", self.name(Role::There), found.unwrap_or("unknown"));
                if found == Some(wanted) { Ok(text) } else { failed(format!("{text}, not {wanted}")) }
            }
            Act::Power(Cut::Now) => {
                let machine = self.machine.take().expect("a scenario begins with a machine");
                self.power_cycle(machine).await
            }
            Act::Power(Cut::Commit) => self.cut_at_commit().await,
        }
    }

    pub(super) async fn session(&mut self) -> Result<Session<'_>, Bad> {
        let cancel = self.lab.cancel;
        match &mut self.machine().guest.control {
            Some(control) => Ok(Session::attach(control, SHELL, cancel).await?),
            None => failed("the machine has no second serial port"),
        }
    }

    /// Runs commands, which must all end well.
    pub(super) async fn commands(&mut self, commands: Vec<String>) -> Done {
        let mut session = self.session().await?;
        for command in commands {
            let answer = session.run(&command, COMMAND).await?;
            if answer.status != 0 {
                return failed(format!("`{command}` ended with {}: {}", answer.status, answer.text()));
            }
        }
        Ok(String::new())
    }

    pub(super) async fn ask(&mut self, command: &str) -> Result<String, Bad> {
        let answer = self.session().await?.run(command, COMMAND).await?;
        match answer.status {
            // the blanks that a line begins with mean something in a list
            0 => Ok(String::from_utf8_lossy(&answer.output).trim_end().to_string()),
            status => failed(format!("`{command}` ended with {status}: {}", answer.text())),
        }
    }

    /// Has osimg-switch leave the slot. By which way it was left, the next slot tells ([`Scene::arrive`]).
    async fn leave(&mut self, command: &str, route: Route) -> Done {
        let more = if route == Route::Firmware && !command.contains("--reboot") { " --reboot" } else { "" };
        let command = format!("osimg-switch {command}{more}");
        let cancel = self.lab.cancel;
        self.session().await?.send(&words::with_status(&format!("{command} </dev/null")));
        let Guest { console, control, .. } = &mut self.machine().guest;
        let control = control.as_mut().expect("a session has just been there");
        let limits = Limits { total: COMMAND + DOWN, silence: COMMAND + DOWN };
        // the shell may be stopped before it says how its command ended
        let ended = |line: &str| words::status(line).is_some();
        let (leaving, answer): ([Pattern<'_>; 1], [Pattern<'_>; 1]) = ([&words::is_shutdown], [&ended]);
        let end = tokio::select! {
            end = console.wait(&leaving, limits, cancel) => end,
            end = control.wait(&answer, limits, cancel) => end,
        };
        match end {
            Waited::Matched(_, line) if words::status(&line).is_none_or(|status| status == 0) => Ok(command),
            Waited::Matched(..) => {
                let said = control.tail(8).join("; ");
                failed(format!("`{command}`: {said}"))
            }
            Waited::Cancelled => Err(BootError::Cancelled.into()),
            Waited::Closed => failed(format!("`{command}`: the machine is gone")),
            Waited::Silent | Waited::TimedOut => failed(format!("`{command}`: the machine does not leave")),
        }
    }

    async fn hear(&mut self, text: &'static str) -> Done {
        let limits = self.order.rig.limits;
        let cancel = self.lab.cancel;
        match self.machine().guest.console.wait(&[&|line| line.contains(text)], limits, cancel).await {
            Waited::Matched(..) => Ok(text.to_string()),
            Waited::Cancelled => Err(BootError::Cancelled.into()),
            _ => failed(format!("the console never said `{text}`")),
        }
    }

    /// Waits for the next login prompt, through whatever `spoiled` says is to go wrong before it.
    async fn arrive(&mut self, role: Role, route: Route, spoiled: bool) -> Done {
        let start = Instant::now();
        let (mut limits, cancel) = (self.order.rig.limits, self.lab.cancel);
        let machine = self.machine();
        if spoiled {
            let more = machine.window + AFTER_WINDOW;
            limits = Limits { total: limits.total + more, silence: limits.silence + more };
            match machine.guest.console.wait(&[&is_login_prompt], limits, cancel).await {
                Waited::Matched(..) => {}
                Waited::Cancelled => return Err(BootError::Cancelled.into()),
                Waited::Closed => return failed("the machine is gone"),
                Waited::Silent | Waited::TimedOut => return failed("no login prompt came"),
            }
        } else if let Outcome::Failed(Failure { why, .. }) = machine.guest.wait_login(limits, cancel).await? {
            return self.stalled(&why);
        }
        let took = start.elapsed();
        let facts = "findmnt -n -o UUID /; uname -r; cat /proc/sys/kernel/bootloader_type";
        let facts = self.ask(facts).await?;
        let mut lines = facts.lines().map(str::trim);
        let mut next = || lines.next().unwrap_or_default();
        let (root, release, loader) = (next(), next(), next());
        let players = [self.stage.here, self.stage.there];
        let found = players.iter().find(|player| player.proved.root == root);
        let found = found.map_or("an unknown slot", |player| player.proved.entry.id.as_str());
        let Ok(number) = loader.parse::<u32>() else {
            return failed(format!("the kernel of {found} does not say what loaded it: `{loader}`"));
        };
        let came = if number >> 4 == KEXEC_LOADER { Route::Kexec } else { Route::Firmware };
        let text = format!("{found} by {} in {} s", way(came), took.as_secs());
        let wanted = &self.player(role).proved;
        if found != wanted.entry.id || came != route {
            return failed(format!("{text}, not {} by {}", wanted.entry.id, way(route)));
        }
        match wanted.entry.release() {
            Some(wanted) if wanted != release => {
                failed(format!("{text}, with kernel {release}, not {wanted}"))
            }
            _ => Ok(text),
        }
    }

    /// Waits until the slot's own check is through.
    pub(super) async fn settle(&mut self) -> Done {
        let end = Instant::now() + self.order.window + SHELL;
        loop {
            let answer =
                self.session().await?.run("systemctl is-active osimg-health.service", COMMAND).await?.text();
            match answer.as_str() {
                "active" => return Ok("its health check is through".to_string()),
                "failed" => return failed("osimg-health.service failed"),
                _ if Instant::now() > end => return failed(format!("osimg-health.service is {answer}")),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// Which check an act is; none for what only prepares another.
fn subject(act: &Act) -> Option<Subject> {
    match act {
        Act::Leave(..) | Act::Run(_) | Act::Hear(_) => Some(Subject::Switch),
        Act::Arrive(..) | Act::Settle => Some(Subject::Arrival),
        Act::State(_) | Act::Noted(_) | Act::Health(_) => Some(Subject::State),
        Act::Spoil(_) | Act::Power(_) => None,
    }
}
