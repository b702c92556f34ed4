//! The rules on a built tree: whether it boots, lets somebody in, and can be on many machines. One rule a file, each a row of
//! [`TABLE`].
//!
//! Enters: a [`Survey`] of the tree, and the model's slot where there is one. Leaves: findings like those of the manifest, at the
//! words that would mend them. Pure: computed anew at each run, so that no cache holds a finding or what `allow` did to it.

mod consoles;
mod container;
mod default_target;
mod dependencies;
mod disks;
mod drivers;
mod fstab;
mod getty;
mod graphical;
mod host_keys;
mod init;
mod initramfs;
mod kernel;
mod kernel_image;
pub mod login;
mod logind;
mod machine_id;
mod modules;
mod mount_points;
mod privileges;
mod selinux;

use crate::diag::{Code, Diagnostic, Diagnostics, Severity, Span};
use crate::front::model::{Model, Place, Slot, unused_allow};
use crate::rootfs::initramfs::Initramfs;
use crate::rootfs::inspect::modules::Modules;
use crate::rootfs::inspect::{Choice, Listing, NoKernel, Survey, choose};

/// What a rule sees.
pub struct Case<'a> {
    /// The manifest and the slot of it that the tree is; nothing for a tree by itself.
    pub stated: Option<(&'a Model, &'a Slot)>,
    pub survey: &'a Survey,
    /// The kernel that boots, or why none does.
    pub choice: Result<Choice, NoKernel>,
}

impl<'a> Case<'a> {
    pub fn new(stated: Option<(&'a Model, &'a Slot)>, survey: &'a Survey) -> Case<'a> {
        let pin = stated.and_then(|(_, slot)| slot.kernel.version.as_ref()).map(|v| v.value.as_str());
        Case { stated, survey, choice: choose(survey, pin) }
    }

    fn slot(&self) -> Option<&'a Slot> {
        self.stated.map(|(_, slot)| slot)
    }

    /// The words that the manifest adds to the kernel's command line.
    pub fn args(&self) -> &'a [String] {
        self.slot().map_or(&[], |slot| &slot.kernel.args)
    }

    /// The modules of the kernel that boots.
    fn modules(&self) -> Option<&'a Modules> {
        self.survey.modules.get(&self.choice.as_ref().ok()?.kernel.version)
    }

    /// What is known of the initramfs that boots: its path, and what it is. Nothing where it could not be looked at.
    fn listing(&self) -> Option<(&str, &'a Listing)> {
        let path = self.choice.as_ref().ok()?.kernel.initramfs.as_str();
        self.survey.initramfs.get(path).map(|listing| (path, listing))
    }

    /// The initramfs that boots, with the modules of the kernel that boots or with none at all.
    pub fn initramfs(&self) -> Option<(&str, &'a Initramfs)> {
        let version = &self.choice.as_ref().ok()?.kernel.version;
        match self.listing()? {
            (path, Listing::Read(found))
                if found.modules.is_empty() || found.modules.contains_key(version) =>
            {
                Some((path, found))
            }
            _ => None,
        }
    }

    /// Whether the initramfs that boots, or the kernel itself, has a driver.
    pub fn has(&self, found: &Initramfs, driver: &str) -> bool {
        let Ok(choice) = &self.choice else { return false };
        let builtin = self.modules().is_some_and(|m| m.builtin.contains(&driver.replace('-', "_")));
        builtin || found.has(&choice.kernel.version, driver)
    }

    /// The drivers that the slot must have: those it declares, and that of its root.
    pub fn drivers(&self) -> Vec<&'a str> {
        let Some(slot) = self.slot() else { return Vec::new() };
        let mut drivers: Vec<&str> = slot.dracut.drivers.iter().map(String::as_str).collect();
        let root = slot.filesystem.kind.as_str();
        if !drivers.contains(&root) {
            drivers.push(root);
        }
        drivers
    }

    /// The unit that systemd boots into.
    pub fn boots_into(&self) -> &'a str {
        default_target::wanted(self)
    }

    /// The consoles that show a login, each with the unit that gives it: those of the manifest, all screens as one; without
    /// a manifest the screen.
    pub fn consoles(&self) -> Vec<(String, String)> {
        let screen = || ("tty1".to_string(), "getty@tty1.service".to_string());
        let Some((model, _)) = self.stated else { return vec![screen()] };
        let mut consoles: Vec<(String, String)> = Vec::new();
        for console in &model.boot.consoles {
            let device = console.device.as_str();
            let number = device.strip_prefix("tty");
            let one = match number.is_some_and(|n| n.chars().all(|c| c.is_ascii_digit())) {
                true => screen(),
                false => (device.to_string(), format!("serial-getty@{device}.service")),
            };
            if !consoles.contains(&one) {
                consoles.push(one);
            }
        }
        consoles
    }

    /// A finding about the tree, without a place.
    fn about(&self, code: Code, message: impl std::fmt::Display) -> Diagnostic {
        let message = match self.slot() {
            Some(slot) => format!("slot `{}`: {message}", slot.name.value),
            None => message.to_string(),
        };
        match code.row().level.severity() {
            Severity::Error => Diagnostic::error(code, message),
            Severity::Warning => Diagnostic::warning(code, message),
        }
    }

    /// A finding at a span of the slot.
    fn at(
        &self,
        code: Code,
        message: impl std::fmt::Display,
        span: fn(&Slot) -> Span,
        label: &str,
    ) -> Diagnostic {
        let finding = self.about(code, message);
        match self.stated {
            Some((model, slot)) => finding.at(&model.source, span(slot), label),
            None => finding,
        }
    }

    /// A finding at a setting of the slot.
    fn of(
        &self,
        code: Code,
        message: impl std::fmt::Display,
        place: fn(&Slot) -> &Place,
        label: &str,
    ) -> Diagnostic {
        let finding = self.about(code, message);
        match self.stated {
            Some((model, slot)) => {
                let place = place(slot);
                let label = if place.stated { label } else { "" };
                finding.at(&model.source, first_line(&model.source.text, place.span), label)
            }
            None => finding,
        }
    }

    /// The fix that gives a list of the slot more words, where that is plain.
    fn adding(&self, finding: Diagnostic, place: fn(&Slot) -> &Place, title: &str, word: &str) -> Diagnostic {
        match self.slot().and_then(|slot| place(slot).add.as_ref()) {
            Some(insertion) => finding.fix(title, insertion.span(), insertion.text(word)),
            None => finding,
        }
    }

    /// A finding about a unit that is masked by the file or link at `path`: at the word of `mask` that does it, else where
    /// `unmask` is or would be.
    fn masked(&self, code: Code, message: &str, unit: &str, path: &str) -> Diagnostic {
        let message = format!("{message}: `{unit}` is masked by {path}");
        let own = self.slot().and_then(|s| s.places.mask.items.iter().find(|word| word.value == unit));
        if let (Some((model, _)), Some(word)) = (self.stated, own) {
            return self
                .about(code, message)
                .at(&model.source, word.span, "masked here")
                .help(format!("take `{unit}` out of `systemd.mask`"));
        }
        let place: fn(&Slot) -> &Place = |slot| &slot.places.unmask;
        let finding = self.of(code, message, place, "does not have it");
        let Some(slot) = self.slot() else {
            return finding.help(format!("`systemctl unmask {unit}` in the image's build"));
        };
        let mut whole = slot.systemd.unmask.clone();
        whole.push(unit.to_string());
        let whole = whole.join(", ");
        // a list that is stated replaces osimg's own, which must not be lost
        let words = if slot.places.unmask.stated { unit } else { &whole };
        let finding = finding.help(format!("add it: `systemd: {{unmask: [{whole}]}}`"));
        self.adding(finding, place, &format!("add `{unit}` to `systemd.unmask`"), words)
    }

    /// A finding about a file of the tree: at the entry of `files` that writes it, if one does.
    fn about_file(&self, code: Code, message: &str, path: &str) -> Diagnostic {
        let finding = self.about(code, message);
        let Some((model, slot)) = self.stated else { return finding };
        match slot.places.files.iter().find(|file| file.value == path) {
            Some(file) => finding.at(&model.source, file.span, "written here").help("remove this entry"),
            None => finding.at(&model.source, slot.name.span, ""),
        }
    }
}

