//! The places of a YAML text: a tree of its nodes, each with the bytes that state it.
//!
//! Enters: text. Leaves: a [`Node`] tree whose keys and values know their spans, or findings about the YAML itself
//! (syntax, double keys, merge keys, tags, several documents). serde reads the values; this says where they stand. Aliases
//! are expanded here, within limits, so that every path of the deserialized value exists in the tree. YAML 1.2.2.

mod read;
mod syntax;

use crate::diag::Span;

pub use read::read;

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub span: Span,
    pub kind: Kind,
    /// Where the value itself was found unusable: serde no longer sees it.
    pub dropped: bool,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Scalar { text: String, plain: bool },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    /// For an unknown key: the field that was meant, as far as can be guessed.
    pub meant: Option<String>,
    pub value: Node,
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Key(String),
    /// Counts list items that serde sees, so dropped ones are left out.
    Item(usize),
}

impl Node {
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|e| e.key == key),
            _ => None,
        }
    }

    /// The value under `key`, dropped or not.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|e| &e.value)
    }

    /// The list items that serde sees.
    pub fn items(&self) -> impl Iterator<Item = &Node> {
        let items: &[Node] = match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        };
        items.iter().filter(|n| !n.dropped)
    }

    /// The node at the end of `path`.
    pub fn walk(&self, path: &[Step]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Item(index) => node.items().nth(*index),
        })
    }

    pub fn walk_mut(&mut self, path: &[Step]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, step| match (step, &mut node.kind) {
            (Step::Key(key), Kind::Map(entries)) => {
                entries.iter_mut().find(|e| e.key == *key).map(|e| &mut e.value)
            }
            (Step::Item(index), Kind::List(items)) => items.iter_mut().filter(|n| !n.dropped).nth(*index),
            _ => None,
        })
    }

    /// `path` as people write it, with list positions as they stand in the text: `slots[1].kernel.version`.
    pub fn show(&self, path: &[Step]) -> String {
        let mut out = String::new();
        let mut node = Some(self);
        for step in path {
            match step {
                Step::Key(key) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(key);
                    node = node.and_then(|n| n.get(key));
                }
                Step::Item(index) => {
                    let items: &[Node] = match node.map(|n| &n.kind) {
                        Some(Kind::List(items)) => items,
                        _ => &[],
                    };
                    let found = items.iter().enumerate().filter(|(_, n)| !n.dropped).nth(*index);
                    out.push_str(&format!("[{}]", found.map_or(*index, |(at, _)| at)));
                    node = found.map(|(_, n)| n);
                }
            }
        }
        out
    }

    /// What this is, as a message names it.
    pub fn what(&self) -> &'static str {
        match &self.kind {
            _ if self.is_null() => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// YAML text of what serde should still see: one line in flow style, plain scalars as they were written wherever
    /// quotes could change their type.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match &self.kind {
            Kind::Scalar { text, plain } => write_scalar(text, *plain, out),
            Kind::List(items) => {
                out.push('[');
                for item in items.iter().filter(|n| !n.dropped) {
                    item.write(out);
                    out.push_str(", ");
                }
                out.push(']');
            }
            Kind::Map(entries) => {
                out.push('{');
                for entry in entries.iter().filter(|e| !e.value.dropped) {
                    write_scalar(&entry.key, false, out);
                    out.push_str(": ");
                    entry.value.write(out);
                    out.push_str(", ");
                }
                out.push('}');
            }
        }
    }
}

fn write_scalar(text: &str, plain: bool, out: &mut String) {
    // whatever YAML could read as other than text (a number, true, null) is made of these characters
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_' | '~');
    if plain && !text.is_empty() && text != "-" && !text.starts_with("---") && text.chars().all(bare) {
        out.push_str(text);
    } else if plain && text.is_empty() {
        out.push('~');
    } else {
        // YAML's double-quoted scalars are a superset of JSON's strings
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}
