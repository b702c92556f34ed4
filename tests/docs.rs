//! Holds the pages to the code: the README's manifest and its table of fields, the list of dependencies, links.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use osimg::base::features::{TABLES, Version};
use osimg::diag::render::{Look, render_all};
use osimg::front::schema::value;
use osimg::front::{Probe, load};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("the page is readable")
}

/// First cells of table rows, in backticks.
fn first_cells(text: &str) -> BTreeSet<String> {
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once("` |")?.0.to_string());
    text.lines().filter_map(cell).collect()
}

/// Dockerfiles wherever the manifest wants one.
struct Anywhere;

impl Probe for Anywhere {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        Ok(path.ends_with("Dockerfile").then(|| b"FROM debian-trixie\n".to_vec()))
    }

    fn is_dir(&self, _: &Path) -> bool {
        true
    }

    fn is_file(&self, _: &Path) -> bool {
        true
    }

    fn list(&self, _: &Path) -> Option<Vec<String>> {
        None
    }
}

#[test]
fn the_readmes_manifest_is_valid() {
    let readme = page("README.md");
    let (_, rest) = readme.split_once("```yaml\n").expect("the README has a manifest");
    let (manifest, _) = rest.split_once("```").expect("the manifest ends");
    let (model, found) = load("README.md", manifest.as_bytes(), Path::new("/m"), &Anywhere);
    assert!(found.is_empty(), "{}", render_all(&found, Look::PLAIN));
    assert_eq!(model.expect("a model").slots.len(), 2);
}

/// Every field that holds a value, as the README writes it: `slots[].kernel.version`.
fn fields(schema: &Value, prefix: &str, out: &mut BTreeSet<String>) {
    let schema = resolved(schema);
    let Some(properties) = schema["properties"].as_object() else {
        out.insert(prefix.to_string());
        return;
    };
    for (name, field) in properties {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let items = &field["items"];
        if path == "defaults" || path.ends_with(".filesystem.features") {
            // the fields of a slot, the features of a filesystem: one row says so
            out.insert(path);
        } else if resolved(items)["properties"].is_object() {
            fields(items, &format!("{path}[]"), out);
        } else {
            fields(field, &path, out);
        }
    }
}

/// What a `$ref`, alone or in an `allOf`, points to.
fn resolved(schema: &Value) -> &Value {
    let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    match reference.and_then(|r| r.strip_prefix('#')) {
        Some(pointer) => value().pointer(pointer).expect("references of the schema lead somewhere"),
        None => schema,
    }
}

#[test]
fn the_readme_has_every_field_of_the_schema() {
    let mut schema = BTreeSet::new();
    fields(value(), "", &mut schema);
    assert!(schema.contains("slots[].files[].owner.uid"), "{schema:?}");
    let readme = page("README.md");
    let (_, rest) = readme.split_once("### Every field").expect("the section is there");
    let (section, _) = rest.split_once("\n## ").expect("another section follows");
    assert_eq!(first_cells(section), schema);
}

#[test]
fn every_dependency_is_listed() {
    let manifest = page("Cargo.toml");
    let mut named = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = matches!(line, "[dependencies]" | "[dev-dependencies]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| inside) {
            named.insert(name.to_string());
        }
    }
    assert!(named.len() > 30, "{named:?}");
    assert_eq!(first_cells(&page("docs/dependencies.md")), named);
}

#[test]
fn the_settings_of_the_examples_lead_to_the_schema() {
    let settings: Value = serde_json::from_str(&page("examples/.vscode/settings.json")).expect("JSON");
    let schemas = settings["yaml.schemas"].as_object().expect("a mapping");
    for (schema, files) in schemas {
        assert!(root().join("examples").join(schema).is_file(), "{schema}");
        assert!(files.as_array().is_some_and(|files| files.contains(&"*.yaml".into())), "{files}");
    }
    let extensions: Value = serde_json::from_str(&page("examples/.vscode/extensions.json")).expect("JSON");
    let recommended = extensions["recommendations"].as_array().expect("a list");
    assert!(recommended.contains(&"redhat.vscode-yaml".into()));
    // every JSON of the page is JSON
    let editors = page("docs/editors.md");
    let blocks = editors.split("```json\n").skip(1).map(|rest| rest.split("```").next().expect("an end"));
    let parsed: Vec<Value> = blocks.map(|block| serde_json::from_str(block).expect(block)).collect();
    assert!(parsed.iter().any(|entry| entry["fileMatch"][0] == "*.osimg.yaml"));
}

#[test]
fn links_lead_somewhere() {
    let mut pages = vec![PathBuf::from("README.md")];
    for entry in fs::read_dir(root().join("docs")).expect("docs is readable") {
        let name = Path::new("docs").join(entry.expect("entry").file_name());
        // folders hold manual pages and scripts
        if name.extension().is_some_and(|e| e == "md") {
            pages.push(name);
        }
    }
    let mut seen = 0;
    for name in pages {
        let text = page(name.to_str().expect("UTF-8"));
        for (_, rest) in text.match_indices("](").map(|(at, m)| text.split_at(at + m.len())) {
            let (target, _) = rest.split_once(')').expect("a link ends");
            let path = root().join(name.parent().expect("a page has a folder")).join(target);
            assert!(path.is_file(), "{}: there is no {target}", name.display());
            seen += 1;
        }
    }
    assert!(seen > 3);
}

#[test]
fn the_pages_have_the_features_and_their_versions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut pages = String::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("filesystem")) {
            pages += &std::fs::read_to_string(path).expect("a text");
        }
    }
    for feature in TABLES.into_iter().flat_map(|table| table.optional) {
        let or = |version: Option<Version>, other: &str| version.map_or(other.into(), |v| v.to_string());
        let grub = feature.grub.map_or("any".into(), |Version(major, minor)| format!("{major}.{minor:02}"));
        let row = format!(
            "\n| `{}` | {} | {grub} | {} | {} | ",
            feature.name,
            feature.kernel,
            or(feature.e2fsprogs, "any"),
            or(feature.usual, "on demand"),
        );
        assert!(pages.contains(&row), "the page of its filesystem lacks{row}");
    }
}
