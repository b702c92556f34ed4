//! `osimg test` through the binary, on the tiny disk.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::terminal::Terminal;
use crate::{ONE, tiny};

/// A manifest whose image is a link to the tiny disk, in a temporary folder that is TMPDIR as well.
struct Lab(TempDir);

impl Lab {
    fn new(firmware: &str) -> Lab {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path();
        let slots: Vec<String> =
            tiny::ENTRIES.iter().map(|e| format!("{{name: {e}, dockerfile: Dockerfile}}")).collect();
        let manifest = format!(
            "version: 1\nname: {}\ndisk: {{path: tiny.img, table: gpt}}\nboot: {{firmware: [{firmware}]}}\nslots: [{}]\n",
            tiny::MANIFEST,
            slots.join(", ")
        );
        fs::write(at.join("m.yaml"), manifest).expect("written");
        fs::write(at.join("Dockerfile"), "FROM debian\n").expect("written");
        fs::write(at.join("password"), format!("{}\n", tiny::PASSWORD)).expect("written");
        std::os::unix::fs::symlink(tiny::image(), at.join("tiny.img")).expect("a link");
        fs::create_dir(at.join("tmp")).expect("a folder");
        Lab(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osimg"));
        command.args(["test", "m.yaml", "--accel", "tcg"]).args(arguments).current_dir(self.path());
        command.env("TMPDIR", self.path().join("tmp")).env("OSIMG_CACHE_DIR", self.path().join("cache"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let out = self.command(arguments).output().expect("the binary starts");
        self.assert_nothing_left();
        out
    }

    /// Fails if a run left a file in its temporary folder, or a process that uses it.
    fn assert_nothing_left(&self) {
        let temporary = self.path().join("tmp");
        let left: Vec<_> =
            fs::read_dir(&temporary).expect("the folder").flatten().map(|e| e.path()).collect();
        assert!(left.is_empty(), "files left: {left:?}");
        assert_eq!(machines(&temporary), 0, "a process is left");
    }
}

/// How many processes name `folder` among their arguments.
fn machines(folder: &Path) -> usize {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|p| fs::read(p.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(&folder.display().to_string()))
        .count()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn objects(bytes: &[u8]) -> Vec<Value> {
    text(bytes).lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

/// `slot check state` of each check.
fn states(objects: &[Value]) -> Vec<String> {
    let word = |o: &Value, key: &str| o[key].as_str().expect("a text").to_string();
    let checks = objects.iter().filter(|o| o["event"] == "check");
    checks.map(|o| format!("{} {} {}", word(o, "slot"), word(o, "check"), word(o, "state"))).collect()
}

#[test]
fn a_shell_comes_through_the_initramfs_under_both_firmware() {
    let _one = ONE.blocking_lock();
    let lab = Lab::new("bios, uefi");
    let before = fs::read(tiny::image()).expect("the image");
    let out = lab.run(&["--slot", "whole", "--logs", "logs", "--junit", "proof.xml"]);
    let (told, err) = (text(&out.stdout), text(&out.stderr));
    assert_eq!(out.status.code(), Some(0), "{told}{err}");
    assert!(told.contains(&format!("  {}  ok    ok\n", tiny::release())), "{told}");
    assert!(told.contains("8 of 8 checks passed in "), "{told}");
    for firmware in ["bios", "uefi"] {
        let log = text(&fs::read(lab.path().join(format!("logs/{firmware}-whole.log"))).expect("the log"));
        assert!(log.contains("osimg=whole") && log.trim_end().ends_with("tiny login:"), "{log}");
    }
    let junit = fs::read_to_string(lab.path().join("proof.xml")).expect("the file");
    let junit = roxmltree::Document::parse(&junit).expect("XML");
    let suites = junit.descendants().filter(|n| n.has_tag_name("testsuite"));
    let names: Vec<_> =
        suites.map(|n| (n.attribute("name"), n.attribute("tests"), n.attribute("failures"))).collect();
    assert_eq!(names, ["tiny.bios", "tiny.uefi"].map(|name| (Some(name), Some("4"), Some("0"))));
    assert!(before == fs::read(tiny::image()).expect("the image"), "the image was written to");
}

#[test]
fn what_fails_and_what_cannot_be_tried_is_told_apart() {
    let _one = ONE.blocking_lock();
    let lab = Lab::new("bios");
    let slots = ["login", "noroot", "whole"].map(|slot| ["--slot", slot]).concat();
    let out = lab.run(&[&slots[..], &["--message-format", "json"]].concat());
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    let found = objects(&out.stdout);
    let jumps = |o: &&String| o.contains(" jump ");
    let states = states(&found);
    let boots: Vec<&String> = states.iter().filter(|o| !jumps(o)).collect();
    assert_eq!(
        boots,
        [
            "login login passed",
            "login kernel unproven",
            "login root unproven",
            "login units unproven",
            "whole login passed",
            "whole kernel passed",
            "whole root passed",
            "whole units passed",
            "noroot login failed",
        ]
    );
    // one slot of three can be left and come to, so no jump is tried, and each is accounted for
    assert_eq!(states.iter().filter(jumps).count(), 6);
    assert!(states.iter().filter(jumps).all(|o| o.ends_with("unproven")), "{states:?}");
    let noroot = found.iter().find(|o| o["slot"] == "noroot").expect("a check");
    assert_eq!(noroot["code"], "osimg::stall::initramfs");
    assert!(noroot["console"].to_string().contains("Kernel panic - not syncing"), "{noroot}");
    let log = lab.path().join("tiny.proof/bios-noroot.log");
    assert!(text(&fs::read(&log).expect("the log")).contains("Kernel panic - not syncing"));
    let sum = found.last().expect("a last object");
    assert_eq!((&sum["event"], &sum["proven"], &sum["failed"]), (&"tested".into(), &false.into(), &1.into()));
    // the stall stands at the manifest's words
    let told = objects(&out.stderr);
    let finding =
        told.iter().find(|o| o["event"] == "diagnostic" && o["severity"] == "error").expect("a finding");
    assert_eq!(finding["code"], "osimg::stall::initramfs");
    assert_eq!(finding["file"], "m.yaml");
}

#[test]
fn a_password_opens_what_the_initramfs_does_not() {
    let _one = ONE.blocking_lock();
    let lab = Lab::new("bios");
    let out = lab.run(&["--slot", "login", "--password-file", "password", "--message-format", "json"]);
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    let wanted = ["login", "kernel", "root", "units"].map(|check| format!("login {check} passed"));
    assert_eq!(states(&objects(&out.stdout)), wanted);
}

#[test]
fn a_boot_that_ends_for_no_known_reason_is_told_as_such() {
    let _one = ONE.blocking_lock();
    let lab = Lab::new("bios");
    let out = lab.run(&["--slot", "off", "--until-login"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    let told = text(&out.stdout);
    assert!(told.contains("login: the machine switched itself off or restarted"), "{told}");
    assert!(told.contains("| leaving") || told.contains("│ leaving"), "{told}");
    assert!(text(&out.stderr).contains("osimg::stall::unknown"), "{}", text(&out.stderr));
}

#[test]
fn a_kept_machine_is_joined_to_the_terminal() {
    let _one = ONE.blocking_lock();
    let lab = Lab::new("bios");
    let words = ["test", "m.yaml", "--slot", "whole", "--keep", "--accel", "tcg"].join(" ");
    let line = format!("'{}' {words}", env!("CARGO_BIN_EXE_osimg"));
    let mut terminal = Terminal::start(&line, |command| {
        command.current_dir(lab.path()).env("TMPDIR", lab.path().join("tmp"));
        command.env("OSIMG_CACHE_DIR", lab.path().join("cache")).env("TERM", "dumb");
    });
    terminal.until("4 of 4 checks passed");
    terminal.until("Ctrl-a x");
    std::thread::sleep(Duration::from_secs(1));
    terminal.press("\rroot\r");
    terminal.until("Password: ");
    terminal.press(&format!("{}\r", tiny::PASSWORD));
    terminal.until("# ");
    terminal.press("\x01x");
    terminal.ends_well();
    lab.assert_nothing_left();
}

#[test]
fn an_interrupt_leaves_no_machine_overlay_or_socket() {
    let _one = ONE.blocking_lock();
    let lab = Lab::new("bios");
    let mut child =
        lab.command(&["--slot", "stall"]).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let start = Instant::now();
    while machines(&lab.path().join("tmp")) == 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "QEMU did not start");
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(2));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let mut told = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut told).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{told}");
    assert!(told.contains("interrupted, cleaning up"), "{told}");
    lab.assert_nothing_left();
}
