//! Live lines on a terminal, drawn with indicatif.
//!
//! Events only change the [`Board`]; a thread draws it ten times a second at most, in one write, so that neither a
//! thousand progress events nor a chatty build makes the screen flicker. Lines that stay scroll away above the live
//! ones. When the run is over, or the sink is dropped, the live lines are gone.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::board::Board;
use super::clean::clean;
use super::frame::{self, Columns};
use super::paint::Paint;
use super::{Clock, Size, Verbosity, duration, fit};
use crate::base::event::{Event, Sink};

/// Time between two drawings.
const PERIOD: Duration = Duration::from_millis(100);

/// The sink.
pub struct Human {
    shared: Arc<Shared>,
    drawer: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Woken to end the drawing thread.
    ended: Condvar,
    bar: ProgressBar,
    /// What the bar draws on.
    out: Arc<Mutex<Out>>,
    /// What the bar shows; its own lock, for indicatif asks for it while drawing.
    picture: Arc<Mutex<String>>,
    size: Size,
    clock: Clock,
    paint: Paint,
    verbosity: Verbosity,
}

#[derive(Default)]
struct State {
    board: Board,
    /// Lines that are to scroll away above the live ones at the next drawing.
    lines: Vec<String>,
    over: bool,
}

/// A poisoned lock means that another thread panicked while it changed what is shown; showing goes on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Human {
    /// A sink that draws on `out` by itself.
    pub fn start(
        out: Box<dyn Write + Send>,
        size: Size,
        clock: Clock,
        paint: Paint,
        verbosity: Verbosity,
    ) -> Human {
        let mut human = Human::still(out, size, clock, paint, verbosity);
        let shared = human.shared.clone();
        // without a thread nothing is drawn between events; the lines that stay still come at the end
        human.drawer =
            std::thread::Builder::new().name("progress".into()).spawn(move || shared.keep_drawing()).ok();
        human
    }

    /// A sink that draws only when told.
    fn still(
        out: Box<dyn Write + Send>,
        size: Size,
        clock: Clock,
        paint: Paint,
        verbosity: Verbosity,
    ) -> Human {
        let out = Arc::new(Mutex::new(Out { out, buffer: Vec::new() }));
        let terminal = Terminal { out: out.clone(), size: size.clone() };
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like(Box::new(terminal)));
        let picture = Arc::new(Mutex::new(String::new()));
        let shown = picture.clone();
        let style = ProgressStyle::with_template("{picture}").expect("the template is a constant").with_key(
            "picture",
            move |_: &ProgressState, w: &mut dyn fmt::Write| {
                // a formatter into memory does not fail
                let _ = w.write_str(&lock(&shown));
            },
        );
        bar.set_style(style);
        let shared = Shared {
            state: Mutex::default(),
            ended: Condvar::new(),
            bar,
            out,
            picture,
            size,
            clock,
            paint,
            verbosity,
        };
        Human { shared: Arc::new(shared), drawer: None }
    }
}

impl Sink for Human {
    fn emit(&self, event: Event) {
        let mut state = lock(&self.shared.state);
        self.shared.take(&mut state, &event);
        if matches!(event, Event::RunFinished { .. }) {
            self.shared.draw(&mut state);
        }
    }
}

impl Drop for Human {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.over = true;
        state.board.over = true;
        self.shared.draw(&mut state);
        drop(state);
        self.shared.ended.notify_all();
        if let Some(drawer) = self.drawer.take() {
            // it only draws; if it panicked, there is nothing left to clear
            let _ = drawer.join();
        }
    }
}

