//! Boots an image in QEMU and watches it until somebody could log in.
//!
//! Enters: what to boot ([`Spec`]) and the programs found on this machine ([`Host`]). Leaves: a running [`Guest`] with
//! its console, and how far it came ([`Outcome`]). The image is only read: the guest writes to an overlay that goes with
//! the `Guest`, as does QEMU itself.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::console::{Console, Limits, Waited, Watcher};
use super::disk::Disk;
use super::entrance;
use super::host_fault::{BUSY_NOTE, TRIES, fallback_note, is_hosts_fault, unfit};
use super::partition::{BootPartition, PartitionError, Patch};
use super::port::{Listener, PortError};
use super::stall::sign;
use crate::base::event::Sink;
use crate::base::{Bytes, Event};
use crate::front::model;
use crate::host::command::{Call, Child, CommandError};
use crate::host::firmware::{self, Ovmf};
use crate::host::overlay::OverlayError;
use crate::host::qemu::{Accel, Control, Machine, MissingTool, Network, Tools, kvm_usable};

/// Lines of the console that tell of a failure: a panic's registers and calls, twice, and what came before them.
const TAIL: usize = 120;
/// After a sign of failure: what it still has to say.
const AFTERMATH: Limits = Limits { total: Duration::from_secs(10), silence: Duration::from_secs(2) };
/// Without a byte for this long, a guest under KVM is taken to hang: its boot is a matter of seconds.
pub const KVM_SILENCE: Duration = Duration::from_secs(20);

/// Which accelerator may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccelChoice {
    /// KVM where it can be used and turns out to work, else TCG.
    #[default]
    Auto,
    Only(Accel),
}

/// What to boot and on which machine.
#[derive(Clone, Debug)]
pub struct Spec {
    /// A raw disk image.
    pub image: PathBuf,
    /// The menu's entry to boot; the menu's own choice when there is none.
    pub slot: Option<String>,
    pub firmware: model::Firmware,
    pub accel: AccelChoice,
    pub memory: Bytes,
    pub cpus: u32,
    pub network: Option<Network>,
    /// Whether the machine has a second serial port ([`Guest::control`]), with a root shell of the slot's where there is one.
    pub entrance: Option<Entrance>,
    /// What is written over the image besides.
    pub patches: Vec<Patch>,
    /// Whether the guest may restart; else its restart is its end.
    pub reboot: bool,
    /// Whether its disk can be gone on with after [`Guest::unplug`]; costs time at each flush.
    pub durable: bool,
    /// Whether the machine has a hardware watchdog.
    pub watchdog: bool,
}

impl Spec {
    /// The slot of the menu's choice under BIOS on a machine of 1 GiB and two processors.
    pub fn new(image: impl Into<PathBuf>) -> Spec {
        Spec {
            image: image.into(),
            slot: None,
            firmware: model::Firmware::Bios,
            accel: AccelChoice::Auto,
            memory: Bytes::gib(1),
            cpus: 2,
            network: None,
            entrance: None,
            patches: Vec::new(),
            reboot: false,
            durable: false,
            watchdog: false,
        }
    }
}

/// Where the shell of [`super::entrance`] is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// A serial port that is no console of the image's: 1 for `/dev/ttyS1`.
    pub port: u8,
}

/// What this machine has for booting images.
#[derive(Clone, Debug)]
pub struct Host {
    pub tools: Tools,
    pub ovmf: Option<Ovmf>,
    pub kvm: bool,
}

impl Host {
    /// Looks, `path` being the value of `PATH`.
    pub fn find(path: Option<&OsStr>) -> Result<Host, MissingTool> {
        Ok(Host { tools: Tools::find(path)?, ovmf: firmware::find(Path::is_file), kvm: kvm_usable() })
    }
}

/// Why nothing could be booted.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error(transparent)]
    Missing(#[from] MissingTool),
    #[error("no UEFI firmware for QEMU is installed")]
    NoOvmf,
    #[error("KVM cannot be used: /dev/kvm is not there or not open to this user")]
    NoKvm,
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error(transparent)]
    Overlay(OverlayError),
    #[error(transparent)]
    Command(CommandError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("interrupted")]
    Cancelled,
}

impl BootError {
    /// What to do about it, where that is known.
    pub fn help(&self) -> Option<&str> {
        match self {
            BootError::Missing(missing) => Some(missing.help),
            BootError::NoOvmf => {
                Some("Debian, Ubuntu: apt-get install ovmf; Fedora, EL: dnf install edk2-ovmf")
            }
            BootError::NoKvm => Some("`--accel tcg` works without it, `--accel auto` chooses what works"),
            BootError::Port(_) => {
                Some("a socket's name is short: let TMPDIR name a folder nearer to the root")
            }
            _ => None,
        }
    }
}

