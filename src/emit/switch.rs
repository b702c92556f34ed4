//! Switching on the host: the description of all slots on the boot partition, and `osimg-switch` in each slot.
//!
//! Enters: the values that grub.cfg is made of, and what the manifest asks of a trial. Leaves: `osimg/slots`, which a
//! POSIX shell reads line by line without evaluating anything, the script, and the units that run it at boot. The
//! description holds each slot's command line as GRUB hands it to the kernel, so that a kexec starts what a boot would.

use std::time::Duration;

use minijinja::context;

use super::grub_cfg::GrubCfg;
use super::{EmitError, command_line, printable, templates, word};
use crate::base::identity;
use crate::front::model::Health;

/// The format of the description. A script refuses another.
const FORMAT: u32 = 1;

/// Where the script lies in each slot.
pub const SCRIPT: &str = "/usr/sbin/osimg-switch";

/// Checks a slot once it is up.
const HEALTH_UNIT: &str = "osimg-health.service";
/// Ends a trial that never comes so far.
const TRIAL_UNIT: &str = "osimg-trial.service";

/// Beside the menu, what the description says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trials {
    /// The manifest's name.
    pub image: String,
    pub health: Health,
    /// Boots that a trial has, 1 to 9.
    pub tries: u8,
}

/// What a trial adds to the command line: no panic, no shell of the initramfs and no unfinished boot waits for a hand.
pub fn trial_arguments(timeout: Duration) -> Vec<String> {
    // kernel-parameters.rst; dracut.cmdline(7), where old releases know `rd.shell` only and then panic; the last one is
    // osimg-trial.service's
    [
        "panic=10".into(),
        "rd.shell=0".into(),
        "rd.emergency=reboot".into(),
        format!("osimg.trial={}", timeout.as_secs()),
    ]
    .to_vec()
}

/// `osimg/slots` on the boot partition.
pub fn slots(menu: &GrubCfg, trials: &Trials) -> Result<String, EmitError> {
    let mut out = String::from(
        "# Made by osimg from the values of grub.cfg; a value is all that follows the first `=`.\n",
    );
    let mut line = |key: &'static str, value: &str| {
        printable(key, value, None)?;
        out.push_str(&format!("{key}={value}\n"));
        Ok::<(), EmitError>(())
    };
    line("format", &FORMAT.to_string())?;
    line("image", &trials.image)?;
    line("default", &menu.default)?;
    line("tries", &trials.tries.to_string())?;
    line("trial_args", &menu.trial.join(" "))?;
    line("health_timeout", &trials.health.timeout.as_secs().to_string())?;
    for unit in &trials.health.units {
        word("unit", unit, None)?;
        line("health_unit", unit)?;
    }
    if let Some(command) = &trials.health.command {
        line("health_command", command)?;
    }
    for entry in &menu.entries {
        let args = command_line::passed_by_grub(&entry.kernel, &entry.command_line);
        line("slot", &entry.id)?;
        line("title", &entry.title)?;
        line("root", &entry.uuid.to_string())?;
        line("filesystem", entry.fs.as_str())?;
        line("kernel", &entry.kernel)?;
        line("initrd", &entry.initrd)?;
        line("version", &entry.version)?;
        line("args", &args)?;
        line("kexec", if entry.kexec { "allow" } else { "never" })?;
    }
    Ok(out)
}

/// The script of a slot. `boot_volume` is the FAT volume id. `root` goes before every path that the script reads outside
/// its mounts: empty but in tests.
pub fn script(slot: &str, boot_volume: u32, root: &str) -> Result<String, EmitError> {
    word("slot", slot, None)?;
    let boot_volume = identity::volume_id_text(boot_volume);
    templates::render("osimg-switch.j2", context! { slot, boot_volume, root })
}

/// A file of a slot that makes its units run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub path: String,
    pub text: String,
}

/// The units, and for each what starts it. They lie in `/usr/lib`, so that `systemd.mask` of the manifest wins. `target` is
/// the slot's default target; `watchdog` is the time of a hardware watchdog, where the manifest asks for one.
pub fn units(target: &str, watchdog: Option<Duration>) -> Result<Vec<Unit>, EmitError> {
    word("target", target, None)?;
    let folder = "/usr/lib/systemd/system";
    let unit = |path: String, text: String| Unit { path, text };
    let wants = |by: &str, wanted: &str| {
        // a drop-in, not a link of `systemctl enable`: it needs no step in the container
        unit(format!("{folder}/{by}.d/50-osimg.conf"), format!("# Made by osimg.\n[Unit]\nWants={wanted}\n"))
    };
    let mut out = vec![
        unit(
            format!("{folder}/{HEALTH_UNIT}"),
            templates::render("osimg-health.service.j2", context! { target, script => SCRIPT })?,
        ),
        unit(
            format!("{folder}/{TRIAL_UNIT}"),
            templates::render("osimg-trial.service.j2", context! { script => SCRIPT })?,
        ),
        wants(target, HEALTH_UNIT),
        wants("sysinit.target", TRIAL_UNIT),
    ];
    if let Some(time) = watchdog {
        let text = templates::render("watchdog.conf.j2", context! { seconds => time.as_secs() })?;
        out.push(unit("/etc/systemd/system.conf.d/50-osimg-watchdog.conf".to_string(), text));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units() {
        let all = units("multi-user.target", Some(Duration::from_secs(60))).expect("renders");
        let shown: Vec<String> = all.iter().map(|u| format!("==> {} <==\n{}", u.path, u.text)).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_value_of_two_lines_cannot_add_a_third() {
        let trials = |command: &str| Trials {
            image: "x".into(),
            health: Health { units: vec![], command: Some(command.into()), timeout: Duration::from_secs(1) },
            tries: 1,
        };
        let menu = GrubCfg {
            timeout: Duration::ZERO,
            default: "a".into(),
            serial: None,
            trial: trial_arguments(Duration::from_secs(1)),
            entries: Vec::new(),
        };
        assert!(slots(&menu, &trials("true\nslot=evil")).is_err());
        assert!(
            slots(&menu, &trials("true; x='$y'"))
                .expect("renders")
                .contains("\nhealth_command=true; x='$y'\n")
        );
    }
}
