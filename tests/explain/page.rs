//! A page of `src/diag/explain` taken apart: its text, and the two examples with the files that their fences hold.
//!
//! The manifest is the `yaml` fence. A fence with `path=` is a file beside the manifest, or of the built image where the
//! path is absolute. `tree` changes the tree of the built image (`- path`, `path -> target`, a path alone), `initramfs` lists what
//! its initramfs holds, `images` what the engine has, `console` what a failing build says.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use osimg::front::Probe;

/// The system of a page that shows no Dockerfile of its own.
const ANY_DOCKERFILE: &str = "FROM debian:bookworm\n";

#[derive(Debug, Default)]
pub struct Example {
    pub manifest: Vec<u8>,
    /// Files beside the manifest.
    pub files: BTreeMap<PathBuf, String>,
    /// Files of the built image that have a content.
    pub built: BTreeMap<String, String>,
    /// Changes of the built image's tree.
    pub tree: Vec<String>,
    pub initramfs: Option<Vec<String>>,
    pub images: Vec<String>,
    pub console: Option<String>,
}

#[derive(Debug)]
pub struct Page {
    pub title: String,
    /// What stands between the title and the examples.
    pub text: String,
    pub wrong: Example,
    pub right: Example,
}

/// Takes `text` apart; panics with what is wrong about its form.
pub fn read(text: &str) -> Page {
    let (head, rest) = text.split_once("\n## Wrong\n").expect("a section `## Wrong`");
    let (wrong, right) = rest.split_once("\n## Right\n").expect("a section `## Right`, after it");
    let (title, text) = head.strip_prefix("# ").and_then(|h| h.split_once('\n')).expect("a title first");
    Page {
        title: title.to_string(),
        text: text.trim().to_string(),
        wrong: example(wrong),
        right: example(right),
    }
}

fn example(section: &str) -> Example {
    let mut out = Example::default();
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            assert!(line.is_empty(), "an example holds fences only, not {line:?}");
            continue;
        };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let body = body.join("\n") + "\n";
        let (language, attribute) = info.split_once(' ').unwrap_or((info, ""));
        match (language, attribute.split_once('=')) {
            (_, Some(("path", path))) if path.starts_with('/') => {
                out.built.insert(path.to_string(), body);
            }
            (_, Some(("path", path))) => {
                out.files.insert(PathBuf::from(path), body);
            }
            ("yaml", Some(("encoding", "latin1"))) => out.manifest = latin1(&body),
            ("yaml", None) => out.manifest = body.into_bytes(),
            ("tree", None) => out.tree = body.lines().map(String::from).collect(),
            ("initramfs", None) => out.initramfs = Some(body.lines().map(String::from).collect()),
            ("images", None) => out.images = body.lines().map(String::from).collect(),
            ("console", None) => out.console = Some(body.trim_end().to_string()),
            _ => panic!("no fence is called {info:?}"),
        }
    }
    assert!(!out.manifest.is_empty(), "an example without a manifest");
    out
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a character of Latin-1")).collect()
}

impl Example {
    /// The content of a file beside the manifest. A Dockerfile that the page does not show is any Dockerfile.
    pub fn file(&self, path: &Path) -> Option<&str> {
        let any = path.file_name().is_some_and(|name| name == "Dockerfile").then_some(ANY_DOCKERFILE);
        self.files.get(path).map(String::as_str).or(any)
    }
}

/// Sees the fences as files.
impl Probe for Example {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        Ok(self.file(path).map(|text| text.as_bytes().to_vec()))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.file(path).is_some()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path == Path::new(".") || self.files.keys().any(|file| file != path && file.starts_with(path))
    }

    fn list(&self, path: &Path) -> Option<Vec<String>> {
        let path = if path == Path::new(".") { Path::new("") } else { path };
        let below = self.files.keys().filter_map(|file| file.strip_prefix(path).ok());
        let names = below.filter_map(|rest| rest.iter().next()?.to_str().map(String::from));
        let names: BTreeSet<String> = names.collect();
        (!names.is_empty()).then(|| names.into_iter().collect())
    }
}