impl From<CommandError> for BootError {
    fn from(error: CommandError) -> BootError {
        match error {
            CommandError::Cancelled => BootError::Cancelled,
            error => BootError::Command(error),
        }
    }
}

impl From<OverlayError> for BootError {
    fn from(error: OverlayError) -> BootError {
        match error {
            OverlayError::Command(error) => error.into(),
            error => BootError::Overlay(error),
        }
    }
}

/// How far a guest came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A login prompt, so long after QEMU's start.
    Login {
        took: Duration,
    },
    Failed(Failure),
}

/// A guest that came to no login prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub why: Why,
    /// The console's last lines.
    pub tail: Vec<String>,
}

/// What kept a guest from its login prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The console said that this is the end: a kernel panic, an emergency shell, a boot loader without a system.
    Panic { sign: &'static str },
    /// No byte came for this long.
    Stalled { silence: Duration },
    /// The console was busy, but the time is over.
    TimedOut { after: Duration },
    /// QEMU ended: the guest switched itself off or restarted, or QEMU failed.
    Exited { clean: bool, status: String, errors: Vec<String> },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Panic { sign } => write!(f, "{sign}"),
            Why::Stalled { silence } => write!(f, "nothing on the console for {} s", silence.as_secs()),
            Why::TimedOut { after } => write!(f, "no login prompt after {} s", after.as_secs()),
            Why::Exited { clean: true, .. } => write!(f, "the machine switched itself off or restarted"),
            Why::Exited { status, errors, .. } => {
                write!(f, "QEMU failed ({status})")?;
                errors.last().map_or(Ok(()), |line| write!(f, ": {line}"))
            }
        }
    }
}

/// Whether a line is getty's prompt: `host login:`, or `login:` alone.
pub(super) fn is_login_prompt(line: &str) -> bool {
    // a kernel message may follow on the same line
    let Some((before, after)) = line.split_once("login:") else { return false };
    let host = before.trim_end();
    let ends = after.trim().is_empty() || after.trim_start().starts_with('[');
    ends && (host.is_empty() || (before.ends_with(' ') && !host.contains(char::is_whitespace)))
}

/// A running machine; dropping it kills it and removes its disk.
pub struct Guest {
    pub console: Console,
    /// The second serial port, where `Spec::entrance` asked for it.
    pub control: Option<Console>,
    pub accel: Accel,
    started: Instant,
    // in this order: first the program goes, then its files
    child: Child,
    pub disk: Disk,
}

impl Guest {
    /// Starts QEMU with `accel`; `watcher` sees the console's bytes as they come.
    pub async fn start(
        host: &Host,
        spec: &Spec,
        accel: Accel,
        watcher: Watcher,
        cancel: &CancellationToken,
    ) -> Result<Guest, BootError> {
        if accel == Accel::Kvm && !host.kvm {
            return Err(BootError::NoKvm);
        }
        let mut patches = match (&spec.slot, spec.entrance) {
            (Some(slot), Some(Entrance { port })) => {
                BootPartition::open(&spec.image)?.enter(slot, &entrance::segment(port))?
            }
            (Some(slot), None) => BootPartition::open(&spec.image)?.choose(slot)?,
            (None, _) => Vec::new(),
        };
        patches.extend(spec.patches.iter().cloned());
        let disk = Disk::new(host, &spec.image, spec.firmware, patches, cancel).await?;
        Guest::power_on(host, spec, accel, disk, watcher, cancel).await
    }

    /// Switches a machine on whose disk is there already.
    pub async fn power_on(
        host: &Host,
        spec: &Spec,
        accel: Accel,
        disk: Disk,
        watcher: Watcher,
        cancel: &CancellationToken,
    ) -> Result<Guest, BootError> {
        let socket = disk.overlay.place("control.sock");
        let listener = spec.entrance.map(|_| Listener::bind(socket)).transpose()?;
        let machine = Machine {
            disk: disk.overlay.disk(),
            firmware: disk.firmware.clone(),
            accel,
            memory: spec.memory,
            cpus: spec.cpus,
            network: spec.network,
            control: listener
                .as_ref()
                .zip(spec.entrance)
                .map(|(listener, entrance)| Control { socket: listener.path.clone(), port: entrance.port }),
            reboot: spec.reboot,
            durable: spec.durable,
            watchdog: spec.watchdog,
        };
        let mut child = Call::new(&host.tools.emulator).args(machine.arguments()).spawn()?;
        let (input, output) = child.pipes().expect("a new child has both pipes");
        let console = Console::new(output, input, watcher);
        let control = match listener {
            Some(listener) => listener.accept(cancel).await?,
            None => None,
        };
        Ok(Guest { console, control, accel, started: Instant::now(), child, disk })
    }

