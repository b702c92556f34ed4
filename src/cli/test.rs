//! `osimg test`: boots every slot of the built image in QEMU and jumps between them, and says what came of it.

mod current;
mod json;
mod junit;
mod keep;
mod switch;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::boot::AccelArg;
use super::failure::{Failure, Problem};
use super::flags::MessageFormat;
use super::interrupt;
use super::manifest::Manifest;
use super::session::Session;
use super::slots;
use crate::base::{Bytes, identity};
use crate::diag::Diagnostics;
use crate::front::model::{Firmware, Model, Slot};
use crate::proof::boot::{BootError, Entrance, Host};
use crate::proof::console::Limits;
use crate::proof::lab::Lab;
use crate::proof::partition::BootPartition;
use crate::proof::prove::{self, Order, Proof, ProveError, Proved, Rig, WayIn};
use crate::proof::record::Recorder;
use crate::proof::switch as switching;
use crate::proof::verdict::{Verdict, Way};

/// Prove that the built image boots
///
/// Boots each slot in QEMU under each firmware of the manifest, waits for the login prompt, and looks inside: kernel,
/// root filesystem, failed units. Then each slot starts each other one by kexec. With --switch it plays every end that
/// osimg-switch can come to instead: trials that pass, fail, panic and hang, power cuts, rollback. The image is not
/// changed. Exits 0 only when every check passed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg test examples/debian-dual.yaml
  osimg test examples/debian-dual.yaml --slot trixie --junit proof.xml
  osimg test examples/debian-dual.yaml --switch --scenario trial-panic")]
pub struct Test {
    #[command(flatten)]
    manifest: Manifest,
    /// A slot to test, and the jumps between those named [default: all]
    #[arg(long, value_name = "NAME")]
    slot: Vec<String>,
    /// Prove osimg-switch instead, from the default slot to each other one: there
    /// and back, trials that pass, fail, panic and hang, power cuts, rollback
    #[arg(long, conflicts_with_all = ["no_kexec", "until_login", "user", "password_file"])]
    switch: bool,
    /// With --switch, only this scenario [default: all]
    #[arg(long, value_name = "NAME", requires = "switch")]
    scenario: Vec<String>,
    /// Which of the manifest's firmware to test: bios, uefi or all
    #[arg(long, value_name = "WHICH", default_value = "all", hide_possible_values = true)]
    firmware: FirmwareChoice,
    /// What runs the machine: auto (KVM where it works, else TCG), kvm or tcg
    #[arg(long, value_enum, value_name = "ACCEL", default_value_t = AccelArg::Auto, hide_possible_values = true)]
    accel: AccelArg,
    /// Memory of the machine, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(64..))]
    memory: u32,
    /// How long one boot may take; silence for three minutes ends it earlier
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    /// Leave out the jumps by kexec
    #[arg(long)]
    no_kexec: bool,
    /// Be content with the login prompts: no shell, so no checks behind them and
    /// no kexec
    #[arg(long, conflicts_with_all = ["user", "password_file"])]
    until_login: bool,
    /// Who logs in where no shell can be given through the initramfs
    #[arg(long, value_name = "NAME", requires = "password_file", default_value = "root")]
    user: String,
    /// The file with that user's password in its first line
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Stop at the first failure, or else at the end, and join the machine's
    /// console to this terminal
    #[arg(long)]
    keep: bool,
    /// Where each boot's console is kept [default: <image>.proof]
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FirmwareChoice {
    Bios,
    Uefi,
    All,
}

/// What a run is to prove.
enum Work {
    Boots(Order),
    Switch(switching::Order),
}

/// Without a byte for this long no guest makes progress, not even in software on a busy host: the longest pause of a
/// quiet boot is unpacking the initramfs and starting systemd.
const SILENCE: Duration = Duration::from_secs(180);

impl From<ProveError> for Failure {
    fn from(error: ProveError) -> Failure {
        match error {
            ProveError::Boot(error) => error.into(),
            error => Problem::of(&error).into(),
        }
    }
}

impl Test {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        if self.keep {
            keep::possible()?;
        }
        let model = Arc::new(self.manifest.load(session)?);
        let work = self.work(&model)?;
        let sink = session.sink();
        current::check(&model, &self.manifest.path, session, &sink)?;
        let host = Host::find(session.environment.path.as_deref()).map_err(BootError::from)?;
        let logs = self.logs.clone().unwrap_or_else(|| beside(&model.disk.path));
        let recorder = Recorder::new(&logs).map_err(|e| {
            Problem::new(format!("the folder `{}` cannot be made", logs.display())).caused_by(&e)
        })?;
        // before the hours of work, not after
        if let Some(path) = &self.junit {
            write(path, "")?;
        }
        let verdict = interrupt::run(&sink, async |cancel| {
            let lab = Lab { host: &host, recorder: &recorder, sink: &sink, cancel: &cancel };
            let Proof { verdict, kept } = match &work {
                Work::Boots(order) => prove::prove(lab, order).await?,
                Work::Switch(order) => switching::prove(lab, order).await?,
            };
            self.report(&verdict, &model, &logs, session)?;
            if let Some(guest) = kept {
                keep::join(guest, &recorder, &*sink, &cancel).await?;
            }
            Ok(verdict)
        })?;
        drop(sink);
        if let Some((path, error)) = recorder.failed() {
            let what = format!("the log `{}` could not be written", path.display());
            return Err(Problem::new(what).caused_by(&error).into());
        }
        match (verdict.is_proven(), stalls(&verdict, &model)) {
            (true, _) => Ok(()),
            (false, stalls) if stalls.is_empty() => Err(Failure::Told),
            (false, stalls) => Err(Failure::Located(stalls, Vec::new())),
        }
    }

