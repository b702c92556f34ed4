//! `osimg boot`: starts an image in QEMU, for a person at its console or until its login prompt.

use std::fs::File;
use std::io::{self};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::attach::{Escape, LEAVE, RawMode, typed};
use super::failure::{Failure, Problem};
use super::flags::MessageFormat;
use super::interrupt;
use super::manifest::Manifest;
use super::session::Session;
use super::slots;
use super::transcript::Transcript;
use crate::base::Bytes;
use crate::base::event::{Event, Sink};
use crate::front::model;
use crate::host::qemu::{Accel, Network};
use crate::proof::boot::{self, AccelChoice, BootError, Guest, Host, KVM_SILENCE, Outcome, Spec, Why};
use crate::proof::console::{Input, Limits, Watcher};
use crate::proof::host_fault;
use crate::proof::partition::{BootPartition, PartitionError};
use crate::report::Verbosity;

/// Start the image in QEMU
///
/// The serial console is joined to the terminal; Ctrl-a x ends the machine. The image is not changed: what the
/// machine writes is thrown away.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg boot examples/debian-dual.yaml --slot trixie
  osimg boot build/debian-dual.img --firmware uefi --wait-login")]
pub struct Boot {
    /// A manifest (.yaml, .yml), whose image is booted, or an image
    #[arg(value_name = "MANIFEST|IMAGE")]
    target: PathBuf,
    /// The slot to boot; without it the menu chooses
    #[arg(long, value_name = "NAME")]
    slot: Option<String>,
    /// What starts the disk
    #[arg(long, value_enum, default_value_t = FirmwareArg::Bios)]
    firmware: FirmwareArg,
    /// What runs the machine; auto is KVM where it works, else TCG
    #[arg(long, value_enum, default_value_t = AccelArg::Auto)]
    accel: AccelArg,
    /// Memory of the machine, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(64..))]
    memory: u32,
    /// Give the machine a network card that reaches out through this host
    #[arg(long)]
    network: bool,
    /// Exit 0 at the login prompt, else exit 1 with the console's end
    #[arg(long)]
    wait_login: bool,
    /// How long to wait for the login prompt [default: 600]
    #[arg(long, value_name = "SECONDS", requires = "wait_login", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,
    /// Write what the console says to a file
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FirmwareArg {
    Bios,
    Uefi,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccelArg {
    Auto,
    Kvm,
    Tcg,
}

impl From<AccelArg> for AccelChoice {
    fn from(arg: AccelArg) -> AccelChoice {
        match arg {
            AccelArg::Auto => AccelChoice::Auto,
            AccelArg::Kvm => AccelChoice::Only(Accel::Kvm),
            AccelArg::Tcg => AccelChoice::Only(Accel::Tcg),
        }
    }
}

impl From<BootError> for Failure {
    fn from(error: BootError) -> Failure {
        let mut problem = Problem::of(&error);
        problem.help = error.help().map(str::to_string);
        match error {
            BootError::Cancelled => Failure::Interrupted,
            BootError::Command(error) => error.into(),
            BootError::Partition(PartitionError::NoSlot { path, slot, known }) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                slots::unknown(&slot, &format!("the menu of `{}`", path.display()), &known)
            }
            BootError::Partition(PartitionError::NoBootPartition { .. }) => Failure::Usage(problem),
            _ => Failure::Error(problem),
        }
    }
}

/// The time for a login prompt when none is given.
const TIMEOUT: u32 = 600;
/// Lines of the console in a message.
const TAIL: usize = 25;

impl Boot {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let image = self.image(session)?;
        let host = Host::find(session.environment.path.as_deref()).map_err(BootError::from)?;
        let transcript = self.transcript(session)?;
        let spec = Spec {
            slot: self.slot.clone(),
            firmware: match self.firmware {
                FirmwareArg::Bios => model::Firmware::Bios,
                FirmwareArg::Uefi => model::Firmware::Uefi,
            },
            accel: self.accel.into(),
            memory: Bytes::mib(u64::from(self.memory)),
            network: self.network.then_some(Network::Outward),
            reboot: !self.wait_login,
            ..Spec::new(image)
        };
        let sink = session.sink();
        let watcher = transcript.watcher();
        interrupt::run(&sink, async |cancel| {
            if self.wait_login {
                let total = Duration::from_secs(u64::from(self.timeout.unwrap_or(TIMEOUT)));
                let limits = Limits { total, silence: total.min(SILENCE) };
                wait_login(&host, &spec, limits, &watcher, &*sink, &cancel).await
            } else {
                attached(&host, &spec, &watcher, &*sink, &cancel).await
            }
        })?;
        match (transcript.failed(), &self.log) {
            (Some(error), Some(path)) => {
                let what = format!("the log `{}` could not be written", path.display());
                Err(Problem::new(what).caused_by(&error).into())
            }
            _ => Ok(()),
        }
    }

