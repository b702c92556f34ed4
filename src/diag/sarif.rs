//! Diagnostics as one SARIF document, which code-scanning views load (OASIS SARIF 2.1.0).

use serde_json::{Value, json};

use super::codes::{Row, TABLE};
use super::{Diagnostic, Diagnostics, Edit, Fix, Label, Source, Span};

/// The whole document: one run of the tool `osimg` of this `version`, its rules, and a result for each finding.
pub fn document(found: &Diagnostics, version: &str) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "osimg",
                "semanticVersion": version,
                "rules": TABLE.iter().map(rule).collect::<Vec<_>>(),
            }},
            // columns count characters, as in every other output
            "columnKind": "unicodeCodePoints",
            "results": found.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn rule(row: &Row) -> Value {
    json!({
        "id": row.code.as_str(),
        "name": pascal(row.code.as_str()),
        "shortDescription": {"text": row.about},
        "fullDescription": {"text": row.about},
        "help": {"text": row.page, "markdown": row.page},
        "defaultConfiguration": {"level": row.level.severity().as_str()},
    })
}

/// `osimg::slot::duplicate` as `SlotDuplicate`: viewers show it as the rule's name.
fn pascal(code: &str) -> String {
    let words = code.split(|c: char| !c.is_ascii_alphanumeric()).skip(1).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

fn result(diagnostic: &Diagnostic) -> Value {
    let mut text = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("\n{help}"));
    }
    let mut result = json!({
        "ruleId": diagnostic.code.as_str(),
        "ruleIndex": TABLE.iter().position(|row| row.code == diagnostic.code),
        "level": diagnostic.severity.as_str(),
        "message": {"text": text},
        "locations": diagnostic.labels.iter().take(1).map(location).collect::<Vec<_>>(),
    });
    let related: Vec<Value> = diagnostic
        .labels
        .iter()
        .enumerate()
        .skip(1)
        .map(|(id, label)| {
            let mut place = location(label);
            place["id"] = json!(id);
            place
        })
        .collect();
    if !related.is_empty() {
        result["relatedLocations"] = json!(related);
    }
    if !diagnostic.fixes.is_empty() {
        result["fixes"] = diagnostic.fixes.iter().map(fix).collect();
    }
    result
}

fn location(label: &Label) -> Value {
    let mut place = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&label.source.name)},
            "region": region(&label.source, label.span),
        },
    });
    if !label.text.is_empty() {
        place["message"] = json!({"text": label.text});
    }
    place
}

fn fix(fix: &Fix) -> Value {
    let change = |edit: &Edit| {
        json!({
            "artifactLocation": {"uri": uri(&edit.source.name)},
            "replacements": [{
                "deletedRegion": region(&edit.source, edit.span),
                "insertedContent": {"text": edit.text},
            }],
        })
    };
    json!({
        "description": {"text": fix.title},
        "artifactChanges": fix.edits.iter().map(change).collect::<Vec<_>>(),
    })
}

fn region(source: &Source, span: Span) -> Value {
    let (line, column) = source.position(span.start);
    let (end_line, end_column) = source.position(span.end);
    json!({
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
        "byteOffset": span.start,
        "byteLength": span.end.saturating_sub(span.start),
    })
}

/// A path as a URI reference (RFC 3986): what a segment may hold stays, each other byte is written in hexadecimal. So is a
/// colon, which in a relative reference's first segment would end a scheme.
fn uri(path: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/');
    path.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::codes;

    #[test]
    fn a_finding_with_all_it_can_have() {
        let source = Arc::new(Source::new("sub dir/ä.yaml", "bü: 1\nc: 2\n"));
        let mut found = Diagnostics::new();
        found.push(
            Diagnostic::error(codes::FIELD_UNKNOWN, "no field `bü`")
                .at(&source, Span::new(0, 3), "here")
                .and(Span::new(7, 8), "and here")
                .fix("write `b`", Span::new(0, 3), "b")
                .help("did you mean `b`?"),
        );
        found.push(Diagnostic::warning(codes::BASE_UNUSED, "no place"));
        let mut document = document(&found, "1.2.3");
        let rules = document["runs"][0]["tool"]["driver"]["rules"].take();
        let names: std::collections::BTreeSet<&str> =
            rules.as_array().into_iter().flatten().filter_map(|rule| rule["name"].as_str()).collect();
        assert_eq!(names.len(), TABLE.len());
        assert!(names.contains("SlotDuplicate"), "{names:?}");
        assert_eq!(rules.as_array().map(Vec::len), Some(TABLE.len()));
        let index = document["runs"][0]["results"][0]["ruleIndex"].take().as_u64().expect("an index");
        assert_eq!(rules[index as usize]["id"], codes::FIELD_UNKNOWN.as_str());
        document["runs"][0]["results"][1]["ruleIndex"].take();
        insta::assert_snapshot!(format!("{document:#}"));
    }
}
