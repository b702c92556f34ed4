//! Diagnostics as JSON values, for programs: what [`super::render`] draws, in members.

use serde_json::{Value, json};

use super::{Diagnostic, Label, Severity, Source};

/// One diagnostic as an object: `event` (always `diagnostic`), `severity`, `code`, `message`, `help`, `file` and
/// `labels`, each with `text` and the range it is about. Lines and columns count from 1, columns in characters;
/// `offset` and `length` are bytes.
pub fn object(diagnostic: &Diagnostic) -> Value {
    let source = diagnostic.source.as_deref();
    let labels: Vec<Value> =
        source.map(|s| diagnostic.labels.iter().map(|l| label(l, s)).collect()).unwrap_or_default();
    json!({
        "event": "diagnostic",
        "severity": match diagnostic.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        "code": diagnostic.code.as_str(),
        "message": diagnostic.message,
        "help": diagnostic.help,
        "file": source.map(|s| s.name.as_str()),
        "labels": labels,
    })
}

fn label(label: &Label, source: &Source) -> Value {
    let (line, column) = source.position(label.span.start);
    let (end_line, end_column) = source.position(label.span.end);
    json!({
        "text": label.text,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "offset": label.span.start,
        "length": label.span.end.saturating_sub(label.span.start),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::{Span, codes};

    #[test]
    fn tells_place_and_help() {
        let source = Arc::new(Source::new("m.yaml", "a: 1\nbü: 2\n"));
        let d = Diagnostic::error(codes::FIELD_UNKNOWN, "unknown field `bü`")
            .at(&source, Span::new(5, 8), "here")
            .help("take it out");
        insta::assert_snapshot!(object(&d), @r#"{"code":"osimg::field::unknown","event":"diagnostic","file":"m.yaml","help":"take it out","labels":[{"column":1,"end_column":3,"end_line":2,"length":3,"line":2,"offset":5,"text":"here"}],"message":"unknown field `bü`","severity":"error"}"#);
        let bare = Diagnostic::warning(codes::BASE_UNUSED, "no place");
        assert_eq!(object(&bare)["labels"], json!([]));
    }
}
