//! A serial console read the way a person reads it: lines of text, prompts, silence.
//!
//! Bytes enter from a pipe; they go to a watcher and a log as they are, and to a [`Screen`] without escape sequences
//! (ECMA-48). Waiting is for lines that satisfy a pattern, with a limit on the whole wait and one on the time without a
//! new byte. What a wait has matched, no later wait sees again. Reading goes on between waits, so the guest never
//! stands still because nobody listens.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Sees every byte as it comes, escape sequences and all.
pub type Watcher = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// What a wait looks for in a line; the last line may be unfinished, as a prompt is.
pub type Pattern<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// How long a wait may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub total: Duration,
    /// Without a new byte.
    pub silence: Duration,
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The pattern's place in the list, and the line.
    Matched(usize, String),
    /// No byte for `Limits::silence`.
    Silent,
    /// `Limits::total` is over.
    TimedOut,
    /// The other side is gone.
    Closed,
    Cancelled,
}

/// Where a user's or a program's keystrokes go.
#[derive(Clone)]
pub struct Input(mpsc::UnboundedSender<Vec<u8>>);

impl Input {
    /// Sends bytes; when the other side is gone they go nowhere, which the next wait tells.
    pub fn send(&self, bytes: impl Into<Vec<u8>>) {
        let _ = self.0.send(bytes.into());
    }
}

/// One console.
pub struct Console {
    input: Input,
    output: mpsc::UnboundedReceiver<Vec<u8>>,
    log: Vec<u8>,
    screen: Screen,
    /// Lines before this one have been matched or passed over.
    line: usize,
    /// How much of `line` has been matched.
    column: usize,
}

