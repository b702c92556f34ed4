//! The live picture of a run as lines of text: pure, from a [`Board`], the time and the terminal's width.
//!
//! Every line has the same columns, so that a node that finishes keeps its place:
//!
//! ```text
//! ✓ base bookworm                    12.3 s
//! ⠹ build bookworm                     48 s  RUN apt-get install -y openssh-server
//! ⠹ export trixie                       3 s  ━━━━━━━───────  54 %  412 MiB of 763 MiB
//!   5 of 18, 3 cached              1 m 02 s  ━━━━━━━━━━─────────────────────────────
//! ```

use std::time::Duration;

use super::board::{Board, Progress, Running};
use super::duration;
use super::fit;
use super::paint::Paint;
use crate::base::Bytes;
use crate::base::event::Unit;

/// Columns of the label in a wide terminal: what labels need as a rule, so that lines that scrolled away align too.
const LABEL: usize = 28;
/// Columns of the time: `59 m 59 s`.
const TIME: usize = 9;
/// How long a picture of the spinner stands.
const TURN: Duration = Duration::from_millis(100);
/// Columns below which a bar or a second text says nothing.
const LEAST: usize = 12;
/// Columns of `100 %`.
const SHARE: usize = 5;
/// Columns of `1023 of 1023 MiB`, as wide as two sizes get.
const NUMBERS: usize = 16;

/// How the columns fall in a terminal of some width.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    label: usize,
    /// Zero when there is no room for it.
    detail: usize,
}

impl Columns {
    /// For labels of up to `longest` columns in a terminal of `width`.
    pub fn new(width: usize, longest: usize) -> Columns {
        // one column stays free: some terminals wrap when the last one is filled
        let width = width.saturating_sub(1);
        let most = width.saturating_sub(2 + 1 + TIME);
        let label = LABEL.max(longest).min((width * 2 / 5).max(20)).min(most);
        let detail = width.saturating_sub(2 + label + 1 + TIME + 2);
        Columns { label, detail: if detail < LEAST { 0 } else { detail } }
    }
}

/// A line that stays: glyph, label, time and, where there is room, a remark.
pub fn line(glyph: &str, label: &str, time: &str, remark: &str, columns: Columns, paint: Paint) -> String {
    let label = fit::pad(&fit::cut(label, columns.label, paint.ellipsis()), columns.label);
    let time = fit::pad_left(time, TIME);
    let mut out = format!("{glyph} {label} {}", paint.dim(time));
    if columns.detail > 0 && !remark.is_empty() {
        out.push_str("  ");
        out.push_str(&paint.dim(fit::cut(remark, columns.detail, paint.ellipsis())));
    }
    // without a remark nothing follows the time; without a time nothing follows the label
    if paint.color { out } else { out.trim_end().to_string() }
}

/// The lines of all that is running and of the whole, at most `height` of them (and at least one).
pub fn frame(board: &Board, now: Duration, width: usize, height: usize, paint: Paint) -> Vec<String> {
    if board.over || board.total == 0 {
        return Vec::new();
    }
    let columns = Columns::new(width, board.label_width);
    let spinner = paint.spinner();
    let turn = (now.as_millis() / TURN.as_millis()) as usize % spinner.len();
    let glyph = paint.busy(spinner[turn]);
    let room = height.saturating_sub(1);
    let shown = if board.running.len() > room { room.saturating_sub(1) } else { board.running.len() };
    let mut lines: Vec<String> =
        board.running[..shown].iter().map(|r| running(r, &glyph, now, columns, paint)).collect();
    if shown < board.running.len() && room > 0 {
        let more = format!("{} and {} more", paint.ellipsis(), board.running.len() - shown);
        lines.push(format!("  {}", paint.dim(more)));
    }
    lines.push(overall(board, now, columns, paint));
    lines
}

fn running(r: &Running, glyph: &str, now: Duration, columns: Columns, paint: Paint) -> String {
    let time = duration::whole(now.saturating_sub(r.since));
    let mut out = line(glyph, &r.label, &time, "", columns, paint);
    if columns.detail > 0 {
        let detail = detail(r, columns.detail, paint);
        if !detail.is_empty() {
            out.push_str("  ");
            out.push_str(&detail);
        }
    }
    out
}

