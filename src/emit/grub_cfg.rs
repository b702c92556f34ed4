//! `grub.cfg` on the boot partition (GRUB manual, "Shell-like scripting", "Commands"), the same for BIOS and UEFI.
//!
//! Enters: menu entries with what was found in each slot's tree. Leaves: the script. Its words are quoted for GRUB's
//! own shell. It needs these commands and modules: `part_msdos part_gpt fat ext2 xfs search search_fs_uuid normal linux
//! loadenv test terminal serial`, and on UEFI `all_video`.

use std::time::Duration;

use minijinja::context;
use uuid::Uuid;

use super::{EmitError, command_line, printable, templates, word};
use crate::base::grubenv::TRIES_MAX;
use crate::base::shell::single_quoted;
use crate::front::model::FilesystemKind;

/// The menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrubCfg {
    /// How long the menu waits; GRUB counts whole seconds.
    pub timeout: Duration,
    /// Id of the entry that starts when nobody chooses.
    pub default: String,
    /// Unit and speed in baud of a serial terminal beside the screen.
    pub serial: Option<(u8, u32)>,
    /// Arguments that a slot on trial gets after its own, from [`super::switch::trial_arguments`].
    pub trial: Vec<String>,
    pub entries: Vec<Entry>,
}

/// One slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The slot's name, which `saved_entry` and `next_entry` use.
    pub id: String,
    pub title: String,
    pub fs: FilesystemKind,
    /// The root filesystem.
    pub uuid: Uuid,
    /// Path inside the slot's filesystem, absolute, no symbolic link out of it.
    pub kernel: String,
    pub initrd: String,
    /// As `uname -r` will say.
    pub version: String,
    /// Whether the slot may be started and left by kexec.
    pub kexec: bool,
    /// From [`command_line::command_line`].
    pub command_line: String,
}

/// `text` as one word of GRUB's shell, which like a POSIX shell takes nothing in single quotes for special.
pub fn quote(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | ',' | '=');
    if !text.is_empty() && text.chars().all(bare) {
        return text.to_string();
    }
    single_quoted(text)
}

/// GRUB's driver for a filesystem.
fn module(kind: FilesystemKind) -> &'static str {
    match kind {
        // ext2 reads ext4 as well
        FilesystemKind::Ext4 => "ext2",
        FilesystemKind::Xfs => "xfs",
    }
}

/// Renders the configuration.
pub fn grub_cfg(menu: &GrubCfg) -> Result<String, EmitError> {
    // an id that is no entry's: the first, as GRUB does
    let default = menu.entries.iter().position(|e| e.id == menu.default).unwrap_or(0);
    for argument in &menu.trial {
        word("kernel argument", argument, None)?;
    }
    let mut entries = Vec::new();
    for entry in &menu.entries {
        word("entry id", &entry.id, None)?;
        word("title", &entry.title, None)?;
        printable("kernel path", &entry.kernel, None)?;
        printable("initramfs path", &entry.initrd, None)?;
        printable("kernel command line", &entry.command_line, None)?;
        entries.push(context! {
            id => &entry.id,
            title => &entry.title,
            module => module(entry.fs),
            uuid => entry.uuid.to_string(),
            kernel => &entry.kernel,
            initrd => &entry.initrd,
            words => command_line::words(&entry.command_line),
        });
    }
    templates::render(
        "grub.cfg.j2",
        context! {
            timeout => menu.timeout.as_secs(),
            default => default,
            serial => menu.serial.map(|(unit, speed)| context! { unit, speed }),
            // GRUB cannot count: a branch for each number, the highest first
            counts => (1..=TRIES_MAX).rev().map(|n| context! { left => n, then => n - 1 }).collect::<Vec<_>>(),
            trial => menu.trial.join(" "),
            entries,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, title: &str, fs: FilesystemKind) -> Entry {
        Entry {
            id: id.to_string(),
            title: title.to_string(),
            fs,
            uuid: Uuid::from_u128(id.len() as u128),
            kernel: "/boot/vmlinuz-6.1.0-13-amd64".to_string(),
            initrd: "/boot/initrd.img-6.1.0-13-amd64".to_string(),
            version: "6.1.0-13-amd64".to_string(),
            kexec: true,
            command_line: "root=UUID=1 rw console=tty0 console=ttyS0,115200 dyndbg=\"file a +p\"".to_string(),
        }
    }

    #[test]
    fn a_menu_of_two() {
        let menu = GrubCfg {
            timeout: Duration::from_secs(1),
            default: "b".to_string(),
            serial: Some((0, 115_200)),
            trial: vec!["panic=10".to_string(), "osimg.trial=300".to_string()],
            entries: vec![
                entry("b", "Debian's \"$own\" {kernel}", FilesystemKind::Ext4),
                entry("xfs-slot", "CentOS 8.3", FilesystemKind::Xfs),
            ],
        };
        insta::assert_snapshot!(grub_cfg(&menu).expect("renders"));
        let screen = grub_cfg(&GrubCfg { serial: None, ..menu }).expect("renders");
        assert!(!screen.contains("serial"), "{screen}");
    }

    #[test]
    fn a_line_break_cannot_add_a_command() {
        let mut bad = entry("a", "A\nhalt", FilesystemKind::Ext4);
        let menu = |e: &Entry| GrubCfg {
            timeout: Duration::ZERO,
            default: "a".to_string(),
            serial: None,
            trial: Vec::new(),
            entries: vec![e.clone()],
        };
        assert!(grub_cfg(&menu(&bad)).is_err());
        bad.title = "A".to_string();
        assert!(grub_cfg(&menu(&bad)).is_ok());
    }
}
