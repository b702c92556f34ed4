//! Every page of `osimg explain` is true: its wrong example gives the code that it explains, its right one nothing.

#[path = "explain/build.rs"]
mod build;
#[path = "explain/built.rs"]
mod built;
#[path = "explain/page.rs"]
mod page;
#[path = "specimen/tree.rs"]
mod specimen;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use built::GUARDED;
use osimg::diag::Diagnostics;
use osimg::diag::codes::{Row, TABLE};
use osimg::diag::render::{Look, render_all};
use osimg::front::load;
use osimg::proof::boot::Why;
use osimg::proof::stall::explain;
use page::Example;

fn has(found: &Diagnostics, row: &Row) -> bool {
    found.iter().any(|finding| finding.code == row.code)
}

/// What `check` finds.
fn check(example: &Example) -> Diagnostics {
    load("m.yaml", &example.manifest, Path::new(""), example).1
}

fn is_built(row: &Row) -> bool {
    row.code.is_of_a_build()
}

/// A code of `proof::stall`: a boot finds it, by the end of its console.
fn is_stall(row: &Row) -> bool {
    row.code.area() == "stall"
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
        assert_eq!(has(&found, row), !is_built(row) && !is_stall(row), "{}:\n{text}", row.code);
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
        let guarded = GUARDED.contains(&row.code.as_str());
        let found = if guarded { build::look(&page.wrong) } else { build::apply(&page.wrong).await };
        assert!(has(&found, row), "{}:\n{}", row.code, render_all(&found, Look::PLAIN));
        let found = if guarded { build::look(&page.right) } else { build::apply(&page.right).await };
        assert!(found.is_empty(), "{}:\n{}", row.code, render_all(&found, Look::PLAIN));
    }
    let known = |code: &&&str| TABLE.iter().any(|row| is_built(row) && row.code.as_str() == **code);
    assert_eq!(GUARDED.iter().filter(known).count(), GUARDED.len(), "a code of the list is gone");
}

/// What people are told of each built tree, and that every fix is one: the manifest is taken after it.
#[tokio::test]
async fn findings_of_built_trees_are_told_well() {
    let mut told = String::new();
    let is_rule = |row: &&Row| is_built(row) && row.level.is_allowable();
    for row in TABLE.iter().filter(is_rule) {
        let wrong = page::read(row.page).wrong;
        let guarded = GUARDED.contains(&row.code.as_str());
        let mut found = if guarded { build::look(&wrong) } else { build::apply(&wrong).await };
        found.retain(|finding| finding.code == row.code);
        told += &render_all(&found, Look::PLAIN);
        for fix in found.iter().flat_map(|finding| &finding.fixes) {
            let mut text = String::from_utf8(wrong.manifest.clone()).expect("text");
            for edit in &fix.edits {
                text.replace_range(edit.span.start..edit.span.end, &edit.text);
            }
            told += &format!("  fix: {}\n{}", fix.title, text.replace("version: 1\nname: demo\n", ""));
            let mended = Example { manifest: text.into_bytes(), ..page::read(row.page).wrong };
            assert!(!check(&mended).has_errors(), "{told}");
        }
        told.push('\n');
    }
    insta::with_settings!({ snapshot_path => "explain", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("built", told);
    });
}

#[test]
fn consoles_of_stalled_boots_give_the_code() {
    let why = Why::Stalled { silence: Duration::from_secs(180) };
    for row in TABLE.iter().filter(|row| is_stall(row)) {
        let console =
            page::read(row.page).wrong.console.unwrap_or_else(|| panic!("{}: no console", row.code));
        let lines: Vec<String> = console.lines().map(String::from).collect();
        let stall = explain(&why, &lines);
        assert_eq!(stall.rule.code, row.code, "{:?}", stall.sign);
    }
}

#[test]
fn stalls_are_told_at_the_manifests_words() {
    let why = Why::Stalled { silence: Duration::from_secs(180) };
    let label = |code: &str| {
        let row = osimg::diag::codes::find(code).expect("a code");
        let example = page::read(row.page).wrong;
        let model = load("m.yaml", &example.manifest, Path::new(""), &example).0.expect("a valid manifest");
        let lines: Vec<String> = example.console.iter().flat_map(|c| c.lines()).map(String::from).collect();
        let finding = explain(&why, &lines).diagnostic(&model, &model.slots[0], "slot `main` under bios");
        let span = finding.labels[0].span;
        (model.source.text[span.start..span.end].to_string(), finding.message)
    };
    let (words, message) = label("stall::root");
    assert_eq!(words, "{drivers: [ext4]}");
    assert_eq!(
        message,
        "slot `main` under bios: the root filesystem's disk did not appear (nothing on the console for 180 s): \
         [  142.9] dracut-initqueue[363]: Warning: dracut-initqueue: timeout, still waiting for following initqueue hooks:"
    );
    assert_eq!(label("stall::getty").0, "{mask: [getty.target]}");
    assert_eq!(label("stall::space").0, "300MiB");
    assert_eq!(label("stall::panic").0, "main", "a part that is not there stands for the slot");
}

