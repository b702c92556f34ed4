//! Joins the user's terminal and a guest's serial console.
//!
//! The terminal goes into raw mode, so that every key, Ctrl-C too, is the guest's; only Ctrl-a followed by `x` is ours,
//! as in QEMU and screen. The terminal is put back as it was when the [`RawMode`] is dropped.

use std::io::{self, Read};

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// How to leave, for the user to read.
pub const LEAVE: &str = "Ctrl-a x ends the machine, Ctrl-a a types a Ctrl-a";

const CTRL_A: u8 = 0x01;

/// Standard input's terminal in raw mode.
pub struct RawMode(Termios);

impl RawMode {
    /// Nothing when standard input is no terminal.
    pub fn enter() -> io::Result<Option<RawMode>> {
        let stdin = io::stdin();
        if !isatty(&stdin) {
            return Ok(None);
        }
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Some(RawMode(before)))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // there is nobody left to tell
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// What keys mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// For the guest.
    pub bytes: Vec<u8>,
    /// Whether the user wants to leave.
    pub leave: bool,
}

/// Takes our own keys out of what is typed.
#[derive(Debug, Default)]
pub struct Escape {
    pending: bool,
}

impl Escape {
    pub fn feed(&mut self, typed: &[u8]) -> Keys {
        let mut keys = Keys::default();
        for &byte in typed {
            match (std::mem::take(&mut self.pending), byte) {
                (false, CTRL_A) => self.pending = true,
                (true, b'x' | b'X') => {
                    keys.leave = true;
                    return keys;
                }
                (true, CTRL_A | b'a') => keys.bytes.push(CTRL_A),
                // no key of ours: what was typed, as it was typed
                (true, other) => keys.bytes.extend([CTRL_A, other]),
                (false, other) => keys.bytes.push(other),
            }
        }
        keys
    }
}

/// Standard input's bytes as they are typed. The thread that reads them ends with standard input or with the process: a
/// read from a terminal cannot be called back.
pub fn typed() -> mpsc::UnboundedReceiver<Vec<u8>> {
    let (send, receive) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = io::stdin().lock().read(&mut buffer) {
            if send.send(buffer[..n].to_vec()).is_err() {
                break;
            }
        }
    });
    receive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ctrl_a_x_is_ours() {
        let mut escape = Escape::default();
        assert_eq!(escape.feed(b"ls\r\x03"), Keys { bytes: b"ls\r\x03".to_vec(), leave: false });
        assert_eq!(escape.feed(b"\x01"), Keys::default());
        assert_eq!(escape.feed(b"a\x01\x01\x01b"), Keys { bytes: b"\x01\x01\x01b".to_vec(), leave: false });
        assert_eq!(escape.feed(b"q\x01xrest"), Keys { bytes: b"q".to_vec(), leave: true });
    }
}
