//! Diagnostics as workflow commands of GitHub Actions, which become annotations of a pull request
//! (docs.github.com, "Workflow commands for GitHub Actions").

use super::Diagnostic;

/// One line, with a newline at its end: `::error file=m.yaml,line=2,col=3,…::message`.
pub fn command(diagnostic: &Diagnostic) -> String {
    let mut properties = Vec::new();
    if let Some(label) = diagnostic.labels.first() {
        let (line, column) = label.source.position(label.span.start);
        let (end_line, end_column) = label.source.position(label.span.end);
        properties.push(format!("file={}", property(&label.source.name)));
        properties.push(format!("line={line}"));
        properties.push(format!("endLine={end_line}"));
        // columns are refused where a range has several lines
        if line == end_line {
            properties.push(format!("col={column}"));
            properties.push(format!("endColumn={end_column}"));
        }
    }
    properties.push(format!("title={}", property(diagnostic.code.as_str())));
    let mut text = diagnostic.message.clone();
    for label in diagnostic.labels.iter().skip(1) {
        let (line, _) = label.source.position(label.span.start);
        text.push_str(&format!("\n{}:{line}: {}", label.source.name, label.text));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    format!("::{} {}::{}\n", diagnostic.severity.as_str(), properties.join(","), data(&text))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::{Source, Span, codes};

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let source = Arc::new(Source::new("a,b:c.yaml", "x: 1\ny: 100%\n"));
        let d = Diagnostic::error(codes::SLOT_DUPLICATE, "100%\nbad")
            .at(&source, Span::new(5, 6), "")
            .and(Span::new(0, 1), "the first")
            .help("see");
        assert_eq!(
            command(&d),
            "::error file=a%2Cb%3Ac.yaml,line=2,endLine=2,col=1,endColumn=2,title=osimg%3A%3Aslot%3A%3Aduplicate::\
             100%25%0Abad%0Aa,b:c.yaml:1: the first%0Ahelp: see\n"
        );
        let bare = Diagnostic::warning(codes::BASE_UNUSED, "no place");
        assert_eq!(command(&bare), "::warning title=osimg%3A%3Abase%3A%3Aunused::no place\n");
    }
}
