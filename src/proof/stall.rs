//! Why a boot stopped, told by the end of its console.
//!
//! One table ([`known`]): what the console says, as firmware, GRUB, Linux, dracut, initramfs-tools and systemd write it, and
//! the code whose page says what to do. Rows go from the particular to the general, for a panic or an emergency shell is
//! often the last that is seen of something that was said before it.

mod known;

use known::{GETTY, MESSAGES, PROMPTS, RULES, UNKNOWN};

use super::boot::Why;
use crate::diag::codes::{self, Code};
use crate::diag::{Diagnostic, Span, Spanned};
use crate::front::model::{Model, Slot};

/// Lines of the console's end that are looked at.
pub const REACH: usize = 200;
/// Lines of the console in a report, and how many of them stand before the one that tells.
const SHOWN: usize = 12;
const BEFORE: usize = 6;

/// What a line means that ends a boot; nothing for any other line.
pub fn sign(line: &str) -> Option<&'static str> {
    let message = MESSAGES.iter().find(|(text, _)| line.contains(text));
    let prompt = || PROMPTS.iter().find(|(text, _)| line.trim_start().starts_with(text));
    message.or_else(prompt).map(|(_, meaning)| *meaning)
}

/// The manifest's words that decide about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Slot,
    Kernel,
    Dracut,
    Systemd,
    Filesystem,
    Size,
}

/// A known way to stop.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    pub code: Code,
    /// The rules that find it before the boot, where they are not allowed away; none where no rule can know it.
    pub before: &'static [Code],
    /// Any of these, on one line; `*` stands for any text.
    signs: &'static [&'static str],
    /// With one of these on a line it is something else.
    unless: &'static [&'static str],
    reach: usize,
    place: Place,
    /// What stands under the manifest's words.
    label: &'static str,
    pub help: &'static str,
}

/// A boot that came to no login prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    pub rule: &'static Rule,
    /// How it ended, in a phrase.
    pub why: String,
    /// The console's line that tells.
    pub sign: Option<String>,
    /// Lines of the console about that one, or else its last.
    pub tail: Vec<String>,
}

/// Why a boot that ended as `why` came to no login prompt; `lines` are the console's last, [`REACH`] of them.
pub fn explain(why: &Why, lines: &[String]) -> Stall {
    let found = RULES.iter().find_map(|rule| Some((rule, rule.sign(lines)?)));
    let quiet = matches!(why, Why::Stalled { .. } | Why::TimedOut { .. });
    let waits = || root_rule().zip(waits_for_root(lines));
    let found = found.or_else(|| waits().or_else(|| Some((&GETTY, GETTY.sign(lines)?))).filter(|_| quiet));
    let (rule, sign) = match found {
        Some((rule, sign)) => (rule, Some(sign.to_string())),
        None => (&UNKNOWN, None),
    };
    Stall { rule, why: why.to_string(), tail: shown(lines, sign.as_deref()), sign }
}

fn root_rule() -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == codes::STALL_ROOT)
}

/// The line by which dracut began to wait for the root's disk, if nothing ended that: it waits for minutes without a word.
fn waits_for_root(lines: &[String]) -> Option<&str> {
    let queue = lines.iter().rfind(|line| line.contains("initqueue"))?.trim();
    queue.contains("Starting dracut").then_some(queue)
}

impl Rule {
    fn sign<'l>(&self, lines: &'l [String]) -> Option<&'l str> {
        let near = &lines[lines.len().saturating_sub(self.reach)..];
        let first = |signs: &[&str]| near.iter().find(|line| signs.iter().any(|sign| says(line, sign)));
        first(self.signs).filter(|_| first(self.unless).is_none()).map(|line| line.trim())
    }
}

/// Whether the parts of `sign` stand in `line`, one behind the other.
fn says(line: &str, sign: &str) -> bool {
    let mut rest = Some(line);
    for part in sign.split('*') {
        rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, after)| after);
    }
    rest.is_some()
}

/// The lines for a report: those about the line that tells where it is known, else the last.
fn shown(lines: &[String], sign: Option<&str>) -> Vec<String> {
    let last = lines.len().saturating_sub(SHOWN);
    let about = sign.and_then(|sign| lines.iter().position(|line| line.trim() == sign));
    let start = about.map_or(last, |at| at.saturating_sub(BEFORE)).min(last);
    lines[start..lines.len().min(start + SHOWN)].to_vec()
}

