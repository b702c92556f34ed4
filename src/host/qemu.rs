//! QEMU's command line as a value: a [`Machine`] enters, arguments leave. Nothing runs here.
//!
//! The machine is a plain PC with one virtio disk, a VGA card that nobody sees (so that `tty0` exists, as on a server)
//! and its first serial port as the console. Names of options: QEMU's invocation manual, version 5.0 and later.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::firmware::Ovmf;
use crate::base::Bytes;

/// The names of the system emulator: Debian's and Fedora's, then EL's, which is in no folder of `PATH`.
pub const EMULATORS: &[&str] = &["qemu-system-x86_64", "/usr/libexec/qemu-kvm"];

/// What executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accel {
    /// The host's processor.
    Kvm,
    /// Translation in software: works everywhere, ten to twenty times slower.
    Tcg,
}

impl Accel {
    pub fn as_str(self) -> &'static str {
        match self {
            Accel::Kvm => "kvm",
            Accel::Tcg => "tcg",
        }
    }
}

/// What starts the disk's boot code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS, which QEMU brings.
    Bios,
    /// OVMF; `variables` is this run's own copy, which the firmware writes to.
    Uefi { code: PathBuf, variables: PathBuf },
}

impl Firmware {
    /// UEFI from an installed build, with a variable store at `variables` that the caller copies there.
    pub fn uefi(ovmf: &Ovmf, variables: &Path) -> Firmware {
        Firmware::Uefi { code: ovmf.code.clone(), variables: variables.to_path_buf() }
    }
}

/// What a machine's network card is joined to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// QEMU's user-mode network, which answers DHCP and lets nothing out.
    Isolated,
    /// The same with a way out through this host.
    Outward,
}

/// A second serial port, for a program beside the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// A Unix socket that somebody listens at; QEMU connects to it.
    pub socket: PathBuf,
    /// The number of the port: 1 for `/dev/ttyS1`; at most 3.
    pub port: u8,
}

/// A virtual machine that boots from one disk, its serial console on QEMU's standard input and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// A qcow2 file that QEMU may write to.
    pub disk: PathBuf,
    pub firmware: Firmware,
    pub accel: Accel,
    /// Whole mebibytes count.
    pub memory: Bytes,
    pub cpus: u32,
    /// None: no card at all.
    pub network: Option<Network>,
    pub control: Option<Control>,
    /// Whether a restart of the guest restarts it; else it ends QEMU.
    pub reboot: bool,
    /// Whether what the guest flushes is on the disk even when QEMU is killed. Else the disk is no use after that.
    pub durable: bool,
    /// Whether there is a hardware watchdog (Intel 6300ESB) that resets the machine.
    pub watchdog: bool,
}

impl Machine {
    /// The arguments after the program's name.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut out: Vec<OsString> = Vec::new();
        let mut put = |words: &[&str]| out.extend(words.iter().map(OsString::from));
        // nothing of the user's configuration and no default devices: the same machine on every host
        put(&["-no-user-config", "-nodefaults", "-machine", "pc"]);
        match self.accel {
            Accel::Kvm => put(&["-accel", "kvm", "-cpu", "max"]),
            Accel::Tcg => put(&["-accel", "tcg,thread=multi", "-cpu", "max"]),
        }
        put(&["-smp", &self.cpus.to_string(), "-m", &format!("{}M", self.memory.0 / Bytes::MIB.0)]);
        put(&["-vga", "std", "-display", "none", "-monitor", "none"]);
        // `signal=off`: a Ctrl-C byte is for the guest
        put(&["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        // without it an old kernel waits for entropy that an idle machine does not have
        put(&["-device", "virtio-rng-pci"]);
        match self.network {
            Some(Network::Isolated) => put(&["-nic", "user,restrict=on,model=virtio-net-pci"]),
            Some(Network::Outward) => put(&["-nic", "user,model=virtio-net-pci"]),
            None => {}
        }
        if let Some(Control { port, .. }) = &self.control {
            put(&["-device", &format!("isa-serial,chardev=control,index={port}")]);
        }
        if !self.reboot {
            put(&["-no-reboot"]);
        }
        if let Some(Control { socket, .. }) = &self.control {
            out.push("-chardev".into());
            out.push(with_file("socket,id=control,server=off,path=", socket));
        }
        if let Firmware::Uefi { code, variables } = &self.firmware {
            out.push("-drive".into());
            out.push(with_file("if=pflash,unit=0,format=raw,readonly=on,file=", code));
            out.push("-drive".into());
            out.push(with_file("if=pflash,unit=1,format=raw,file=", variables));
        }
        if self.watchdog {
            out.extend(["-device", "i6300esb", "-watchdog-action", "reset"].map(OsString::from));
        }
        out.push("-drive".into());
        // a disk that is thrown away after the run needs nothing on the host's platters
        let cache = if self.durable { "writeback" } else { "unsafe" };
        let options = format!("if=none,id=disk,format=qcow2,cache={cache},discard=unmap,file=");
        out.push(with_file(&options, &self.disk));
        out.extend(["-device", "virtio-blk-pci,drive=disk,bootindex=0"].map(OsString::from));
        out
    }
}

/// `options` and a file's name, whose commas QEMU wants doubled.
fn with_file(options: &str, file: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut bytes = options.as_bytes().to_vec();
    for &b in file.as_os_str().as_bytes() {
        bytes.push(b);
        if b == b',' {
            bytes.push(b);
        }
    }
    OsString::from_vec(bytes)
}

/// The programs of a boot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    pub emulator: PathBuf,
    pub img: PathBuf,
    pub io: PathBuf,
}

