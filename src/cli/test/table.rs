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
/// The least that the elastic column is cut to.
const NARROW: usize = 6;

/// The columns of a kind of step.
struct Form {
    head: &'static [&'static str],
    /// The column that is cut where a terminal is narrow.
    elastic: usize,
    cells: fn(&Step, Paint) -> Vec<String>,
}

const BOOTS: Form =
    Form { head: &["firmware", "slot", "login", "kernel", "root", "units"], elastic: 3, cells: boot };
const SCENARIOS: Form =
    Form { head: &["firmware", "scenario", "slots", "time", "checks"], elastic: 2, cells: scenario };

/// `columns` are those of a terminal.
pub fn table(verdict: &Verdict, logs: &Path, paint: Paint, columns: Option<usize>) -> String {
    let columns = columns.unwrap_or(FILE);
    let mut out = String::new();
    for (form, is_scenario) in [(BOOTS, false), (SCENARIOS, true)] {
        let is_its = |step: &&Step| matches!(step.way, Way::Switch { .. }) == is_scenario;
        let steps: Vec<&Step> = verdict.steps.iter().filter(is_its).collect();
        if !steps.is_empty() {
            out.push_str(&lines(&form, &steps, paint, columns));
        }
    }
    out.push_str(&sum(verdict, logs, paint, columns));
    out
}

fn lines(form: &Form, steps: &[&Step], paint: Paint, columns: usize) -> String {
    let head: Vec<String> = form.head.iter().map(|h| h.to_string()).collect();
    let rows: Vec<Vec<String>> = steps.iter().map(|step| (form.cells)(step, paint)).collect();
    let width = |c: usize| rows.iter().chain([&head]).map(|r| fit::width(&r[c])).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..head.len()).map(width).collect();
    let whole = MARGIN + widths.iter().sum::<usize>() + GAP.len() * (widths.len() - 1);
    let elastic = &mut widths[form.elastic];
    *elastic = elastic.saturating_sub(whole.saturating_sub(columns)).max(NARROW.min(*elastic));
    let mut out = format!("{}{}\n", " ".repeat(MARGIN), paint.dim(line(&head, &widths, paint)));
    for (step, row) in steps.iter().zip(&rows) {
        out.push_str(&format!("{} {}\n", mark(step.state(), paint), line(row, &widths, paint)));
        out.push_str(&below(step, paint, columns));
    }
    out
}

fn line(cells: &[String], widths: &[usize], paint: Paint) -> String {
    let cells = cells.iter().zip(widths);
    let cells: Vec<String> =
        cells.map(|(cell, width)| fit::pad(&fit::cut(cell, *width, paint.ellipsis()), *width)).collect();
    cells.join(GAP).trim_end().to_string()
}

fn slots(step: &Step, paint: Paint) -> String {
    match &step.way {
        Way::Boot => step.slot.clone(),
        Way::Kexec { from } | Way::Switch { from, .. } => format!("{from} {} {}", paint.arrow(), step.slot),
    }
}

fn boot(step: &Step, paint: Paint) -> Vec<String> {
    let none = || paint.dot().to_string();
    let word = |subject, good: &dyn Fn(&Check) -> String| match step.check(subject) {
        Some(check) if check.state == State::Passed => good(check),
        Some(check) => check.state.as_str().to_string(),
        None => none(),
    };
    let ok = |_: &Check| "ok".to_string();
    vec![
        step.firmware.as_str().to_string(),
        slots(step, paint),
        word(Subject::Login, &|check| duration::exact(check.took)),
        word(Subject::Kernel, &|check| check.detail.clone()),
        word(Subject::Root, &ok),
        word(Subject::Units, &ok),
    ]
}

fn scenario(step: &Step, paint: Paint) -> Vec<String> {
    let name = match &step.way {
        Way::Switch { scenario, .. } => scenario,
        Way::Boot | Way::Kexec { .. } => "",
    };
    let checks = match step.state() {
        State::Passed => format!("{} ok", step.checks.len()),
        other => other.as_str().to_string(),
    };
    vec![
        step.firmware.as_str().to_string(),
        name.to_string(),
        slots(step, paint),
        duration::exact(step.took),
        checks,
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
    use crate::proof::verdict::tests::{sample, scenarios};

    #[test]
    fn a_line_per_step() {
        let logs = Path::new("build/dual.proof");
        let unicode = Paint { color: false, unicode: true };
        insta::assert_snapshot!("terminal", table(&sample(), logs, unicode, Some(80)));
        insta::assert_snapshot!("bare", table(&sample(), logs, Paint::BARE, None));
        let narrow = table(&sample(), logs, unicode, Some(60));
        let rows = narrow.lines().filter(|l| !l.contains("log: "));
        assert!(rows.clone().all(|l| fit::width(l) <= 60), "{narrow}");
        insta::assert_snapshot!("scenarios", table(&scenarios(), logs, unicode, Some(80)));
        let color = table(&sample(), logs, Paint { color: true, unicode: true }, Some(80));
        assert!(color.contains("\u{1b}[32m✓\u{1b}[0m") && color.contains("\u{1b}[1m\u{1b}[31m✗"), "{color}");
    }
}
