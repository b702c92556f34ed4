//! `osimg boot`: starts an image in QEMU, for a person at its console or until its login prompt.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attach::{Escape, LEAVE, RawMode, typed};
use super::failure::{Failure as CommandFailure, Problem};
use super::flags::LogFormat;
use super::interrupt;
use super::manifest::Manifest;
use super::session::Session;
use crate::base::Bytes;
use crate::base::event::{Event, Sink};
use crate::front::model;
use crate::host::qemu::Accel;
use crate::proof::boot::{self, AccelChoice, Failure, Guest, Host, KVM_SILENCE, Outcome, Spec, Why};
use crate::proof::console::{Limits, Watcher};

/// Start the image in QEMU. The image is not changed: what the machine writes is thrown away
#[derive(Clone, Debug, clap::Args)]
pub struct BootArgs {
    /// A manifest, whose image is booted, or an image
    #[arg(value_name = "MANIFEST|IMAGE")]
    pub target: PathBuf,
    /// The slot to boot [default: the one that the menu chooses]
    #[arg(long, value_name = "NAME")]
    pub slot: Option<String>,
    /// What starts the disk
    #[arg(long, value_enum, default_value_t = FirmwareArg::Bios)]
    pub firmware: FirmwareArg,
    /// What runs the machine: the processor (kvm), software (tcg), or kvm where it works
    #[arg(long, value_enum, default_value_t = AccelArg::Auto)]
    pub accel: AccelArg,
    /// Memory of the machine in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: u32,
    /// Give the machine a network card with access through this host
    #[arg(long)]
    pub network: bool,
    /// Exit 0 at the login prompt; otherwise exit 1 and print the console's end
    #[arg(long)]
    pub wait_login: bool,
    /// How long to wait for the login prompt
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "wait_login", value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: u32,
    /// Write what the console says to a file
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FirmwareArg {
    Bios,
    Uefi,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum AccelArg {
    Auto,
    Kvm,
    Tcg,
}

/// What the caller found behind the argument, and where the run shows itself.
pub struct Target {
    pub image: PathBuf,
    /// The manifest's slots; nothing for a bare image, whose menu then says what there is.
    pub slots: Option<Vec<String>>,
}

/// Finds the image, boots it, and shows notes and the console as the session wants them.
pub fn command(args: &BootArgs, session: &Session) -> Result<(), CommandFailure> {
    let is_manifest = args
        .target
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
    let target = if is_manifest {
        let model = Manifest { path: args.target.clone() }.load(session)?;
        let slots = model.slots.iter().map(|s| s.name.to_string()).collect();
        Target { image: model.disk.path, slots: Some(slots) }
    } else {
        Target { image: args.target.clone(), slots: None }
    };
    let sink = session.sink();
    // the console is the product here: people see it, programs that read events do not
    let live: Option<Box<dyn Write + Send>> = match (session.flags.quiet, session.flags.log_format) {
        (false, LogFormat::Human) => Some(Box::new(io::stdout())),
        _ => None,
    };
    let path = session.environment.path.as_deref();
    interrupt::run(&sink, |cancel| {
        let sink = sink.clone();
        async move { Ok(run(args, target, path, &*sink, live, &cancel).await?) }
    })
}

impl From<BootCommandError> for CommandFailure {
    fn from(error: BootCommandError) -> CommandFailure {
        if error.is_cancelled() {
            return CommandFailure::Interrupted;
        }
        let mut problem = Problem::of(&error).output(error.console_tail().to_vec());
        problem.help = error.help();
        if error.is_usage() { CommandFailure::Usage(problem) } else { CommandFailure::Error(problem) }
    }
}

/// Why `boot` failed.
#[derive(Debug, thiserror::Error)]
pub enum BootCommandError {
    #[error(transparent)]
    Boot(#[from] boot::BootError),
    #[error("the manifest has no slot `{slot}`")]
    NoSlot { slot: String, known: Vec<String> },
    #[error("there is no image at `{0}` yet")]
    NoImage(PathBuf),
    #[error("no login prompt: {}", .0.why)]
    NoLogin(Failure),
    #[error("{0}")]
    Qemu(Why),
    #[error("writing `{path}`: {source}")]
    Log { path: PathBuf, source: io::Error },
    #[error("the terminal: {0}")]
    Terminal(io::Error),
}

impl BootCommandError {
    /// What to do about it, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            BootCommandError::Boot(error) => error.help().map(str::to_string),
            BootCommandError::NoSlot { known, .. } => Some(format!("its slots are: {}", known.join(", "))),
            BootCommandError::NoImage(_) => Some("`osimg apply` makes it".to_string()),
            _ => None,
        }
    }

    /// The console's last lines, to be shown with the message.
    pub fn console_tail(&self) -> &[String] {
        match self {
            BootCommandError::NoLogin(failure) => &failure.tail,
            _ => &[],
        }
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(self, BootCommandError::Boot(boot::BootError::Cancelled))
    }

    /// Whether the command line was at fault, and not the image or this machine.
    pub fn is_usage(&self) -> bool {
        use crate::proof::partition::PartitionError::NoSlot;
        matches!(
            self,
            BootCommandError::NoSlot { .. }
                | BootCommandError::Boot(boot::BootError::Partition(NoSlot { .. }))
        )
    }
}

/// Runs the command. `path` is the value of `PATH`; notes go to `sink`; with `--wait-login` the console goes to `live`
/// where there is one.
pub async fn run(
    args: &BootArgs,
    target: Target,
    path: Option<&std::ffi::OsStr>,
    sink: &dyn Sink,
    live: Option<Box<dyn Write + Send>>,
    cancel: &CancellationToken,
) -> Result<(), BootCommandError> {
    if let (Some(slot), Some(known)) = (&args.slot, target.slots)
        && !known.contains(slot)
    {
        return Err(BootCommandError::NoSlot { slot: slot.clone(), known });
    }
    if !target.image.is_file() {
        return Err(BootCommandError::NoImage(target.image));
    }
    let host = Host::find(path).map_err(boot::BootError::from)?;
    let log = args.log.as_deref().map(create_log).transpose()?;
    let spec = Spec {
        slot: args.slot.clone(),
        firmware: match args.firmware {
            FirmwareArg::Bios => model::Firmware::Bios,
            FirmwareArg::Uefi => model::Firmware::Uefi,
        },
        accel: match args.accel {
            AccelArg::Auto => AccelChoice::Auto,
            AccelArg::Kvm => AccelChoice::Only(Accel::Kvm),
            AccelArg::Tcg => AccelChoice::Only(Accel::Tcg),
        },
        memory: Bytes::mib(u64::from(args.memory)),
        network: args.network,
        reboot: !args.wait_login,
        ..Spec::new(target.image)
    };
    if args.wait_login {
        let total = Duration::from_secs(u64::from(args.timeout));
        let limits = Limits { total, silence: total.min(SILENCE) };
        wait_login(&host, &spec, limits, &watcher(live, log), sink, cancel).await
    } else {
        attached(&host, &spec, &watcher(Some(Box::new(io::stdout())), log), sink, cancel).await
    }
}

/// Without a byte for this long no guest makes progress, not even in software on a busy host: the longest pause of a
/// quiet boot is unpacking the initramfs and starting systemd.
const SILENCE: Duration = Duration::from_secs(180);
/// As good as no limit: a person decides when it is enough.
const ENDLESS: Limits =
    Limits { total: Duration::from_secs(u32::MAX as u64), silence: Duration::from_secs(u32::MAX as u64) };

async fn wait_login(
    host: &Host,
    spec: &Spec,
    limits: Limits,
    watcher: &Watcher,
    sink: &dyn Sink,
    cancel: &CancellationToken,
) -> Result<(), BootCommandError> {
    let (guest, outcome) = boot::boot(host, spec, limits, watcher, sink, cancel).await?;
    let accel = guest.accel;
    guest.stop().await?;
    match outcome {
        Outcome::Login { took } => {
            let text = format!("login prompt after {:.0} s under {}", took.as_secs_f64(), accel.as_str());
            sink.emit(Event::Note { text });
            Ok(())
        }
        Outcome::Failed(failure) => Err(BootCommandError::NoLogin(failure)),
    }
}

/// The terminal and the guest's console joined until the guest ends or the user leaves.
async fn attached(
    host: &Host,
    spec: &Spec,
    watcher: &Watcher,
    sink: &dyn Sink,
    cancel: &CancellationToken,
) -> Result<(), BootCommandError> {
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
    let raw = RawMode::enter().map_err(BootCommandError::Terminal)?;
    let mut typed = typed();
    let mut keyboard = Keyboard { escape: raw.is_some().then(Escape::default), used: false };
    if spec.accel == AccelChoice::Auto && first == Accel::Kvm {
        let limits = Limits { silence: KVM_SILENCE, ..ENDLESS };
        let input = guest.console.input();
        let outcome = tokio::select! {
            outcome = guest.wait_login(limits, cancel) => Some(outcome?),
            () = keyboard.pump(&mut typed, &input) => None,
        };
        let Some(outcome) = outcome else { return Ok(guest.stop().await?) };
        match boot::unfit(&outcome) {
            Some(why) if !keyboard.used => {
                guest.stop().await?;
                note(boot::fallback_note(why));
                guest = Guest::start(host, spec, Accel::Tcg, watcher.clone(), cancel).await?;
            }
            Some(Why::Exited { .. }) => {
                if let Outcome::Failed(failure) = outcome {
                    return Err(BootCommandError::Qemu(failure.why));
                }
            }
            _ => {}
        }
    }
    let input = guest.console.input();
    let end = tokio::select! {
        end = guest.wait_end(ENDLESS, cancel) => Some(end?),
        () = keyboard.pump(&mut typed, &input) => None,
    };
    match end {
        Some(why @ Why::Exited { clean: false, .. }) => Err(BootCommandError::Qemu(why)),
        Some(_) => Ok(()),
        None => Ok(guest.stop().await?),
    }
}

/// What stands between the user's keys and the guest.
struct Keyboard {
    /// Nothing when standard input is no terminal: then no byte has a meaning of its own.
    escape: Option<Escape>,
    /// Whether anything was typed.
    used: bool,
}

impl Keyboard {
    /// Passes keys on; returns when the user wants to leave.
    async fn pump(
        &mut self,
        typed: &mut tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>,
        input: &crate::proof::console::Input,
    ) {
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

fn create_log(path: &Path) -> Result<File, BootCommandError> {
    File::create(path).map_err(|source| BootCommandError::Log { path: path.to_path_buf(), source })
}

/// Writes the console's bytes to each of its places.
fn watcher(live: Option<Box<dyn Write + Send>>, log: Option<File>) -> Watcher {
    let places = Mutex::new((live, log));
    Arc::new(move |bytes| {
        // a writer that panicked before has nothing to protect here
        let mut places = places.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(live) = &mut places.0 {
            // a terminal that is gone, or a pipe that nobody reads, does not end the run
            let _ = live.write_all(bytes).and_then(|()| live.flush());
        }
        if let Some(log) = &mut places.1 {
            let _ = log.write_all(bytes);
        }
    })
}
