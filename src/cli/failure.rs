//! Why a command ended without success, and how that is told: in miette's look, or as JSON objects.

use std::error::Error;
use std::io;

use serde_json::json;

use crate::diag::render::{Look, render_all};
use crate::diag::{Diagnostics, Severity, github, json as diag_json, sarif};
use crate::engine::EngineError;
use crate::host::command::CommandError;
use crate::report::clean::clean;
use crate::report::paint::Paint;

/// Why a command ended without success.
#[derive(Debug)]
pub enum Failure {
    /// The manifest is not valid; nothing was done.
    Invalid(Diagnostics),
    /// The work failed, and the manifest's words that asked for it are known.
    ///
    /// The lines are the last ones that a failed program wrote.
    Located(Diagnostics, Vec<String>),
    /// The work failed.
    Error(Problem),
    /// The command cannot be run as it was written, such as with a file that is not there.
    Usage(Problem),
    /// The user or the system asked to stop; what was under way has been cleaned up.
    Interrupted,
    /// The reader of standard output went away.
    Closed,
    /// The command has told all there is to tell.
    Told,
    /// The manifest is not valid, and the command's report has said so.
    Refused,
}

/// A failure that has no place in a source.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// A lower-case phrase: what was being done, and what went wrong.
    pub message: String,
    /// Each the cause of the one before.
    pub causes: Vec<String>,
    /// The last lines that a program wrote.
    pub output: Vec<String>,
    /// What the user can do.
    pub help: Option<String>,
}

impl Problem {
    pub fn new(message: impl Into<String>) -> Problem {
        Problem { message: message.into(), ..Problem::default() }
    }

    /// An error and the chain of its sources; a source whose words the one before already says is left out.
    pub fn of(error: &dyn Error) -> Problem {
        let mut problem = Problem::new(error.to_string());
        problem.add_sources(error);
        problem
    }

    /// Adds `error` and its sources as causes.
    pub fn caused_by(mut self, error: &dyn Error) -> Problem {
        self.causes.push(error.to_string());
        self.add_sources(error);
        self
    }