    /// The image that the argument means; the slot is one of its own, whoever names the slots.
    fn image(&self, session: &Session) -> Result<PathBuf, Failure> {
        let manifest = self
            .target
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
        if manifest {
            let model = Manifest { path: self.target.clone() }.load(session)?;
            let known: Vec<&str> = model.slots.iter().map(|s| s.name.as_str()).collect();
            if let Some(slot) = self.slot.as_deref().filter(|s| !known.contains(s)) {
                return Err(slots::unknown(slot, &format!("`{}`", self.target.display()), &known));
            }
            if !model.disk.path.is_file() {
                let what = format!("the image `{}` is not there yet", model.disk.path.display());
                let how = format!("`osimg apply {}` makes it", self.target.display());
                return Err(Problem::new(what).help(how).into());
            }
            return Ok(model.disk.path);
        }
        if !self.target.is_file() {
            let problem = Problem::new(format!("there is no image `{}`", self.target.display()));
            let help = "name an image, or a manifest, whose name ends in .yaml or .yml";
            return Err(Failure::Usage(problem.help(help)));
        }
        // what is no image is refused before a machine finds nothing to boot
        BootPartition::open(&self.target).map_err(BootError::from)?;
        Ok(self.target.clone())
    }

    fn transcript(&self, session: &Session) -> Result<Transcript, Failure> {
        let live = if !self.wait_login {
            Transcript::exact(io::stdout())
        } else if session.flags.message_format == MessageFormat::Human
            && match session.verbosity() {
                Verbosity::Quiet => false,
                Verbosity::Normal => session.environment.terminal.stderr,
                Verbosity::Verbose => true,
            }
        {
            Transcript::lines(io::stderr())
        } else {
            Transcript::unseen()
        };
        let Some(path) = &self.log else { return Ok(live) };
        let file = File::create(path).map_err(|e| {
            let what = format!("the log `{}` cannot be made", path.display());
            Failure::Error(Problem::new(what).caused_by(&e))
        })?;
        Ok(live.log(file))
    }
}

/// Without a byte for this long no guest makes progress, not even in software on a busy host: the longest pause of a
/// quiet boot is unpacking the initramfs and starting systemd.
const SILENCE: Duration = Duration::from_secs(180);
/// As good as no limit: a person decides when it is enough.
pub const ENDLESS: Limits =
    Limits { total: Duration::from_secs(u32::MAX as u64), silence: Duration::from_secs(u32::MAX as u64) };

async fn wait_login(
    host: &Host,
    spec: &Spec,
    limits: Limits,
    watcher: &Watcher,
    sink: &dyn Sink,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let (guest, outcome) = boot::boot(host, spec, limits, watcher, sink, cancel).await?;
    let accel = guest.accel;
    guest.stop().await?;
    match outcome {
        Outcome::Login { took } => {
            let text = format!("login prompt after {:.0} s under {}", took.as_secs_f64(), accel.as_str());
            sink.emit(Event::Note { text });
            Ok(())
        }
        Outcome::Failed(mut failure) => {
            let end = failure.tail.split_off(failure.tail.len().saturating_sub(TAIL));
            Err(Problem::new(format!("no login prompt: {}", failure.why)).output(end).into())
        }
    }
}