#[test]
fn a_stall_names_the_entry_of_allow_that_let_it_through() {
    let why = Why::Stalled { silence: Duration::from_secs(180) };
    let labels = |allowed: &str| -> Vec<(String, String)> {
        let row = osimg::diag::codes::find("stall::getty").expect("a code");
        let mut example = page::read(row.page).wrong;
        let entries = format!("allow:\n  - {{code: {allowed}, reason: it is reached by ssh}}\n");
        example.manifest.extend_from_slice(entries.as_bytes());
        let model = load("m.yaml", &example.manifest, Path::new(""), &example).0.expect("a valid manifest");
        let lines: Vec<String> = example.console.iter().flat_map(|c| c.lines()).map(String::from).collect();
        let finding = explain(&why, &lines).diagnostic(&model, &model.slots[0], "slot `main` under bios");
        let words = |label: &osimg::diag::Label| {
            (model.source.text[label.span.start..label.span.end].to_string(), label.text.clone())
        };
        let help = finding.help.as_deref().expect("a help");
        assert_eq!(help.starts_with("take the entry out of `allow`"), finding.labels.len() > 1, "{help}");
        finding.labels.iter().map(words).collect()
    };
    let told = labels("osimg::unit::getty");
    assert_eq!(told[0].0, "{mask: [getty.target]}");
    let text = "the rule `osimg::unit::getty` finds this at apply, and is allowed here";
    assert_eq!(told[1..], [("osimg::unit::getty".to_string(), text.to_string())]);
    assert_eq!(labels("osimg::unit::logind").len(), 1, "that rule has nothing to do with it");
}

/// The codes that the text of a page names.
fn named(row: &Row) -> BTreeSet<&'static str> {
    let text = page::read(row.page).text;
    let words = text.split('`').filter_map(osimg::diag::codes::find);
    words.map(|row| row.code.as_str()).filter(|code| *code != row.code.as_str()).collect()
}

#[test]
fn stalls_and_the_rules_before_them_name_each_other() {
    let why = Why::Stalled { silence: Duration::from_secs(180) };
    let mut pairs = BTreeSet::new();
    for row in TABLE.iter().filter(|row| is_stall(row)) {
        let console = page::read(row.page).wrong.console.expect("a console");
        let lines: Vec<String> = console.lines().map(String::from).collect();
        let before: BTreeSet<&str> =
            explain(&why, &lines).rule.before.iter().map(|code| code.as_str()).collect();
        let rules: BTreeSet<&str> =
            named(row).into_iter().filter(|code| !code.starts_with("osimg::stall::")).collect();
        assert_eq!(rules, before, "{}: its page names other rules than its row", row.code);
        let none = page::read(row.page).text.contains("No rule can know");
        assert_eq!(none, before.is_empty(), "{}: nothing says whether a rule can know it", row.code);
        pairs.extend(before.into_iter().map(|rule| (rule, row.code.as_str())));
    }
    for row in TABLE.iter().filter(|row| !is_stall(row)) {
        let stalls: BTreeSet<&str> =
            named(row).into_iter().filter(|code| code.starts_with("osimg::stall::")).collect();
        let prevented: BTreeSet<&str> =
            pairs.iter().filter(|(rule, _)| *rule == row.code.as_str()).map(|(_, stall)| *stall).collect();
        assert_eq!(stalls, prevented, "{}: its page names other stalls than name it", row.code);
    }
}

/// `docs/diagnostics.md`: every code by area, with its page one heading lower.
fn diagnostics_page() -> String {
    let mut out = String::from(
        "# Diagnostics\n\n\
         Every finding has a code. `osimg explain CODE` prints what stands here. This page is generated from the table in\n\
         `src/diag/codes.rs` and the pages in `src/diag/explain` (`OSIMG_UPDATE_DOCS=1 cargo test --test explain`).\n\n\
         A finding that can be allowed is silenced by an entry of the manifest's `allow`, which names the code and a reason.\n\n\
         | code | level | what it is |\n|---|---|---|\n",
    );
    for row in TABLE {
        out += &format!("| `{}` | {} | {} |\n", row.code, row.level.as_str(), row.about.replace('|', "\\|"));
    }
    let mut area = "";
    for row in TABLE {
        if row.code.area() != area {
            area = row.code.area();
            out += &format!("\n## {area}\n");
        }
        let (_, text) = row.page.split_once('\n').expect("a title, then text");
        let text = text.replace("\n## Wrong\n", "\n#### Wrong\n").replace("\n## Right\n", "\n#### Right\n");
        out +=
            &format!("\n### {}\n\n{}: {}.\n{}\n", row.code, row.level.as_str(), row.about, text.trim_end());
    }
    out
}

#[test]
fn an_area_is_one_piece_of_the_table() {
    let mut areas: Vec<&str> = TABLE.iter().map(|row| row.code.area()).collect();
    areas.dedup();
    let unique: BTreeSet<&str> = areas.iter().copied().collect();
    assert_eq!(areas.len(), unique.len(), "{areas:?}");
}

#[test]
fn the_page_of_all_codes_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md");
    let fresh = diagnostics_page();
    if std::env::var_os("OSIMG_UPDATE_DOCS").is_some() {
        fs::write(&path, &fresh).expect("docs is writable");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == fresh,
        "docs/diagnostics.md is stale: run `OSIMG_UPDATE_DOCS=1 cargo test --test explain`"
    );
}
