//! Completion of what only osimg knows: the slots that `boot.default` may name. Fields, enum values and drivers are
//! yaml-language-server's business, which reads them from the schema.

use gen_lsp_types::{CompletionItem, CompletionItemKind, Position, TextEdit};

use super::lines::{Encoding, Lines};
use super::manifest::Manifest;
use crate::front::Step;
use crate::front::outline::field;

pub fn complete(manifest: &Manifest, position: Position, encoding: Encoding) -> Vec<CompletionItem> {
    let lines = Lines::new(&manifest.source.text, encoding);
    let Some(outline) = &manifest.outline else { return Vec::new() };
    let spot = match outline.at(&manifest.source, lines.offset(position)) {
        Some(spot) if !spot.on_key && is_boot_default(&spot.path) => spot,
        _ => return Vec::new(),
    };
    let range = lines.range(spot.span);
    let slots = 0..outline.len(&[Step::Key("slots".to_string())]);
    let text = |index, key| outline.text(&field("slots", index, key)).map(|(text, _)| text.to_string());
    slots
        .filter_map(|index| {
            let name = text(index, "name")?;
            Some(CompletionItem {
                label: name.clone(),
                kind: Some(CompletionItemKind::Reference),
                detail: text(index, "title"),
                sort_text: Some(format!("{index:04}")),
                text_edit: Some(TextEdit::new(range, name).into()),
                ..CompletionItem::default()
            })
        })
        .collect()
}

pub fn is_boot_default(path: &[Step]) -> bool {
    matches!(path, [Step::Key(boot), Step::Key(default)] if boot == "boot" && default == "default")
}
