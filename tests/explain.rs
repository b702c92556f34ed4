//! Every page of `osimg explain` is true: its wrong example gives the code that it explains, its right one nothing.

#[path = "explain/build.rs"]
mod build;
#[path = "explain/built.rs"]
mod built;
#[path = "explain/page.rs"]
mod page;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use built::BUILT;
use osimg::diag::Diagnostics;
use osimg::diag::codes::{Row, TABLE};
use osimg::diag::render::{Look, render_all};
use osimg::front::load;
use page::Example;

fn has(found: &Diagnostics, row: &Row) -> bool {
    found.iter().any(|finding| finding.code == row.code)
}

/// What `check` finds.
fn check(example: &Example) -> Diagnostics {
    load("m.yaml", &example.manifest, Path::new(""), example).1
}

fn is_built(row: &Row) -> bool {
    BUILT.contains(&row.code.as_str())
}

#[test]
fn pages_are_files_named_by_their_codes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diag/explain");
    let files: BTreeSet<String> = fs::read_dir(&folder)
        .expect("the pages are there")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    let mut named = BTreeSet::new();
    for row in TABLE {
        let code = row.code.as_str().strip_prefix("osimg::").expect("every code begins so");
        let name = format!("{}.md", code.replace("::", "-"));
        let text = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(text == row.page, "the page of {} is not {name}", row.code);
        named.insert(name);
    }
    assert_eq!(files, named);
}

#[test]
fn pages_explain() {
    for row in TABLE {
        let page = page::read(row.page);
        assert_eq!(page.title, row.code.as_str());
        assert!(page.text.len() > 100, "{}: two sentences explain nothing", row.code);
        for line in row.page.lines() {
            assert!(line.chars().count() <= 120, "{}: {line}", row.code);
        }
    }
}

#[test]
fn wrong_examples_give_the_code() {
    for row in TABLE {
        let found = check(&page::read(row.page).wrong);
        let text = render_all(&found, Look::PLAIN);
        // a code that `check` comes to find is to be taken out of the list
        assert_eq!(has(&found, row), !is_built(row), "{}:\n{text}", row.code);
    }
}

#[test]
fn right_examples_give_nothing() {
    for row in TABLE {
        let found = check(&page::read(row.page).right);
        assert!(found.is_empty(), "{}:\n{}", row.code, render_all(&found, Look::PLAIN));
    }
}

#[tokio::test]
async fn codes_that_only_a_build_finds_are_found_by_it() {
    for row in TABLE.iter().filter(|row| is_built(row)) {
        let page = page::read(row.page);
        let found = build::apply(&page.wrong).await;
        assert!(has(&found, row), "{}:\n{}", row.code, render_all(&found, Look::PLAIN));
        let found = build::apply(&page.right).await;
        assert!(found.is_empty(), "{}:\n{}", row.code, render_all(&found, Look::PLAIN));
    }
    assert_eq!(BUILT.len(), TABLE.iter().filter(|row| is_built(row)).count(), "a code of the list is gone");
}
