//! Diagnostics as JSON values, for programs: what [`super::render`] draws, in members.

use serde_json::{Value, json};

use super::{Diagnostic, Edit, Fix, Label, Source, Span};

/// The version of the objects below. New members may come within a version; a member that goes or changes its meaning
/// makes a new one.
pub const VERSION: u32 = 1;

/// One diagnostic as an object: `event` (always `diagnostic`), `version`, `severity`, `code`, `message`, `help`, `file`
/// (of the first label), `labels`, each with `text`, `file` and the range it is about, and `fixes`, each with `title` and
/// `edits` (`file`, a range, `text` to put there). Lines and columns count from 1, columns in characters; `offset` and
/// `length` are bytes.
pub fn object(diagnostic: &Diagnostic) -> Value {
    json!({
        "event": "diagnostic",
        "version": VERSION,
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code.as_str(),
        "message": diagnostic.message,
        "help": diagnostic.help,
        "file": diagnostic.source().map(|s| s.name.as_str()),
        "labels": diagnostic.labels.iter().map(label).collect::<Vec<_>>(),
        "fixes": diagnostic.fixes.iter().map(fix).collect::<Vec<_>>(),
    })
}

fn label(label: &Label) -> Value {
    let mut object = range(&label.source, label.span);
    object["text"] = json!(label.text);
    object
}

fn fix(fix: &Fix) -> Value {
    let edit = |edit: &Edit| {
        let mut object = range(&edit.source, edit.span);
        object["text"] = json!(edit.text);
        object
    };
    json!({"title": fix.title, "edits": fix.edits.iter().map(edit).collect::<Vec<_>>()})
}

fn range(source: &Source, span: Span) -> Value {
    let (line, column) = source.position(span.start);
    let (end_line, end_column) = source.position(span.end);
    json!({
        "file": source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "offset": span.start,
        "length": span.end.saturating_sub(span.start),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::codes;

    #[test]
    fn tells_place_help_and_fix() {
        let source = Arc::new(Source::new("m.yaml", "a: 1\nbü: 2\n"));
        let other = Arc::new(Source::new("Dockerfile", "FROM x\n"));
        let d = Diagnostic::error(codes::FIELD_UNKNOWN, "unknown field `bü`")
            .at(&source, Span::new(5, 8), "here")
            .at(&other, Span::new(5, 6), "and there")
            .fix("write `b`", Span::new(5, 8), "b")
            .help("take it out");
        insta::assert_snapshot!(format!("{:#}", object(&d)));
        let bare = Diagnostic::warning(codes::BASE_UNUSED, "no place");
        assert_eq!(object(&bare)["labels"], json!([]));
    }
}
