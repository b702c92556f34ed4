//! A build context, as far as a Dockerfile asks for it: whether a source of `COPY` is in it.
//!
//! Enters: [`Listings`] of a [`Probe`], the context's folder, the Dockerfile's path. Leaves: [`Found`] for each source. As engines do it: a path
//! begins at the context's root and `..` ends there; `*`, `?` and `[` are Go's `filepath.Match`; the ignore file has been
//! applied. Only the folders that a path or a pattern needs are listed, and never more than a bound.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::dockerfile::glob::{Glob, is_pattern};
use super::probe::Probe;
use super::suggest;
use crate::base::IgnoreFile;
use crate::base::ignorefile::PatternError;

/// How many folders and how many names are read at most. Beyond, everything counts as found.
const MOST_FOLDERS: usize = 2_000;
const MOST_NAMES: usize = 500_000;
/// In a folder of more names than this, a name that is not there has no nearest one.
const MOST_LIKENED: usize = 2_000;

/// The names in folders, each folder read once for all contexts.
pub struct Listings<'p> {
    probe: &'p dyn Probe,
    read: RefCell<BTreeMap<PathBuf, Option<Rc<Vec<String>>>>>,
    names: Cell<usize>,
}

impl<'p> Listings<'p> {
    pub fn new(probe: &'p dyn Probe) -> Listings<'p> {
        Listings { probe, read: RefCell::default(), names: Cell::new(0) }
    }

    fn is_spent(&self) -> bool {
        self.read.borrow().len() >= MOST_FOLDERS || self.names.get() >= MOST_NAMES
    }

    /// `None` where there is no folder, or too much was read.
    fn list(&self, folder: &Path) -> Option<Rc<Vec<String>>> {
        if let Some(known) = self.read.borrow().get(folder) {
            return known.clone();
        }
        if self.is_spent() {
            return None;
        }
        let names = self.probe.list(folder).map(Rc::new);
        self.names.set(self.names.get() + names.as_ref().map_or(0, |n| n.len()));
        self.read.borrow_mut().insert(folder.to_path_buf(), names.clone());
        names
    }
}

pub struct Context<'p> {
    listings: &'p Listings<'p>,
    root: PathBuf,
    ignore: IgnoreFile,
    /// The Dockerfile inside the context: sent whatever the ignore file says.
    dockerfile: Option<String>,
    /// What was looked for already: slots share Dockerfiles.
    known: RefCell<BTreeMap<(String, bool), Found>>,
}

/// The ignore file of a build.
pub struct IgnoreText {
    pub path: PathBuf,
    pub text: String,
}

/// What became of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    There,
    /// `near`: a path that is there and may have been meant.
    Missing {
        near: Option<String>,
    },
    /// There, but this line of the ignore file keeps it out.
    Ignored {
        line: usize,
    },
    /// No name in the context is as the pattern says. `line`: some would be, but this line of the ignore file keeps one out.
    NoMatch {
        line: Option<usize>,
    },
    BadPattern,
}

/// The ignore file that engines heed: `<Dockerfile>.dockerignore`, else `.dockerignore` in the context.
pub fn ignore_text(probe: &dyn Probe, root: &Path, dockerfile: &Path) -> Option<IgnoreText> {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(".dockerignore");
    [PathBuf::from(own), root.join(".dockerignore")].into_iter().find_map(|path| {
        let bytes = probe.read(&path).ok()??;
        let text =
            String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).into_owned();
        Some(IgnoreText { path, text })
    })
}

