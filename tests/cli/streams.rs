//! Closed pipes and colours.

use std::process::{Command, Stdio};

use crate::harness::{Place, finish};

/// Runs with standard output into a pipe that nobody reads any more.
fn into_closed_pipe(arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Place::new().command(arguments);
    command.current_dir("/").stdout(writer).stderr(Stdio::piped());
    let output = command.output().expect("the binary starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_closed_pipe_ends_quietly() {
    for arguments in [&["schema"][..], &["completions", "bash"], &["--help"], &["--version"]] {
        assert_eq!(into_closed_pipe(arguments), (Some(141), String::new()), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_ends_quietly() {
    let binary = env!("CARGO_BIN_EXE_osimg");
    let script = format!("'{binary}' completions bash | head -c1; exit ${{PIPESTATUS[0]}}");
    let output = Command::new("bash").args(["--norc", "-c", &script]).output().expect("bash is there");
    assert_eq!((String::from_utf8_lossy(&output.stderr).as_ref(), output.stdout.len()), ("", 1));
    // whether the script was written before the reader left is a race; a panic (101) or a signal is neither
    assert!(matches!(output.status.code(), Some(0 | 141)), "{output:?}");
}

#[test]
fn a_full_device_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has /dev/full");
    let mut command = Place::new().command(&["schema"]);
    command.current_dir("/").stdout(full).stderr(Stdio::piped());
    let output = command.output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).starts_with("error: standard output cannot be written\n")
    );
}

#[test]
fn a_closed_standard_error_changes_no_exit_code() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Place::new().command(&["check", "nope.yaml"]);
    command.current_dir("/").stdout(Stdio::null()).stderr(writer);
    assert_eq!(command.status().expect("the binary starts").code(), Some(2));
}

#[test]
fn colours_come_when_asked_and_never_when_forbidden() {
    let colored = |arguments: &[&str], variables: &[(&str, &str)]| {
        let place = Place::new();
        let mut command = place.command(arguments);
        command.envs(variables.iter().copied());
        let ran = finish(command);
        (ran.out + &ran.err).contains('\x1b')
    };
    for arguments in [&["check", "nope.yaml"][..], &["--help"], &["chekc"]] {
        assert!(!colored(arguments, &[]), "a pipe: {arguments:?}");
        assert!(colored(arguments, &[("CLICOLOR_FORCE", "1")]), "forced: {arguments:?}");
        assert!(
            !colored(arguments, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]),
            "NO_COLOR: {arguments:?}"
        );
        let always = [&["--color", "always"], arguments].concat();
        assert!(colored(&always, &[("NO_COLOR", "1")]), "the flag wins: {always:?}");
        let never = [&["--color", "never"], arguments].concat();
        assert!(!colored(&never, &[("CLICOLOR_FORCE", "1")]), "the flag wins: {never:?}");
    }
}

#[test]
fn a_dumb_terminal_or_another_locale_gets_ascii() {
    let place = Place::new();
    place.file("m.yaml", "version: [\n");
    let mut command = place.command(&["check", "m.yaml"]);
    command.env("LC_ALL", "C");
    let ran = finish(command);
    assert!(ran.err.is_ascii() && ran.code == Some(2), "{}", ran.err);
}
