//! Builds the [`Node`] tree from the events of `saphyr-parser`, whose positions count characters.
//!
//! Enters: a source. Leaves: the tree with places in bytes, aliases expanded within limits, and what is wrong with the
//! text as YAML: syntax, double keys, merge keys, tags, a second document.

use std::collections::BTreeMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as CharSpan};

use super::syntax::syntax;
use super::{Entry, Kind, Node};
use crate::diag::{Diagnostic, Diagnostics, Source, Span, codes};

/// Levels of nesting; a manifest needs six.
const MAX_DEPTH: usize = 32;
/// Nodes once aliases are expanded.
const MAX_NODES: usize = 200_000;

/// A collection that is still open.
struct Open {
    kind: Kind,
    start: usize,
    anchor: usize,
    flow: bool,
    /// The key that waits for its value.
    key: Option<(String, Span)>,
    /// Keys so far and where they stand, to find double ones.
    seen: BTreeMap<String, Span>,
}

struct Reader<'s> {
    source: &'s Arc<Source>,
    /// The byte offset of each character, and of the end.
    offsets: Vec<usize>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    /// Nodes made so far, expanded aliases included.
    count: usize,
    root: Option<Node>,
    found: Diagnostics,
}

/// Reads `source` whole. A finding that leaves no sensible tree gives `None`.
pub fn read(source: &Arc<Source>) -> (Option<Node>, Diagnostics) {
    let mut offsets: Vec<usize> = source.text.char_indices().map(|(at, _)| at).collect();
    offsets.push(source.text.len());
    let mut reader = Reader {
        source,
        offsets,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        count: 0,
        root: None,
        found: Diagnostics::new(),
    };
    let complete = reader.run();
    let root = if complete { reader.root } else { None };
    (root, reader.found)
}

impl Reader<'_> {
    /// `false` when the tree is not to be used.
    fn run(&mut self) -> bool {
        let source = self.source.clone();
        let mut documents = 0;
        for event in Parser::new_from_str(&source.text) {
            let (event, span) = match event {
                Ok((event, span)) => (event, self.bytes(span)),
                Err(error) => {
                    let at = self.offset(error.marker().index());
                    self.found.push(syntax(self.source, at, error.info()));
                    return false;
                }
            };
            if matches!(event, Event::DocumentStart(_)) {
                documents += 1;
                if documents > 1 {
                    self.found.push(
                        Diagnostic::error(codes::YAML_DOCUMENTS, "a second document starts here")
                            .at(self.source, trim(&source.text, span), "a manifest is one document")
                            .help("put the second manifest into a file of its own"),
                    );
                    return self.root.is_some();
                }
            }
            if !self.take(event, span) {
                return false;
            }
            if self.open.len() > MAX_DEPTH || self.count > MAX_NODES {
                let limits =
                    format!("at most {MAX_DEPTH} levels, and {MAX_NODES} values once aliases are expanded");
                self.found.push(
                    Diagnostic::error(codes::YAML_TOO_LARGE, "the manifest nests or repeats too much")
                        .at(self.source, trim(&source.text, span), "more than any manifest needs")
                        .help(limits),
                );
                return false;
            }
        }
        true
    }

    /// Takes one event in; `false` when the tree is not to be used.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let source = self.source.clone();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.tag(tag.map(|t| t.to_string()), span);
                let kind = Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                let span = scalar_span(&source.text, span, style);
                self.place(Node { span, kind, dropped: false }, anchor, false)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => {
                    self.count += size(&node);
                    let span = trim(&source.text, span);
                    self.place(Node { span, ..node }, 0, true)
                }
                None => {
                    let message = "an anchor cannot stand inside what it names";
                    self.found.push(Diagnostic::error(codes::YAML_SYNTAX, message).at(
                        self.source,
                        span,
                        "this alias",
                    ));
                    false
                }
            },
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.map(|t| t.to_string()), span);
                self.start(Kind::List(Vec::new()), span, anchor);
                true
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.map(|t| t.to_string()), span);
                self.start(Kind::Map(Vec::new()), span, anchor);
                true
            }
            Event::SequenceEnd | Event::MappingEnd => self.finish(span),
            _ => true,
        }
    }

    fn start(&mut self, kind: Kind, span: Span, anchor: usize) {
        let start = behind_properties(&self.source.text, span.start);
        // a block collection starts with its first key or dash, a flow one with its bracket
        let bracket = matches!(self.source.text.as_bytes().get(start), Some(b'[' | b'{'));
        let flow = bracket && span.end > span.start;
        self.open.push(Open { kind, start, anchor, flow, key: None, seen: BTreeMap::new() });
    }

    fn finish(&mut self, span: Span) -> bool {
        let Some(open) = self.open.pop() else { return true };
        let last = match &open.kind {
            Kind::List(items) => items.last().map(|n| n.span.end),
            Kind::Map(entries) => entries.last().map(|e| e.value.span.end.max(e.key_span.end)),
            Kind::Scalar { .. } => None,
        };
        // a block collection's end is announced at the next token, after comments and empty lines
        let end = if open.flow { span.end } else { last.unwrap_or(open.start) };
        let node = Node { span: Span::new(open.start, end.max(open.start)), kind: open.kind, dropped: false };
        self.place(node, open.anchor, false)
    }

    /// Puts a finished node where it belongs: a key, a value, an item or the root.
    fn place(&mut self, node: Node, anchor: usize, alias: bool) -> bool {
        self.count += 1;
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return true;
        };
        match &mut open.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries) => match open.key.take() {
                Some((key, key_span)) => {
                    if key == "<<" {
                        self.found.push(
                            Diagnostic::error(codes::YAML_MERGE_KEY, "`<<` merge keys are not applied")
                                .at(self.source, key_span, "this would be lost")
                                .help("use `defaults:` for what slots share, or an alias for a whole value"),
                        );
                    } else if let Some(first) = open.seen.get(&key) {
                        self.found.push(
                            Diagnostic::error(
                                codes::YAML_DUPLICATE_KEY,
                                format!("`{key}` stands here twice"),
                            )
                            .at(self.source, key_span, "the second one")
                            .and(*first, "the first one")
                            .help("keep one of them"),
                        );
                    } else {
                        open.seen.insert(key.clone(), key_span);
                        entries.push(Entry { key, key_span, meant: None, value: node });
                    }
                }
                None => {
                    match node.kind {
                        Kind::Scalar { text, .. } if !alias => open.key = Some((text, node.span)),
                        _ => {
                            self.found.push(
                            Diagnostic::error(codes::FIELD_TYPE, "a key must be a word")
                                .at(self.source, node.span, "this stands where a key belongs")
                                .help("quote a value that begins with `{` or `[`; a manifest has no variables"),
                        );
                            return false;
                        }
                    }
                }
            },
            // only lists and mappings are ever open
            Kind::Scalar { .. } => {}
        }
        true
    }

    fn tag(&mut self, tag: Option<String>, span: Span) {
        if let Some(tag) = tag {
            let span = tag_span(&self.source.text, span);
            self.found.push(
                Diagnostic::error(codes::YAML_TAG, format!("the tag `{tag}` means nothing in a manifest"))
                    .at(self.source, span, "on this value")
                    .help("remove the tag; quote a value to make it text"),
            );
        }
    }

    fn offset(&self, chars: usize) -> usize {
        self.offsets.get(chars).copied().unwrap_or(self.source.text.len())
    }

    fn bytes(&self, span: CharSpan) -> Span {
        Span::new(self.offset(span.start.index()), self.offset(span.end.index()))
    }
}