impl Stall {
    /// The finding, at the words of the manifest that decide about it.
    pub fn diagnostic(&self, model: &Model, slot: &Slot, step: &str) -> Diagnostic {
        let about = self.rule.code.row().about;
        let mut message = format!("{step}: {about} ({})", self.why);
        if let Some(sign) = &self.sign {
            message.push_str(&format!(": {sign}"));
        }
        let mut help = self.rule.help.to_string();
        if self.allowed(model).next().is_some() {
            help = format!("take the entry out of `allow`: `osimg apply` says what to mend; or {help}");
        }
        let finding = Diagnostic::error(self.rule.code, message)
            .at(&model.source, self.rule.place.span(slot), self.rule.label)
            .help(help);
        self.allowed(model).fold(finding, |finding, code| {
            let label = format!("the rule `{}` finds this at apply, and is allowed here", code.value);
            finding.and(code.span, label)
        })
    }

    /// The entries of `allow` that silenced a rule which finds this before the boot.
    fn allowed<'m>(&self, model: &'m Model) -> impl Iterator<Item = &'m Spanned<Code>> {
        model.allow.iter().filter(|code| self.rule.before.contains(&code.value))
    }
}

impl Place {
    /// A part that the manifest leaves out stands for the slot.
    fn span(self, slot: &Slot) -> Span {
        let span = match self {
            Place::Slot => slot.name.span,
            Place::Kernel => slot.kernel.version.as_ref().map_or(slot.kernel.span, |v| v.span),
            Place::Dracut => slot.dracut.span,
            Place::Systemd => slot.systemd.span,
            Place::Filesystem => slot.filesystem.span,
            Place::Size => slot.size.span,
        };
        if span == Span::default() { slot.name.span } else { span }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    fn silent(text: &str) -> Stall {
        explain(&Why::Stalled { silence: Duration::from_secs(180) }, &lines(text))
    }

    #[test]
    fn reads_the_signs() {
        let line = "[    1.2] Kernel panic - not syncing: VFS: Unable to mount root fs";
        assert_eq!(sign(line), Some("the kernel panicked"));
        assert_eq!(sign("grub rescue> "), Some("GRUB did not find its files"));
        assert_eq!(sign("Booting `CentOS 7.9'"), None);
        assert_eq!(sign("(initramfs) "), Some("the initramfs did not find the root filesystem"));
        assert_eq!(sign("Welcome to Debian dracut (initramfs)!"), None);
    }

    /// The ends of real consoles, broken on purpose: Debian 12 (GRUB 2.06, Linux 6.1, dracut 059, systemd 252) unless it says
    /// otherwise.
    const REAL: &[(&str, Code)] = &[
        // the menu names a file that is not there
        (include_str!("consoles/grub.txt"), codes::STALL_GRUB),
        // the menu loads no initramfs
        (include_str!("consoles/initramfs.txt"), codes::STALL_INITRAMFS),
        // `root=UUID=00000000-…`, given up after three minutes of silence
        (include_str!("consoles/root.txt"), codes::STALL_ROOT),
        // `systemd.mask=serial-getty@ttyS0.service`
        (include_str!("consoles/getty.txt"), codes::STALL_GETTY),
        // the same with `rd.retry=5`, and no virtio_blk in the initramfs
        (include_str!("consoles/root-given-up.txt"), codes::STALL_ROOT),
        // no xfs in the initramfs
        (include_str!("consoles/driver.txt"), codes::STALL_DRIVER),
        // xfs with a feature bit that no kernel knows
        (include_str!("consoles/filesystem-refused.txt"), codes::STALL_FILESYSTEM_REFUSED),
        // Debian 11 (Linux 5.10, dracut 051, systemd 247): xfs with nrext64, let through by `allow`
        (include_str!("consoles/filesystem-refused-old.txt"), codes::STALL_FILESYSTEM_REFUSED),
        // systemd is an empty file
        (include_str!("consoles/init.txt"), codes::STALL_INIT),
        // multi-user.target is an empty file
        (include_str!("consoles/target.txt"), codes::STALL_TARGET),
        // `init=/nope`
        (include_str!("consoles/switch-root.txt"), codes::STALL_SWITCH_ROOT),
    ];

    #[test]
    fn real_consoles_are_explained() {
        for (console, code) in REAL {
            let stall = silent(console);
            assert_eq!(stall.rule.code, *code, "{:?}", stall.sign);
            let sign = stall.sign.expect("a line that tells");
            assert!(stall.tail.iter().any(|line| line.trim() == sign), "{sign}");
        }
    }

    #[test]
    fn the_particular_goes_before_the_general() {
        let panic = "[    2.7] VFS: Unable to mount root fs on unknown-block(0,0)\n\
                     [    2.8] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n\
                     [    2.9] ---[ end Kernel panic - not syncing ]---";
        let stall = silent(panic);
        assert_eq!(stall.rule.code, codes::STALL_INITRAMFS);
        assert_eq!(
            stall.sign.as_deref(),
            Some("[    2.7] VFS: Unable to mount root fs on unknown-block(0,0)")
        );
        let alert = "ALERT!  UUID=9d48e935 does not exist.  Dropping to a shell!\n(initramfs) ";
        assert_eq!(silent(alert).rule.code, codes::STALL_ROOT);
    }

    #[test]
    fn a_mount_that_a_driver_explains_lacks_no_driver() {
        let failed = "[FAILED] Failed to mount /sysroot.\nEntering emergency mode.";
        assert_eq!(silent(failed).rule.code, codes::STALL_DRIVER);
        let kernel = "[    5.2] XFS (vda2): Superblock has unknown incompatible features (0x8) enabled.";
        assert_eq!(silent(&format!("{kernel}\n{failed}")).rule.code, codes::STALL_FILESYSTEM_REFUSED);
        let damaged = "[    5.2] EXT4-fs (vda2): ext4_check_descriptors: Checksum for group 0 failed";
        assert_eq!(silent(&format!("{damaged}\n{failed}")).rule.code, codes::STALL_EMERGENCY);
    }

    #[test]
    fn the_lines_shown_are_those_that_tell() {
        let before = "[    1.0] noise\n".repeat(30);
        let trace = "[    3.0]  call+0x1/0x2\n".repeat(30);
        let panic = "[    2.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100";
        let stall = silent(&format!("{before}{panic}\n{trace}"));
        assert_eq!(stall.rule.code, codes::STALL_PANIC);
        assert_eq!((stall.tail.len(), stall.tail[BEFORE].as_str()), (SHOWN, panic));
        let unknown = silent(&format!("{before}the end"));
        assert_eq!(unknown.tail.last().map(String::as_str), Some("the end"));
        assert!(silent("").tail.is_empty());
    }

    #[test]
    fn a_start_job_for_a_disk_is_no_missing_disk() {
        let slow = "[ ***  ] A start job is running for /dev/disk/by-uuid/1 (12s / no limit)";
        assert_eq!(silent(slow).rule.code, codes::STALL_UNKNOWN);
        assert!(says("abc def", "ab*de") && !says("abc def", "de*ab") && says("abc", "c"));
    }

    #[test]
    fn what_grub_said_long_ago_is_no_reason() {
        let grub = "error: no such device: 1234.\nerror: you need to load the kernel first.";
        assert_eq!(silent(grub).rule.code, codes::STALL_GRUB);
        let later = format!("{grub}\n{}", "[    1.0] usb 1-1: new device\n".repeat(20));
        assert_eq!(silent(&later).rule.code, codes::STALL_UNKNOWN);
    }

    #[test]
    fn a_target_without_a_prompt_is_a_missing_getty_only_where_nothing_ended() {
        let reached = "[  OK  ] Reached target multi-user.target - Multi-User System.";
        assert_eq!(silent(reached).rule.code, codes::STALL_GETTY);
        let off = Why::Exited { clean: true, status: String::new(), errors: Vec::new() };
        assert_eq!(explain(&off, &lines(reached)).rule.code, codes::STALL_UNKNOWN);
    }

    #[test]
    fn every_rule_has_a_code_of_its_own() {
        let mut codes: Vec<Code> = RULES.iter().chain([&GETTY, &UNKNOWN]).map(|rule| rule.code).collect();
        let all = codes::TABLE.iter().filter(|row| row.code.area() == "stall").count();
        codes.sort();
        codes.dedup();
        assert_eq!((codes.len(), RULES.len() + 2), (all, all));
    }
}
