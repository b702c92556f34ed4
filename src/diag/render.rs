//! Diagnostics as miette draws them: the file, the line, the exact words underlined.
//!
//! Enters: diagnostics and a [`Look`]. Leaves: text. miette lives here only.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::{Diagnostic, Diagnostics, Severity};

/// How a terminal wants its diagnostics.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub color: bool,
    pub unicode: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Look {
    /// The look of a file or a pipe.
    pub const PLAIN: Look = Look { color: false, unicode: true, width: 100 };
}

struct Report<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<NamedSource<String>>,
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|s| s as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.diagnostic.labels.is_empty() {
            return None;
        }
        Some(Box::new(self.diagnostic.labels.iter().enumerate().map(|(i, label)| {
            let text = (!label.text.is_empty()).then(|| label.text.clone());
            let span = label.span.start..label.span.end;
            if i == 0 {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            }
        })))
    }
}

/// One diagnostic as text, with a newline at its end.
pub fn render(diagnostic: &Diagnostic, look: Look) -> String {
    let theme = match (look.color, look.unicode) {
        (true, true) => GraphicalTheme::unicode(),
        (false, true) => GraphicalTheme::unicode_nocolor(),
        (true, false) => {
            GraphicalTheme { characters: miette::ThemeCharacters::ascii(), ..GraphicalTheme::unicode() }
        }
        (false, false) => GraphicalTheme::none(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(look.width)
        .with_links(false)
        .with_context_lines(1);
    let source = diagnostic.source.as_ref().map(|s| NamedSource::new(&s.name, s.text.clone()));
    let mut out = String::new();
    let report = Report { diagnostic, source };
    if handler.render_report(&mut out, &report).is_err() {
        // the handler fails only on a span outside the source; the words still count
        out = format!("{}: {}\n", diagnostic.code, diagnostic.message);
    }
    out
}

/// All of them, an empty line between two.
pub fn render_all(diagnostics: &Diagnostics, look: Look) -> String {
    diagnostics.iter().map(|d| render(d, look)).collect::<Vec<_>>().join("\n")
}
