//! `osimg boot` through the binary, on the tiny disk.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::terminal::Terminal;
use crate::{ONE, tiny};

/// The binary with a temporary folder of its own.
fn osimg(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osimg"));
    command.arg("boot").arg(tiny::image()).args(arguments).env("TMPDIR", folder.path()).stdin(Stdio::null());
    command
}

/// Fails if a run left a file in its temporary folder, or a process that uses it.
fn assert_nothing_left(folder: &Path) {
    let left: Vec<_> = std::fs::read_dir(folder).expect("the folder").flatten().map(|e| e.path()).collect();
    assert!(left.is_empty(), "files left: {left:?}");
    assert_eq!(machines(folder), 0, "a process is left");
}

/// How many processes name `folder` among their arguments.
fn machines(folder: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|p| std::fs::read(p.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(&folder.display().to_string()))
        .count()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = osimg(&folder, arguments).output().expect("the binary starts");
    assert_nothing_left(folder.path());
    out
}

#[test]
fn waits_for_the_login_prompt_and_keeps_a_log() {
    let _one = ONE.blocking_lock();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("console.log");
    let log_arg = log.display().to_string();
    let out =
        run(&["--slot", "login", "--wait-login", "--accel", "tcg", "--timeout", "240", "--log", &log_arg]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("login prompt after"), "{}", text(&out.stderr));
    let log = text(&std::fs::read(&log).expect("the log"));
    assert!(log.contains("osimg=login") && log.trim_end().ends_with("tiny login:"), "{log}");
}

#[test]
fn tells_why_there_is_no_login_prompt() {
    let _one = ONE.blocking_lock();
    let out = run(&["--slot", "panic", "--wait-login", "--accel", "tcg"]);
    assert_eq!(out.status.code(), Some(1));
    let err = text(&out.stderr);
    assert!(err.contains("error: no login prompt: the kernel panicked"), "{err}");
    assert!(err.contains("Attempted to kill init"), "{err}");
}

#[test]
fn refuses_what_is_not_there() {
    let unknown = run(&["--slot", "nowhere", "--wait-login"]);
    let err = text(&unknown.stderr);
    assert_eq!(unknown.status.code(), Some(2), "{err}");
    assert!(err.contains("no slot `nowhere`") && err.contains("`login`"), "{err}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("text.img");
    std::fs::write(&file, "no image").expect("a file");
    for name in ["text.img", "none.img", "none.yaml"] {
        let out = Command::new(env!("CARGO_BIN_EXE_osimg"))
            .arg("boot")
            .arg(folder.path().join(name))
            .output()
            .expect("the binary starts");
        assert_eq!(out.status.code(), Some(2), "{name}: {}", text(&out.stderr));
    }
}

#[test]
fn an_interrupt_leaves_nothing() {
    let _one = ONE.blocking_lock();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut child = osimg(&folder, &["--slot", "stall", "--wait-login", "--accel", "tcg"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let start = Instant::now();
    while machines(folder.path()) == 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "QEMU did not start");
        std::thread::sleep(Duration::from_millis(100));
    }
    // let it run into the boot
    std::thread::sleep(Duration::from_secs(2));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert_nothing_left(folder.path());
}

#[test]
fn a_person_logs_in_and_leaves() {
    let _one = ONE.blocking_lock();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let binary = env!("CARGO_BIN_EXE_osimg");
    let line = format!("'{binary}' boot '{}' --slot login --accel tcg", tiny::image().display());
    let mut terminal = Terminal::start(&line, |command| {
        command.env("TMPDIR", folder.path());
    });
    terminal.until("Ctrl-a x");
    terminal.until("tiny login: ");
    terminal.press("root\r");
    terminal.until("Password: ");
    terminal.press(&format!("{}\r", tiny::PASSWORD));
    terminal.until("# ");
    // Ctrl-C is the guest's: it ends the sleep there and not osimg here
    terminal.press("sleep 1000; echo con\"\"tinued\r");
    std::thread::sleep(Duration::from_secs(2));
    terminal.press("\x03");
    terminal.press("echo still\"\" here\r");
    terminal.until("still here");
    terminal.press("\x01x");
    terminal.ends_well();
    assert_nothing_left(folder.path());
}
