//! Quick fixes: the changes that findings carry, offered where the finding is.

use std::path::Path;

use gen_lsp_types::{
    CodeAction, CodeActionKind, DocumentChange, OptionalVersionedTextDocumentIdentifier, Range,
    TextDocumentEdit, TextDocumentIdentifier, TextEdit, Uri, WorkspaceEdit,
};

use super::documents::Documents;
use super::findings::Places;
use super::manifest::Manifest;
use crate::diag::Fix;

/// The fixes of a manifest's findings that touch `range` of `file`, the likeliest of each finding first. `versioned`:
/// whether the editor takes edits that name the version they are made for.
pub fn fixes(
    manifest: &Manifest,
    documents: &Documents,
    file: &Path,
    range: Range,
    versioned: bool,
) -> Vec<CodeAction> {
    let places = Places::new(manifest, documents);
    let mut out = Vec::new();
    for finding in manifest.found.iter().filter(|f| !f.fixes.is_empty() && places.file(f) == file) {
        let shown = places.finding(finding);
        if !touches(shown.range, range) {
            continue;
        }
        for (at, fix) in finding.fixes.iter().enumerate() {
            let Some(edit) = edit(&places, manifest, documents, fix, versioned) else { continue };
            out.push(CodeAction {
                title: fix.title.clone(),
                kind: Some(CodeActionKind::QuickFix),
                diagnostics: Some(vec![shown.clone()]),
                is_preferred: Some(at == 0),
                edit: Some(edit),
                ..CodeAction::default()
            });
        }
    }
    out
}

/// Whether two ranges have a place in common; an empty one is the cursor.
fn touches(a: Range, b: Range) -> bool {
    let place = |p: gen_lsp_types::Position| (p.line, p.character);
    place(a.start) <= place(b.end) && place(b.start) <= place(a.end)
}

fn edit(
    places: &Places<'_>,
    manifest: &Manifest,
    documents: &Documents,
    fix: &Fix,
    versioned: bool,
) -> Option<WorkspaceEdit> {
    let mut changes: Vec<(Uri, Option<i32>, Vec<TextEdit>)> = Vec::new();
    for edit in &fix.edits {
        let file = manifest.path_of(&edit.source);
        let uri = documents.uri(&file)?;
        let text = TextEdit::new(places.range(&edit.source, edit.span), edit.text.clone());
        match changes.iter_mut().find(|(known, ..)| *known == uri) {
            Some((.., edits)) => edits.push(text),
            None => changes.push((uri, documents.get(&file).map(|d| d.version), vec![text])),
        }
    }
    if !versioned {
        let changes = changes.into_iter().map(|(uri, _, edits)| (uri, edits)).collect();
        return Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() });
    }
    let document = |(uri, version, edits): (Uri, Option<i32>, Vec<TextEdit>)| {
        let text_document_identifier = TextDocumentIdentifier::new(uri);
        DocumentChange::TextDocumentEdit(TextDocumentEdit {
            text_document: OptionalVersionedTextDocumentIdentifier { version, text_document_identifier },
            edits: edits.into_iter().map(Into::into).collect(),
        })
    };
    let changes = changes.into_iter().map(document).collect();
    Some(WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() })
}
