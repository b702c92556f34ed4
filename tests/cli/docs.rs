//! The manual pages and completion scripts of `docs/` are those that the program makes.
//!
//! `OSIMG_UPDATE_DOCS=1 cargo test --test cli docs` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Place, osimg};

/// Each shell and the file that its users' systems look for.
const SHELLS: [(&str, &str); 5] = [
    ("bash", "osimg.bash"),
    ("elvish", "osimg.elv"),
    ("fish", "osimg.fish"),
    ("powershell", "_osimg.ps1"),
    ("zsh", "_osimg"),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

fn contents(folder: &Path) -> BTreeMap<String, String> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        (name, fs::read_to_string(entry.path()).expect("readable"))
    };
    fs::read_dir(folder).map(|all| all.map(read).collect()).unwrap_or_default()
}

/// Holds a folder to what it should have, or makes it so.
fn fresh(folder: &Path, made: &BTreeMap<String, String>) {
    if std::env::var_os("OSIMG_UPDATE_DOCS").is_some() {
        fs::remove_dir_all(folder)
            .or_else(|e| if folder.exists() { Err(e) } else { Ok(()) })
            .expect("removed");
        fs::create_dir_all(folder).expect("made");
        for (name, text) in made {
            fs::write(folder.join(name), text).expect("written");
        }
    }
    let there = contents(folder);
    let stale: Vec<&String> =
        made.keys().chain(there.keys()).filter(|name| made.get(*name) != there.get(*name)).collect();
    assert!(
        stale.is_empty(),
        "stale in {}: {stale:?}; `OSIMG_UPDATE_DOCS=1 cargo test --test cli docs` writes them anew",
        folder.display()
    );
}

#[test]
fn manual_pages_are_fresh() {
    let place = Place::new();
    let ran = place.run(&["man", "a/new/folder"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
    let pages = contents(&place.path().join("a/new/folder"));
    assert!(pages.contains_key("osimg.1") && pages.contains_key("osimg-apply.1"), "{:?}", pages.keys());
    assert_eq!(osimg(&["man"]).out, pages["osimg.1"]);
    for (name, page) in &pages {
        for section in [".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH EXAMPLES\n"] {
            assert!(page.contains(section), "{name}: {section}");
        }
        assert!(!page.contains(env!("CARGO_MANIFEST_DIR")), "{name} names a path of this machine");
    }
    for command in crate::help::commands() {
        assert!(pages.contains_key(&format!("osimg-{command}.1")), "{command}: {:?}", pages.keys());
        let escaped = command.replace('-', "\\-");
        assert!(pages["osimg.1"].contains(&format!("osimg\\-{escaped}")), "{command}");
    }
    fresh(&folder("man"), &pages);
}

#[test]
fn completions_are_fresh() {
    let made = SHELLS.map(|(shell, file)| (file.to_string(), osimg(&["completions", shell]).out));
    fresh(&folder("completions"), &BTreeMap::from(made));
}
