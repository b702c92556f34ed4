//! Diagnostics as miette draws them: the file, the line, the exact words underlined.
//!
//! Enters: diagnostics and a [`Look`]. Leaves: text. miette lives here only.

use std::fmt;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use super::excerpt::Excerpt;
use super::{Diagnostic, Diagnostics, Label, Severity, Source, Span};

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

/// What of a diagnostic lies in one source.
struct Report<'a> {
    message: &'a str,
    /// `None` for what other sources add.
    diagnostic: Option<&'a Diagnostic>,
    labels: Vec<&'a Label>,
    source: Option<Shown>,
    help: Option<&'a str>,
}

/// A diagnostic's parts, one for each source it has labels in, the help below the last.
fn parts<'a>(diagnostic: &'a Diagnostic, masked: &[Place]) -> Vec<Report<'a>> {
    let mut by_source: Vec<(&Arc<Source>, Vec<&Label>)> = Vec::new();
    for label in &diagnostic.labels {
        match by_source.iter_mut().find(|(source, _)| source.name == label.source.name) {
            Some((_, labels)) => labels.push(label),
            None => by_source.push((&label.source, vec![label])),
        }
    }
    let mut by_source = by_source.into_iter();
    let (source, labels) = by_source.next().unzip();
    let labels = labels.unwrap_or_default();
    let mut parts = vec![Report {
        message: &diagnostic.message,
        diagnostic: Some(diagnostic),
        source: source.map(|s| Shown::new(s, &labels, masked)),
        labels,
        help: None,
    }];
    parts.extend(by_source.map(|(source, labels)| Report {
        message: labels.first().map_or("", |l| l.text.as_str()),
        diagnostic: None,
        source: Some(Shown::new(source, &labels, masked)),
        labels,
        help: None,
    }));
    if let Some(last) = parts.last_mut() {
        last.help = diagnostic.help.as_deref();
    }
    parts
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.map(|d| Box::new(d.code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.map(|d| d.severity) {
            Some(Severity::Warning) => miette::Severity::Warning,
            Some(Severity::Error) => miette::Severity::Error,
            None => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|s| s as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() {
            return None;
        }
        Some(Box::new(self.labels.iter().enumerate().map(|(i, label)| {
            // the first label of another source is that part's message already
            let said = label.text.is_empty() || (i == 0 && self.diagnostic.is_none());
            let text = (!said).then(|| label.text.clone());
            let shown = self.source.as_ref().map_or(label.span, |s| s.excerpt.spans[i]);
            let span = shown.start..shown.end;
            if i == 0 {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            }
        })))
    }
}

/// Words of a source that no output may show.
type Place = (String, Span);

/// A source as it is shown: the lines that matter, and columns that count characters, as an editor does (miette counts
/// bytes).
struct Shown {
    name: String,
    excerpt: Excerpt,
    /// The line and column of each label in the whole source, from 0.
    positions: Vec<(usize, usize)>,
}

impl Shown {
    fn new(source: &Source, labels: &[&Label], masked: &[Place]) -> Shown {
        let spans: Vec<Span> = labels.iter().map(|l| l.span).collect();
        let secrets: Vec<Span> =
            masked.iter().filter(|(name, _)| *name == source.name).map(|(_, span)| *span).collect();
        Shown {
            name: source.name.clone(),
            excerpt: Excerpt::new(source, &spans, &secrets),
            positions: spans.iter().map(|s| source.position(s.start)).map(|(l, c)| (l - 1, c - 1)).collect(),
        }
    }
}

impl SourceCode for Shown {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let part = self.excerpt.text.read_span(span, before, after)?;
        // without context lines it is the head of the drawing that asks
        let label = self.excerpt.spans.iter().position(|s| s.start == span.offset());
        let (line, column) = match label.filter(|_| before == 0) {
            Some(label) => self.positions[label],
            None => (part.line() + self.excerpt.skipped, part.column()),
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            part.data(),
            *part.span(),
            line,
            column,
            part.line_count() + self.excerpt.skipped,
        )))
    }
}

/// One diagnostic as text, with a newline at its end.
pub fn render(diagnostic: &Diagnostic, look: Look) -> String {
    render_masked(diagnostic, look, &secrets(std::slice::from_ref(diagnostic)))
}

fn secrets<'a>(found: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<Place> {
    let place = |d: &Diagnostic| Some((d.source()?.name.clone(), d.secret?));
    found.into_iter().filter_map(place).collect()
}

fn render_masked(diagnostic: &Diagnostic, look: Look, masked: &[Place]) -> String {
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
    let mut out = String::new();
    for part in parts(diagnostic, masked) {
        if handler.render_report(&mut out, &part).is_err() {
            // the handler fails only on a span outside the source; the words still count
            out.push_str(&format!("{}: {}\n", diagnostic.code, part.message));
        }
    }
    out
}

/// All of them, an empty line between two.
pub fn render_all(diagnostics: &Diagnostics, look: Look) -> String {
    let masked = secrets(diagnostics.iter());
    diagnostics.iter().map(|d| render_masked(d, look, &masked)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    #[test]
    fn places_in_two_sources_columns_in_characters_and_no_secret() {
        let manifest = Arc::new(Source::new("m.yaml", "größe: 鍵\nhash: geheim\nfrom: x\n"));
        let dockerfile = Arc::new(Source::new("a/Dockerfile", "# über\nFROM x AS y\n"));
        let at = |source: &Source, words: &str| {
            let start = source.text.find(words).expect("the words");
            Span::new(start, start + words.len())
        };
        let mut found = Diagnostics::new();
        found.push(
            Diagnostic::error(codes::TARGET_UNKNOWN, "no stage")
                .at(&manifest, at(&manifest, "鍵"), "no such stage")
                .at(&dockerfile, at(&dockerfile, "y"), "this is the only stage")
                .help("did you mean `y`?"),
        );
        found.push(
            Diagnostic::error(codes::USER_CLEAR_PASSWORD, "a password written in clear")
                .at(&manifest, at(&manifest, "geheim"), "a hash belongs here")
                .secret(at(&manifest, "geheim")),
        );
        found.push(Diagnostic::warning(codes::BASE_UNUSED, "below").at(&manifest, at(&manifest, "from"), ""));
        let text = render_all(&found, Look::PLAIN);
        assert!(!text.contains("geheim"), "{text}");
        insta::assert_snapshot!(text);
    }
}