    /// What is to be proven of the image that is there.
    fn work(&self, model: &Model) -> Result<Work, Failure> {
        let known: Vec<&str> = model.slots.iter().map(|s| s.name.as_str()).collect();
        if let Some(unknown) = self.slot.iter().find(|s| !known.contains(&s.as_str())) {
            return Err(slots::unknown(unknown, &format!("`{}`", self.manifest.path.display()), &known));
        }
        if self.switch {
            return Ok(Work::Switch(self.switch_order(model)?));
        }
        let rig = self.rig(model)?;
        let entrance = self.entrance(model)?;
        Ok(Work::Boots(Order {
            rig,
            slots: self.proved(model, |slot| self.is_wanted(slot))?,
            way_in: WayIn { entrance, login: self.login()? },
            kexec: !self.no_kexec && !self.until_login,
        }))
    }

    fn rig(&self, model: &Model) -> Result<Rig, Failure> {
        let total = Duration::from_secs(u64::from(self.timeout));
        Ok(Rig {
            image: model.disk.path.clone(),
            firmware: self.firmware(model)?,
            accel: self.accel.into(),
            memory: Bytes::mib(u64::from(self.memory)),
            limits: Limits { total, silence: total.min(SILENCE) },
            keep: self.keep,
        })
    }

    fn is_wanted(&self, slot: &Slot) -> bool {
        self.slot.is_empty() || self.slot.iter().any(|s| s == slot.name.as_str())
    }

    /// The slots that `wanted` names, as the image has them.
    fn proved(&self, model: &Model, wanted: impl Fn(&Slot) -> bool) -> Result<Vec<Proved>, Failure> {
        let image = &model.disk.path;
        if !image.is_file() {
            let what = format!("the image `{}` is not there yet", image.display());
            return Err(Problem::new(what).help(self.apply_first()).into());
        }
        let mut menu = BootPartition::open(image).and_then(|mut p| p.menu()).map_err(BootError::from)?;
        let mut slots = Vec::new();
        for slot in model.slots.iter().filter(|slot| wanted(slot)) {
            let root = identity::filesystem(&model.name, &slot.name).to_string();
            let entry = menu.iter().position(|e| e.id == slot.name.as_str()).map(|at| menu.swap_remove(at));
            let is_ours = |e: &crate::proof::menu::Entry| e.arguments.contains(&format!("root=UUID={root}"));
            let Some(entry) = entry.filter(is_ours) else {
                let what = format!(
                    "the image `{}` is older than the manifest: its menu has no slot `{}` of this name and root",
                    image.display(),
                    *slot.name
                );
                return Err(Problem::new(what).help(self.apply_first()).into());
            };
            slots.push(Proved { entry, root });
        }
        Ok(slots)
    }

