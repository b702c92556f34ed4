//! What is open in the editor: its text counts, saved or not, instead of what the disk has.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use gen_lsp_types::{Range, TextDocumentContentChangeEvent, TextDocumentItem, Uri};

use super::lines::{Encoding, Lines};
use crate::cli::manifest::Disk;
use crate::front::Probe;

/// A file as the editor has it.
pub struct Document {
    /// As the editor writes it: it need not be what the path would give.
    pub uri: Uri,
    pub version: i32,
    pub language: String,
    pub text: String,
}

impl Document {
    /// The text without the byte order mark that the front end drops too.
    pub fn body(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }

    fn change(&mut self, range: Option<Range>, text: String, encoding: Encoding) {
        let Some(range) = range else {
            self.text = text;
            return;
        };
        let lines = Lines::new(&self.text, encoding);
        let (start, end) = (lines.offset(range.start), lines.offset(range.end));
        self.text.replace_range(start.min(end)..end, &text);
    }
}

/// The open files by path. What has no path, such as an unnamed buffer, is not kept: it has no folder to look into.
pub struct Documents {
    open: BTreeMap<PathBuf, Document>,
    pub encoding: Encoding,
}

impl Documents {
    pub fn new(encoding: Encoding) -> Documents {
        Documents { open: BTreeMap::new(), encoding }
    }

    pub fn open(&mut self, item: TextDocumentItem) -> Option<PathBuf> {
        let path = path(&item.uri)?;
        let language = item.language_id.to_string();
        let document = Document { uri: item.uri, version: item.version, language, text: item.text };
        self.open.insert(path.clone(), document);
        Some(path)
    }

    pub fn change(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) -> Option<PathBuf> {
        let path = path(uri)?;
        let encoding = self.encoding;
        let document = self.open.get_mut(&path)?;
        for change in changes {
            match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
                    document.change(Some(part.range), part.text, encoding);
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
                    document.change(None, whole.text, encoding);
                }
            }
        }
        document.version = version;
        Some(path)
    }

    pub fn close(&mut self, uri: &Uri) -> Option<PathBuf> {
        let path = path(uri)?;
        self.open.remove(&path).map(|_| path)
    }

    pub fn get(&self, path: &Path) -> Option<&Document> {
        self.open.get(path)
    }

    /// The editor's own name of a file, or the one that its path gives.
    pub fn uri(&self, path: &Path) -> Option<Uri> {
        match self.open.get(path) {
            Some(document) => Some(document.uri.clone()),
            None => Uri::from_file_path(path).ok(),
        }
    }
}

impl Probe for Documents {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        if let Some(document) = self.open.get(&normal(path)) {
            return Ok(Some(document.text.clone().into_bytes()));
        }
        Disk.read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.open.contains_key(&normal(path)) || Disk.is_file(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        Disk.is_dir(path)
    }

    fn list(&self, path: &Path) -> Option<Vec<String>> {
        let mut names = Disk.list(path)?;
        let folder = normal(path);
        let open = self.open.keys().filter(|file| file.parent() == Some(&folder));
        names.extend(open.filter_map(|file| Some(file.file_name()?.to_str()?.to_string())));
        names.sort_unstable();
        names.dedup();
        Some(names)
    }
}

/// The file that a URI names.
pub fn path(uri: &Uri) -> Option<PathBuf> {
    if uri.scheme() != "file" {
        return None;
    }
    uri.to_file_path().ok().map(|path| normal(&path))
}

/// Without `.` and `..`, as far as words alone say: the same file under one name.
pub fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use gen_lsp_types::{Position, TextDocumentContentChangePartial};

    use super::*;

    #[test]
    fn edits_are_applied_in_order_and_in_the_editors_units() {
        let mut documents = Documents::new(Encoding::Utf16);
        let uri: Uri = "file:///m/a%20b.yaml".parse().expect("a URI");
        let item = TextDocumentItem::new(uri.clone(), "yaml".into(), 1, "a: 😀b\nc\n".into());
        assert_eq!(documents.open(item), Some(PathBuf::from("/m/a b.yaml")));
        let part = |line, from, to, text: &str| {
            let range = Range::new(Position::new(line, from), Position::new(line, to));
            let part = TextDocumentContentChangePartial { range, text: text.into(), ..Default::default() };
            TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part)
        };
        documents.change(&uri, 2, vec![part(0, 5, 6, "x\n"), part(2, 0, 9, "d")]);
        let document = documents.get(Path::new("/m/a b.yaml")).expect("it is open");
        assert_eq!((document.text.as_str(), document.version), ("a: 😀x\n\nd\n", 2));
        assert_eq!(documents.read(Path::new("/m/./x/../a b.yaml")).expect("open").expect("there").len(), 12);
        assert!(documents.close(&uri).is_some() && documents.close(&uri).is_none());
    }
}