/// Progress, then the step, then the last output, as far as `room` columns go.
fn detail(r: &Running, room: usize, paint: Paint) -> String {
    let mut row = Row { parts: Vec::new(), room };
    if let Some(p) = r.progress {
        progress(p, &mut row, paint);
    }
    let cut = |text: &str, columns| fit::cut(text, columns, paint.ellipsis());
    if r.step.is_empty() && r.output.is_empty() && r.progress.is_none() {
        row.put(cut(&r.why, room), |t| paint.dim(t));
    }
    if !r.step.is_empty() && row.left() >= LEAST {
        let share = if r.output.is_empty() { row.left() } else { (row.left() / 2).max(LEAST) };
        row.put(cut(&r.step, share), |t| t.to_string());
    }
    if !r.output.is_empty() && row.left() >= LEAST {
        row.put(cut(&r.output, row.left()), |t| paint.dim(t));
    }
    row.parts.join("  ")
}

/// Texts side by side, two columns apart, that never take more than a number of columns.
struct Row {
    parts: Vec<String>,
    room: usize,
}

impl Row {
    /// Columns left for a further text.
    fn left(&self) -> usize {
        self.room.saturating_sub(if self.parts.is_empty() { 0 } else { 2 })
    }

    /// Adds `text` as `paint` makes it, if it fits.
    fn put(&mut self, text: String, paint: impl FnOnce(&str) -> String) {
        let width = fit::width(&text);
        if width > 0 && width <= self.left() {
            self.room = self.left() - width;
            self.parts.push(paint(&text));
        }
    }
}

/// How far a node is: a bar where there is room, the share, the numbers.
fn progress(p: Progress, row: &mut Row, paint: Paint) {
    let total = p.total.filter(|t| *t > 0);
    if let (Unit::Bytes, Some(total)) = (p.unit, total) {
        // the bar's width must not depend on the numbers, or it would tremble
        let length = row.left().saturating_sub(2 + SHARE + 2 + NUMBERS).min(24);
        if length >= LEAST {
            row.put("-".repeat(length), |_| bar(p.done, total, length, paint));
        }
        row.put(fit::pad_left(&format!("{} %", percent(p.done, total)), SHARE), |t| t.to_string());
    }
    let numbers = match (p.unit, total) {
        (Unit::Bytes, Some(total)) => sizes(p.done, total),
        (Unit::Bytes, None) => Bytes(p.done).to_string(),
        (Unit::Steps, Some(total)) => format!("{} of {total}", p.done),
        (Unit::Steps, None) => p.done.to_string(),
    };
    row.put(numbers, |t| paint.dim(t));
}

/// `412 of 763 MiB`: both in the unit of the total, the first as wide as the second, so that nothing moves.
fn sizes(done: u64, total: u64) -> String {
    let (name, unit) = [("GiB", Bytes::GIB.0), ("MiB", Bytes::MIB.0), ("KiB", Bytes::KIB.0)]
        .into_iter()
        .find(|(_, unit)| total >= *unit)
        .unwrap_or(("B", 1));
    let decimals = usize::from(unit > 1 && total / unit < 100);
    let number = |n: u64| format!("{:.decimals$}", n as f64 / unit as f64);
    let all = number(total);
    format!("{} of {all} {name}", fit::pad_left(&number(done), all.len()))
}

fn percent(done: u64, total: u64) -> u64 {
    (u128::from(done.min(total)) * 100 / u128::from(total)) as u64
}

fn bar(done: u64, total: u64, length: usize, paint: Paint) -> String {
    let filled = (u128::from(done.min(total)) * length as u128 / u128::from(total.max(1))) as usize;
    let (full, open) = paint.bar();
    let piece = |c: char, n: usize| std::iter::repeat_n(c, n).collect::<String>();
    match (filled, length - filled) {
        (0, open_length) => paint.dim(piece(open, open_length)),
        (full_length, 0) => paint.busy(piece(full, full_length)),
        (f, o) => format!("{}{}", paint.busy(piece(full, f)), paint.dim(piece(open, o))),
    }
}

