//! A login over a serial console, and commands with their output and exit status.
//!
//! The console is shared with the kernel and with systemd, a login shell edits its line and echoes it, and terminals turn
//! and drop bytes. So after the login an unediting, unechoing shell reads one line per command (POSIX `sh`), and sends
//! output back as base64 in lines of its own mark, with its SHA-256. What other writers put in between is no line of
//! ours; what they put into one makes the digest wrong, and the answer is asked for again. In the guest: `sh`, `stty`,
//! `base64`, `sha256sum` (coreutils or busybox).

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::console::{Console, Limits, Waited};
use crate::base::Digest;
use crate::base::shell::single_quoted;

/// Between two tries to be heard by a shell.
const SHELL_START: Limits = Limits { total: Duration::from_secs(8), silence: Duration::from_secs(8) };
/// How often the answer to a command is asked for.
const TRIES: u32 = 4;
/// The terminal hands a reader lines of less than 4,096 bytes (termios, canonical mode).
const LINE_MAX: usize = 4000;
const TAIL: usize = 15;

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Standard output and standard error as they came.
    pub output: Vec<u8>,
    /// The exit status as `$?` has it: 128 and the signal's number after a signal.
    pub status: u8,
}

impl Answer {
    /// The output as text without blanks at its ends.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).trim().to_string()
    }
}

/// Why a session failed; each carries the console's last lines where they help.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("the login of `{user}` was refused")]
    Refused { user: String },
    #[error("{waiting}: nothing came within {} s; the console ends with:\n{}", .after.as_secs(), .tail.join("\n"))]
    TimedOut { waiting: String, after: Duration, tail: Vec<String> },
    #[error("{waiting}: the machine is gone; the console ends with:\n{}", .tail.join("\n"))]
    Closed { waiting: String, tail: Vec<String> },
    #[error("the output of `{command}` came garbled {TRIES} times")]
    Garbled { command: String },
    #[error("the command `{command}` is too long for a terminal's line")]
    TooLong { command: String },
    #[error("interrupted")]
    Cancelled,
}

/// A shell behind a console.
pub struct Session<'a> {
    console: &'a mut Console,
    cancel: CancellationToken,
    /// Numbers commands, so that a late answer is never taken for that of the next.
    count: u32,
}

