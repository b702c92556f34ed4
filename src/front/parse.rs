//! Text to [`ast::Manifest`]: enters a source, leaves what serde read and the places of it, with every problem of syntax,
//! type and unknown field that one run can find.
//!
//! serde stops at the first wrong type. So the value it stopped at is dropped from what it sees, and it reads again,
//! until it comes to the end; the places come from [`spans`], a second reader of the same text.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use super::ast::Manifest;
use super::spans::{self, Kind, Node, Step};
use super::{fields, quotes, suggest};
use crate::diag::{Diagnostic, Diagnostics, Source, Span, codes};

/// The largest manifest, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Wrong values reported in one run.
const MAX_PROBLEMS: usize = 100;

/// A manifest as it is written, with its places.
pub struct Parsed {
    pub source: Arc<Source>,
    pub manifest: Manifest,
    pub tree: Node,
}

/// The bytes of a manifest as a source: UTF-8 (a byte order mark is dropped) of at most [`MAX_BYTES`].
pub fn source(name: &str, bytes: &[u8]) -> Result<Arc<Source>, Diagnostics> {
    if bytes.len() > MAX_BYTES {
        let message = format!("{name} is larger than any manifest needs to be");
        return Err(Diagnostic::error(codes::YAML_TOO_LARGE, message)
            .help(format!("a manifest has at most {MAX_BYTES} bytes, this file has {}", bytes.len()))
            .into());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Arc::new(Source::new(name, text))),
        Err(error) => {
            let source = Arc::new(Source::new(name, String::from_utf8_lossy(bytes)));
            let at = error.valid_up_to();
            let wrong = Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
            Err(Diagnostic::error(codes::YAML_ENCODING, "the manifest is not UTF-8 text")
                .at(&source, wrong, format!("byte {:#04x} begins no character", bytes[at]))
                .help("save it as UTF-8, such as with `iconv -f latin1 -t utf-8`")
                .into())
        }
    }
}

/// Reads a source. Findings do not keep what could be read from being returned.
pub fn parse(source: &Arc<Source>) -> (Option<Parsed>, Diagnostics) {
    let (tree, mut found) = spans::read(source);
    let Some(mut tree) = tree else {
        if found.is_empty() {
            found.push(empty(source));
        }
        return (None, found);
    };
    if tree.is_null() {
        found.push(empty(source));
        return (None, found);
    }
    if !matches!(tree.kind, Kind::Map(_)) {
        found.push(
            Diagnostic::error(codes::FIELD_TYPE, format!("a manifest is a mapping, not {}", tree.what()))
                .at(source, first_line(source, tree.span), "")
                .help("start with `version: 1`, `name:` and `slots:`"),
        );
        return (None, found);
    }
    let manifest = read_all(source, &mut tree, &mut found);
    (manifest.map(|manifest| Parsed { source: source.clone(), manifest, tree }), found)
}

/// Where and why serde stopped.
struct Stop {
    path: Vec<Step>,
    message: String,
    /// The byte of the text that was read.
    at: Option<usize>,
}

/// One reading of a text: the manifest or what stopped serde, and the paths of unknown fields up to there.
struct Reading {
    result: Result<Manifest, Stop>,
    unknown: BTreeSet<Vec<Step>>,
}

fn read_once(text: &str) -> Reading {
    let mut unknown = BTreeSet::new();
    let mut track = serde_path_to_error::Track::new();
    let yaml = serde_yaml::Deserializer::from_str(text);
    let tracked = serde_path_to_error::Deserializer::new(yaml, &mut track);
    let mut ignored = |path: serde_ignored::Path<'_>| {
        unknown.insert(ignored_steps(&path));
    };
    let result = Manifest::deserialize(serde_ignored::Deserializer::new(tracked, &mut ignored));
    let result = result.map_err(|error: serde_yaml::Error| Stop {
        path: steps(&track.path()),
        message: error.to_string(),
        at: error.location().map(|place| place.index()),
    });
    Reading { result, unknown }
}

