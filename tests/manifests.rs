//! Every manifest under `tests/manifests`: the valid ones give a model, each invalid one the findings of its snapshot.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use osimg::diag::codes::{Row, TABLE};
use osimg::diag::render::{Look, render_all};
use osimg::diag::{Code, Diagnostics, Severity};
use osimg::front::model::Model;
use osimg::front::{Probe, load};
use proptest::prelude::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests")
}

/// Looks into `tests/manifests`, so that messages hold no path of this machine.
struct Fixtures;

impl Probe for Fixtures {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::read(folder().join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        folder().join(path).is_file()
    }

    fn is_dir(&self, path: &Path) -> bool {
        folder().join(path).is_dir()
    }

    fn list(&self, path: &Path) -> Option<Vec<String>> {
        let entries = fs::read_dir(folder().join(path)).ok()?;
        let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        Some(names)
    }
}

fn load_file(path: &Path) -> (Option<Model>, Diagnostics) {
    let name = path.file_name().expect("a file name").to_string_lossy();
    load(&name, &fs::read(path).expect("the fixture is readable"), Path::new(""), &Fixtures)
}

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder().join(kind))
        .expect("the fixtures are there")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn valid_manifests_give_a_model() {
    let paths = fixtures("valid");
    assert!(paths.len() >= 5, "only {} valid fixtures", paths.len());
    for path in paths {
        let name = path.file_stem().expect("a stem").to_string_lossy().to_string();
        let (model, found) = load_file(&path);
        let text = render_all(&found, Look::PLAIN);
        let mut model = model.unwrap_or_else(|| panic!("{name} is not valid:\n{text}"));
        // the text is beside the snapshot
        model.source = std::sync::Arc::new(osimg::diag::Source::new("", ""));
        insta::with_settings!({ snapshot_path => "manifests/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("valid-{name}"), format!("{model:#?}\n{text}"));
        });
    }
}

#[test]
fn invalid_manifests_say_what_is_wrong() {
    let paths = fixtures("invalid");
    assert!(paths.len() >= 80, "only {} invalid fixtures", paths.len());
    let (mut covered, mut misnamed) = (BTreeSet::new(), Vec::new());
    for path in paths {
        let name = path.file_stem().expect("a stem").to_string_lossy().to_string();
        let (model, found) = load_file(&path);
        let text = render_all(&found, Look::PLAIN);
        let row = named_by(&name);
        if !found.iter().any(|f| f.code == row.code) {
            misnamed.push(format!("{name}: no finding is {}:\n{text}", row.code));
        }
        covered.extend(found.iter().map(|f| f.code.as_str()));
        // a manifest named by a warning keeps its model
        let warned = found.count(Severity::Warning) > 0 && !found.has_errors();
        assert!(!found.is_empty(), "{name}: nothing was found");
        assert_eq!(model.is_some(), warned, "{name}: a model beside errors, or none without:\n{text}");
        for finding in found.iter().filter(|f| f.code != osimg::diag::codes::YAML_TOO_LARGE) {
            assert!(!finding.labels.is_empty(), "{name}: a finding without a place:\n{text}");
        }
        insta::with_settings!({ snapshot_path => "manifests/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
    }
    assert!(misnamed.is_empty(), "{}", misnamed.join("\n"));
    // tests/explain.rs runs the pages of those that only a build can find, and holds the consoles of the stalls against them
    let elsewhere = |code: &Code| code.is_of_a_build() || code.area() == "stall";
    covered.extend(TABLE.iter().filter(|row| elsewhere(&row.code)).map(|row| row.code.as_str()));
    let rest: Vec<&str> =
        TABLE.iter().map(|row| row.code.as_str()).filter(|c| !covered.contains(c)).collect();
    assert!(rest.is_empty(), "no manifest has {rest:?}");
}

/// The code that a fixture's name begins with: `slot-duplicate-pasted` is one of `osimg::slot::duplicate`.
fn named_by(name: &str) -> &'static Row {
    let begins = |row: &&Row| {
        let code = row.code.as_str().trim_start_matches("osimg::").replace("::", "-");
        name.strip_prefix(&code).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    // `kernel-version-syntax` begins with two codes
    let row = TABLE.iter().filter(begins).max_by_key(|row| row.code.as_str().len());
    row.unwrap_or_else(|| panic!("{name} is named by no code"))
}

/// One Dockerfile, in the fixtures' context.
struct One(Vec<u8>);

impl Probe for One {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        if path == Path::new("context/Dockerfile") { Ok(Some(self.0.clone())) } else { Fixtures.read(path) }
    }

    fn is_file(&self, path: &Path) -> bool {
        Fixtures.is_file(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        Fixtures.is_dir(path)
    }

    fn list(&self, path: &Path) -> Option<Vec<String>> {
        Fixtures.list(path)
    }
}

/// A Dockerfile of the fixtures, with a few pieces cut out, doubled or replaced.
fn mutated_dockerfile() -> impl Strategy<Value = Vec<u8>> {
    let names = fs::read_dir(folder().join("context")).expect("the context is there");
    let paths = names.map(|e| e.expect("entry").path());
    let paths =
        paths.filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("Dockerfile")));
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    assert!(paths.len() > 5, "the fixtures have Dockerfiles");
    let pieces = [
        "\n", "\r\n", "\\\n", "`", "\"", "'", "$", "${", "}", "[", "]", "*", "<<", "<<EOF", "--from=", "..",
        "/", "#", "FROM ", "COPY ", "AS ", "ARG ", "\u{feff}", "\u{a0}", "鍵",
    ];
    let pieces = pieces.map(|piece| piece.as_bytes().to_vec()).to_vec();
    let piece = prop_oneof![
        8 => prop::sample::select(pieces),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    mutated_texts(paths, piece)
}

/// A valid fixture's bytes with a few pieces cut out, doubled or replaced.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\t".to_vec()),
        Just(b"\n  - ".to_vec()),
        Just(b": ".to_vec()),
        Just(b"{".to_vec()),
        Just(b"]".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"&a ".to_vec()),
        Just(b"*a".to_vec()),
        Just(b"!t ".to_vec()),
        Just(b"<<: ".to_vec()),
        Just(b"|\n".to_vec()),
        Just("鍵é\u{85}\u{feff}".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    mutated_texts(fixtures("valid"), piece)
}

/// The files' bytes with up to four places replaced by a piece.
fn mutated_texts(
    paths: Vec<PathBuf>,
    piece: impl Strategy<Value = Vec<u8>>,
) -> impl Strategy<Value = Vec<u8>> {
    let texts: Vec<Vec<u8>> =
        paths.iter().map(|path| fs::read(path).expect("the fixture is readable")).collect();
    let cut = (any::<prop::sample::Index>(), 0..12usize, piece);
    (prop::sample::select(texts), proptest::collection::vec(cut, 1..5)).prop_map(|(mut text, cuts)| {
        for (at, length, piece) in cuts {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, piece);
        }
        text
    })
}

/// Loads, draws what was found, and holds that there is a model or an error, and that labels lie in the text.
fn survives(bytes: &[u8]) {
    survives_with(bytes, &Fixtures);
}

fn survives_with(bytes: &[u8], probe: &dyn Probe) {
    let (model, found) = load("any.yaml", bytes, Path::new(""), probe);
    assert_eq!(model.is_none(), found.has_errors(), "{}", render_all(&found, Look::PLAIN));
    for finding in found.iter() {
        for label in &finding.labels {
            let words = label.source.text.get(label.span.start..label.span.end);
            assert!(words.is_some(), "{:?} is no place in the text: {}", label, finding.message);
        }
        for edit in finding.fixes.iter().flat_map(|fix| &fix.edits) {
            assert!(edit.source.text.get(edit.span.start..edit.span.end).is_some(), "{edit:?}");
        }
    }
    render_all(&found, Look::PLAIN);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z:\\-\\[\\]{}\"'#&*!|>%@` \n\té鍵]{0,80}") {
        survives(text.as_bytes());
    }

    #[test]
    fn no_slip_of_the_hand_makes_it_panic(bytes in mutated()) {
        survives(&bytes);
    }

    #[test]
    fn no_slip_in_a_dockerfile_makes_it_panic(bytes in mutated_dockerfile()) {
        let manifest = "version: 1\nname: any\nbases:\n  - {name: debian-bookworm, bootstrap: {suite: bookworm}}\nslots:\n  - \
                        name: a\n    dockerfile: context/Dockerfile\n    target: build\n    build_args: {RELEASE: '8'}\n  - \
                        name: b\n    dockerfile: context/Dockerfile\n    context: bare\n";
        survives_with(manifest.as_bytes(), &One(bytes));
    }
}

