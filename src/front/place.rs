//! A cursor into the tree of places: where a value stands, or what stands nearest when it is not there.

use super::parse::first_line;
use super::spans::{Kind, Node};
use crate::diag::{Source, Span};

/// A place that may be empty. `near` is what to underline then.
#[derive(Clone, Copy)]
pub struct Place<'t> {
    node: Option<&'t Node>,
    near: Span,
}

impl<'t> Place<'t> {
    pub fn root(node: &'t Node) -> Place<'t> {
        Place { node: Some(node), near: node.span }
    }

    pub fn key(self, key: &str) -> Place<'t> {
        let entry = self.node.and_then(|n| n.entry(key));
        Place { node: entry.map(|e| &e.value), near: entry.map_or(self.span(), |e| e.key_span) }
    }

    pub fn item(self, index: usize) -> Place<'t> {
        Place { node: self.node.and_then(|n| n.items().nth(index)), near: self.span() }
    }

    /// Whether the manifest has this key, usable or not, or one that was meant to be it.
    pub fn has(self, key: &str) -> bool {
        self.node.is_some_and(|n| match &n.kind {
            Kind::Map(entries) => entries.iter().any(|e| e.key == key || e.meant.as_deref() == Some(key)),
            _ => false,
        })
    }

    /// Whether a list stands here with nothing in it, not even an item that was found wrong.
    pub fn is_empty_list(self) -> bool {
        matches!(self.node.map(|n| &n.kind), Some(Kind::List(items)) if items.is_empty())
    }

    pub fn is_there(self) -> bool {
        self.node.is_some()
    }

    /// The value's words; those of the nearest thing where there is none.
    pub fn span(self) -> Span {
        match self.node {
            Some(node) if node.span.end > node.span.start => node.span,
            _ => self.near,
        }
    }

    /// The span's first line, for values of many lines.
    pub fn line(self, source: &Source) -> Span {
        first_line(source, self.span())
    }

    /// The place of a key itself.
    pub fn key_of(self, key: &str) -> Span {
        self.node.and_then(|n| n.entry(key)).map_or(self.span(), |e| e.key_span)
    }
}