    /// Pulls the plug and keeps the disk, which is whole where [`Spec::durable`] asked for it.
    pub async fn unplug(mut self) -> Result<Disk, BootError> {
        self.child.kill().await?;
        Ok(self.disk)
    }

    /// Times are counted from now on: for a kernel that another one starts.
    pub fn restart_clock(&mut self) {
        self.started = Instant::now();
    }

    /// Waits for a login prompt.
    pub async fn wait_login(
        &mut self,
        limits: Limits,
        cancel: &CancellationToken,
    ) -> Result<Outcome, BootError> {
        let waited = self.console.wait(&[&is_login_prompt, &|l| sign(l).is_some()], limits, cancel).await;
        let why = match waited {
            Waited::Matched(0, _) => return Ok(Outcome::Login { took: self.started.elapsed() }),
            Waited::Matched(_, line) => {
                self.console.settle(AFTERMATH, cancel).await;
                Why::Panic { sign: sign(&line).expect("the pattern found a sign in this line") }
            }
            Waited::Silent => Why::Stalled { silence: limits.silence },
            Waited::TimedOut => Why::TimedOut { after: limits.total },
            Waited::Closed => self.ended().await?,
            Waited::Cancelled => return Err(BootError::Cancelled),
        };
        Ok(Outcome::Failed(Failure { why, tail: self.console.tail(TAIL) }))
    }

    /// Waits until the guest ends QEMU; what its console says meanwhile goes to the watcher and the log.
    pub async fn wait_end(&mut self, limits: Limits, cancel: &CancellationToken) -> Result<Why, BootError> {
        match self.console.wait(&[], limits, cancel).await {
            Waited::Closed => self.ended().await,
            Waited::Silent => Ok(Why::Stalled { silence: limits.silence }),
            Waited::TimedOut => Ok(Why::TimedOut { after: limits.total }),
            Waited::Cancelled => Err(BootError::Cancelled),
            Waited::Matched(..) => unreachable!("there is no pattern to match"),
        }
    }

    /// Ends the machine at once, as by pulling the plug.
    pub async fn stop(mut self) -> Result<(), BootError> {
        Ok(self.child.kill().await?)
    }

    async fn ended(&mut self) -> Result<Why, BootError> {
        let (status, errors) = self.child.wait().await?;
        Ok(Why::Exited { clean: status.success(), status: status.to_string(), errors })
    }
}

/// Starts `spec` and waits for its login prompt, with the accelerator that works: where KVM is only one of the choices
/// and the guest hangs or QEMU fails under it, it is started again under TCG and a note says so.
pub async fn boot(
    host: &Host,
    spec: &Spec,
    limits: Limits,
    watcher: &Watcher,
    sink: &dyn Sink,
    cancel: &CancellationToken,
) -> Result<(Guest, Outcome), BootError> {
    if spec.accel == AccelChoice::Auto && host.kvm {
        let impatient = Limits { silence: limits.silence.min(KVM_SILENCE), ..limits };
        let mut guest = Guest::start(host, spec, Accel::Kvm, watcher.clone(), cancel).await?;
        let outcome = guest.wait_login(impatient, cancel).await?;
        match unfit(&outcome) {
            None => return Ok((guest, outcome)),
            Some(why) => {
                guest.stop().await?;
                sink.emit(Event::Note { text: fallback_note(why) });
            }
        }
    }
    let accel = match spec.accel {
        AccelChoice::Only(accel) => accel,
        AccelChoice::Auto => Accel::Tcg,
    };
    let mut tries = TRIES;
    loop {
        let mut guest = Guest::start(host, spec, accel, watcher.clone(), cancel).await?;
        let outcome = guest.wait_login(limits, cancel).await?;
        tries -= 1;
        if tries == 0 || !is_hosts_fault(&outcome, accel) {
            return Ok((guest, outcome));
        }
        guest.stop().await?;
        sink.emit(Event::Note { text: BUSY_NOTE.to_string() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_login_prompt() {
        for prompt in
            ["login:", "login: ", "debian login: ", "node-a login: [   12.5] random: crng init done"]
        {
            assert!(is_login_prompt(prompt), "{prompt}");
        }
        for other in ["Last login: Mon", "Starting login: service", "audit: op=login:x", "logindaemon", ""] {
            assert!(!is_login_prompt(other), "{other}");
        }
    }
}
