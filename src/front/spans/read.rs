//! Builds the [`Node`] tree from the events of `saphyr-parser`, whose positions count characters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as CharSpan};

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
                Ok(event) => event,
                Err(error) => {
                    let at = self.offset(error.marker().index());
                    self.found.push(syntax(self.source, at, error.info()));
                    return false;
                }
            };
            let span = self.bytes(span);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let span = trim(&source.text, span);
                        self.found.push(
                            Diagnostic::error(codes::YAML_DOCUMENTS, "a second document starts here")
                                .at(self.source, span, "a manifest is one document")
                                .help("put the second manifest into a file of its own"),
                        );
                        return self.root.is_some();
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.tag(tag.map(|t| t.to_string()), span);
                    let plain = style == ScalarStyle::Plain;
                    let kind = Kind::Scalar { text: text.into_owned(), plain };
                    let node = Node { span: trim(&source.text, span), kind, dropped: false };
                    if !self.place(node, anchor, false) {
                        return false;
                    }
                }
                Event::Alias(anchor) => {
                    let Some(mut node) = self.anchors.get(&anchor).cloned() else {
                        let message = "an anchor cannot stand inside what it names";
                        self.found.push(Diagnostic::error(codes::YAML_SYNTAX, message).at(
                            self.source,
                            span,
                            "this alias",
                        ));
                        return false;
                    };
                    self.count += size(&node);
                    node.span = trim(&source.text, span);
                    if !self.place(node, 0, true) {
                        return false;
                    }
                }
                Event::SequenceStart(anchor, tag) => {
                    self.tag(tag.map(|t| t.to_string()), span);
                    self.start(Kind::List(Vec::new()), span, anchor);
                }
                Event::MappingStart(anchor, tag) => {
                    self.tag(tag.map(|t| t.to_string()), span);
                    self.start(Kind::Map(Vec::new()), span, anchor);
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if !self.finish(span) {
                        return false;
                    }
                }
                _ => {}
            }
            if self.open.len() > MAX_DEPTH || self.count > MAX_NODES {
                let span = self.open.first().map_or(span, |_| span);
                self.found.push(
                    Diagnostic::error(codes::YAML_TOO_LARGE, "the manifest nests or repeats too much")
                        .at(self.source, trim(&source.text, span), "more than any manifest needs")
                        .help(format!(
                            "at most {MAX_DEPTH} levels, and {MAX_NODES} values once aliases are expanded"
                        )),
                );
                return false;
            }
        }
        true
    }

    fn start(&mut self, kind: Kind, span: Span, anchor: usize) {
        // a block collection starts with an empty span, a flow one with its bracket
        let flow =
            matches!(self.source.text.as_bytes().get(span.start), Some(b'[' | b'{')) && span.end > span.start;
        self.open.push(Open { kind, start: span.start, anchor, flow, key: None, seen: BTreeMap::new() });
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
                        entries.push(Entry { key, key_span, value: node });
                    }
                }
                None => match node.kind {
                    Kind::Scalar { text, .. } if !alias => open.key = Some((text, node.span)),
                    _ => {
                        self.found.push(Diagnostic::error(codes::FIELD_TYPE, "a key must be a word").at(
                            self.source,
                            node.span,
                            "this stands where a key belongs",
                        ));
                        return false;
                    }
                },
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
                Diagnostic::error(codes::YAML_SYNTAX, format!("the tag `{tag}` means nothing in a manifest"))
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

/// A syntax error of the parser, said so that people see what to mend.
fn syntax(source: &Arc<Source>, at: usize, info: &str) -> Diagnostic {
    let text = &source.text;
    let at = at.min(text.len());
    let lines: BTreeSet<usize> = [at, at.saturating_sub(1)]
        .into_iter()
        .map(|p| text.as_bytes()[..p].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1))
        .collect();
    for start in lines {
        let line = text[start..].split('\n').next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if let Some(tab) = indent.find('\t') {
            let tabs = indent[tab..].bytes().take_while(|b| *b == b'\t').count();
            return Diagnostic::error(codes::YAML_SYNTAX, "a tab indents this line")
                .at(source, Span::new(start + tab, start + tab + tabs), "YAML indents with spaces only")
                .help("replace the tab by two spaces for each level");
        }
    }
    let mut end = at + text[at..].chars().next().map_or(0, char::len_utf8);
    if text[at..end].trim().is_empty() {
        end = at;
    }
    Diagnostic::error(codes::YAML_SYNTAX, "this is not YAML").at(source, Span::new(at, end), info.to_string())
}