impl<'a> Session<'a> {
    /// Logs in at a login prompt that has just been seen. `patience` is for each step.
    pub async fn login(
        console: &'a mut Console,
        user: &str,
        password: &str,
        patience: Duration,
        cancel: &CancellationToken,
    ) -> Result<Session<'a>, SessionError> {
        let mut session = Session { console, cancel: cancel.clone(), count: 0 };
        session.console.send_line(user);
        session.expect("the password prompt", patience, &|l| l.contains("assword:")).await?;
        session.console.send_line(password);
        // prompts are as different as people, so one that is not known costs a moment only
        let refused = |l: &str| l.contains("Login incorrect");
        let prompt = |l: &str| l.ends_with("# ") || l.ends_with("$ ");
        match session.console.wait(&[&prompt, &refused], SHELL_START, cancel).await {
            Waited::Matched(1, _) => return Err(SessionError::Refused { user: user.to_string() }),
            Waited::Closed => return Err(session.closed("the login")),
            Waited::Cancelled => return Err(SessionError::Cancelled),
            _ => {}
        }
        session.heard(user, patience).await?;
        Ok(session)
    }

    /// Takes a shell that reads a terminal without asking who is there. `patience` is for the first answer.
    pub async fn attach(
        console: &'a mut Console,
        patience: Duration,
        cancel: &CancellationToken,
    ) -> Result<Session<'a>, SessionError> {
        let mut session = Session { console, cancel: cancel.clone(), count: 0 };
        session.heard("root", patience).await?;
        Ok(session)
    }

    /// Speaks to the shell until it answers.
    async fn heard(&mut self, user: &str, patience: Duration) -> Result<(), SessionError> {
        let cancel = self.cancel.clone();
        let refused = |l: &str| l.contains("Login incorrect");
        let end = Instant::now() + patience;
        loop {
            // a login may drop what is typed before its shell runs, and so does a port that nobody reads: say it until
            // it is heard
            self.count += 1;
            self.console.send_line(&greeting(self.count));
            let ready = format!("@osimg ready {}.", self.count);
            match self.console.wait(&[&|l| l.contains(&ready), &refused], SHELL_START, &cancel).await {
                Waited::Matched(0, _) => return Ok(()),
                Waited::Matched(..) => return Err(SessionError::Refused { user: user.to_string() }),
                Waited::Closed => return Err(self.closed("the login")),
                Waited::Cancelled => return Err(SessionError::Cancelled),
                Waited::Silent | Waited::TimedOut if Instant::now() >= end => {
                    return Err(self.timed_out("the login", patience));
                }
                Waited::Silent | Waited::TimedOut => {}
            }
        }
    }

    /// Runs a command of `sh` with nothing on its standard input; `limit` is for its run.
    pub async fn run(&mut self, command: &str, limit: Duration) -> Result<Answer, SessionError> {
        self.count += 1;
        let line = format!("osimg_run {} {}", self.count, single_quoted(command));
        if line.len() > LINE_MAX || command.contains(['\n', '\r']) {
            return Err(SessionError::TooLong { command: command.to_string() });
        }
        self.console.send_line(&line);
        let waiting = format!("`{command}`");
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.console.send_line(&format!("osimg_say {attempt}"));
            }
            let data = format!("@osimg {}.{attempt} ", self.count);
            let end = format!("@osimg end {}.{attempt} ", self.count);
            let mut encoded = String::new();
            let last = loop {
                let wanted = |l: &str| marked(l, &data).or(marked(l, &end)).is_some();
                let line = self.expect(&waiting, limit, &wanted).await?;
                match marked(&line, &end) {
                    Some(last) => break last.to_string(),
                    None => encoded.push_str(marked(&line, &data).unwrap_or_default()),
                }
            };
            if let Some(answer) = answer(&encoded, &last) {
                return Ok(answer);
            }
        }
        Err(SessionError::Garbled { command: command.to_string() })
    }

    /// A line typed into the shell whose answer nobody waits for, such as `poweroff`.
    pub fn send(&self, line: &str) {
        self.console.send_line(line);
    }

    async fn expect(
        &mut self,
        waiting: &str,
        limit: Duration,
        pattern: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<String, SessionError> {
        let limits = Limits { total: limit, silence: limit };
        match self.console.wait(&[pattern], limits, &self.cancel).await {
            Waited::Matched(_, line) => Ok(line),
            Waited::Silent | Waited::TimedOut => Err(self.timed_out(waiting, limit)),
            Waited::Closed => Err(self.closed(waiting)),
            Waited::Cancelled => Err(SessionError::Cancelled),
        }
    }

    fn timed_out(&self, waiting: &str, after: Duration) -> SessionError {
        SessionError::TimedOut { waiting: waiting.to_string(), after, tail: self.console.tail(TAIL) }
    }

    fn closed(&self, waiting: &str) -> SessionError {
        SessionError::Closed { waiting: waiting.to_string(), tail: self.console.tail(TAIL) }
    }
}

/// The line that turns a login shell into one that reads commands from a terminal without echo or editing. It holds the
/// parts of its marks, never a whole one, because it is echoed itself. The kernel's messages are kept off the console as
/// far as the user may.
fn greeting(count: u32) -> String {
    let body = [
        "stty -echo",
        "dmesg -n 1 2>/dev/null",
        "osimg_f=$(mktemp)",
        // the last line twice: what garbles one seldom garbles both
        "osimg_say() { base64 <$osimg_f | while read -r l; do printf \"@%s %s %s.\\n\" osimg $osimg_n.$1 $l; done; \
         h=$(sha256sum <$osimg_f); for i in 1 2; do \
         printf \"@%s end %s %s %s.\\n\" osimg $osimg_n.$1 $osimg_s ${h%% *}; done; }",
        "osimg_run() { osimg_n=$1; sh -c \"$2\" >$osimg_f 2>&1 </dev/null; osimg_s=$?; osimg_say 0; }",
        &format!("printf \"@%s ready %s.\\n\" osimg {count}"),
        "while IFS= read -r osimg_l; do eval \"$osimg_l\"; done",
    ];
    format!("exec sh -c '{}'", body.join("; "))
}

/// What stands between `mark` and the full stop that ends our lines. Something else may stand before it, such as a kernel
/// message without its end; without the full stop the line has not all come.
fn marked<'l>(line: &'l str, mark: &str) -> Option<&'l str> {
    line.split_once(mark)?.1.split_once('.').map(|(text, _)| text)
}

