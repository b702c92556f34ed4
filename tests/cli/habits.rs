//! What every command owes its surroundings: streams that close, full devices, terminals of every kind and width.

use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::harness::{Place, Ran, finish};
use crate::help::commands;
use crate::terminal::Terminal;

/// Each command, asked for something that takes no engine; some fail, all say something.
const CALLS: [&[&str]; 22] = [
    &["--help"],
    &["--version"],
    &["init", "new", "--slot", "debian"],
    &["init", "new", "--slot", "debain"],
    &["apply", "good.yaml"],
    &["apply", "bad.yaml"],
    &["check", "good.yaml"],
    &["check", "bad.yaml"],
    &["check", "bad.yaml", "--message-format", "json"],
    &["check", "bad.yaml", "--message-format", "sarif"],
    &["render", "good.yaml"],
    &["plan", "good.yaml"],
    &["inspect-slot", "--tar", "empty.tar"],
    &["boot", "good.yaml"],
    &["test", "good.yaml"],
    &["mkfs", "--type", "ext4", "--output", "root.img", "empty.tar"],
    &["explain"],
    &["schema"],
    &["doctor"],
    &["completions", "bash"],
    &["man"],
    &["lsp"],
];

const GOOD: &str = "version: 1\nname: good\nslots:\n  - {name: one, dockerfile: Dockerfile, distro: debian, \
     kernel: {version: 6.1.0-28-amd64}}\n";
/// A warning beside two errors, one of them far right.
const BAD: &str = "version: 1\nname: bad\ndisk: {formats: [raw, qcow2]}\nboot: {default: onne}\nslots:\n  \
     - {name: one, dockerfile: Dockerfile, title: Something rather long to push the rest away, size: 8 furlongs}\n";

fn place() -> Place {
    let place = Place::new();
    place.file("Dockerfile", "FROM debian\n");
    place.file("good.yaml", GOOD);
    place.file("bad.yaml", BAD);
    place.file("empty.tar", &"\0".repeat(1024));
    place
}

/// A call that meets no engine, and finds no program but those of /usr/bin.
fn call(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock").env("PATH", "/usr/bin:/bin");
    command
}

/// What each call does with pipes to write to.
fn usual(arguments: &[&str]) -> &'static Ran {
    static ALL: LazyLock<Vec<Ran>> =
        LazyLock::new(|| CALLS.iter().map(|call| finish(self::call(&place(), call))).collect());
    let at = CALLS.iter().position(|call| *call == arguments).expect("one of the calls");
    &ALL[at]
}

#[test]
fn every_command_is_called_here() {
    for command in commands() {
        assert!(CALLS.iter().any(|call| call[0] == command), "{command}");
    }
}

/// Somewhere that takes no bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Nowhere {
    /// A pipe that nobody reads.
    Pipe,
    /// A device without room.
    Full,
}

impl Nowhere {
    fn stream(self) -> Stdio {
        match self {
            Nowhere::Pipe => {
                let (reader, writer) = std::io::pipe().expect("a pipe");
                drop(reader);
                Stdio::from(writer)
            }
            Nowhere::Full => {
                Stdio::from(File::options().write(true).open("/dev/full").expect("Linux has it"))
            }
        }
    }
}

#[test]
fn a_standard_output_that_takes_nothing_is_no_panic() {
    for arguments in CALLS {
        let usual = usual(arguments);
        for nowhere in [Nowhere::Pipe, Nowhere::Full] {
            let place = place();
            let mut command = call(&place, arguments);
            command.stdout(nowhere.stream()).stderr(Stdio::piped());
            let output = command.output().expect("the binary starts");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!told.contains("panicked"), "{arguments:?} {nowhere:?}: {told}");
            // what has nothing to say there does not notice
            let code = match (usual.out.is_empty(), nowhere) {
                (true, _) => usual.code,
                (false, Nowhere::Pipe) => Some(141),
                (false, Nowhere::Full) => Some(1),
            };
            assert_eq!(output.status.code(), code, "{arguments:?} {nowhere:?}: {told}");
            if nowhere == Nowhere::Full && !usual.out.is_empty() {
                assert!(told.contains("standard output cannot be written"), "{arguments:?}: {told}");
            }
        }
    }
}

#[test]
fn a_standard_error_that_takes_nothing_changes_no_exit_code() {
    for arguments in CALLS {
        let usual = usual(arguments);
        for nowhere in [Nowhere::Pipe, Nowhere::Full] {
            let place = place();
            let mut command = call(&place, arguments);
            command.stderr(nowhere.stream()).stdout(Stdio::piped());
            let output = command.output().expect("the binary starts");
            assert_eq!(output.status.code(), usual.code, "{arguments:?} {nowhere:?}");
            assert_eq!(output.stdout.is_empty(), usual.out.is_empty(), "{arguments:?} {nowhere:?}");
        }
    }
}

#[test]
fn streams_that_are_closed_from_the_start_are_no_panic() {
    for arguments in CALLS {
        let usual = usual(arguments);
        for closed in [">&-", "2>&-", "<&-", ">&- 2>&-", ">&- 2>&- <&-"] {
            let place = place();
            let mut command = Command::new("/bin/sh");
            command
                .arg("-c")
                .arg(format!("exec \"$0\" \"$@\" {closed}"))
                .arg(env!("CARGO_BIN_EXE_osimg"))
                .args(arguments)
                .current_dir(place.path())
                .env_clear()
                .env("HOME", place.path())
                .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
                .env("PATH", "/usr/bin:/bin");
            let output = command.output().expect("sh starts");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!told.contains("panicked"), "{arguments:?} {closed}: {told}");
            assert_eq!(output.status.code(), usual.code, "{arguments:?} {closed}: {told}");
        }
    }
}

