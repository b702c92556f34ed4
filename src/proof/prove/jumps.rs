//! The jumps of a proof: along a circuit, with a new boot wherever a machine was lost.

use std::time::Duration;

use super::{Open, ProveError, Prover};
use crate::front::model::Firmware;
use crate::proof::boot::{BootError, Failure, Guest, Outcome, Why};
use crate::proof::host_fault;
use crate::proof::jump::{self, JumpError};
use crate::proof::route;
use crate::proof::session::SessionError;
use crate::proof::verdict::{Check, State, Subject, Way};

impl Prover<'_> {
    /// Walks the circuit of all jumps. `boots` says which slots can be left and come to.
    pub(super) async fn jumps(&mut self, firmware: Firmware, boots: &[bool]) -> Result<(), ProveError> {
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
        let detail =
            format!("not tried: slot `{}` did not come to a shell after its own boot", self.name(bad));
        open.checks.push(Check::new(Subject::Jump, State::Unproven, detail, Duration::ZERO));
        self.close(open, None);
        Ok(())
    }

    async fn jump(&mut self, firmware: Firmware, from: usize, to: usize) -> Result<(), ProveError> {
        let open = self.open(firmware, to, Way::Kexec { from: self.name(from) })?;
        self.leap(open, from, to, host_fault::TRIES).await
    }

    /// The same with the step begun; again where only this host was to blame.
    async fn leap(&mut self, mut open: Open, from: usize, to: usize, tries: u32) -> Result<(), ProveError> {
        if let Some(detail) = self.be_at(open.firmware, from, &open).await? {
            open.checks.push(Check::new(Subject::Jump, State::Unproven, detail, open.start.elapsed()));
            self.close(open, None);
            return self.end_machine().await;
        }
        let (_, mut guest) = self.machine.take().expect("the machine of `from` runs or has just been booted");
        let accel = guest.accel;
        self.step(&open, &format!("loading the kernel of {}", self.name(to)));
        if let Err(error) = self.load(&mut guest, to).await? {
            let state = match error {
                JumpError::Without(_) => State::Unproven,
                _ => State::Failed,
            };
            open.checks.push(Check::new(Subject::Jump, state, error.to_string(), open.start.elapsed()));
            self.machine = Some((from, guest));
            self.close(open, Some(accel));
            return Ok(());
        }
        let took = open.start.elapsed();
        self.step(&open, "jumping");
        guest.restart_clock();
        let outcome = guest.wait_login(self.order.rig.limits, self.lab.cancel).await?;
        if tries > 1 && host_fault::is_hosts_fault(&outcome, accel) {
            guest.stop().await?;
            self.lab.again();
            return Box::pin(self.leap(open, from, to, tries - 1)).await;
        }
        let (state, detail) = arrival(&outcome);
        open.checks.push(Check::new(Subject::Jump, state, detail, took));
        let usable = self.judge(&mut guest, outcome, &mut open).await?;
        self.machine = Some((to, guest));
        self.close(open, Some(accel));
        if usable || self.stopped { Ok(()) } else { self.end_machine().await }
    }

    /// Has a machine with slot `from` running, booted again where it was lost. Why not, where it does not boot.
    async fn be_at(
        &mut self,
        firmware: Firmware,
        from: usize,
        open: &Open,
    ) -> Result<Option<String>, ProveError> {
        if self.machine.as_ref().is_some_and(|(at, _)| *at == from) {
            return Ok(None);
        }
        self.end_machine().await?;
        self.step(open, &format!("booting {} again to jump out of it", self.name(from)));
        let (guest, outcome) = self.start(firmware, from).await?;
        self.machine = Some((from, guest));
        Ok(match outcome {
            Outcome::Login { .. } => None,
            Outcome::Failed(failure) => {
                Some(format!("slot `{}` does not boot a second time: {}", self.name(from), failure.why))
            }
        })
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
}

/// Whether the loaded kernel was come to.
fn arrival(outcome: &Outcome) -> (State, &'static str) {
    match outcome {
        Outcome::Login { .. } => (State::Passed, "kexec, not the firmware"),
        Outcome::Failed(Failure { why: Why::Exited { .. }, .. }) => {
            (State::Failed, "the machine went through its firmware or off instead of into the loaded kernel")
        }
        Outcome::Failed(_) => (State::Unproven, "the machine stopped on its way, before or after the jump"),
    }
}