/// The answer, when `last` (status and digest) fits what came.
fn answer(encoded: &str, last: &str) -> Option<Answer> {
    let (status, digest) = last.split_once(' ')?;
    let output = decode(encoded)?;
    let whole = digest.parse::<Digest>().is_ok_and(|d| d == Digest::of(&output));
    whole.then_some(Answer { output, status: status.parse().ok()? })
}

/// Base64 (RFC 4648, section 4), padded.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut bits = 0u32;
    let mut have = 0;
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            // the upper bits have been given out already
            out.push((bits >> have) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::host::command::{Call, Child};

    #[test]
    fn decodes_base64() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")]
        {
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decode("Zg==x="), None);
        assert_eq!(decode("/+8="), Some(vec![0xff, 0xef]));
    }

    #[test]
    fn marks_are_found_whole_only() {
        assert_eq!(marked("@osimg 3.0 QUJD.", "@osimg 3.0 "), Some("QUJD"));
        assert_eq!(marked("[ 1.2] usb@osimg 3.0 QUJD.", "@osimg 3.0 "), Some("QUJD"));
        assert_eq!(marked("@osimg 3.0 QUJ", "@osimg 3.0 "), None);
        assert_eq!(marked("@osimg 13.0 QUJD.", "@osimg 3.0 "), None);
    }

    #[test]
    fn an_answer_must_fit_its_digest() {
        let digest = Digest::of(b"foo");
        let good = Answer { output: b"foo".to_vec(), status: 7 };
        assert_eq!(answer("Zm9v", &format!("7 {digest}")), Some(good));
        assert_eq!(answer("Zm9", &format!("7 {digest}")), None);
        assert_eq!(answer("Zm9v", "7 "), None);
        assert_eq!(answer("Zm9v", &format!("x {digest}")), None);
    }

    /// A terminal of this machine with a login that ends in `shell`, which edits lines, echoes and has a prompt.
    async fn terminal(shell: &str) -> (Child, Console) {
        let login = format!(
            "stty cols 80; printf 'x login: '; read u; stty -echo; printf 'Password: '; read p; stty echo; \
             test \"$u$p\" = rootsecret || {{ echo; echo 'Login incorrect'; sleep 60; }}; sleep 0.3; exec {shell}"
        );
        let mut child =
            Call::new("script").args(["-qefc", &login, "/dev/null"]).spawn().expect("script runs");
        let (input, output) = child.pipes().expect("a new child has both pipes");
        let mut console = Console::new(output, input, Arc::new(|_| {}));
        let limits = Limits { total: PATIENCE, silence: PATIENCE };
        let seen = console.wait(&[&|l| l.contains("login:")], limits, &CancellationToken::new()).await;
        assert!(matches!(seen, Waited::Matched(..)), "{seen:?}");
        (child, console)
    }

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn shells_that_edit_and_echo_give_clean_answers() {
        for shell in ["bash --norc -i", "sh -i", "env PS1='strange ' sh -i"] {
            let (_child, mut console) = terminal(shell).await;
            let cancel = CancellationToken::new();
            let mut session =
                Session::login(&mut console, "root", "secret", PATIENCE, &cancel).await.expect("a login");
            let long = session.run("echo 'it''s'; seq 2000; exit 9", PATIENCE).await.expect("an answer");
            let lines: Vec<String> = (1..=2000).map(|n| n.to_string()).collect();
            assert_eq!((long.text(), long.status), (format!("its\n{}", lines.join("\n")), 9), "{shell}");
            let quotes =
                session.run(r#"printf '%s' "a\"b'c" '$HOME!' \\"#, PATIENCE).await.expect("an answer");
            assert_eq!(String::from_utf8_lossy(&quotes.output), r#"a"b'c$HOME!\"#, "{shell}");
            let killed = session.run("kill -9 $$", PATIENCE).await.expect("an answer");
            assert_eq!(killed.status, 137, "{shell}");
            let long = session.run(&"x".repeat(LINE_MAX), PATIENCE).await;
            assert!(matches!(long, Err(SessionError::TooLong { .. })));
        }
        let (_child, mut console) = terminal("sh -i").await;
        let refused =
            Session::login(&mut console, "root", "wrong", PATIENCE, &CancellationToken::new()).await.err();
        assert!(matches!(refused, Some(SessionError::Refused { .. })), "{refused:?}");
    }

    #[test]
    fn the_greeting_fits_a_terminal_and_holds_no_mark() {
        assert!(greeting(u32::MAX).len() < LINE_MAX);
        assert!(!greeting(1).contains("@osimg"));
    }
}