/// A program that a boot run needs is not installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{program}` is not installed")]
pub struct MissingTool {
    pub program: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

/// The packages of QEMU's parts by distribution.
const HELP: &str = "Debian, Ubuntu: apt-get install qemu-system-x86 qemu-utils; Fedora: dnf install qemu-system-x86-core \
                    qemu-img; EL: dnf install qemu-kvm qemu-img";

impl Tools {
    /// Finds all programs, `path` being the value of `PATH`.
    pub fn find(path: Option<&OsStr>) -> Result<Tools, MissingTool> {
        let need = |names: &[&'static str]| {
            super::command::find_program(names, path).ok_or(MissingTool { program: names[0], help: HELP })
        };
        Ok(Tools { emulator: need(EMULATORS)?, img: need(&["qemu-img"])?, io: need(&["qemu-io"])? })
    }
}

/// Whether this process may use the host's KVM.
pub fn kvm_usable() -> bool {
    std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            disk: PathBuf::from("/tmp/a,b/disk.qcow2"),
            firmware: Firmware::Bios,
            accel: Accel::Tcg,
            memory: Bytes::gib(1),
            cpus: 2,
            network: None,
            control: None,
            reboot: false,
            durable: false,
            watchdog: false,
        }
    }

    fn line(machine: &Machine) -> String {
        let words: Vec<String> =
            machine.arguments().iter().map(|w| w.to_string_lossy().into_owned()).collect();
        words.join(" ").replace(" -", "\n-")
    }

    #[test]
    fn bios_under_tcg() {
        insta::assert_snapshot!(line(&machine()));
    }

    #[test]
    fn uefi_under_kvm_with_a_network() {
        let ovmf =
            Ovmf { code: "/usr/share/OVMF/CODE.fd".into(), variables: "/usr/share/OVMF/VARS.fd".into() };
        let machine = Machine {
            firmware: Firmware::uefi(&ovmf, Path::new("/tmp/run/vars.fd")),
            accel: Accel::Kvm,
            network: Some(Network::Outward),
            reboot: true,
            durable: true,
            watchdog: true,
            ..machine()
        };
        insta::assert_snapshot!(line(&machine));
    }

    #[test]
    fn a_second_port_and_a_network_without_a_way_out() {
        let control = Control { socket: "/tmp/a,b/control.sock".into(), port: 1 };
        let machine = Machine { network: Some(Network::Isolated), control: Some(control), ..machine() };
        let line = line(&machine);
        assert!(
            line.contains("\n-chardev socket,id=control,server=off,path=/tmp/a,,b/control.sock\n"),
            "{line}"
        );
        assert!(line.contains("\n-device isa-serial,chardev=control,index=1\n"), "{line}");
        assert!(line.contains("\n-nic user,restrict=on,model=virtio-net-pci\n"), "{line}");
    }
}
