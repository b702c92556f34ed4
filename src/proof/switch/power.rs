//! The machine of a scenario: set up, and through power cuts.

use std::time::{Duration, Instant};

use super::play::{Bad, COMMAND, Done, Machine, Scene, failed};
use super::scenario::{REST, Role};
use super::{stage, words};
use crate::base::identity;
use crate::proof::boot::{self, BootError, Failure, Guest, Outcome, Spec, Why};
use crate::proof::console::Limits;
use crate::proof::disk::Disk;
use crate::proof::entrance;
use crate::proof::partition::BootPartition;
use crate::proof::stall;

/// Between two looks at the disk for the commit.
const LOOK: Duration = Duration::from_millis(20);
/// The least time for a trial: what a fast machine needs under load.
const WINDOW_MIN: Duration = Duration::from_secs(60);

impl Scene<'_> {
    fn spec(&self) -> Spec {
        Spec {
            entrance: Some(self.order.entrance),
            reboot: true,
            durable: true,
            watchdog: self.order.watchdog,
            ..self.order.rig.spec(self.stage.firmware, self.accel)
        }
    }

    /// Boots the default slot, and furnishes both.
    pub(super) async fn set_up(&mut self) -> Result<(), Bad> {
        self.reporter.step(self.text("booting {here}"));
        let port = self.order.entrance.port;
        let (staged, volume) = {
            let mut partition = BootPartition::open(&self.order.rig.image).map_err(BootError::from)?;
            let staged = partition.stage(&entrance::segment(port)).map_err(BootError::from)?;
            (staged, identity::volume_id_text(partition.volume_id()))
        };
        let spec = Spec { patches: staged.patches, ..self.spec() };
        let (limits, cancel) = (self.order.rig.limits, self.lab.cancel);
        let (guest, outcome) =
            boot::boot(self.lab.host, &spec, limits, &self.lab.recorder.watcher(), self.lab.sink(), cancel)
                .await?;
        self.accel = boot::AccelChoice::Only(guest.accel);
        let login = match &outcome {
            Outcome::Login { took } => *took,
            Outcome::Failed(_) => Duration::ZERO,
        };
        let window = (login * 2 + WINDOW_MIN).min(self.order.window);
        self.machine = Some(Machine { guest, environment: staged.environment, window });
        if let Outcome::Failed(Failure { why, .. }) = outcome {
            return self.stalled(&why);
        }
        self.reporter.step("preparing the slots");
        if self.session().await?.run("command -v osimg-switch", COMMAND).await?.status != 0 {
            let text = "the slot has no osimg-switch: the image was made by an older osimg, apply again";
            return Err(Bad::Unproven(text.to_string()));
        }
        self.settle().await?;
        self.commands(stage::description(&volume, window)).await?;
        self.commands(stage::slots(&self.stage.there.proved.root, port)).await?;
        let status = self.ask("osimg-switch status").await?;
        words::held(&status, &self.text(REST)).map_err(Bad::Failed)?;
        Ok(())
    }

    pub(super) fn stalled<T>(&mut self, why: &Why) -> Result<T, Bad> {
        let lines = self.machine().guest.console.tail(stall::REACH);
        self.stall = Some(stall::explain(why, &lines));
        failed(why.to_string())
    }

    /// The same machine after its power was gone.
    pub(super) async fn power_cycle(&mut self, machine: Machine) -> Done {
        let Machine { guest, environment, window } = machine;
        let accel = guest.accel;
        let disk: Disk = guest.unplug().await?;
        let spec = self.spec();
        let guest =
            Guest::power_on(self.lab.host, &spec, accel, disk, self.lab.recorder.watcher(), self.lab.cancel)
                .await?;
        self.machine = Some(Machine { guest, environment, window });
        Ok("the power was cut".to_string())
    }

    /// Lets the slot on trial pass, and cuts the power when the new default is on the disk.
    pub(super) async fn cut_at_commit(&mut self) -> Done {
        self.commands(stage::heal()).await?;
        let on_trial = format!("\ntrial_entry={}\n", self.name(Role::There));
        let mut machine = self.machine.take().expect("a scenario begins with a machine");
        let end = Instant::now() + machine.window;
        loop {
            let disk = &machine.guest.disk.overlay;
            let block =
                disk.read(machine.environment, 512, self.lab.cancel).await.map_err(BootError::from)?;
            if !String::from_utf8_lossy(&block).contains(&on_trial) {
                return self.power_cycle(machine).await;
            }
            if Instant::now() > end {
                self.machine = Some(machine);
                return failed("the trial does not pass");
            }
            // what the console says must not pile up
            machine.guest.console.settle(Limits { total: LOOK, silence: LOOK }, self.lab.cancel).await;
        }
    }
}