impl Shared {
    fn keep_drawing(&self) {
        let mut state = lock(&self.state);
        while !state.over {
            if state.board.total > 0 && !state.board.over || !state.lines.is_empty() {
                self.draw(&mut state);
            }
            state = self.ended.wait_timeout(state, PERIOD).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Changes the board, and queues the line that the event leaves, if any.
    fn take(&self, state: &mut State, event: &Event) {
        let now = (self.clock)();
        let paint = self.paint;
        let verbose = self.verbosity == Verbosity::Verbose;
        let ended = state.board.apply(event, now);
        let columns = Columns::new((self.size)().0.into(), state.board.label_width);
        match event {
            Event::NodeFinished { label, took, .. } => {
                let glyph = paint.good(paint.tick());
                let time = duration::exact(*took);
                state.lines.push(frame::line(&glyph, &clean(label), &time, "", columns, paint));
            }
            Event::NodeFailed { label, .. } => {
                let glyph = paint.bad(paint.cross());
                let time = ended.map_or(String::new(), |r| duration::exact(now.saturating_sub(r.since)));
                state.lines.push(frame::line(&glyph, &clean(label), &time, "failed", columns, paint));
            }
            Event::NodeCached { label, .. } if verbose => {
                let glyph = paint.dim(paint.dot());
                state.lines.push(frame::line(&glyph, &clean(label), "", "cached", columns, paint));
            }
            Event::NodeStarted { label, why, .. } if verbose => {
                let glyph = paint.busy(paint.arrow());
                state.lines.push(frame::line(&glyph, &clean(label), "", &clean(why), columns, paint));
            }
            Event::NodeStep { node, text } if verbose => {
                let label = state.board.label(*node).unwrap_or_default();
                state.lines.push(self.quoted(label, &clean(text), state.board.label_width));
            }
            Event::NodeOutput { node, line } if verbose => {
                let label = state.board.label(*node).unwrap_or_default();
                let line = paint.dim(clean(line));
                state.lines.push(self.quoted(label, &line, state.board.label_width));
            }
            Event::Note { text } => state.lines.push(format!("  {}", clean(text))),
            _ => {}
        }
    }

    fn quoted(&self, label: &str, text: &str, width: usize) -> String {
        let margin = format!("{} {}", fit::pad(label, width), self.paint.rule());
        format!("  {} {text}", self.paint.dim(margin))
    }

    fn draw(&self, state: &mut State) {
        let (columns, rows) = (self.size)();
        let now = (self.clock)();
        let lines = frame::frame(&state.board, now, columns.into(), rows.into(), self.paint);
        let gone = lines.is_empty();
        *lock(&self.picture) = lines.join("\n");
        let staying = std::mem::take(&mut state.lines);
        if gone {
            // below nothing, and with a newline at the end: what comes next is not ours
            self.bar.finish_and_clear();
            let mut out = lock(&self.out);
            for line in staying {
                out.buffer.extend_from_slice(line.as_bytes());
                out.buffer.extend_from_slice(b"\r\n");
            }
            out.flush();
        } else if staying.is_empty() {
            self.bar.tick();
        } else {
            self.bar.println(staying.join("\n"));
        }
    }
}

/// indicatif's terminal over any writer: what it draws is collected and written at once.
struct Terminal {
    out: Arc<Mutex<Out>>,
    size: Size,
}

struct Out {
    out: Box<dyn Write + Send>,
    buffer: Vec<u8>,
}

impl Out {
    /// Writes all that was collected. A terminal that is gone takes no more pictures, and that is no reason to end
    /// the run.
    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.buffer);
        let _ = self.out.write_all(&bytes).and_then(|()| self.out.flush());
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terminal")
    }
}

