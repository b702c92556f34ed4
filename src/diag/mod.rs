//! Problems a user caused and can mend: a code, a message, labelled words of a source, and what to do.
//!
//! Enters: findings of any pure stage. Leaves: values; [`render`] draws them for people. miette is used here only.

pub mod codes;
mod excerpt;
pub mod github;
pub mod json;
pub mod render;
pub mod sarif;
pub mod source;

pub use codes::Code;
pub use source::{Source, Span, Spanned};

use std::sync::Arc;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    Error,
}

impl Severity {
    /// The word of every machine-readable format.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// Words of a source and what is to be said about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The text that the span points into.
    pub source: Arc<Source>,
    pub span: Span,
    /// What stands under the underlined words; may be empty.
    pub text: String,
}

/// A change of the sources that would mend a finding: data for editors, the help line says it to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What an editor offers: "write `dockerfile`".
    pub title: String,
    /// In the order they were made; none overlaps another.
    pub edits: Vec<Edit>,
}

/// Words to replace; an empty span is a place to insert at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub source: Arc<Source>,
    pub span: Span,
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// A lower-case phrase: what is wrong.
    pub message: String,
    /// The first label is where the problem is, the others are what it disagrees with; they may be in other sources. No
    /// label: the finding has no place in a file.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
    /// Ways to mend it, the likeliest first.
    pub fixes: Vec<Fix>,
    /// Words of the first label's source that no output may repeat, such as a password.
    pub secret: Option<Span>,
}

impl Diagnostic {
    /// A finding of a code whose row says error.
    pub fn error(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Error, message.into())
    }

    /// A finding of a code whose row says warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Warning, message.into())
    }

    fn new(code: Code, severity: Severity, message: String) -> Diagnostic {
        debug_assert_eq!(code.row().level.severity(), severity, "{code}");
        Diagnostic {
            code,
            severity,
            message: brief(message),
            labels: Vec::new(),
            help: None,
            fixes: Vec::new(),
            secret: None,
        }
    }

    /// The same as an error: for a warning that is denied, or that a later stage cannot live with.
    pub fn into_error(self) -> Diagnostic {
        Diagnostic { severity: Severity::Error, ..self }
    }

    /// A place: the first one is where the problem is.
    pub fn at(mut self, source: &Arc<Source>, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { source: source.clone(), span, text: brief(text.into()) });
        self
    }

    /// A further place in the source of the first one.
    pub fn and(self, span: Span, text: impl Into<String>) -> Diagnostic {
        match self.source().cloned() {
            Some(source) => self.at(&source, span, text),
            None => self,
        }
    }

    /// A way to mend it: replace the words at `span`, in the source of the first place, by `text`.
    pub fn fix(mut self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Diagnostic {
        if let Some(source) = self.source().cloned() {
            let edits = vec![Edit { source, span, text: text.into() }];
            self.fixes.push(Fix { title: title.into(), edits });
        }
        self
    }

    /// Marks words of the first label's source as not to be shown.
    pub fn secret(mut self, span: Span) -> Diagnostic {
        self.secret = Some(span);
        self
    }

    /// The text that the first label points into; `None` when the finding has no place in a file.
    pub fn source(&self) -> Option<&Arc<Source>> {
        self.labels.first().map(|l| &l.source)
    }

    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(brief(text.into()));
        self
    }
}

/// A sentence that may repeat words of the source: cut in its middle where they are longer than anybody reads.
fn brief(text: String) -> String {
    const MOST: usize = 600;
    const END: usize = 80;
    let count = text.chars().count();
    if count <= MOST {
        return text;
    }
    let head: String = text.chars().take(MOST - END).collect();
    let tail: String = text.chars().skip(count - END).collect();
    format!("{head} … {tail}")
}

/// All findings of a stage, in the order they were made.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|d| d.severity == severity).count()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Sorted for people who read from the top: those of the source called `first`, then other sources by name, each by
    /// place; findings without a place come last.
    pub fn sorted(mut self, first: &str) -> Diagnostics {
        self.0.sort_by(|a, b| {
            let key = |d: &Diagnostic| match d.labels.first() {
                Some(l) if l.source.name == first => (0, String::new(), l.span),
                Some(l) => (1, l.source.name.clone(), l.span),
                None => (2, String::new(), Span::default()),
            };
            key(a).cmp(&key(b))
        });
        self
    }

    /// Every warning made an error.
    pub fn denied(self) -> Diagnostics {
        Diagnostics(self.0.into_iter().map(Diagnostic::into_error).collect())
    }

    /// Keeps what `wanted` says yes to.
    pub fn retain(&mut self, wanted: impl FnMut(&Diagnostic) -> bool) {
        self.0.retain(wanted);
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
