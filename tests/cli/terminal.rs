//! A terminal of our own for the binary: what it draws, what is typed to it, how wide it is.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Longer than any answer takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary on a terminal: standard input, output and error.
pub struct Terminal {
    child: Child,
    keys: File,
    drawn: Receiver<Vec<u8>>,
    /// All that was drawn so far; its text, for a piece may end within a character.
    bytes: Vec<u8>,
    text: String,
    /// Up to where of it words were waited for.
    seen: usize,
}

impl Terminal {
    /// Starts `command` on a terminal of so many columns and 24 rows.
    pub fn start(mut command: Command, columns: u16) -> Terminal {
        let ours =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&ours).expect("granted");
        unlockpt(&ours).expect("unlocked");
        let name = ptsname(&ours, Vec::new()).expect("a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs: OwnedFd = open(&name, flags, Mode::empty()).expect("its other end");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&theirs, size).expect("a size");
        let end = || Stdio::from(theirs.try_clone().expect("a copy"));
        command.stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().expect("the binary starts");
        // the command holds copies of the other end: only without them does reading end with the child
        drop(command);
        drop(theirs);
        let keys = File::from(ours);
        let mut screen = keys.try_clone().expect("a copy");
        let (sender, drawn) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Linux ends with EIO when the other end is closed
            while let Ok(n @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { child, keys, drawn, bytes: Vec::new(), text: String::new(), seen: 0 }
    }

    /// Waits until `words` are drawn, then types `line` and Enter.
    pub fn answer(&mut self, words: &str, line: &str) {
        self.wait(words);
        self.press(format!("{line}\n").as_bytes());
    }

    /// Waits until `words` are drawn, after what was waited for before.
    pub fn wait(&mut self, words: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.text[self.seen..].find(words) {
                self.seen += at + words.len();
                return;
            }
            let piece = self.drawn.recv_timeout(end.saturating_duration_since(Instant::now()));
            let piece = piece.unwrap_or_else(|e| panic!("`{words}` did not come ({e}): {}", self.text));
            self.add(&piece);
        }
    }

    fn add(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        self.text = String::from_utf8_lossy(&self.bytes).into_owned();
    }

    /// Types bytes as they are.
    pub fn press(&mut self, bytes: &[u8]) {
        self.keys.write_all(bytes).expect("typed");
    }

    /// What Ctrl-C on a shell's terminal does.
    pub fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Waits for the end. Gives the exit code and all that was drawn.
    pub fn end(mut self) -> (Option<i32>, String) {
        let end = Instant::now() + PATIENCE;
        while let Ok(piece) = self.drawn.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.add(&piece);
        }
        if Instant::now() >= end {
            self.child.kill().expect("killed");
            panic!("it does not end: {}", self.text);
        }
        (self.child.wait().expect("it ended").code(), self.text)
    }
}