/// Texts as large as a manifest may be, each hard on one part of the reader or of the drawing.
#[test]
fn a_mebibyte_of_nonsense_is_refused_and_drawn() {
    let times = |piece: &str, count: usize| piece.repeat(count).into_bytes();
    let many_keys: String = (0..60_000).map(|n| format!("k{n}: 1\n")).collect();
    let bomb: String = (0..20u8)
        .map(|n| {
            let aliases = vec![format!("*{}", char::from(b'a' + n)); 9].join(",");
            format!("{}: &{} [{aliases}]\n", char::from(b'b' + n), char::from(b'b' + n))
        })
        .collect();
    for (name, bytes) in [
        ("one line of items", [b"slots: [".to_vec(), times("{},", 349_000)].concat()),
        ("one word", [b"version: 1\nname: \"".to_vec(), times("a", 900_000), b"\"\n".to_vec()].concat()),
        ("open brackets", times("[", 500_000)),
        ("dashes", times("- ", 500_000)),
        ("colons", times("a: ", 300_000)),
        ("anchors", times("&a ", 300_000)),
        ("backslashes", [b"name: \"".to_vec(), times("\\", 900_000)].concat()),
        ("keys", many_keys.into_bytes()),
        ("an alias bomb", format!("a: &a [x,x,x,x,x,x,x,x,x]\n{bomb}").into_bytes()),
        ("control characters", b"version: 1\nnmae: \"\x1b[31m\xe2\x80\xae\"\n".to_vec()),
    ] {
        assert!(bytes.len() <= 1 << 20, "{name}");
        let (model, found) = load("any.yaml", &bytes, Path::new(""), &Fixtures);
        assert!(model.is_none() && found.has_errors(), "{name}");
        let text = render_all(&found, Look::PLAIN);
        assert!(text.lines().all(|line| line.chars().count() < 2_000), "{name}");
        assert!(!text.contains(['\x1b', '\u{202e}']), "{name}: {text}");
    }
}

#[test]
fn a_manifest_larger_than_the_limit_is_refused() {
    let (model, found) = load("big.yaml", &vec![b'#'; (1 << 20) + 1], Path::new(""), &Fixtures);
    assert!(model.is_none());
    let codes: Vec<&str> = found.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["osimg::yaml::too-large"]);
}
