//! grub.cfg in the eyes of GRUB's own parser.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use osimg::emit::grub_cfg::{Entry, GrubCfg, grub_cfg, quote};
use osimg::front::model::FilesystemKind;
use proptest::prelude::*;
use uuid::Uuid;

/// What grub-script-check says of a script: nothing when it parses.
fn check(script: &str) -> Result<(), String> {
    let mut file = tempfile::NamedTempFile::new().expect("file");
    file.write_all(script.as_bytes()).expect("written");
    let out = Command::new("grub-script-check")
        .arg(file.path())
        .stdin(Stdio::null())
        .output()
        .expect("grub-script-check is installed");
    if out.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
}

fn menu(id: &str, title: &str, kernel: &str, args: &str) -> GrubCfg {
    let entry = |id: &str, fs| Entry {
        id: id.to_string(),
        title: title.to_string(),
        fs,
        uuid: Uuid::nil(),
        kernel: kernel.to_string(),
        initrd: format!("{kernel}.img"),
        version: "1".to_string(),
        kexec: true,
        command_line: format!("root=UUID=0 rw {args}"),
    };
    GrubCfg {
        timeout: Duration::from_secs(1),
        default: id.to_string(),
        serial: Some((0, 115_200)),
        trial: vec!["panic=10".to_string(), "osimg.trial=300".to_string()],
        entries: vec![entry(id, FilesystemKind::Ext4), entry("other", FilesystemKind::Xfs)],
    }
}

#[test]
fn the_checker_refuses_what_is_wrong() {
    assert!(check("menuentry 'a {\n}\n").is_err());
    assert!(check("if true; then\n").is_err());
}

#[test]
fn grub_parses_the_menu() {
    let text =
        grub_cfg(&menu("a", "It's {an} \"odd\" $title; # \\", "/boot/vmlinuz-1", "quiet")).expect("renders");
    check(&text).expect("GRUB parses it");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_printable_text_is_one_word(
        id in "[a-z0-9]{1,8}", title in "[^-\\p{C}]\\PC{0,30}", kernel in "/\\PC{0,30}", args in "[^'\\\\\"\\p{C}]{0,30}",
    ) {
        let text = grub_cfg(&menu(&id, &title, &kernel, &args)).expect("renders");
        prop_assert_eq!(check(&text), Ok(()), "{}", text);
    }

    /// GRUB's single quotes, escapes and adjoining words follow the POSIX shell, which can be asked for the value.
    #[test]
    fn a_shell_reads_the_word_back(text in "\\PC{0,30}") {
        let out = Command::new("sh").arg("-c").arg(format!("printf %s {}", quote(&text))).output().expect("sh");
        prop_assert_eq!(String::from_utf8_lossy(&out.stdout), text);
    }
}
