//! Words without quotes that YAML reads as something else than text: `7.10` is a number, `no` a boolean to older readers.
//!
//! Enters: the tree of a manifest. Leaves: findings for such words where the schema wants text. A number or boolean is
//! an error, although serde would take the words as they stand: every other reader of the file (an editor's schema check, a
//! script) sees 7.1. YAML 1.2.2, section 10.3.2 (core schema); YAML 1.1's types for the older readers.

use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value;

use super::spans::{Kind, Node, Step};
use super::{schema, suggest, words};
use crate::diag::{Diagnostic, Diagnostics, Source, codes};

/// What a word without quotes is to YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Text,
    Number,
    Boolean,
    /// Text in YAML 1.2; in YAML 1.1 this.
    Older(&'static str),
}

fn reading(word: &str) -> Reading {
    static PATTERNS: LazyLock<Vec<(Regex, Reading)>> = LazyLock::new(|| {
        let table = [
            (r"^(true|True|TRUE|false|False|FALSE)$", Reading::Boolean),
            (r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", Reading::Number),
            (r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", Reading::Number),
            (r"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$", Reading::Number),
            (r"^(y|Y|yes|Yes|YES|on|On|ON)$", Reading::Older("true")),
            (r"^(n|N|no|No|NO|off|Off|OFF)$", Reading::Older("false")),
            (r"^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$", Reading::Older("a number in base 60")),
            (r"^[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*(\.[0-9_]*)?)$", Reading::Older("a number")),
            (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", Reading::Older("a date")),
        ];
        let compile =
            |(pattern, reading)| (Regex::new(pattern).expect("the patterns above are valid"), reading);
        table.map(compile).into()
    });
    PATTERNS.iter().find(|(pattern, _)| pattern.is_match(word)).map_or(Reading::Text, |(_, reading)| *reading)
}

/// Looks through the whole tree; what is an error is dropped from what serde sees.
pub fn check(source: &Arc<Source>, tree: &mut Node, found: &mut Diagnostics) {
    let mut slips = Vec::new();
    walk(tree, schema::value(), &mut Vec::new(), &mut slips);
    for (path, schema) in slips {
        let name = tree.show(&path);
        let Some(node) = tree.walk_mut(&path) else { continue };
        let Kind::Scalar { text, .. } = &node.kind else { continue };
        found.push(finding(source, node, &name, text, schema));
        node.dropped = matches!(reading(text), Reading::Number | Reading::Boolean);
    }
}

/// Collects the paths of such words, the last ones first: dropping one must not move those that follow.
fn walk(node: &Node, at: &'static Value, path: &mut Vec<Step>, out: &mut Vec<(Vec<Step>, &'static Value)>) {
    let at = schema::open(at);
    match &node.kind {
        Kind::Scalar { text, plain: true } if at.get("type").is_some_and(|t| t == "string") => {
            if reading(text) != Reading::Text && !node.is_null() {
                out.push((path.clone(), at));
            }
        }
        Kind::Scalar { .. } => {}
        Kind::List(_) => {
            let Some(items) = at.get("items") else { return };
            let list: Vec<&Node> = node.items().collect();
            for (index, item) in list.into_iter().enumerate().rev() {
                path.push(Step::Item(index));
                walk(item, items, path, out);
                path.pop();
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                let Some(below) = schema::member(at, &entry.key) else { continue };
                path.push(Step::Key(entry.key.clone()));
                walk(&entry.value, below, path, out);
                path.pop();
            }
        }
    }
}

fn finding(source: &Arc<Source>, node: &Node, name: &str, text: &str, schema: &Value) -> Diagnostic {
    let quoted = format!("\"{text}\"");
    let finding = match (reading(text), meant(schema)) {
        (Reading::Older(what), _) => {
            let message = format!("`{text}` without quotes is not text to every reader");
            Diagnostic::warning(codes::YAML_AMBIGUOUS, message).at(
                source,
                node.span,
                format!("{what} in YAML 1.1"),
            )
        }
        (Reading::Boolean, _) => {
            let message = format!("`{name}` must be text, not the boolean `{text}`");
            Diagnostic::error(codes::FIELD_TYPE, message).at(source, node.span, "quotes are missing")
        }
        (_, Some(examples)) => {
            let message = format!("`{name}` must be text, not the number `{text}`");
            return Diagnostic::error(codes::FIELD_TYPE, message)
                .at(source, node.span, "a unit is missing")
                .help(format!("write a unit behind it, such as {examples}"));
        }
        (_, None) => {
            let message = format!("`{name}` must be text, not the number `{text}`");
            Diagnostic::error(codes::FIELD_TYPE, message).at(source, node.span, "quotes are missing")
        }
    };
    let help = format!("write `{quoted}`");
    finding.fix(help.clone(), node.span, quoted).help(help)
}

/// A bare number where a size or a time belongs lacks its unit rather than its quotes.
fn meant(schema: &Value) -> Option<String> {
    let pattern = schema.get("pattern")?.as_str()?;
    if ![words::DISK_SIZE, words::SLOT_SIZE, words::TIMEOUT].contains(&pattern) {
        return None;
    }
    let examples = schema.get("examples")?.as_array()?.iter().filter_map(Value::as_str);
    Some(suggest::list(
        &examples
            .filter(|e| e.starts_with(|c: char| c.is_ascii_digit()))
            .map(String::from)
            .collect::<Vec<_>>(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_yaml_reads_them() {
        for word in ["6.10", "7", "-1", "+.5", "1e3", "0o17", "0x1F", ".inf", "-.INF", ".nan", "0644"] {
            assert_eq!(reading(word), Reading::Number, "{word}");
        }
        assert_eq!(reading("True"), Reading::Boolean);
        for word in ["no", "Yes", "on", "OFF", "y", "1:30", "2026-11-23", "1_000", "0b1"] {
            assert!(matches!(reading(word), Reading::Older(_)), "{word}");
        }
        for word in ["6.1.0", "1s", "50%", "4GiB", "nope", "tRUE", "-", ".", "e3", "1.2-3", "0xg"] {
            assert_eq!(reading(word), Reading::Text, "{word}");
        }
    }
}
