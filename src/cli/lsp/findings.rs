//! Findings as the editor gets them: each on the file where it is, and taken back when it is gone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gen_lsp_types::{Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Range};

use super::documents::Documents;
use super::lines::Lines;
use super::manifest::Manifest;
use crate::diag::{self, Severity, Source, Span};

/// Findings by file.
pub type ByFile = BTreeMap<PathBuf, Vec<Diagnostic>>;

/// What each manifest found, in itself and in the Dockerfiles it names.
#[derive(Default)]
pub struct Shown(BTreeMap<PathBuf, ByFile>);

impl Shown {
    /// Puts the findings of a manifest in the place of its earlier ones; says what the editor must be told: all
    /// findings of each file where some came or went, and always those of the manifest itself.
    pub fn replace(&mut self, manifest: &Path, found: ByFile) -> ByFile {
        let mut files: Vec<PathBuf> = vec![manifest.to_path_buf()];
        files.extend(found.keys().cloned());
        let before = self.0.insert(manifest.to_path_buf(), found).unwrap_or_default();
        files.extend(before.keys().cloned());
        let now = &self.0[manifest];
        files.retain(|file| file == manifest || before.get(file) != now.get(file));
        files.into_iter().map(|file| (file.clone(), self.of(&file))).collect()
    }

    /// Forgets a manifest; says what the editor must be told.
    pub fn forget(&mut self, manifest: &Path) -> ByFile {
        let before = self.0.remove(manifest).unwrap_or_default();
        let files = before.into_keys().chain([manifest.to_path_buf()]);
        files.map(|file| (file.clone(), self.of(&file))).collect()
    }

    /// Two manifests that name one Dockerfile find the same in it: that is said once, with the places of both.
    fn of(&self, file: &Path) -> Vec<Diagnostic> {
        let mut all: Vec<Diagnostic> = Vec::new();
        for finding in self.0.values().filter_map(|found| found.get(file)).flatten() {
            match all.iter_mut().find(|known| is_same(known, finding)) {
                None => all.push(finding.clone()),
                Some(known) => {
                    let places = known.related_information.get_or_insert_default();
                    let more = finding.related_information.iter().flatten();
                    let more: Vec<_> = more.filter(|place| !places.contains(place)).cloned().collect();
                    places.extend(more);
                }
            }
        }
        all
    }
}

fn is_same(a: &Diagnostic, b: &Diagnostic) -> bool {
    (a.range, &a.code, &a.message, &a.severity) == (b.range, &b.code, &b.message, &b.severity)
}

/// The findings of a manifest by file.
pub fn by_file(manifest: &Manifest, documents: &Documents) -> ByFile {
    let places = Places::new(manifest, documents);
    let mut out = ByFile::new();
    for finding in &manifest.found {
        out.entry(places.file(finding)).or_default().push(places.finding(finding));
    }
    out
}

/// Spans of a manifest's sources as ranges of the editor's files.
pub struct Places<'m> {
    manifest: &'m Manifest,
    documents: &'m Documents,
    /// By the name of the source.
    lines: BTreeMap<&'m str, Lines<'m>>,
}

impl<'m> Places<'m> {
    pub fn new(manifest: &'m Manifest, documents: &'m Documents) -> Places<'m> {
        let mut lines = BTreeMap::new();
        let labels = manifest.found.iter().flat_map(|f| &f.labels).map(|l| &l.source);
        let edits = manifest.found.iter().flat_map(|f| &f.fixes).flat_map(|f| &f.edits).map(|e| &e.source);
        for source in labels.chain(edits).chain([&manifest.source]) {
            lines.entry(source.name.as_str()).or_insert_with(|| Lines::new(&source.text, documents.encoding));
        }
        Places { manifest, documents, lines }
    }

    pub fn range(&self, source: &Source, span: Span) -> Range {
        self.lines.get(source.name.as_str()).map_or_else(Range::default, |lines| lines.range(span))
    }

    /// The file that a finding is in: the manifest where it has no place.
    pub fn file(&self, finding: &diag::Diagnostic) -> PathBuf {
        self.manifest.path_of(finding.source().unwrap_or(&self.manifest.source))
    }

    pub fn location(&self, source: &Source, span: Span) -> Option<Location> {
        let uri = self.documents.uri(&self.manifest.path_of(source))?;
        Some(Location::new(uri, self.range(source, span)))
    }

    pub fn finding(&self, finding: &diag::Diagnostic) -> Diagnostic {
        let first = finding.labels.first();
        let related: Vec<DiagnosticRelatedInformation> = finding
            .labels
            .iter()
            .skip(1)
            .filter_map(|label| {
                let location = self.location(&label.source, label.span)?;
                Some(DiagnosticRelatedInformation::new(location, label.text.clone()))
            })
            .collect();
        Diagnostic {
            range: first.map_or_else(Range::default, |label| self.range(&label.source, label.span)),
            severity: Some(match finding.severity {
                Severity::Error => DiagnosticSeverity::Error,
                Severity::Warning => DiagnosticSeverity::Warning,
            }),
            code: Some(finding.code.as_str().into()),
            source: Some("osimg".into()),
            message: message(finding).into(),
            related_information: Some(related).filter(|r| !r.is_empty()),
            ..Diagnostic::default()
        }
    }
}

/// What is wrong, what stands under the underlined words, and what to do, a line each.
fn message(finding: &diag::Diagnostic) -> String {
    let label = finding.labels.first().map(|l| l.text.as_str()).filter(|text| !text.is_empty());
    let help = finding.help.as_ref().map(|help| format!("help: {help}"));
    let lines = [Some(finding.message.as_str()), label, help.as_deref()];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> ByFile {
        let finding = Diagnostic { message: text.to_string().into(), ..Diagnostic::default() };
        ByFile::from([(PathBuf::from(file), vec![finding])])
    }

    fn told(changes: &ByFile) -> Vec<(String, usize)> {
        changes.iter().map(|(file, all)| (file.display().to_string(), all.len())).collect()
    }

    #[test]
    fn a_file_of_two_manifests_is_clean_when_both_say_so() {
        let mut shown = Shown::default();
        let (a, b) = (Path::new("/a.yaml"), Path::new("/b.yaml"));
        let both = shown.replace(a, found("/Dockerfile", "x"));
        assert_eq!(told(&both), [("/Dockerfile".into(), 1), ("/a.yaml".into(), 0)]);
        assert_eq!(told(&shown.replace(b, found("/Dockerfile", "x")))[0], ("/Dockerfile".into(), 1));
        assert_eq!(told(&shown.replace(b, found("/Dockerfile", "y")))[0], ("/Dockerfile".into(), 2));
        // nothing changed there: only the manifest itself is told
        assert_eq!(told(&shown.replace(b, found("/Dockerfile", "y"))), [("/b.yaml".into(), 0)]);
        assert_eq!(told(&shown.replace(a, ByFile::new()))[0], ("/Dockerfile".into(), 1));
        assert_eq!(told(&shown.forget(b)), [("/Dockerfile".into(), 0), ("/b.yaml".into(), 0)]);
    }
}