impl Console {
    /// Starts reading and writing, each in its own task, until the pipes close.
    pub fn new(
        mut reader: impl AsyncRead + Send + Unpin + 'static,
        mut writer: impl AsyncWrite + Send + Unpin + 'static,
        watcher: Watcher,
    ) -> Console {
        let (send, output) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 << 10];
            // a broken pipe is an end like any other
            while let Ok(n @ 1..) = reader.read(&mut buffer).await {
                watcher(&buffer[..n]);
                if send.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let (input, mut keys) = mpsc::unbounded_channel::<Vec<u8>>();
        tokio::spawn(async move {
            while let Some(bytes) = keys.recv().await {
                if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                    break;
                }
            }
        });
        let screen = Screen::default();
        Console { input: Input(input), output, log: Vec::new(), screen, line: 0, column: 0 }
    }

    pub fn input(&self) -> Input {
        self.input.clone()
    }

    /// Types a line and the return key.
    pub fn send_line(&self, line: &str) {
        self.input.send(format!("{line}\r"));
    }

    /// Waits until one of `patterns` holds for a line.
    pub async fn wait(
        &mut self,
        patterns: &[Pattern<'_>],
        limits: Limits,
        cancel: &CancellationToken,
    ) -> Waited {
        let end = Instant::now() + limits.total;
        let mut quiet_until = Instant::now() + limits.silence;
        loop {
            if let Some((pattern, line)) = self.next_match(patterns) {
                return Waited::Matched(pattern, line);
            }
            tokio::select! {
                // what has come counts before any limit
                biased;
                () = cancel.cancelled() => return Waited::Cancelled,
                chunk = self.output.recv() => match chunk {
                    Some(bytes) => {
                        self.log.extend_from_slice(&bytes);
                        self.screen.feed(&bytes);
                        quiet_until = Instant::now() + limits.silence;
                        if Instant::now() >= end && self.next_matches(patterns).is_none() {
                            return Waited::TimedOut;
                        }
                    }
                    None => return Waited::Closed,
                },
                () = sleep_until(end) => return Waited::TimedOut,
                () = sleep_until(quiet_until) => return Waited::Silent,
            }
        }
    }

    /// Reads on, matching nothing, until `limits` or the end; for what comes after the line that decided.
    pub async fn settle(&mut self, limits: Limits, cancel: &CancellationToken) {
        self.wait(&[], limits, cancel).await;
    }

    /// Everything that came, byte for byte.
    pub fn log(&self) -> &[u8] {
        &self.log
    }

    /// The last `count` lines that are not blank.
    pub fn tail(&self, count: usize) -> Vec<String> {
        let mut lines: Vec<String> =
            self.screen.lines().rev().filter(|l| !l.trim().is_empty()).take(count).collect();
        lines.reverse();
        lines
    }

    fn next_matches(&self, patterns: &[Pattern<'_>]) -> Option<(usize, usize, String)> {
        let last = self.screen.done.len();
        (self.line..=last).find_map(|number| {
            let column = if number == self.line { self.column } else { 0 };
            let text = self.screen.line(number, column);
            let pattern = patterns.iter().position(|p| p(&text))?;
            Some((pattern, number, text))
        })
    }

    fn next_match(&mut self, patterns: &[Pattern<'_>]) -> Option<(usize, String)> {
        let found = self.next_matches(patterns);
        let last = self.screen.done.len();
        match found {
            Some((pattern, number, text)) if number < last => {
                (self.line, self.column) = (number + 1, 0);
                Some((pattern, text))
            }
            Some((pattern, _, text)) => {
                (self.line, self.column) = (last, self.screen.open.len());
                Some((pattern, text))
            }
            None => {
                if self.line < last {
                    // finished lines that match nothing are done with
                    (self.line, self.column) = (last, 0);
                }
                None
            }
        }
    }
}

/// The text of a terminal that only ever grows: finished lines and an open one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Screen {
    done: Vec<String>,
    open: Vec<u8>,
    state: State,
    /// A carriage return came: the next printable byte starts a line.
    returned: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    /// `ESC (` and its kind: one more byte.
    Designate,
    /// `ESC [` … up to a byte of 0x40 to 0x7e.
    Control,
    /// `ESC ]` and its kind … up to BEL or `ESC \`.
    String,
    StringEscape,
}

impl Screen {
    /// Takes bytes in pieces of any size.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.state = match (std::mem::take(&mut self.state), byte) {
                (State::String, 0x07) | (State::StringEscape, b'\\') => State::Text,
                (State::String, 0x1b) => State::StringEscape,
                (State::String | State::StringEscape, _) => State::String,
                (_, 0x1b) => State::Escape,
                (State::Escape, b'[') => State::Control,
                (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => State::String,
                (State::Escape, 0x20..=0x2f) => State::Designate,
                (State::Escape | State::Designate, _) => State::Text,
                (State::Control, 0x40..=0x7e) => {
                    // moving the cursor to another place ends what was being written
                    if matches!(byte, b'H' | b'f') {
                        self.returned = true;
                    }
                    State::Text
                }
                (State::Control, _) => State::Control,
                (State::Text, _) => {
                    self.text(byte);
                    State::Text
                }
            };
        }
    }

    fn text(&mut self, byte: u8) {
        match byte {
            b'\n' => self.end_line(),
            b'\r' => self.returned = true,
            0x08 => {
                self.open.pop();
            }
            b'\t' | 0x20..=0x7e | 0x80.. => {
                if self.returned {
                    if !self.open.is_empty() {
                        self.end_line();
                    }
                    self.returned = false;
                }
                self.open.push(byte);
            }
            _ => {}
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.open);
        self.done.push(String::from_utf8_lossy(&line).into_owned());
        self.returned = false;
    }

    /// Line `number`, the open one coming after the finished ones, from byte `column` on.
    fn line(&self, number: usize, column: usize) -> String {
        let bytes = self.done.get(number).map_or(self.open.as_slice(), |l| l.as_bytes());
        String::from_utf8_lossy(bytes.get(column..).unwrap_or_default()).into_owned()
    }

    /// The finished lines from number `from` on.
    pub fn finished(&self, from: usize) -> &[String] {
        self.done.get(from..).unwrap_or_default()
    }

    /// All lines, the open one last.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = String> {
        (0..=self.done.len()).map(|n| self.line(n, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { total: Duration::from_secs(5), silence: Duration::from_millis(100) };

    fn screen(bytes: &[u8]) -> Vec<String> {
        let mut screen = Screen::default();
        screen.feed(bytes);
        screen.lines().collect()
    }

    #[test]
    fn escapes_are_no_text() {
        let text =
            b"\x1b[2J\x1b[01;01H\x1b]0;title\x07[\x1b[0;32m  OK  \x1b[0m] Started\r\r\n\x1b(Bab\x08c login: ";
        assert_eq!(screen(text), ["[  OK  ] Started", "ac login: "]);
        assert_eq!(screen(b"one\rtwo\x1b[5;1Hthree\n"), ["one", "two", "three", ""]);
        assert_eq!(screen(b"\x1bP1$r\x1b\\after\x1b7\x1b>!"), ["after!"]);
    }

    proptest::proptest! {
        #[test]
        fn the_size_of_pieces_does_not_matter(
            bytes in proptest::collection::vec(
                proptest::sample::select(b"a[]\\;1mHP\x1b\r\n\x07\x08\xc3\xa9(".to_vec()), 0..60),
            cut in 0usize..60,
        ) {
            let mut pieces = Screen::default();
            let cut = cut.min(bytes.len());
            pieces.feed(&bytes[..cut]);
            pieces.feed(&bytes[cut..]);
            let mut whole = Screen::default();
            whole.feed(&bytes);
            proptest::prop_assert_eq!(pieces, whole);
        }
    }

    /// A console whose other side the test holds.
    fn console() -> (Console, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(4096);
        let (reader, writer) = tokio::io::split(ours);
        (Console::new(reader, writer, Arc::new(|_| {})), theirs)
    }

    #[tokio::test]
    async fn waits_for_lines_and_prompts_in_turn() {
        let (mut console, mut guest) = console();
        let cancel = CancellationToken::new();
        let first: Pattern = &|l| l.contains("first");
        let login: Pattern = &|l| l.ends_with("login: ");
        guest.write_all(b"noise\r\nthe first\r\nx first again\r\nhost lo").await.expect("open");
        assert_eq!(
            console.wait(&[login, first], LIMITS, &cancel).await,
            Waited::Matched(1, "the first".into())
        );
        let again = console.wait(&[first], LIMITS, &cancel).await;
        assert_eq!(again, Waited::Matched(0, "x first again".into()));
        assert_eq!(console.wait(&[login], LIMITS, &cancel).await, Waited::Silent);
        guest.write_all(b"gin: ").await.expect("open");
        assert_eq!(console.wait(&[login], LIMITS, &cancel).await, Waited::Matched(0, "host login: ".into()));
        assert_eq!(console.wait(&[login], LIMITS, &cancel).await, Waited::Silent);
        console.send_line("root");
        let mut typed = [0; 5];
        guest.read_exact(&mut typed).await.expect("open");
        assert_eq!(&typed, b"root\r");
        guest.write_all(b"root\r\nbye").await.expect("open");
        drop(guest);
        let echo: Pattern = &|l| l == "root";
        assert_eq!(console.wait(&[echo], LIMITS, &cancel).await, Waited::Matched(0, "root".into()));
        assert_eq!(console.wait(&[first], LIMITS, &cancel).await, Waited::Closed);
        assert_eq!(console.tail(2), ["host login: root", "bye"]);
        assert!(console.log().starts_with(b"noise\r\nthe first"));
    }

    #[tokio::test]
    async fn noise_is_no_progress_for_ever() {
        let (mut console, mut guest) = console();
        let cancel = CancellationToken::new();
        let noise = tokio::spawn(async move {
            while guest.write_all(b"tick\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let never: Pattern = &|_| false;
        let limits = Limits { total: Duration::from_millis(300), silence: Duration::from_secs(5) };
        assert_eq!(console.wait(&[never], limits, &cancel).await, Waited::TimedOut);
        cancel.cancel();
        let limits = Limits { total: Duration::from_secs(60), silence: Duration::from_secs(60) };
        assert_eq!(console.wait(&[never], limits, &cancel).await, Waited::Cancelled);
        drop(console);
        noise.await.expect("the other side notices");
    }
}
