//! The file's outline: sections, slots, bases, and the fields in them.

use gen_lsp_types::{DocumentSymbol, SymbolKind};

use super::lines::{Encoding, Lines};
use super::manifest::Manifest;
use crate::front::outline::Part;

/// The longest value that stands beside a name, in characters.
const MOST: usize = 60;

pub fn symbols(manifest: &Manifest, encoding: Encoding) -> Vec<DocumentSymbol> {
    let lines = Lines::new(&manifest.source.text, encoding);
    let parts = manifest.outline.as_ref().map(|outline| outline.parts()).unwrap_or_default();
    parts.into_iter().map(|part| symbol(part, &lines)).collect()
}

fn symbol(part: Part, lines: &Lines<'_>) -> DocumentSymbol {
    let children: Vec<DocumentSymbol> = part.parts.into_iter().map(|inner| symbol(inner, lines)).collect();
    let kind = match (part.is_item, children.is_empty()) {
        (true, _) => SymbolKind::Object,
        (false, false) => SymbolKind::Namespace,
        (false, true) => SymbolKind::Property,
    };
    // some editors refuse a symbol without a name
    let name = if part.name.trim().is_empty() { "~".to_string() } else { part.name };
    let detail = part.value.filter(|value| value.chars().count() <= MOST);
    let (range, name_range) = (lines.range(part.span), lines.range(part.name_span));
    let children = Some(children).filter(|c| !c.is_empty());
    DocumentSymbol::new(name, detail, kind, None, None, range, name_range, children)
}
