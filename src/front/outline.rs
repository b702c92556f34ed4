//! A manifest as an editor asks about it: what stands under the cursor, where a field stands, what the file holds.
//!
//! Enters: text, valid manifest or not, as long as it is YAML. Leaves: paths and spans of it. Nothing is judged here.

use super::parse;
use super::spans::{self, Entry, Kind, Node, Step};
use crate::diag::{Source, Span};

/// The places of a text.
pub struct Outline {
    root: Node,
}

/// What is under a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The way to the value, or to the value of the key that the cursor is on.
    pub path: Vec<Step>,
    /// The words there: the key's or the value's.
    pub span: Span,
    /// Whether the cursor is on the key.
    pub on_key: bool,
}

/// A named part of a manifest and the parts in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The key, or what an item of a list calls itself.
    pub name: String,
    /// A single value, as it is written.
    pub value: Option<String>,
    /// Key and value.
    pub span: Span,
    /// The words that name it.
    pub name_span: Span,
    pub is_item: bool,
    pub parts: Vec<Part>,
}

impl Outline {
    /// `None` for text that is no YAML, or empty.
    pub fn read(text: &str) -> Option<Outline> {
        let source = parse::source("", text.as_bytes()).ok()?;
        spans::read(&source).0.map(|root| Outline { root })
    }

    /// What is at the byte `offset` of `source`, the text that was read.
    pub fn at(&self, source: &Source, offset: usize) -> Option<Spot> {
        let mut path = Vec::new();
        if to_be_written(&self.root, &source.text, offset, &mut path) {
            return Some(Spot { path, span: Span::new(offset, offset), on_key: false });
        }
        let (span, on_key) = find(&self.root, &source.text, offset, &mut path)?;
        Some(Spot { path, span, on_key })
    }

    /// The single value at the end of `path`, quotes and escapes read, and where it stands.
    pub fn text(&self, path: &[Step]) -> Option<(&str, Span)> {
        let node = self.root.walk(path)?;
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => Some((text, node.span)),
            _ => None,
        }
    }

    /// How many items the list at the end of `path` has.
    pub fn len(&self, path: &[Step]) -> usize {
        self.root.walk(path).map_or(0, |node| node.items().count())
    }

    /// The named parts, as far as they hold more of them: single words in lists have no name.
    pub fn parts(&self) -> Vec<Part> {
        parts(&self.root)
    }
}

/// The way to a field of a list's item: `slots[0].name`.
pub fn field(list: &str, index: usize, key: &str) -> [Step; 3] {
    [Step::Key(list.to_string()), Step::Item(index), Step::Key(key.to_string())]
}

/// Goes down to `offset`; `path` grows on the way.
fn find(node: &Node, text: &str, offset: usize, path: &mut Vec<Step>) -> Option<(Span, bool)> {
    let within = |span: Span| span.start <= offset && offset <= span.end;
    match &node.kind {
        Kind::Scalar { .. } => within(node.span).then_some((node.span, false)),
        Kind::List(items) => {
            let found = items.iter().enumerate().find(|(_, item)| within(item.span));
            match found {
                Some((index, item)) => {
                    path.push(Step::Item(index));
                    find(item, text, offset, path).or(Some((item.span, false)))
                }
                None => within(node.span).then_some((node.span, false)),
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                if within(entry.key_span) {
                    path.push(Step::Key(entry.key.clone()));
                    return Some((entry.key_span, true));
                }
                if within(entry.value.span) || behind_key(text, entry.key_span.end, offset) {
                    path.push(Step::Key(entry.key.clone()));
                    return find(&entry.value, text, offset, path).or(Some((entry.value.span, false)));
                }
            }
            within(node.span).then_some((node.span, false))
        }
    }
}

/// Whether `offset` is where the value of a key belongs that has none yet; `path` then leads there. The spans of what
/// holds such a key end with the key, so this looks at every one.
fn to_be_written(node: &Node, text: &str, offset: usize, path: &mut Vec<Step>) -> bool {
    let mut below = |step: Step, value: &Node| {
        path.push(step);
        let found = to_be_written(value, text, offset, path);
        if !found {
            path.pop();
        }
        found
    };
    match &node.kind {
        Kind::Scalar { .. } => false,
        Kind::List(items) => items.iter().enumerate().any(|(at, item)| below(Step::Item(at), item)),
        Kind::Map(entries) => {
            for entry in entries {
                if below(Step::Key(entry.key.clone()), &entry.value) {
                    return true;
                }
            }
            let here = |e: &&Entry| e.value.is_null() && behind_key(text, e.key_span.end, offset);
            let Some(entry) = entries.iter().find(here) else { return false };
            path.push(Step::Key(entry.key.clone()));
            true
        }
    }
}

/// Whether nothing but a colon and white space stands between the end of a key and `offset`, on one line.
fn behind_key(text: &str, end: usize, offset: usize) -> bool {
    let between = text.get(end..offset).unwrap_or("-");
    between.trim_start().starts_with(':') && between.chars().all(|c| matches!(c, ':' | ' ' | '\t'))
}

