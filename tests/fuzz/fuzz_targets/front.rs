//! The whole front end on any bytes: a manifest, and behind a byte that no text has the Dockerfile that every slot names.
//!
//! Holds that nothing panics or hangs, that there is either a model or an error, that every place lies in its text, and
//! that every way of telling the findings works.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../../src/base/mod.rs"]
mod base;
#[path = "../../../src/diag/mod.rs"]
mod diag;
#[path = "../../../src/front/mod.rs"]
mod front;

use std::io;
use std::path::Path;

use diag::render::{Look, render_all};
use diag::{github, json, sarif};
use libfuzzer_sys::fuzz_target;

/// What parts the manifest from the Dockerfile: it is in no UTF-8 text.
const BORDER: u8 = 0xff;

struct Fuzzed<'a>(&'a [u8]);

impl front::Probe for Fuzzed<'_> {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let there = path.to_string_lossy().contains("Dockerfile");
        Ok(there.then(|| self.0.to_vec()))
    }

    fn list(&self, _: &Path) -> Option<Vec<String>> {
        Some(["Dockerfile", "a", "b.txt"].map(String::from).into())
    }

    fn is_file(&self, path: &Path) -> bool {
        path.extension().is_some()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.extension().is_none()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (manifest, dockerfile) = match bytes.iter().position(|b| *b == BORDER) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b"FROM scratch\n"[..]),
    };
    let (model, found) = front::load("dir/m.yaml", manifest, Path::new("/dir"), &Fuzzed(dockerfile));
    assert_eq!(model.is_none(), found.has_errors());
    for finding in found.iter() {
        for label in &finding.labels {
            assert!(label.source.text.get(label.span.start..label.span.end).is_some(), "{finding:?}");
        }
        for edit in finding.fixes.iter().flat_map(|fix| &fix.edits) {
            assert!(edit.source.text.get(edit.span.start..edit.span.end).is_some(), "{finding:?}");
        }
        json::object(finding);
        github::command(finding);
    }
    sarif::document(&found, "0");
    render_all(&found, Look::PLAIN);
});