impl Terminal {
    fn push(&self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.out).buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// A cursor movement: ECMA-48 CUU, CUD, CUF, CUB.
    fn go(&self, n: usize, way: char) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.push(format!("\x1b[{n}{way}").as_bytes()) }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        (self.size)().0
    }

    fn height(&self) -> u16 {
        (self.size)().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.push(text.as_bytes())?;
        self.push(b"\r\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.push(text.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.push(b"\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let mut out = lock(&self.out);
        // indicatif leaves the cursor behind the last column, where the `^C` that a terminal echoes would begin a new
        // line and so leave one of ours behind; at the first column it is painted over
        out.buffer.push(b'\r');
        out.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Hand, Paper, play, run};
    use super::*;

    const COLUMNS: u16 = 90;
    const ROWS: u16 = 12;

    fn still(paper: &Paper, hand: &Hand, verbosity: Verbosity, paint: Paint) -> Human {
        let size: Size = Arc::new(|| (COLUMNS, ROWS));
        Human::still(Box::new(paper.clone()), size, hand.clock(), paint, verbosity)
    }

    const UNICODE: Paint = Paint { color: false, unicode: true };

    /// What a terminal shows after it got what is on the paper.
    fn screen(paper: &Paper) -> String {
        let mut terminal = vt100::Parser::new(ROWS, COLUMNS, 0);
        terminal.process(&paper.bytes());
        let screen = terminal.screen();
        let lines: Vec<String> = screen.rows(0, COLUMNS).map(|line| line.trim_end().to_string()).collect();
        lines.join("\n").trim_end().to_string()
    }

    /// The screen at `until` milliseconds, drawn after each event.
    fn at(until: u64, verbosity: Verbosity) -> String {
        let (hand, paper) = (Hand::default(), Paper::default());
        let human = still(&paper, &hand, verbosity, UNICODE);
        for (ms, event) in run().into_iter().filter(|(ms, _)| *ms <= until) {
            hand.set(ms);
            human.emit(event);
            human.shared.draw(&mut lock(&human.shared.state));
        }
        hand.set(until);
        human.shared.draw(&mut lock(&human.shared.state));
        let shown = screen(&paper);
        drop(human);
        shown
    }

    #[test]
    fn lines_of_a_running_build() {
        insta::assert_snapshot!(at(3500, Verbosity::Normal), @r#"
        ⠴ export bookworm                    3 s  ━━━━━━━━━━━───────────   50 %  400 of 800 MiB
        ⠴ base debian-trixie                 3 s  mmdebstrap trixie  I: downloading packages wit…
          2 of 8, 2 cached                   3 s  ━━━━━━━━━━──────────────────────────────
        "#);
        insta::assert_snapshot!(at(8000, Verbosity::Normal), @r#"
        ✓ export bookworm                  5.6 s
        ⠋ base debian-trixie                 7 s  mmdebstrap trixie  Unpacking libc6 (2.41-12)…
          3 of 8, 2 cached                   8 s  ━━━━━━━━━━━━━━━─────────────────────────
        "#);
        insta::assert_snapshot!(at(13_100, Verbosity::Normal), @r#"
        ✓ export bookworm                  5.6 s
        ✓ base debian-trixie              12.3 s
        ⠙ build trixie                       0 s  [2/3] RUN apt-get inst…  E: Unable to locate p…
          4 of 8, 2 cached                  13 s  ━━━━━━━━━━━━━━━━━━━━────────────────────
        "#);
    }

    #[test]
    fn nothing_but_the_finished_lines_is_left() {
        insta::assert_snapshot!(at(20_000, Verbosity::Normal), @r#"
        ✓ export bookworm                  5.6 s
        ✓ base debian-trixie              12.3 s
        ✗ build trixie                     1.1 s  failed
          cleaning up
        "#);
    }

    #[test]
    fn verbose_tells_why_and_what() {
        insta::assert_snapshot!(at(13_100, Verbosity::Verbose), @r#"
        ▸ export bookworm                         not in the store
        ▸ base debian-trixie                      the suite changed
          base debian-trixie   │ mmdebstrap trixie
          base debian-trixie   │ I: downloading packages with apt...
        ✓ export bookworm                  5.6 s
          base debian-trixie   │ Unpacking libc6 (2.41-12)  ...
        ✓ base debian-trixie              12.3 s
        ▸ build trixie                            its base changed
          build trixie         │ [2/3] RUN apt-get install -y openssh-server
          build trixie         │ E: Unable to locate package openssh-server
        ⠙ build trixie                       0 s  [2/3] RUN apt-get inst…  E: Unable to locate p…
          4 of 8, 2 cached                  13 s  ━━━━━━━━━━━━━━━━━━━━────────────────────
        "#);
    }

    #[test]
    fn a_dropped_sink_leaves_no_live_line() {
        let (hand, paper) = (Hand::default(), Paper::default());
        let human = still(&paper, &hand, Verbosity::Normal, UNICODE);
        for (ms, event) in run().into_iter().take(8) {
            hand.set(ms);
            human.emit(event);
        }
        human.shared.draw(&mut lock(&human.shared.state));
        assert!(screen(&paper).contains("2 of 8"));
        drop(human);
        assert_eq!(screen(&paper), "");
    }

    #[test]
    fn what_comes_after_starts_on_its_own_line() {
        let (hand, mut paper) = (Hand::default(), Paper::default());
        let human = still(&paper, &hand, Verbosity::Normal, UNICODE);
        play(&human, &hand);
        drop(human);
        paper.write_all(b"after").expect("paper");
        assert_eq!(screen(&paper).lines().last(), Some("after"));
        assert_eq!(screen(&paper).lines().count(), 5);
    }

    #[test]
    fn an_echoed_interrupt_leaves_no_line_behind() {
        let (hand, mut paper) = (Hand::default(), Paper::default());
        let human = still(&paper, &hand, Verbosity::Normal, UNICODE);
        for (ms, event) in run().into_iter().take(8) {
            hand.set(ms);
            human.emit(event);
            human.shared.draw(&mut lock(&human.shared.state));
        }
        paper.write_all(b"^C").expect("paper");
        human.emit(Event::Note { text: "interrupted".into() });
        human.shared.draw(&mut lock(&human.shared.state));
        assert_eq!(screen(&paper).lines().count(), 4, "{}", screen(&paper));
        drop(human);
        assert_eq!(screen(&paper), "  interrupted");
    }

    #[test]
    fn notes_without_a_run_are_lines() {
        let (hand, mut paper) = (Hand::default(), Paper::default());
        let human = still(&paper, &hand, Verbosity::Normal, UNICODE);
        human.emit(Event::Note { text: "one".into() });
        human.shared.draw(&mut lock(&human.shared.state));
        human.emit(Event::Note { text: "two".into() });
        drop(human);
        paper.write_all(b"after").expect("paper");
        assert_eq!(screen(&paper), "  one\n  two\nafter");
    }

    #[test]
    fn without_colour_no_colour_is_sent() {
        for (color, expected) in [(false, false), (true, true)] {
            let (hand, paper) = (Hand::default(), Paper::default());
            play(&still(&paper, &hand, Verbosity::Normal, Paint { color, unicode: true }), &hand);
            let coloured = paper.text().contains("\x1b[3") || paper.text().contains("\x1b[2m");
            assert_eq!(coloured, expected);
        }
    }

    #[test]
    fn a_terminal_without_unicode_gets_ascii() {
        let (hand, paper) = (Hand::default(), Paper::default());
        let human = still(&paper, &hand, Verbosity::Verbose, Paint::BARE);
        for (ms, event) in run() {
            hand.set(ms);
            human.emit(event);
            human.shared.draw(&mut lock(&human.shared.state));
        }
        assert!(paper.text().is_ascii());
    }

    #[test]
    fn draws_by_itself_and_ends() {
        let paper = Paper::default();
        let size: Size = Arc::new(|| (COLUMNS, ROWS));
        let start = std::time::Instant::now();
        let clock: Clock = Arc::new(move || start.elapsed());
        let human = Human::start(Box::new(paper.clone()), size, clock, UNICODE, Verbosity::Normal);
        human.emit(Event::RunStarted { total: 1 });
        while !paper.text().contains("0 of 1") {
            assert!(start.elapsed() < Duration::from_secs(20), "nothing was drawn");
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(human);
        assert_eq!(screen(&paper), "");
    }
}