fn read_all(source: &Arc<Source>, tree: &mut Node, found: &mut Diagnostics) -> Option<Manifest> {
    empty_items(source, tree, "", found);
    quotes::check(source, tree, found);
    // the text itself when YAML alone has no objection, else what is left of it
    let mut text = if found.is_empty() { source.text.clone() } else { tree.to_yaml() };
    let mut reported: BTreeSet<Span> = BTreeSet::new();
    for _ in 0..MAX_PROBLEMS {
        let Reading { result, unknown } = read_once(&text);
        for path in unknown.into_iter().take(MAX_PROBLEMS) {
            if key_span(tree, &path).is_some_and(|key| reported.insert(key))
                && let Some(finding) = fields::unknown(source, tree, &path)
            {
                found.push(finding);
            }
        }
        let stop = match result {
            Ok(manifest) => {
                nothing(source, tree, tree, &mut Vec::new(), &reported, found);
                return Some(manifest);
            }
            Err(stop) => stop,
        };
        if stop.path.is_empty() || tree.walk(&stop.path).is_none() {
            // serde's own reader objects to the text as a whole
            let at = stop
                .at
                .filter(|_| text == source.text)
                .and_then(|at| source.text.get(at..at + 1).map(|_| at));
            let span = at.map_or(first_line(source, tree.span), |at| Span::new(at, at + 1));
            let message = without_position(&stop.message).to_string();
            found.push(Diagnostic::error(codes::YAML_SYNTAX, message).at(source, span, "here"));
            return None;
        }
        found.push(wrong(source, tree, &stop.path, &stop.message));
        if let Some(node) = tree.walk_mut(&stop.path) {
            node.dropped = true;
        }
        text = tree.to_yaml();
    }
    None
}

/// List items that are nothing, which serde would take for empty text: found, and dropped from what it sees.
fn empty_items(source: &Arc<Source>, node: &mut Node, path: &str, found: &mut Diagnostics) {
    match &mut node.kind {
        Kind::Scalar { .. } => {}
        Kind::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let path = format!("{path}[{index}]");
                if item.is_null() {
                    found.push(no_value(source, &path, item.span));
                    item.dropped = true;
                }
                empty_items(source, item, &path, found);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                let dot = if path.is_empty() { "" } else { "." };
                empty_items(source, &mut entry.value, &format!("{path}{dot}{}", entry.key), found);
            }
        }
    }
}

/// Keys with nothing behind them: to serde the same as no key, to a reader a line that was forgotten.
fn nothing(
    source: &Arc<Source>,
    tree: &Node,
    node: &Node,
    path: &mut Vec<Step>,
    unknown: &BTreeSet<Span>,
    found: &mut Diagnostics,
) {
    match &node.kind {
        Kind::Scalar { .. } => {}
        Kind::List(_) => {
            for (index, item) in node.items().enumerate() {
                path.push(Step::Item(index));
                nothing(source, tree, item, path, unknown, found);
                path.pop();
            }
        }
        Kind::Map(entries) => {
            for entry in entries.iter().filter(|e| !e.value.dropped && !unknown.contains(&e.key_span)) {
                path.push(Step::Key(entry.key.clone()));
                if entry.value.is_null() {
                    found.push(no_value(source, &tree.show(path), entry.key_span));
                }
                nothing(source, tree, &entry.value, path, unknown, found);
                path.pop();
            }
        }
    }
}

fn no_value(source: &Arc<Source>, name: &str, key: Span) -> Diagnostic {
    Diagnostic::error(codes::FIELD_MISSING, format!("`{name}` has no value"))
        .at(source, key, "nothing follows")
        .help("give it a value, or remove the line")
}

/// Where the key at the end of `path` stands.
fn key_span(tree: &Node, path: &[Step]) -> Option<Span> {
    match path.split_last()? {
        (Step::Key(key), parent) => tree.walk(parent)?.entry(key).map(|e| e.key_span),
        (Step::Item(_), _) => None,
    }
}

/// serde's message without its position, which is one in what [`Node::to_yaml`] made.
fn without_position(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(before, _)| before)
}