fn overall(board: &Board, now: Duration, columns: Columns, paint: Paint) -> String {
    let done = board.finished + board.cached.len();
    let mut text = format!("{done} of {}", board.total);
    if !board.cached.is_empty() {
        text.push_str(&format!(", {} cached", board.cached.len()));
    }
    let mut out = line(
        " ",
        &text,
        &duration::whole(now.saturating_sub(board.since)),
        "",
        columns,
        Paint { color: false, ..paint },
    );
    if columns.detail > 0 {
        out.push_str("  ");
        out.push_str(&bar(done as u64, board.total as u64, columns.detail.min(40), paint));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::event::{Event, NodeId};

    const PLAIN: Paint = Paint { color: false, unicode: true };

    fn board(nodes: usize) -> Board {
        let mut board = Board::default();
        board.apply(&Event::RunStarted { total: nodes + 2 }, Duration::ZERO);
        for n in 0..nodes {
            let label = format!("filesystem slot{n} with a name that is rather long for a line");
            let started = Event::NodeStarted { node: NodeId(n), label, why: "not in the store".into() };
            board.apply(&started, Duration::from_secs(1));
        }
        for n in 0..nodes {
            let progress = Event::NodeProgress {
                node: NodeId(n),
                done: 1 << 30,
                total: Some(3 << 30),
                unit: Unit::Bytes,
            };
            board.apply(&progress, Duration::from_secs(2));
            board.apply(
                &Event::NodeStep { node: NodeId(n), text: "世界 ".repeat(30) },
                Duration::from_secs(2),
            );
            board
                .apply(&Event::NodeOutput { node: NodeId(n), line: "x".repeat(300) }, Duration::from_secs(2));
        }
        board
    }

    #[test]
    fn narrow_and_wide() {
        insta::assert_snapshot!(frame(&board(1), Duration::from_secs(70), 40, 24, PLAIN).join("\n"), @r#"
        ⠋ filesystem slot0 wi…  1 m 09 s
          0 of 3                1 m 10 s
        "#);
        insta::assert_snapshot!(frame(&board(1), Duration::from_secs(70), 80, 24, PLAIN).join("\n"), @r#"
        ⠋ filesystem slot0 with a name t…  1 m 09 s   33 %  1.0 of 3.0 GiB
          0 of 3                           1 m 10 s  ──────────────────────────────────
        "#);
        insta::assert_snapshot!(frame(&board(1), Duration::from_secs(70), 132, 24, PLAIN).join("\n"), @r#"
        ⠋ filesystem slot0 with a name that is rather long fo…  1 m 09 s  ━━━━━━━━────────────────   33 %  1.0 of 3.0 GiB  世界 世界…
          0 of 3                                                1 m 10 s  ────────────────────────────────────────
        "#);
    }

    #[test]
    fn more_nodes_than_rows() {
        insta::assert_snapshot!(frame(&board(9), Duration::from_secs(70), 60, 5, PLAIN).join("\n"), @r#"
        ⠋ filesystem slot0 with…   1 m 09 s   33 %  1.0 of 3.0 GiB
        ⠋ filesystem slot1 with…   1 m 09 s   33 %  1.0 of 3.0 GiB
        ⠋ filesystem slot2 with…   1 m 09 s   33 %  1.0 of 3.0 GiB
          … and 6 more
          0 of 11                  1 m 10 s  ──────────────────────
        "#);
    }

    proptest::proptest! {
        #[test]
        fn never_wider_or_higher_than_the_terminal(
            nodes in 0usize..12, seconds in 0u64..9999, width in 16usize..200, height in 1usize..30
        ) {
            let lines = frame(&board(nodes), Duration::from_secs(seconds), width, height, PLAIN);
            proptest::prop_assert!(lines.len() <= height);
            for line in lines {
                proptest::prop_assert!(fit::width(&line) < width, "{} columns: {line}", fit::width(&line));
            }
        }
    }
}