fn parts(node: &Node) -> Vec<Part> {
    match &node.kind {
        Kind::Scalar { .. } => Vec::new(),
        Kind::Map(entries) => entries
            .iter()
            .map(|entry| Part {
                name: entry.key.clone(),
                value: scalar(&entry.value),
                span: around(entry.key_span, entry.value.span),
                name_span: entry.key_span,
                is_item: false,
                parts: within(entry.key_span, parts(&entry.value)),
            })
            .collect(),
        Kind::List(items) => items.iter().enumerate().filter_map(|(at, item)| list_item(at, item)).collect(),
    }
}

/// Parts that an alias repeats stand elsewhere, and an editor wants them inside what holds them.
fn within(owner: Span, mut parts: Vec<Part>) -> Vec<Part> {
    parts.retain(|part| part.span.start >= owner.start);
    parts
}

fn list_item(at: usize, item: &Node) -> Option<Part> {
    let Kind::Map(entries) = &item.kind else { return None };
    let named = entries.iter().find(|e| matches!(e.key.as_str(), "name" | "path" | "code"));
    let name = named.and_then(|e| Some((scalar(&e.value)?, e.value.span)));
    let (name, name_span) =
        name.filter(|(_, span)| inside(item.span, *span)).unwrap_or((format!("[{at}]"), item.span));
    let parts = parts(item).into_iter().filter(|p| inside(item.span, p.span)).collect();
    Some(Part { name, value: None, span: item.span, name_span, is_item: true, parts })
}

fn inside(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn scalar(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Scalar { text, .. } if !text.contains('\n') => Some(text.clone()),
        _ => None,
    }
}

/// A value that an alias repeats, or that is empty, may stand before its key.
fn around(key: Span, value: Span) -> Span {
    Span::new(key.start, key.end.max(value.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version: 1\nboot:\n  default: 'two'\n  timeout:\n\ndefaults: &d\n  dracut: {drivers: [xfs, \
                        virtio_blk]}\nslots:\n  - name: one\n    dracut: *d\n  - dockerfile: a\n    name: \"two\"\n";

    fn at(words: &str, into: usize) -> String {
        let source = Source::new("m", TEXT);
        let outline = Outline::read(TEXT).expect("YAML");
        let offset = TEXT.find(words).expect("the words are there") + into;
        let Some(spot) = outline.at(&source, offset) else { return "nothing".into() };
        let path: Vec<String> = spot
            .path
            .iter()
            .map(|step| match step {
                Step::Key(key) => key.clone(),
                Step::Item(index) => index.to_string(),
            })
            .collect();
        let kind = if spot.on_key { "key" } else { "value" };
        format!("{} {kind} {:?}", path.join("."), &TEXT[spot.span.start..spot.span.end])
    }

    #[test]
    fn the_cursor_finds_keys_values_and_places_for_values() {
        assert_eq!(at("default:", 3), "boot.default key \"default\"");
        assert_eq!(at("'two'", 2), "boot.default value \"'two'\"");
        assert_eq!(at("'two'", 5), "boot.default value \"'two'\"");
        assert_eq!(at("timeout:", 8), "boot.timeout value \"\"");
        assert_eq!(at("virtio_blk", 0), "defaults.dracut.drivers.1 value \"virtio_blk\"");
        assert_eq!(at("\"two\"", 1), "slots.1.name value \"\\\"two\\\"\"");
        assert_eq!(at("*d", 1), "slots.0.dracut value \"*d\"");
        assert_eq!(at("version:", 8), "version value \"1\"");
        assert!(Outline::read("a: [").is_none());
    }

    #[test]
    fn values_and_lists_are_found_by_path() {
        let outline = Outline::read(TEXT).expect("YAML");
        let (text, span) = outline.text(&field("slots", 1, "name")).expect("a name");
        assert_eq!((text, &TEXT[span.start..span.end]), ("two", "\"two\""));
        assert_eq!(outline.len(&[Step::Key("slots".into())]), 2);
        assert_eq!(outline.text(&field("slots", 2, "name")), None);
    }

    #[test]
    fn parts_lie_in_each_other() {
        fn check(outer: Span, parts: &[Part], names: &mut Vec<String>) {
            for part in parts {
                assert!(inside(outer, part.span) && inside(part.span, part.name_span), "{part:?}");
                names.push(part.name.clone());
                check(part.span, &part.parts, names);
            }
        }
        let mut names = Vec::new();
        check(Span::new(0, TEXT.len()), &Outline::read(TEXT).expect("YAML").parts(), &mut names);
        assert_eq!(
            names.join(" "),
            "version boot default timeout defaults dracut drivers slots one name dracut two dockerfile name"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_and_no_offset_make_it_panic(
            text in "(a|b|\\n|\\n  |: |, |- |\\{|\\}|\\[|\\]|'|\"|#| |é|1|~|\\|\\n|&x |\\*x){0,16}",
            at in 0usize..40,
        ) {
            let source = Source::new("m", text.as_str());
            if let Some(outline) = Outline::read(&text) {
                let _ = outline.at(&source, at.min(text.len()));
                let _ = outline.parts();
            }
        }
    }
}