    fn apply_first(&self) -> String {
        format!("run `osimg apply {}` first", self.manifest.path.display())
    }

    fn firmware(&self, model: &Model) -> Result<Vec<Firmware>, Failure> {
        let one = match self.firmware {
            FirmwareChoice::All => return Ok(model.boot.firmware.iter().copied().collect()),
            FirmwareChoice::Bios => Firmware::Bios,
            FirmwareChoice::Uefi => Firmware::Uefi,
        };
        if model.boot.firmware.contains(&one) {
            return Ok(vec![one]);
        }
        let what = format!("the image is not made for `{}`", one.as_str());
        Err(Failure::Usage(Problem::new(what).help("add it to the manifest's `boot.firmware` and apply")))
    }

    /// Where the shell goes: a serial port that is no console. The first port must be one, for the login prompt.
    fn entrance(&self, model: &Model) -> Result<Option<Entrance>, Failure> {
        let ports: Vec<u8> =
            model.boot.consoles.iter().filter_map(|c| c.serial()).map(|(unit, _)| unit).collect();
        if !ports.contains(&0) {
            let problem =
                Problem::new("no slot of this image would say anything: `boot.consoles` has no `ttyS0`")
                    .help("add \"ttyS0,115200\" to `boot.consoles` and apply");
            return Err(Failure::Usage(problem));
        }
        let free = (1..4).find(|port| !ports.contains(port));
        Ok(free.filter(|_| !self.until_login).map(|port| Entrance { port }))
    }

    fn login(&self) -> Result<Option<(String, String)>, Failure> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let text = fs::read_to_string(path).map_err(|e| {
            let what = format!("the password file `{}` cannot be read", path.display());
            Failure::Usage(Problem::new(what).caused_by(&e))
        })?;
        let password = text.lines().next().unwrap_or_default().to_string();
        Ok(Some((self.user.clone(), password)))
    }

    fn report(
        &self,
        verdict: &Verdict,
        model: &Model,
        logs: &Path,
        session: &Session,
    ) -> Result<(), Failure> {
        if let Some(path) = &self.junit {
            write(path, &junit::document(verdict, model.name.as_str()))?;
        }
        match session.flags.message_format {
            MessageFormat::Json => session.print(&json::lines(verdict, model, logs)),
            _ => {
                let columns = session.stdout_columns();
                session.say(table::table(verdict, logs, session.stdout_paint(), columns).trim_end())
            }
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text)
        .map_err(|e| Problem::new(format!("`{}` cannot be written", path.display())).caused_by(&e).into())
}

/// `build/dual.img` has its logs in `build/dual.proof`.
fn beside(image: &Path) -> PathBuf {
    image.with_extension("proof")
}

/// Why boots stopped, each at the manifest's words.
fn stalls(verdict: &Verdict, model: &Model) -> Diagnostics {
    let mut found = Diagnostics::new();
    for step in &verdict.steps {
        if let (Some(stall), Some(slot)) = (&step.stall, model.slot(&step.slot)) {
            let how = match &step.way {
                Way::Boot => format!("slot `{}` under {}", step.slot, step.firmware.as_str()),
                Way::Kexec { from } => format!("slot `{}` by kexec out of `{from}`", step.slot),
                Way::Switch { from, scenario } => {
                    format!(
                        "scenario `{scenario}` of `{from}` and `{}` under {}",
                        step.slot,
                        step.firmware.as_str()
                    )
                }
            };
            found.push(stall.diagnostic(model, slot, &how));
        }
    }
    found
}