    pub fn output(mut self, lines: Vec<String>) -> Problem {
        self.output = lines;
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Problem {
        self.help = Some(text.into());
        self
    }

    fn add_sources(&mut self, error: &dyn Error) {
        let mut next = error.source();
        while let Some(source) = next {
            let text = source.to_string();
            let said = self.causes.last().unwrap_or(&self.message);
            if !said.contains(&text) {
                self.causes.push(text);
            }
            next = source.source();
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Error(problem)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Failure {
        let problem = Problem::of(&error);
        Failure::Error(match error {
            EngineError::Cancelled => return Failure::Interrupted,
            EngineError::Unreachable { hint, .. } => problem.help(hint),
            EngineError::Build { tail, .. } => problem.output(tail),
            EngineError::Request { .. } | EngineError::Io { .. } => problem,
        })
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Failure {
        let problem = Problem::of(&error);
        Failure::Error(match error {
            CommandError::Cancelled => return Failure::Interrupted,
            CommandError::Missing { .. } => {
                problem.help("`osimg doctor` tells how to install what is missing")
            }
            CommandError::Failed { tail, .. } => problem.output(tail),
            CommandError::Start { .. } | CommandError::Io { .. } => problem,
        })
    }
}

/// What went wrong while writing to standard output.
pub fn writing(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Problem::new("standard output cannot be written").caused_by(&error).into(),
    }
}

/// How failures are told.
#[derive(Clone, Copy, Debug)]
pub enum Telling {
    Words(Look),
    Json,
    /// Diagnostics as one SARIF document, all else in words.
    Sarif(Look),
    /// Diagnostics as workflow commands of GitHub Actions, all else in words.
    Github(Look),
}

impl Failure {
    /// The text for standard error, with a newline at its end; empty when there is nothing to say.
    pub fn tell(&self, telling: Telling) -> String {
        match self {
            Failure::Invalid(found) => tell_diagnostics(found, telling),
            Failure::Located(found, output) => {
                format!("{}{}", tell_output(output, telling), tell_diagnostics(found, telling))
            }
            Failure::Error(problem) | Failure::Usage(problem) => tell_problem(problem, telling),
            Failure::Interrupted | Failure::Closed | Failure::Told | Failure::Refused => String::new(),
        }
    }
}

/// All findings and, in words, how many there are.
pub fn tell_diagnostics(found: &Diagnostics, telling: Telling) -> String {
    match telling {
        Telling::Json => found.iter().map(|d| format!("{}\n", diag_json::object(d))).collect(),
        Telling::Github(_) => found.iter().map(github::command).collect(),
        Telling::Sarif(_) => format!("{:#}\n", sarif::document(found, env!("CARGO_PKG_VERSION"))),
        Telling::Words(_) if found.is_empty() => String::new(),
        Telling::Words(look) => {
            format!("{}\n{}{}\n", render_all(found, look), count(found), more(found))
        }
    }
}

/// `2 errors, 1 warning`.
pub fn count(found: &Diagnostics) -> String {
    let part = |severity, word: &str| match found.count(severity) {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let parts = [part(Severity::Error, "error"), part(Severity::Warning, "warning")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Where to read on: one code stands for all.
fn more(found: &Diagnostics) -> String {
    let error = found.iter().find(|d| d.severity == Severity::Error);
    let first = error.or_else(|| found.iter().next()).map(|d| d.code);
    first.map_or(String::new(), |code| format!("\nfor more: osimg explain {code}"))
}

fn tell_problem(problem: &Problem, telling: Telling) -> String {
    let look = match telling {
        Telling::Words(look) | Telling::Sarif(look) | Telling::Github(look) => look,
        Telling::Json => {
            let object = json!({
                "event": "error",
                "message": problem.message,
                "causes": problem.causes,
                "output": problem.output,
                "help": problem.help,
            });
            return format!("{object}\n");
        }
    };
    let paint = Paint { color: look.color, unicode: look.unicode };
    let (branch, last, rule) =
        if look.unicode { ("├─▶", "╰─▶", "│") } else { ("|->", "`->", "|") };
    // what stands below a first line is indented like it
    let below = |text: &str, indent: &str| text.trim_end().replace('\n', &format!("\n{indent}"));
    let mut out = format!("{} {}\n", paint.bad("error:"), below(&problem.message, "       "));
    for (i, cause) in problem.causes.iter().enumerate() {
        let arm = if i + 1 == problem.causes.len() { last } else { branch };
        out.push_str(&format!("  {} {}\n", paint.bad(arm), below(cause, "      ")));
    }
    out.push_str(&quoted(&problem.output, paint, rule));
    if let Some(help) = &problem.help {
        out.push_str(&format!("  {} {}\n", paint.busy("help:"), below(help, "        ")));
    }
    out
}

/// Lines of a program's output, marked as such.
fn quoted(lines: &[String], paint: Paint, rule: &str) -> String {
    let mut out = String::new();
    for line in lines {
        out.push_str(format!("  {} {}", paint.dim(rule), clean(line)).trim_end());
        out.push('\n');
    }
    out
}

fn tell_output(lines: &[String], telling: Telling) -> String {
    if lines.is_empty() {
        return String::new();
    }
    match telling {
        Telling::Json => format!("{}\n", json!({"event": "output", "lines": lines})),
        Telling::Words(look) | Telling::Sarif(look) | Telling::Github(look) => {
            let paint = Paint { color: look.color, unicode: look.unicode };
            quoted(lines, paint, if look.unicode { "│" } else { "|" }) + "\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::{Diagnostic, Source, Span, codes};

    fn problem() -> Problem {
        let io = io::Error::other("the device is full");
        Problem::new("the image `a.img` cannot be written")
            .caused_by(&io)
            .caused_by(&io::Error::other("quota"))
            .output(vec!["line \x1b[31mone".into(), "".into(), "line two".into()])
            .help("make room\nor choose another place")
    }

    #[test]
    fn a_problem_in_words() {
        let look = Look { color: false, unicode: true, width: 80 };
        insta::assert_snapshot!(Failure::Error(problem()).tell(Telling::Words(look)), @r#"
        error: the image `a.img` cannot be written
          ├─▶ the device is full
          ╰─▶ quota
          │ line one
          │
          │ line two
          help: make room
                or choose another place
        "#);
        let look = Look { color: false, unicode: false, width: 80 };
        insta::assert_snapshot!(Failure::Error(problem()).tell(Telling::Words(look)), @r#"
        error: the image `a.img` cannot be written
          |-> the device is full
          `-> quota
          | line one
          |
          | line two
          help: make room
                or choose another place
        "#);
        let look = Look { color: true, unicode: true, width: 80 };
        assert!(Failure::Error(problem()).tell(Telling::Words(look)).starts_with("\x1b["));
    }

    #[test]
    fn a_problem_in_json() {
        insta::assert_snapshot!(Failure::Error(problem()).tell(Telling::Json), @r#"{"causes":["the device is full","quota"],"event":"error","help":"make room\nor choose another place","message":"the image `a.img` cannot be written","output":["line \u001b[31mone","","line two"]}"#);
    }

    #[test]
    fn diagnostics_end_with_their_count() {
        let source = Arc::new(Source::new("m.yaml", "nmae: x\n"));
        let mut found = Diagnostics::new();
        for _ in 0..2 {
            let unknown = Diagnostic::error(codes::FIELD_UNKNOWN, "unknown field `nmae`");
            found.push(unknown.at(&source, Span::new(0, 4), "").help("did you mean `name`?"));
        }
        found.push(Diagnostic::warning(codes::BASE_UNUSED, "no Dockerfile names this base"));
        let look = Look { color: false, unicode: true, width: 80 };
        insta::assert_snapshot!(Failure::Invalid(found).tell(Telling::Words(look)), @r#"
        osimg::field::unknown

          × unknown field `nmae`
           ╭─[m.yaml:1:1]
         1 │ nmae: x
           · ────
           ╰────
          help: did you mean `name`?

        osimg::field::unknown

          × unknown field `nmae`
           ╭─[m.yaml:1:1]
         1 │ nmae: x
           · ────
           ╰────
          help: did you mean `name`?

        osimg::base::unused

          ⚠ no Dockerfile names this base

        2 errors, 1 warning
        for more: osimg explain osimg::field::unknown
        "#);
    }

    #[test]
    fn sources_that_say_nothing_new_are_left_out() {
        #[derive(Debug, thiserror::Error)]
        #[error("reading `x`: {source}")]
        struct Outer {
            source: io::Error,
        }
        let outer = Outer { source: io::Error::other("gone") };
        assert_eq!(Problem::of(&outer), Problem::new("reading `x`: gone"));
        assert_eq!(Problem::new("no").caused_by(&outer).causes, ["reading `x`: gone"]);
    }

    #[test]
    fn an_engine_error_keeps_its_advice_and_output() {
        let error = EngineError::Unreachable { problem: "no socket".into(), hint: "start it".into() };
        assert!(matches!(error.into(), Failure::Error(p) if p.help.as_deref() == Some("start it")));
        let error = EngineError::Build {
            step: "RUN x".into(),
            problem: "exit code 1".into(),
            tail: vec!["t".into()],
        };
        assert!(matches!(error.into(), Failure::Error(p) if p.output == ["t"]));
        assert!(matches!(Failure::from(EngineError::Cancelled), Failure::Interrupted));
        assert!(matches!(Failure::from(CommandError::Cancelled), Failure::Interrupted));
    }
}