/// A reader that takes one byte and leaves.
#[test]
fn a_reader_that_leaves_is_no_panic() {
    for arguments in CALLS {
        let place = place();
        let mut command = Command::new("bash");
        command
            .args(["--norc", "-c", "\"$0\" \"$@\" | head -c1 >/dev/null; exit ${PIPESTATUS[0]}"])
            .arg(env!("CARGO_BIN_EXE_osimg"))
            .args(arguments)
            .current_dir(place.path())
            .env_clear()
            .env("HOME", place.path())
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .env("PATH", "/usr/bin:/bin");
        let output = command.output().expect("bash starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("panicked"), "{arguments:?}: {told}");
        assert!(matches!(output.status.code(), Some(0 | 1 | 2 | 141)), "{arguments:?}: {:?}", output.status);
    }
}

/// Every call on a terminal of so many columns, with these variables beside TERM.
fn on_terminals(columns: u16, variables: &[(&str, &str)], look: &dyn Fn(&[&str], &str)) {
    for arguments in CALLS {
        let usual = usual(arguments).code;
        let place = place();
        let mut command = call(&place, arguments);
        command.env("TERM", "xterm-256color").envs(variables.iter().copied());
        let (code, text) = Terminal::start(command, columns).end();
        assert!(!text.contains("panicked"), "{arguments:?} {columns} {variables:?}: {text}");
        assert_eq!(code, usual, "{arguments:?} {columns} {variables:?}: {text}");
        look(arguments, &text);
    }
}

/// Whether colours or other attributes are set: CSI … m.
fn is_painted(text: &str) -> bool {
    text.split('\x1b').skip(1).any(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| rest[end..].starts_with('m'))
    })
}

#[test]
fn a_terminal_is_painted_unless_somebody_minds() {
    let painted = std::cell::Cell::new(0);
    on_terminals(80, &[], &|_, text| painted.set(painted.get() + usize::from(is_painted(text))));
    assert!(painted.get() > 8, "{painted:?}");
    for variables in
        [&[("NO_COLOR", "1")][..], &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], &[("CLICOLOR", "0")]]
    {
        on_terminals(80, variables, &|arguments, text| {
            assert!(!is_painted(text), "{arguments:?} {variables:?}: {text:?}");
        });
    }
}

#[test]
fn a_dumb_terminal_gets_no_escape_and_only_ascii() {
    on_terminals(80, &[("TERM", "dumb")], &|arguments, text| {
        assert!(!text.contains('\x1b'), "{arguments:?}: {text:?}");
        assert!(is_plain(arguments, text), "{arguments:?}: {text}");
    });
}

#[test]
fn another_locale_gets_ascii() {
    for variables in
        [&[("LC_ALL", "C")][..], &[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")], &[("LANG", "POSIX")]]
    {
        on_terminals(80, variables, &|arguments, text| {
            assert!(is_plain(arguments, text), "{arguments:?} {variables:?}: {text}");
        });
    }
}

/// Whether a text for people is ASCII. Products for programs are what they are.
fn is_plain(arguments: &[&str], text: &str) -> bool {
    let product = matches!(arguments[0], "schema" | "completions" | "man") || arguments.contains(&"sarif");
    text.is_ascii() || product
}

#[test]
fn colour_can_be_forced_into_a_pipe() {
    for arguments in [&["check", "bad.yaml"][..], &["doctor"], &["plan", "good.yaml"], &["--help"]] {
        let place = place();
        let mut command = call(&place, arguments);
        command.env("CLICOLOR_FORCE", "1");
        let ran = finish(command);
        assert!(is_painted(&(ran.out + &ran.err)), "{arguments:?}");
    }
}

/// Columns of a line without its escape sequences; every character here takes one.
fn columns_of(line: &str) -> usize {
    let mut count = 0;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            count += 1;
        }
    }
    count
}

/// What must not be broken: frames and what they hold, tables, help.
#[test]
fn a_narrow_terminal_gets_whole_boxes() {
    for columns in [20_u16, 40] {
        on_terminals(columns, &[("NO_COLOR", "1")], &|arguments, text| {
            let is_framed = |line: &&str| {
                let rest = line.trim_start_matches([' ', '1', '2', '3', '4', '5', '6', '7', '8', '9', '0']);
                // an arm with an arrow leads to an error's cause, which is text
                rest.starts_with(['│', '·', '╰']) && !rest.starts_with("╰─▶")
            };
            for line in text.lines().map(|l| l.trim_end_matches('\r')).filter(is_framed) {
                assert!(columns_of(line) <= columns.into(), "{arguments:?} {columns}: {line}\n{text}");
            }
            // what is for people fits; commands to copy are not broken
            if matches!(arguments[0], "doctor" | "plan") {
                for line in text.lines().filter(|l| !l.contains("apt-get")) {
                    let line = line.trim_end_matches('\r');
                    assert!(columns_of(line) <= columns.into(), "{arguments:?} {columns}: {line}\n{text}");
                }
            }
        });
    }
}