/// Where the value itself begins whose anchor or tag may begin at `at`.
fn behind_properties(text: &str, mut at: usize) -> usize {
    while matches!(text.as_bytes().get(at), Some(b'&' | b'!')) {
        at += text[at..].find(|c: char| c.is_whitespace()).unwrap_or(text.len() - at);
        loop {
            at += text[at..].len() - text[at..].trim_start().len();
            if !text[at..].starts_with('#') {
                break;
            }
            at += text[at..].find('\n').unwrap_or(text.len() - at);
        }
    }
    at
}

/// The words of a scalar. The parser counts what follows a quoted one (white space, a comment) to it.
fn scalar_span(text: &str, span: Span, style: ScalarStyle) -> Span {
    let start = behind_properties(text, span.start).min(span.end.max(span.start));
    let words = trim(text, Span::new(start, span.end));
    let quote = match style {
        ScalarStyle::SingleQuoted => '\'',
        ScalarStyle::DoubleQuoted => '"',
        _ => return words,
    };
    let mut inside = text[start..words.end].char_indices().skip(1).peekable();
    while let Some((at, c)) = inside.next() {
        if c == '\\' && quote == '"' {
            inside.next();
        } else if c == quote {
            if quote == '"' || inside.peek().is_none_or(|(_, next)| *next != quote) {
                return Span::new(start, start + at + 1);
            }
            inside.next();
        }
    }
    words
}

/// The tag in front of a value: from its `!` to the value, on the same line.
fn tag_span(text: &str, value: Span) -> Span {
    let line = text[..value.start].rfind('\n').map_or(0, |at| at + 1);
    match text[line..value.start].rfind([' ', '[', '{', ',']).map(|_| text[line..value.start].find('!')) {
        Some(Some(at)) => Span::new(line + at, line + text[line..value.start].trim_end().len()),
        _ => trim(text, value),
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Scalar { .. } => 0,
        Kind::List(items) => items.iter().map(size).sum(),
        Kind::Map(entries) => entries.iter().map(|e| 1 + size(&e.value)).sum(),
    }
}

