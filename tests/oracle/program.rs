//! Runs the programs that judge: in a plain locale and in UTC, so that what they say is the same everywhere.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;

fn plain(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command
}

/// What a program that must succeed says: its standard output, then its standard error.
pub fn output<S: AsRef<OsStr> + Debug>(program: &str, args: &[S]) -> String {
    let out = plain(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} {args:?}: {}\n{text}", out.status);
    text
}

/// Standard output of a script of bash that must succeed in every part.
pub fn sh(folder: &Path, script: &str) -> String {
    let out =
        plain("bash").args(["-euo", "pipefail", "-c", script]).current_dir(folder).output().expect("bash");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(out.status.success(), "{script}\n{}\n{}{}", out.status, text(&out.stdout), text(&out.stderr));
    text(&out.stdout)
}
