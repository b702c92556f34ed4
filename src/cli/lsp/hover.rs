//! The hover box: what the schema says of the field under the cursor.

use gen_lsp_types::{Hover, MarkupContent, MarkupKind, Position};

use super::lines::{Encoding, Lines};
use super::manifest::Manifest;
use crate::front;

pub fn hover(manifest: &Manifest, position: Position, encoding: Encoding, kind: MarkupKind) -> Option<Hover> {
    let lines = Lines::new(&manifest.source.text, encoding);
    let spot = manifest.outline.as_ref()?.at(&manifest.source, lines.offset(position))?;
    let value = front::hover(&spot.path)?;
    Some(Hover::new(MarkupContent { kind, value }.into(), Some(lines.range(spot.span))))
}