/// Without white space at its end (a block scalar reaches to the next token).
fn trim(text: &str, span: Span) -> Span {
    let words = text[span.start..span.end.max(span.start)].trim_end();
    Span::new(span.start, span.start + words.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `path: words` of every key and value, in order.
    fn places(text: &str) -> Vec<String> {
        fn walk(text: &str, node: &Node, path: &str, out: &mut Vec<String>) {
            let words = |span: Span| text[span.start..span.end].to_string();
            out.push(format!("{path} = {}", words(node.span)));
            match &node.kind {
                Kind::Scalar { .. } => {}
                Kind::List(items) => {
                    for (i, item) in items.iter().enumerate() {
                        walk(text, item, &format!("{path}[{i}]"), out);
                    }
                }
                Kind::Map(entries) => {
                    for entry in entries {
                        assert_eq!(words(entry.key_span).trim_matches(['"', '\'']), entry.key);
                        walk(text, &entry.value, &format!("{path}.{}", entry.key), out);
                    }
                }
            }
        }
        let source = Arc::new(Source::new("m", text));
        let (node, found) = read(&source);
        assert!(found.is_empty(), "{found:?}");
        let mut out = Vec::new();
        walk(text, &node.expect("a tree"), "", &mut out);
        out
    }

    #[test]
    fn spans_are_the_words_also_behind_other_alphabets() {
        let text =
            "# ключ 🔑\n\"größe\": 'ä b'   # é\nlist:\n  - 鍵: x\n\n  # end\nflow: {a: [1, \"2\"], b: }\n";
        assert_eq!(
            places(text),
            [
                " = \"größe\": 'ä b'   # é\nlist:\n  - 鍵: x\n\n  # end\nflow: {a: [1, \"2\"], b: }",
                ".größe = 'ä b'",
                ".list = - 鍵: x",
                ".list[0] = 鍵: x",
                ".list[0].鍵 = x",
                ".flow = {a: [1, \"2\"], b: }",
                ".flow.a = [1, \"2\"]",
                ".flow.a[0] = 1",
                ".flow.a[1] = \"2\"",
                ".flow.b = ",
            ]
        );
    }

    #[test]
    fn block_scalars_and_aliases_have_places() {
        let text =
            "a: |\n  one\n  two\n\nb: &x [p, q]\nc: *x\nd: &y # why\n  - \"q\\\"r\" # r\ne: &z 'it''s' # s\n";
        assert_eq!(
            places(text)[1..],
            [
                ".a = one\n  two",
                ".b = [p, q]",
                ".b[0] = p",
                ".b[1] = q",
                ".c = *x",
                ".c[0] = p",
                ".c[1] = q",
                ".d = - \"q\\\"r\"",
                ".d[0] = \"q\\\"r\"",
                ".e = 'it''s'",
            ]
        );
    }

    #[test]
    fn carriage_returns_stay_outside() {
        assert_eq!(places("a: b\r\nc:\r\n  - d\r\n")[1..], [".a = b", ".c = - d", ".c[0] = d"]);
    }

    #[test]
    fn what_serde_is_given_means_the_same() {
        let text = "a: 0644\nb: 6.10\nc: \"1\"\nd: ~\ne: x, y\nf: [-1, \"\", 'it''s', a-b, \"-\", .5, 0x1F, \"true\", true]\ng: |\n  l\u{e9}\n  m\n";
        let source = Arc::new(Source::new("m", text));
        let tree = read(&source).0.expect("a tree");
        let (one, two): (serde_yaml::Value, serde_yaml::Value) = (
            serde_yaml::from_str(text).expect("YAML"),
            serde_yaml::from_str(&tree.to_yaml()).expect("YAML of the tree"),
        );
        assert_eq!(one, two);
    }

    /// What counts for places: lists, keys, and of which type a scalar is. (The readers differ on line breaks and comments
    /// at the end of block scalars; the values come from serde's reader alone.)
    fn shape(value: serde_yaml::Value) -> serde_yaml::Value {
        use serde_yaml::Value;
        match value {
            Value::String(_) => Value::String(String::new()),
            Value::Sequence(list) => Value::Sequence(list.into_iter().map(shape).collect()),
            Value::Mapping(map) => Value::Mapping(map.into_iter().map(|(k, v)| (k, shape(v))).collect()),
            other => other,
        }
    }

    /// A manifest's keys are words; YAML's can be numbers and nothing too.
    fn only_words_are_keys(value: &serde_yaml::Value) -> bool {
        match value {
            serde_yaml::Value::Mapping(map) => {
                map.iter().all(|(k, v)| k.is_string() && only_words_are_keys(v))
            }
            serde_yaml::Value::Sequence(list) => list.iter().all(only_words_are_keys),
            _ => true,
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 1024, failure_persistence: None, ..Default::default() })]

        /// Two readers of one text, libyaml's and saphyr's, agree on whatever both take.
        #[test]
        fn both_readers_see_the_same(text in "(a|b|\\n|\\n  |: |, |- |\\{|\\}|\\[|\\]|'|\"|#| |é|1|~|\\|\\n|&x |\\*x){0,16}") {
            let source = Arc::new(Source::new("m", text.as_str()));
            let (tree, found) = read(&source);
            let value = serde_yaml::from_str::<serde_yaml::Value>(&text);
            if let (Some(tree), true, Ok(value)) = (tree, found.is_empty(), value)
                && only_words_are_keys(&value)
            {
                let again: serde_yaml::Value = serde_yaml::from_str(&tree.to_yaml()).expect("YAML of the tree");
                proptest::prop_assert_eq!(shape(value), shape(again));
            }
        }
    }
}
