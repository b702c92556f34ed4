//! The verdict for people: a line per step, below it what is wrong with it, and the sum.

use std::path::Path;

use crate::proof::verdict::{Check, State, Step, Subject, Verdict, Way};
use crate::report::clean::clean;
use crate::report::duration;
use crate::report::fit;
use crate::report::paint::Paint;

/// Columns of text that is not for a terminal.
const FILE: usize = 100;
/// What stands before the first column.
const MARGIN: usize = 2;
/// Between columns.
const GAP: &str = "  ";
/// The least that the kernel's column is cut to.
const KERNEL: usize = 6;

/// `columns` are those of a terminal.
pub fn table(verdict: &Verdict, logs: &Path, paint: Paint, columns: Option<usize>) -> String {
    let columns = columns.unwrap_or(FILE);
    let head = ["firmware", "slot", "login", "kernel", "root", "units"].map(String::from);
    let rows: Vec<[String; 6]> = verdict.steps.iter().map(|step| cells(step, paint)).collect();
    let width = |c: usize| rows.iter().chain([&head]).map(|r| fit::width(&r[c])).max().unwrap_or(0);
    let mut widths: [usize; 6] = std::array::from_fn(width);
    let whole = MARGIN + widths.iter().sum::<usize>() + GAP.len() * (widths.len() - 1);
    widths[3] = widths[3].saturating_sub(whole.saturating_sub(columns)).max(KERNEL.min(widths[3]));
    let mut out = format!("{}{}\n", " ".repeat(MARGIN), paint.dim(line(&head, &widths, paint)));
    for (step, row) in verdict.steps.iter().zip(&rows) {
        out.push_str(&format!("{} {}\n", mark(step.state(), paint), line(row, &widths, paint)));
        out.push_str(&below(step, paint, columns));
    }
    out.push_str(&sum(verdict, logs, paint, columns));
    out
}

fn line(cells: &[String; 6], widths: &[usize; 6], paint: Paint) -> String {
    let cells = cells.iter().zip(widths);
    let cells: Vec<String> =
        cells.map(|(cell, width)| fit::pad(&fit::cut(cell, *width, paint.ellipsis()), *width)).collect();
    cells.join(GAP).trim_end().to_string()
}

fn cells(step: &Step, paint: Paint) -> [String; 6] {
    let slot = match &step.way {
        Way::Boot => step.slot.clone(),
        Way::Kexec { from } => format!("{from} {} {}", paint.arrow(), step.slot),
    };
    let none = || paint.dot().to_string();
    let word = |subject, good: &dyn Fn(&Check) -> String| match step.check(subject) {
        Some(check) if check.state == State::Passed => good(check),
        Some(check) => check.state.as_str().to_string(),
        None => none(),
    };
    let ok = |_: &Check| "ok".to_string();
    [
        step.firmware.as_str().to_string(),
        slot,
        word(Subject::Login, &|check| duration::exact(check.took)),
        word(Subject::Kernel, &|check| check.detail.clone()),
        word(Subject::Root, &ok),
        word(Subject::Units, &ok),
    ]
}

fn mark(state: State, paint: Paint) -> String {
    match state {
        State::Passed => paint.good(paint.tick()),
        State::Failed => paint.bad(paint.cross()),
        State::Unproven => paint.warn('?'),
    }
}

/// What did not pass, the console's end, and where the rest of it is.
fn below(step: &Step, paint: Paint, columns: usize) -> String {
    const INDENT: &str = "    ";
    let mut out = String::new();
    let mut told: Option<&str> = None;
    for check in step.checks.iter().filter(|c| c.state != State::Passed) {
        // checks that share their reason share its line
        if told == Some(check.detail.as_str()) {
            continue;
        }
        told = Some(&check.detail);
        let text = format!("{}: {}", check.subject.as_str(), clean(&check.detail));
        for line in fit::wrap(&text, columns.saturating_sub(INDENT.len())) {
            let line = if check.state == State::Failed { paint.bad(line) } else { paint.warn(line) };
            out.push_str(&format!("{INDENT}{line}\n"));
        }
    }
    if let Some(stall) = &step.stall {
        for line in &stall.tail {
            let line =
                fit::cut(clean(line).trim_end(), columns.saturating_sub(INDENT.len() + 2), paint.ellipsis());
            out.push_str(&format!("{INDENT}{} {line}\n", paint.dim(paint.rule())));
        }
    }
    if let (State::Failed, Some(log)) = (step.state(), &step.log) {
        out.push_str(&format!("{INDENT}{}\n", paint.dim(format!("log: {}", log.display()))));
    }
    out
}

fn sum(verdict: &Verdict, logs: &Path, paint: Paint, columns: usize) -> String {
    let [passed, failed, unproven] =
        [State::Passed, State::Failed, State::Unproven].map(|state| verdict.count(state));
    let mut parts = vec![format!("{passed} of {} checks passed", passed + failed + unproven)];
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if unproven > 0 {
        parts.push(format!("{unproven} unproven"));
    }
    let mark = match (verdict.is_proven(), failed) {
        (true, _) => mark(State::Passed, paint),
        (false, 0) => mark(State::Unproven, paint),
        _ => mark(State::Failed, paint),
    };
    let under =
        verdict.steps.iter().find_map(|s| s.accel).map(|a| format!(" under {}", a.as_str().to_uppercase()));
    let took = duration::exact(verdict.took);
    let text = format!("{} in {took}{}", parts.join(", "), under.unwrap_or_default());
    let text = fit::wrap(&text, columns.saturating_sub(MARGIN)).join("\n  ");
    format!("\n{mark} {text}\n  {}\n", paint.dim(format!("consoles: {}", logs.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::verdict::tests::sample;

    #[test]
    fn a_line_per_step() {
        let logs = Path::new("build/dual.proof");
        let unicode = Paint { color: false, unicode: true };
        insta::assert_snapshot!("terminal", table(&sample(), logs, unicode, Some(80)));
        insta::assert_snapshot!("bare", table(&sample(), logs, Paint::BARE, None));
        let narrow = table(&sample(), logs, unicode, Some(60));
        let rows = narrow.lines().filter(|l| !l.contains("log: "));
        assert!(rows.clone().all(|l| fit::width(l) <= 60), "{narrow}");
        let color = table(&sample(), logs, Paint { color: true, unicode: true }, Some(80));
        assert!(color.contains("\u{1b}[32m✓\u{1b}[0m") && color.contains("\u{1b}[1m\u{1b}[31m✗"), "{color}");
    }
}
