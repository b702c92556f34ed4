//! Where a word of the manifest leads: `boot.default` to the slot's name, a path to its file, `target` to the stage of the
//! Dockerfile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gen_lsp_types::{Location, Position, Range};

use super::completion::is_boot_default;
use super::documents::{Documents, normal};
use super::lines::Lines;
use super::manifest::Manifest;
use crate::diag::Span;
use crate::front::outline::field;
use crate::front::{Outline, Probe, Step, dockerfile};

pub fn definition(
    manifest: &Manifest,
    file: &Path,
    position: Position,
    documents: &Documents,
) -> Vec<Location> {
    let lines = Lines::new(&manifest.source.text, documents.encoding);
    let Some(outline) = &manifest.outline else { return Vec::new() };
    let Some(spot) = outline.at(&manifest.source, lines.offset(position)) else { return Vec::new() };
    let Some((word, _)) = outline.text(&spot.path) else { return Vec::new() };
    let keys: Vec<&str> = spot
        .path
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        })
        .collect();
    if is_boot_default(&spot.path) {
        let names = slots(outline).filter_map(|slot| outline.text(&field("slots", slot, "name")));
        let spans = names.filter(|(name, _)| *name == word).map(|(_, span)| span);
        let Some(uri) = documents.uri(file) else { return Vec::new() };
        return spans.map(|span| Location::new(uri.clone(), lines.range(span))).collect();
    }
    match keys.as_slice() {
        ["slots", "dockerfile" | "context"]
        | ["bases", "archive"]
        | ["slots" | "defaults", "files", "source"] => {
            whole_file(&manifest.dir.join(word), documents).into_iter().collect()
        }
        ["slots", "target"] => match spot.path.get(1) {
            Some(Step::Item(slot)) => stages(manifest, outline, [*slot], word, documents),
            _ => Vec::new(),
        },
        // the stage of every slot that states none itself
        ["defaults", "target"] => {
            let own = |slot: &usize| outline.text(&field("slots", *slot, "target")).is_some();
            let heirs: Vec<usize> = slots(outline).filter(|slot| !own(slot)).collect();
            stages(manifest, outline, heirs, word, documents)
        }
        _ => Vec::new(),
    }
}

fn slots(outline: &Outline) -> std::ops::Range<usize> {
    0..outline.len(&[Step::Key("slots".to_string())])
}

/// The start of a file, or a folder, that is there.
fn whole_file(path: &Path, documents: &Documents) -> Option<Location> {
    let path = normal(path);
    (documents.is_file(&path) || documents.is_dir(&path))
        .then(|| Some(Location::new(documents.uri(&path)?, Range::default())))
        .flatten()
}

/// The stages called `target` in the Dockerfiles of these slots, each file once.
fn stages(
    manifest: &Manifest,
    outline: &Outline,
    slots: impl IntoIterator<Item = usize>,
    target: &str,
    documents: &Documents,
) -> Vec<Location> {
    let mut files: Vec<PathBuf> = slots
        .into_iter()
        .filter_map(|slot| outline.text(&field("slots", slot, "dockerfile")))
        .map(|(dockerfile, _)| normal(&manifest.dir.join(dockerfile)))
        .collect();
    files.sort();
    files.dedup();
    let location = |file: PathBuf| {
        let bytes = documents.read(&file).ok()??;
        let text = String::from_utf8(bytes).ok()?;
        let range = Lines::new(&text, documents.encoding).range(stage(&text, target)?);
        Some(Location::new(documents.uri(&file)?, range))
    };
    files.into_iter().filter_map(location).collect()
}

/// The name of the stage `target` in a Dockerfile; for a stage's number its `FROM`.
fn stage(text: &str, target: &str) -> Option<Span> {
    let dockerfile = dockerfile::read(text, &BTreeMap::new());
    let stage = &dockerfile.stages[dockerfile.stage(target)?];
    let by_name = stage.name.as_ref().filter(|name| name.value == target.to_lowercase());
    Some(by_name.map_or(stage.from, |name| name.span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_found_by_name_and_by_number() {
        let text =
            "ARG A\r\nFROM a AS Build\r\nRUN x\r\n from --platform=b c as  run\r\nFROM \\\n  build\r\n";
        let at = |target: &str| stage(text, target).map(|span| &text[span.start..span.end]);
        assert_eq!(at("build"), Some("Build"));
        assert_eq!(at("run"), Some("run"));
        assert!(at("2").is_some_and(|from| from.contains("build") || from == "FROM"), "{:?}", at("2"));
        assert_eq!(at("a"), None);
        assert_eq!(at("3"), None);
    }
}
