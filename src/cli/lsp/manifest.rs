//! Which of the open files are manifests, and what one of them holds.
//!
//! An editor hands over every YAML file, and those that are none of ours must stay free of findings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::documents::{Document, Documents, normal};
use crate::diag::{Diagnostic, Source};
use crate::front::{self, Outline};

/// An open manifest, read.
pub struct Manifest {
    pub dir: PathBuf,
    /// The text that was read, without a byte order mark.
    pub source: Arc<Source>,
    pub found: Vec<Diagnostic>,
    /// `None` while the text is no YAML.
    pub outline: Option<Outline>,
}

/// Whether a file is a manifest: YAML that is called `*.osimg.yaml` or `*.osimg.yml`, that names osimg's schema in a
/// comment before its first line, or that has both `version:` and `slots:` at its top level. The server asks until the first yes, so
/// that a slip in one of those words does not make the findings go away.
pub fn is_manifest(path: &Path, document: &Document) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    if !document.language.starts_with("yaml") && !name.ends_with(".yaml") && !name.ends_with(".yml") {
        return false;
    }
    if name.ends_with(".osimg.yaml") || name.ends_with(".osimg.yml") {
        return true;
    }
    let text = document.body();
    let head = text.lines().take_while(|line| line.is_empty() || line.starts_with('#'));
    let is_named = |line: &str| {
        let schema = line.split_once("$schema=").or_else(|| line.split_once("$schema:"));
        schema.is_some_and(|(_, schema)| schema.contains("osimg.schema.json"))
    };
    let has = |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|l| l.starts_with(':')));
    head.into_iter().any(is_named) || (has("version") && has("slots"))
}

impl Manifest {
    /// Reads and checks, with the open files above those of the disk. `strict`: warnings are errors.
    pub fn read(path: &Path, document: &Document, documents: &Documents, strict: bool) -> Manifest {
        let dir = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        // messages then show paths as they are beside the manifest
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_string();
        let body = document.body();
        let (_, found) = front::load(&name, body.as_bytes(), &dir, documents);
        let found = if strict { found.denied() } else { found };
        let source = Arc::new(Source::new(name, body));
        Manifest { dir, source, found: found.into_iter().collect(), outline: Outline::read(body) }
    }

    /// The file that a source of a finding is.
    pub fn path_of(&self, source: &Source) -> PathBuf {
        normal(&self.dir.join(&source.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, language: &str, text: &str) -> bool {
        let uri = "file:///m".parse().expect("a URI");
        let document = Document { uri, version: 1, language: language.into(), text: text.into() };
        is_manifest(&Path::new("/m").join(name), &document)
    }

    #[test]
    fn manifests_are_told_from_other_yaml() {
        assert!(judged("a.yaml", "yaml", "version: 1\nname: n\nslots:\n  - name: x\n"));
        assert!(judged("a.osimg.yaml", "yaml", ""));
        assert!(judged("a.yml", "", "# yaml-language-server: $schema=../schema/osimg.schema.json\n"));
        assert!(judged("a.yaml", "yaml", "\u{feff}version: 1\r\nslots: []\r\n"));
        assert!(!judged("compose.yaml", "yaml", "version: '3'\nservices:\n  slots:\n"));
        assert!(!judged("a.yaml", "yaml", "version: 1\n"));
        assert!(!judged("a.yaml", "yaml", "a: 1\n# yaml-language-server: $schema=osimg.schema.json\n"));
        assert!(!judged("Dockerfile", "dockerfile", "version: 1\nslots:\n"));
        assert!(!judged("a.md", "markdown", "version: 1\nslots:\n"));
    }
}