/// A value serde could not take. `path` leads to it.
fn wrong(source: &Arc<Source>, tree: &Node, path: &[Step], message: &str) -> Diagnostic {
    let node = tree.walk(path).unwrap_or(tree);
    let (name, key) = (tree.show(path), key_span(tree, path));
    let message = without_position(message);
    let span = if node.span.start == node.span.end { key.unwrap_or(node.span) } else { node.span };
    if let Some(at) = message.find("unknown variant `") {
        let mut words = message[at..].split('`').skip(1).step_by(2).map(str::to_string);
        let given = words.next().unwrap_or_default();
        let allowed: Vec<String> = words.collect();
        let finding = Diagnostic::error(codes::VALUE_UNKNOWN, format!("`{name}` cannot be `{given}`"))
            .at(source, span, "no such word here")
            .help(suggest::words(&given, &allowed));
        return suggest::fix(finding, span, &given, &allowed);
    }
    if node.is_null() {
        return no_value(source, &name, key.unwrap_or(span));
    }
    let expected = message.split("expected ").nth(1).unwrap_or_default();
    let (expected, example) = match expected {
        "a sequence" => ("a list", Some("write `[a, b]`, or one `- a` on each line")),
        "a map" => ("a mapping", Some("write `key: value` on indented lines below it")),
        "a string" => ("text", None),
        text if text.starts_with("struct ") => {
            ("a mapping", Some("write `key: value` on indented lines below it"))
        }
        "u64" | "u32" => ("a whole number", None),
        "a boolean" => (TRUTH, None),
        text if text.starts_with("enum ") || text == "variant identifier" => ("a word", None),
        _ => ("something else", None),
    };
    let found = match &node.kind {
        Kind::Scalar { text, plain } if text.chars().count() <= 30 && !text.contains(char::is_control) => {
            if *plain {
                format!("`{text}`")
            } else {
                format!("the text `\"{text}\"`")
            }
        }
        _ => node.what().to_string(),
    };
    let diagnostic = Diagnostic::error(
        codes::FIELD_TYPE,
        format!("`{name}` must be {expected}, not {found}"),
    )
    .at(source, first_line(source, span), format!("{expected} belongs here"));
    let text = &source.text[span.start..span.end];
    if let Kind::Scalar { text, .. } = &node.kind
        && expected == TRUTH
        && let Some(meant) = truth(text)
    {
        return diagnostic.help(format!("write `{meant}`")).fix(format!("write `{meant}`"), span, meant);
    }
    match (&node.kind, example) {
        // one word, or several in a row, where a list of words belongs: the list is easily made
        (Kind::Scalar { plain, .. }, Some(_)) if expected == "a list" && !text.contains('\n') => {
            let words: Vec<&str> = text.split_whitespace().collect();
            let list = match *plain && !text.contains(',') {
                true => format!("[{}]", words.join(", ")),
                false => format!("[{text}]"),
            };
            diagnostic.help(format!("write `{list}`")).fix(format!("write `{list}`"), span, list)
        }
        (_, Some(example)) => diagnostic.help(example),
        (_, None) => diagnostic,
    }
}

/// What a boolean is called.
const TRUTH: &str = "`true` or `false`";

/// The boolean that a word of other programs' means.
fn truth(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "y" | "1" => Some("true"),
        "false" | "off" | "no" | "n" | "0" => Some("false"),
        _ => None,
    }
}

fn empty(source: &Arc<Source>) -> Diagnostic {
    Diagnostic::error(codes::YAML_EMPTY, "the manifest is empty")
        .at(source, Span::new(0, 0), "")
        .help("start with `version: 1`, `name:` and `slots:`")
}

/// The part of `span` on its first line: what is underlined of a long value.
pub fn first_line(source: &Source, span: Span) -> Span {
    let text = &source.text[span.start..span.end];
    let line = text.split('\n').next().unwrap_or_default().trim_end();
    Span::new(span.start, span.start + line.len())
}

fn steps(path: &serde_path_to_error::Path) -> Vec<Step> {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Item(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn ignored_steps(path: &serde_ignored::Path<'_>) -> Vec<Step> {
    use serde_ignored::Path;
    match path {
        Path::Root => Vec::new(),
        Path::Seq { parent, index } => [ignored_steps(parent), vec![Step::Item(*index)]].concat(),
        Path::Map { parent, key } => [ignored_steps(parent), vec![Step::Key(key.clone())]].concat(),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            ignored_steps(parent)
        }
    }
}