/// A span cut to its first line.
fn first_line(text: &str, span: Span) -> Span {
    let length = text.get(span.start..span.end).and_then(|words| words.find(['\n', '\r']));
    Span::new(span.start, length.map_or(span.end, |length| span.start + length))
}

/// A rule looks at the case and says what it finds.
pub type Rule = fn(&Case<'_>, &mut Diagnostics);

/// Every rule.
pub const TABLE: &[Rule] = &[
    kernel::check,
    kernel_image::check,
    modules::check,
    initramfs::check,
    drivers::check,
    dependencies::check,
    disks::check,
    init::check,
    default_target::check,
    graphical::check,
    getty::check,
    consoles::check,
    logind::check,
    login::check,
    fstab::check,
    mount_points::check,
    machine_id::check,
    host_keys::check,
    container::check,
    privileges::check,
    selinux::check,
];

/// All that the rules find about one tree.
pub fn look(case: &Case<'_>) -> Diagnostics {
    let mut found = Diagnostics::new();
    for rule in TABLE {
        rule(case, &mut found);
    }
    found
}

/// All that the rules find about trees of a model's slots, and the manifest does not allow. Where `all` its slots are here, an
/// entry of `allow` that nothing needed is a finding too.
pub fn judge(model: &Model, trees: &[(&Slot, &Survey)], all: bool) -> Diagnostics {
    let mut found = Diagnostics::new();
    for (slot, survey) in trees {
        found.extend(look(&Case::new(Some((model, slot)), survey)));
    }
    let mut needed = vec![false; model.allow.len()];
    found.retain(|finding| match model.allow.iter().position(|code| code.value == finding.code) {
        Some(entry) => {
            needed[entry] = true;
            false
        }
        None => true,
    });
    // beside errors a rule may not have come to its finding
    if all && !found.has_errors() {
        let entries = model.allow.iter().zip(needed);
        for (code, _) in entries.filter(|(code, needed)| !needed && code.is_of_a_build()) {
            found.push(unused_allow(&model.source, code));
        }
    }
    found
}