impl<'p> Context<'p> {
    pub fn open(
        listings: &'p Listings<'p>,
        root: &Path,
        dockerfile: &Path,
        ignore: Option<&IgnoreText>,
    ) -> Result<Context<'p>, PatternError> {
        let inside = dockerfile.strip_prefix(root).ok().map(|p| p.to_string_lossy().into_owned());
        Ok(Context {
            listings,
            root: root.to_path_buf(),
            ignore: ignore.map_or(Ok(IgnoreFile::default()), |file| IgnoreFile::parse(&file.text))?,
            dockerfile: inside,
            known: RefCell::default(),
        })
    }

    /// Looks for a source by its path in the context ([`within`]). `deep`: a pattern may reach into folders.
    pub fn find(&self, path: &str, deep: bool) -> Found {
        // a backslash is an escape to one part of an engine and a character to another
        if path.is_empty() || path.contains('\\') {
            return Found::There;
        }
        let key = (path.to_string(), deep);
        if let Some(found) = self.known.borrow().get(&key) {
            return found.clone();
        }
        let found = if is_pattern(path) { self.find_pattern(path, deep) } else { self.find_path(path) };
        self.known.borrow_mut().insert(key, found.clone());
        found
    }

    fn find_pattern(&self, path: &str, deep: bool) -> Found {
        if deep && path.contains("**") {
            return Found::There;
        }
        let globs: Option<Vec<Glob>> = path.split('/').map(Glob::parse).collect();
        match globs {
            None => Found::BadPattern,
            Some(globs) => {
                let mut line = None;
                match self.matches(&globs, "", &mut line) {
                    true => Found::There,
                    false => Found::NoMatch { line },
                }
            }
        }
    }

    fn find_path(&self, path: &str) -> Found {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let there = self.is_file(path)
            || self.is_dir(path)
            // a socket, a pipe, a link to nowhere
            || self.list(folder).is_none_or(|names| names.iter().any(|n| n == name)) && self.is_dir(folder);
        if !there {
            return Found::Missing { near: self.near(path) };
        }
        match self.ignore.excluded_by(path) {
            Some(line) if !self.comes_along(path) => Found::Ignored { line },
            _ => Found::There,
        }
    }

    /// Whether an excluded path is in the context all the same: the Dockerfile itself, or a folder with something taken
    /// back in it.
    fn comes_along(&self, path: &str) -> bool {
        let dockerfile = self.dockerfile.as_ref().is_some_and(|d| d == path || under(d, path));
        dockerfile || (self.ignore.takes_back() && self.is_dir(path) && self.keeps_some(path))
    }

    fn keeps_some(&self, folder: &str) -> bool {
        let Some(names) = self.list(folder) else { return self.is_spent() };
        names.iter().any(|name| {
            let path = join(folder, name);
            !self.ignore.excludes(&path) || (self.is_dir(&path) && self.keeps_some(&path))
        })
    }

    /// Whether something in `folder` is as `globs` say and in the context; `line` learns what keeps something out.
    fn matches(&self, globs: &[Glob], folder: &str, line: &mut Option<usize>) -> bool {
        let Some((glob, rest)) = globs.split_first() else { return true };
        let Some(names) = self.list(folder) else { return self.is_spent() };
        names.iter().filter(|name| glob.matches(name)).any(|name| {
            let path = join(folder, name);
            if !rest.is_empty() {
                return self.is_dir(&path) && self.matches(rest, &path, line);
            }
            match self.ignore.excluded_by(&path) {
                Some(by) if !self.comes_along(&path) => {
                    line.get_or_insert(by);
                    false
                }
                _ => true,
            }
        })
    }

    fn is_spent(&self) -> bool {
        self.listings.is_spent()
    }

    fn is_file(&self, path: &str) -> bool {
        self.listings.probe.is_file(&self.root.join(path))
    }

    fn is_dir(&self, path: &str) -> bool {
        self.listings.probe.is_dir(&self.root.join(path))
    }

    fn list(&self, folder: &str) -> Option<Rc<Vec<String>>> {
        self.listings.list(&self.root.join(folder))
    }

    /// The path with its first missing component replaced by the name most like it, where that leads to something.
    fn near(&self, path: &str) -> Option<String> {
        let mut folder = String::new();
        let mut components = path.split('/');
        for component in components.by_ref() {
            let names = self.list(&folder)?;
            if names.iter().any(|n| n == component) {
                folder = join(&folder, component);
                continue;
            }
            if names.len() > MOST_LIKENED {
                return None;
            }
            let cased = names.iter().find(|n| n.to_lowercase() == component.to_lowercase());
            let name = cased.or_else(|| suggest::nearest(component, &names))?;
            let rest: Vec<&str> = components.collect();
            let meant = rest.iter().fold(join(&folder, name), |path, part| join(&path, part));
            return (self.is_file(&meant) || self.is_dir(&meant)).then_some(meant);
        }
        None
    }
}

/// A source as a path in the context, without `.` and `..`; and whether a `..` would have led out of it.
pub fn within(source: &str) -> (String, bool) {
    let mut parts: Vec<&str> = Vec::new();
    let mut out = false;
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => out |= parts.pop().is_none(),
            part => parts.push(part),
        }
    }
    (parts.join("/"), out)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") }
}

