//! A command at a terminal: what a person would see of it, and what they would type.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A command that runs under `script` of util-linux, which gives it a terminal.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    /// All that it has shown so far.
    seen: String,
}

impl Terminal {
    /// Starts a line of the shell; `set_up` gives it folder and environment.
    pub fn start(line: &str, set_up: impl FnOnce(&mut Command)) -> Terminal {
        let mut command = Command::new("script");
        command.args(["-qefc", line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        set_up(&mut command);
        let mut child = command.spawn().expect("script of util-linux");
        let keys = child.stdin.take().expect("a pipe");
        let screen = child.stdout.take().expect("a pipe");
        Terminal { child, keys, screen, seen: String::new() }
    }

    /// Waits until `mark` is among all that was shown.
    pub fn until(&mut self, mark: &str) {
        let mut buffer = [0; 4096];
        while !self.seen.contains(mark) {
            let n = self.screen.read(&mut buffer).expect("a pipe");
            assert_ne!(n, 0, "the end before `{mark}`: {}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads");
    }

    /// Waits for its end, which must be a success.
    pub fn ends_well(mut self) {
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{}", self.seen);
    }
}
