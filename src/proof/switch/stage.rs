//! What the test puts into the slots of its overlay, as commands for a shell in one of them: the test's shell, which a kexec
//! by osimg-switch would not bring along, a health check that can be made to fail, and what can go wrong at the next start.
//!
//! All of it is configuration as an administrator would add it (`/etc/systemd/system`, two lines of the description of the
//! slots); kernels, initramfs and menu stay as they are, but for the time that a trial has.

use std::time::Duration;

use super::scenario::Fault;
use crate::base::shell::single_quoted;
use crate::proof::entrance;
use crate::proof::jump::base64;

/// Where other filesystems are mounted.
const MOUNT: &str = "/run/osimg-switch-test";
/// In each slot.
const FOLDER: &str = "/etc/osimg-test";
/// It is there while the slot is to be unhealthy.
const SICK: &str = "/etc/osimg-test/sick";
/// A shell's script that runs as the slot starts.
const FAULT: &str = "/etc/osimg-test/fault";
/// Active while the slot is healthy.
pub const HEALTH_UNIT: &str = "osimg-test-health.service";
const FAULT_UNIT: &str = "osimg-test-fault.service";
const UNITS: &str = "/etc/systemd/system";

fn health_unit() -> String {
    format!(
        "[Unit]
Description=What osimg test asks of a healthy slot
ConditionPathExists=!{SICK}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
"
    )
}

/// Runs before `sysinit.target`, so that nothing of the system is up when the fault comes.
fn fault_unit() -> String {
    format!(
        "[Unit]
Description=What osimg test lets go wrong
DefaultDependencies=no
ConditionPathExists={FAULT}
Before=sysinit.target

[Service]
Type=oneshot
ExecStart=/bin/sh {FAULT}
TimeoutStartSec=0
"
    )
}

/// Puts the units into the slot whose root is mounted at `tree` (empty: the slot that runs).
fn furnish(tree: &str, port: u8) -> Vec<String> {
    let units =
        [(entrance::UNIT, entrance::unit(port)), (HEALTH_UNIT, health_unit()), (FAULT_UNIT, fault_unit())];
    let wants = format!("{tree}{UNITS}/sysinit.target.wants");
    let mut out = vec![format!("mkdir -p {tree}{FOLDER} {wants}")];
    for (name, text) in units {
        out.push(format!("echo {} | base64 -d >{tree}{UNITS}/{name}", base64(text.as_bytes())));
        out.push(format!("ln -sf ../{name} {wants}/{name}"));
    }
    out
}

/// Mounts the filesystem `uuid`, does `inside` with it and unmounts it, so that all of it is on the disk. The first
/// command that fails ends it.
fn within(uuid: &str, inside: Vec<String>) -> Vec<String> {
    let mut out = vec![format!("mkdir -p {MOUNT}"), format!("mount UUID={uuid} {MOUNT}")];
    out.extend(inside);
    out.push(format!("umount {MOUNT}"));
    out
}

/// Furnishes the slot that runs and the one with the root filesystem `other`.
pub fn slots(other: &str, port: u8) -> Vec<String> {
    let mut out = within(other, furnish(MOUNT, port));
    out.extend(furnish("", port));
    out.extend(["sync", "systemctl daemon-reload"].map(String::from));
    out.push(format!("systemctl start {HEALTH_UNIT}"));
    out
}

/// Gives a trial `window` to be found healthy, and asks for [`HEALTH_UNIT`] besides what the manifest asks. `volume` is the
/// boot partition's volume id.
pub fn description(volume: &str, window: Duration) -> Vec<String> {
    let seconds = window.as_secs();
    let edit = format!(
        "sed -i -e 's/^health_timeout=.*/health_timeout={seconds}/' -e '/^health_timeout=/a health_unit={HEALTH_UNIT}' \
         -e 's/osimg\\.trial=[0-9]*/osimg.trial={seconds}/' {MOUNT}/osimg/slots {MOUNT}/grub/grub.cfg"
    );
    within(volume, vec![edit])
}

/// Leaves the slot with the root filesystem `other` with that fault, or with none.
pub fn spoil(other: &str, fault: Option<Fault>) -> Vec<String> {
    let mut inside = vec![format!("rm -f {MOUNT}{SICK} {MOUNT}{FAULT}")];
    const CRASH: &str = "echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger";
    let script = match fault {
        None => None,
        Some(Fault::Sick) => {
            inside.push(format!("touch {MOUNT}{SICK}"));
            None
        }
        Some(Fault::Panic) => Some(CRASH.to_string()),
        // with `panic=0` a kernel stays in its panic for ever
        Some(Fault::Dead) => Some(format!("echo 0 >/proc/sys/kernel/panic; {CRASH}")),
        Some(Fault::Hang) => Some("exec sleep 1000000".to_string()),
    };
    if let Some(script) = script {
        inside.push(format!("echo {} >{MOUNT}{FAULT}", single_quoted(&script)));
    }
    within(other, inside)
}

/// Makes the slot that runs healthy.
pub fn heal() -> Vec<String> {
    vec![format!("rm {SICK}"), "sync".to_string(), format!("systemctl start {HEALTH_UNIT}")]
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::base::NodeReporter;
    use crate::host::command::Call;

    /// A session takes lines of less than this.
    const LINE: usize = 3_900;

    #[test]
    fn every_command_is_a_line_that_a_terminal_takes() {
        let faults = [Fault::Sick, Fault::Panic, Fault::Hang, Fault::Dead].map(Some);
        let mut all = slots("6d5d0e3c-1d2f-5d5f-9d34-0d2f5d6f7a11", 3);
        all.extend(description("1234-ABCD", Duration::from_secs(150)));
        all.extend(faults.into_iter().chain([None]).flat_map(|fault| spoil("x", fault)));
        all.extend(heal());
        for command in all {
            assert!(command.len() < LINE && !command.contains('\n'), "{command}");
        }
    }

    #[tokio::test]
    async fn the_edit_of_a_description() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        for name in ["osimg", "grub"] {
            std::fs::create_dir(place(name)).expect("a folder");
        }
        std::fs::write(
            place("osimg/slots"),
            "trial_args=panic=10 osimg.trial=300\nhealth_timeout=300\nslot=a\n",
        )
        .expect("written");
        std::fs::write(place("grub/grub.cfg"), "\tset more='panic=10 osimg.trial=300'\n").expect("written");
        let commands = description("1234-ABCD", Duration::from_secs(95));
        let edit = commands.iter().find(|c| c.starts_with("sed")).expect("the edit");
        let edit = edit.replace(MOUNT, &folder.path().display().to_string());
        let call = Call::new("sh").args(["-euc", &edit]);
        call.run(&NodeReporter::silent(), &CancellationToken::new()).await.expect("it runs");
        let read = |name: &str| std::fs::read_to_string(place(name)).expect("text");
        assert_eq!(
            read("osimg/slots"),
            format!(
                "trial_args=panic=10 osimg.trial=95\nhealth_timeout=95\nhealth_unit={HEALTH_UNIT}\nslot=a\n"
            )
        );
        assert_eq!(read("grub/grub.cfg"), "\tset more='panic=10 osimg.trial=95'\n");
    }
}