fn under(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io;

    use super::*;

    /// Files by path below `/c`; counts listings.
    struct Fake(BTreeSet<PathBuf>, Cell<usize>);

    impl Fake {
        fn new(files: &[&str]) -> Fake {
            Fake(files.iter().map(|f| Path::new("/c").join(f)).collect(), Cell::new(0))
        }
    }

    impl Probe for Fake {
        fn read(&self, _: &Path) -> io::Result<Option<Vec<u8>>> {
            Ok(None)
        }
        fn is_file(&self, path: &Path) -> bool {
            self.0.contains(path)
        }
        fn is_dir(&self, path: &Path) -> bool {
            self.0.iter().any(|f| f != path && f.starts_with(path))
        }
        fn list(&self, path: &Path) -> Option<Vec<String>> {
            self.1.set(self.1.get() + 1);
            let names = self.0.iter().filter_map(|f| f.strip_prefix(path).ok()?.iter().next());
            let names: BTreeSet<String> = names.map(|n| n.to_string_lossy().into_owned()).collect();
            (!names.is_empty()).then(|| names.into_iter().collect())
        }
    }

    fn find(probe: &Fake, ignore: &str, source: &str) -> Found {
        let ignore = IgnoreText { path: PathBuf::new(), text: ignore.to_string() };
        let listings = Listings::new(probe);
        let context = Context::open(&listings, Path::new("/c"), Path::new("/c/Dockerfile"), Some(&ignore));
        context.expect("patterns").find(&within(source).0, false)
    }

    #[test]
    fn paths_and_patterns() {
        let probe = Fake::new(&["a.txt", "conf/x/one.conf", "conf/y/two.conf", "Dockerfile", "Read.me"]);
        for source in [
            ".",
            "/",
            "a.txt",
            "/a.txt",
            "a.txt/",
            "./conf/../a.txt",
            "conf",
            "conf/",
            "*.txt",
            "conf/*/*.conf",
            "conf/[xy]",
            "../a.txt",
        ] {
            assert_eq!(find(&probe, "", source), Found::There, "{source}");
        }
        assert_eq!(find(&probe, "", "a.tx"), Found::Missing { near: Some("a.txt".into()) });
        assert_eq!(find(&probe, "", "read.me"), Found::Missing { near: Some("Read.me".into()) });
        assert_eq!(
            find(&probe, "", "cnf/x/one.conf"),
            Found::Missing { near: Some("conf/x/one.conf".into()) }
        );
        assert_eq!(find(&probe, "", "zzz"), Found::Missing { near: None });
        assert_eq!(find(&probe, "", "a.txt/b"), Found::Missing { near: None });
        assert_eq!(find(&probe, "", "conf/*.conf"), Found::NoMatch { line: None });
        assert_eq!(find(&probe, "", "conf/["), Found::BadPattern);
        assert_eq!(within("../../a"), ("a".to_string(), true));
        assert_eq!(within("b/../a"), ("a".to_string(), false));
    }

    #[test]
    fn what_the_ignore_file_keeps_out() {
        let probe = Fake::new(&["a.txt", "conf/x", "conf/keep", "deep/in/z", "Dockerfile"]);
        assert_eq!(find(&probe, "# c\n*.txt\n", "a.txt"), Found::Ignored { line: 2 });
        assert_eq!(find(&probe, "*.txt\n", "*.txt"), Found::NoMatch { line: Some(1) });
        assert_eq!(find(&probe, "conf\n", "conf/x"), Found::Ignored { line: 1 });
        assert_eq!(find(&probe, "conf\n!conf/keep\n", "conf"), Found::There);
        assert_eq!(find(&probe, "*\n!conf\n", "deep/in"), Found::Ignored { line: 1 });
        assert_eq!(find(&probe, "*\n!deep/in/z\n", "deep"), Found::There);
        assert_eq!(find(&probe, "*\n", "Dockerfile"), Found::There);
        assert_eq!(find(&probe, "conf/*\n", "conf/"), Found::There);
    }

    #[test]
    fn a_large_context_is_not_walked() {
        let files: Vec<String> = (0..5_000).map(|n| format!("d{n}/f")).collect();
        let probe = Fake::new(&files.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(find(&probe, "", "d7/f"), Found::There);
        assert_eq!(probe.1.get(), 0);
        assert_eq!(find(&probe, "", "d7/nothing"), Found::Missing { near: None });
        assert!(probe.1.get() < 5);
    }
}