/// The terminal and the guest's console joined until the guest ends or the user leaves.
async fn attached(
    host: &Host,
    spec: &Spec,
    watcher: &Watcher,
    sink: &dyn Sink,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let note = |text: String| sink.emit(Event::Note { text });
    let terminal = rustix::termios::isatty(io::stdin());
    if terminal {
        note(LEAVE.to_string());
    }
    let first = match spec.accel {
        AccelChoice::Only(accel) => accel,
        AccelChoice::Auto if host.kvm => Accel::Kvm,
        AccelChoice::Auto => Accel::Tcg,
    };
    let mut guest = Guest::start(host, spec, first, watcher.clone(), cancel).await?;
    let mut raw = raw_mode()?;
    let mut typed = typed();
    let mut keyboard = Keyboard::new(raw.is_some());
    if spec.accel == AccelChoice::Auto && first == Accel::Kvm {
        let limits = Limits { silence: KVM_SILENCE, ..ENDLESS };
        let input = guest.console.input();
        let outcome = tokio::select! {
            outcome = guest.wait_login(limits, cancel) => Some(outcome?),
            () = keyboard.pump(&mut typed, &input) => None,
        };
        let Some(outcome) = outcome else { return Ok(guest.stop().await?) };
        match host_fault::unfit(&outcome) {
            Some(why) if !keyboard.used => {
                guest.stop().await?;
                // a note's line would not end at the left edge of a raw terminal
                drop(raw.take());
                note(host_fault::fallback_note(why));
                raw = raw_mode()?;
                guest = Guest::start(host, spec, Accel::Tcg, watcher.clone(), cancel).await?;
            }
            Some(why @ Why::Exited { .. }) => return Err(qemu_failed(why)),
            _ => {}
        }
    }
    // it goes back to what it was when this function is left
    let _raw = raw;
    let input = guest.console.input();
    let end = tokio::select! {
        end = guest.wait_end(ENDLESS, cancel) => Some(end?),
        () = keyboard.pump(&mut typed, &input) => None,
    };
    match end {
        Some(why @ Why::Exited { clean: false, .. }) => Err(qemu_failed(&why)),
        Some(_) => Ok(()),
        None => Ok(guest.stop().await?),
    }
}

fn raw_mode() -> Result<Option<RawMode>, Failure> {
    RawMode::enter().map_err(|e| Problem::new("the terminal cannot be used").caused_by(&e).into())
}

fn qemu_failed(why: &Why) -> Failure {
    let output = match why {
        Why::Exited { errors, .. } => errors.clone(),
        _ => Vec::new(),
    };
    Problem::new(why.to_string()).output(output).into()
}

/// What stands between the user's keys and the guest.
pub struct Keyboard {
    /// Nothing when standard input is no terminal: then no byte has a meaning of its own.
    escape: Option<Escape>,
    /// Whether anything was typed.
    used: bool,
}

impl Keyboard {
    /// Of a terminal in raw mode, or of a file.
    pub fn new(raw: bool) -> Keyboard {
        Keyboard { escape: raw.then(Escape::default), used: false }
    }

    /// Passes keys on; returns when the user wants to leave.
    pub async fn pump(&mut self, typed: &mut tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>, input: &Input) {
        while let Some(bytes) = typed.recv().await {
            self.used = true;
            let Some(escape) = &mut self.escape else {
                input.send(bytes);
                continue;
            };
            let keys = escape.feed(&bytes);
            input.send(keys.bytes);
            if keys.leave {
                return;
            }
        }
        // the end of standard input is no wish to leave
        std::future::pending().await
    }
}
