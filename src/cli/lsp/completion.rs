//! Completion of what only osimg knows: the slots that `boot.default` may name, and the features of a slot's filesystem, whose
//! type may stand in `defaults`. Other fields, enum values and drivers are yaml-language-server's business, which reads
//! them from the schema.

use gen_lsp_types::{CompletionItem, CompletionItemKind, Position, TextEdit};

use super::lines::{Encoding, Lines};
use super::manifest::Manifest;
use crate::base::features::{TABLES, Table};
use crate::front::outline::{Outline, Spot, field};
use crate::front::{Step, model::FilesystemKind};

pub fn complete(manifest: &Manifest, position: Position, encoding: Encoding) -> Vec<CompletionItem> {
    let lines = Lines::new(&manifest.source.text, encoding);
    let Some(outline) = &manifest.outline else { return Vec::new() };
    let Some(spot) = outline.at(&manifest.source, lines.offset(position)) else { return Vec::new() };
    if !spot.on_key && is_boot_default(&spot.path) {
        return slots(outline, &spot, &lines);
    }
    match feature_tables(outline, &spot) {
        Some(tables) => features(&tables, &manifest.source.text, &spot, &lines),
        None => Vec::new(),
    }
}

fn slots(outline: &Outline, spot: &Spot, lines: &Lines) -> Vec<CompletionItem> {
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

/// The features that may be named at `spot`: a key of `filesystem.features`, or a word where the first key will be.
fn feature_tables(outline: &Outline, spot: &Spot) -> Option<Vec<&'static Table>> {
    let key = |step: &Step, word: &str| matches!(step, Step::Key(key) if key == word);
    let (owner, filesystem, features) = match &*spot.path {
        [owner @ .., filesystem, features, Step::Key(_)] if spot.on_key => (owner, filesystem, features),
        [owner @ .., filesystem, features] if !spot.on_key => (owner, filesystem, features),
        _ => return None,
    };
    if !key(filesystem, "filesystem") || !key(features, "features") {
        return None;
    }
    let stated = |owner: &[Step]| {
        let path = [owner, &["filesystem", "type"].map(|key| Step::Key(key.to_string()))].concat();
        outline.text(&path).map(|(text, _)| text.to_string())
    };
    let defaults = [Step::Key("defaults".to_string())];
    let own = stated(owner).or_else(|| stated(&defaults));
    match own.as_deref().map(Table::of) {
        Some(table) => Some(table.into_iter().collect()),
        // in `defaults` those of any type
        None if owner == defaults => Some(TABLES.to_vec()),
        None => Some(vec![FilesystemKind::Ext4.features()]),
    }
}

fn features(tables: &[&'static Table], text: &str, spot: &Spot, lines: &Lines) -> Vec<CompletionItem> {
    let range = lines.range(spot.span);
    let is_whole = text[spot.span.end..].trim_start_matches(' ').starts_with(':');
    let rows = tables.iter().flat_map(|table| table.optional.iter().map(move |row| (table, row)));
    rows.enumerate()
        .map(|(at, (table, row))| CompletionItem {
            label: row.name.to_string(),
            kind: Some(CompletionItemKind::Property),
            detail: Some(format!("{}: {}", table.filesystem, row.about)),
            sort_text: Some(format!("{at:04}")),
            text_edit: Some(
                TextEdit::new(range, format!("{}{}", row.name, if is_whole { "" } else { ": " })).into(),
            ),
            ..CompletionItem::default()
        })
        .collect()
}

pub fn is_boot_default(path: &[Step]) -> bool {
    matches!(path, [Step::Key(boot), Step::Key(default)] if boot == "boot" && default == "default")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::Source;

    /// What is offered at the `|` of a text.
    fn offered(text: &str) -> String {
        let (before, after) = text.split_once('|').expect("a cursor");
        let body = format!("{before}{after}");
        let manifest = Manifest {
            dir: "/m".into(),
            source: Arc::new(Source::new("m.yaml", &body)),
            found: Vec::new(),
            outline: Outline::read(&body),
        };
        let line = before.matches('\n').count() as u32;
        let character = before.rsplit('\n').next().unwrap_or_default().len() as u32;
        let items = complete(&manifest, Position { line, character }, Encoding::Utf8);
        items.into_iter().map(|item| item.label).collect::<Vec<_>>().join(" ")
    }

    const EXT4: &str = "has_journal 64bit metadata_csum";
    const XFS: &str = "finobt sparse rmapbt reflink bigtime inobtcount nrext64";

    #[test]
    fn the_features_are_those_of_the_slots_filesystem() {
        let slot = |filesystem: &str| format!("slots:\n  - name: a\n    filesystem: {filesystem}\n");
        assert_eq!(offered(&slot("{type: xfs, features: {re|: true}}")), XFS);
        assert_eq!(offered(&slot("{type: xfs, features: {re|}}")), XFS);
        assert_eq!(offered(&slot("\n      type: xfs\n      features:\n        bi|")), XFS);
        assert_eq!(offered(&slot("{features: {x|: true}}")), EXT4);
        let defaults = "defaults: {filesystem: {type: xfs}}\n";
        assert_eq!(offered(&format!("{defaults}{}", slot("{features: {x|: true}}"))), XFS);
        assert_eq!(offered("defaults: {filesystem: {features: {x|: true}}}\n"), format!("{EXT4} {XFS}"));
        assert_eq!(offered("defaults: {filesystem: {type: xfs, features: {x|: true}}}\n"), XFS);
    }

    #[test]
    fn nothing_is_offered_elsewhere() {
        for text in
            ["slots:\n  - filesystem: {type: x|fs}\n", "slots:\n  - filesystem: {features: {a: tr|ue}}\n"]
        {
            assert_eq!(offered(text), "", "{text}");
        }
    }
}
