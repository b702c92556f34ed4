//! Holds the rooms to the tables in `docs/architecture.md`: who may import whom, where each third-party API lives, and
//! who may touch the world outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A room and what it may import; `a::b` allows that module of the room only.
const ALLOWED: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("diag", &["base"]),
    ("front", &["base", "diag"]),
    ("engine", &["base"]),
    ("rootfs", &["base"]),
    ("fs", &["base", "rootfs::tree"]),
    ("disk", &["base"]),
    ("boot", &["base", "rootfs::tree"]),
    ("host", &["base", "boot"]),
    ("plan", &["base", "diag", "front::model", "disk::layout", "rootfs::tree"]),
    ("emit", &["base", "diag", "front::model", "disk::layout"]),
    ("proof", &["base", "diag", "front::model", "rootfs", "fs", "host"]),
    (
        "exec",
        &[
            "plan",
            "emit",
            "proof",
            "engine",
            "rootfs",
            "fs",
            "disk",
            "boot",
            "host",
            "base",
            "diag",
            "front::model",
        ],
    ),
    ("report", &["base", "diag"]),
    (
        "cli",
        &[
            "base", "diag", "front", "engine", "rootfs", "fs", "disk", "boot", "host", "plan", "emit",
            "proof", "exec", "report",
        ],
    ),
];

/// A crate and the one place that may name it.
const HOMES: &[(&str, &str)] = &[
    ("bollard::", "engine/docker"),
    ("h2::", "engine/docker/session"),
    ("http::", "engine/docker/session"),
    ("petgraph::", "plan/graph"),
    ("minijinja::", "emit"),
    ("mbrman::", "disk/mbr"),
    ("gptman::", "disk/gpt"),
    ("bzip2::", "rootfs/compression"),
    ("flate2::", "rootfs/compression"),
    ("lz4_flex::", "rootfs/compression"),
    ("lzma_rust2::", "rootfs/compression"),
    ("zstd::", "rootfs/compression"),
    ("miette::", "diag"),
    ("indicatif::", "report/human"),
    ("gen_lsp_types::", "cli/lsp"),
    ("lsp_server::", "cli/lsp"),
    ("Command::new(", "host/command"),
];

/// The rooms that may touch the clock, the environment, a process, the network or the terminal. All others give the same
/// answer to the same values, on any machine at any time.
const OUTWARD: &[&str] = &["exec", "engine", "proof", "host", "report", "cli"];

/// The names by which code touches them.
const TOUCHES: &[&str] = &[
    "SystemTime::now",
    "Instant",
    "std::env::",
    "env::var",
    "std::process",
    "std::net",
    "tokio",
    "thread::sleep",
    "rustix::process",
    "rustix::termios",
    "new_v4",
    "stdin()",
    "stdout()",
    "stderr()",
    "print!(",
    "println!(",
    "dbg!(",
];

/// What has another order in each run, and the one place where that cannot be seen: it only looks keys up.
const UNORDERED: &[(&str, &str)] = &[("HashMap", "rootfs/outline"), ("HashSet", "rootfs/outline")];

fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(dir: &Path, out: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(dir).expect("src is readable") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.insert(path.clone(), fs::read_to_string(&path).expect("a source file is UTF-8"));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut out = BTreeMap::new();
    walk(&root, &mut out);
    out.into_iter().map(|(p, t)| (p.strip_prefix(&root).expect("under src").to_path_buf(), t)).collect()
}

/// Code without line comments.
fn code(text: &str) -> String {
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Code without line comments and without the tests at its end.
fn shipped(text: &str) -> String {
    let end = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    code(&text[..end])
}

fn room(path: &Path) -> String {
    path.components().next().expect("a component").as_os_str().to_string_lossy().to_string()
}

/// The paths after each `crate::`, a group `crate::{a, b::c}` taken apart, two components deep.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut item = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.push(std::mem::take(&mut item).trim().to_string());
                        continue;
                    }
                    _ => {}
                }
                item.push(c);
            }
            if !item.trim().is_empty() {
                found.push(item.trim().to_string());
            }
        } else {
            let end =
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
            found.push(rest[..end].to_string());
        }
    }
    found
}

#[test]
fn no_room_imports_what_the_table_lacks() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room(&path);
        if room == "main.rs" || room == "lib.rs" {
            continue;
        }
        let allowed = ALLOWED
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("src/{} is in no room of the table", path.display()))
            .1;
        for import in imports(&code(&text)) {
            let target = import.split("::").next().expect("a first component").trim();
            if target == room {
                continue;
            }
            let fits = allowed.iter().any(|a| {
                import == *a
                    || import.starts_with(&format!("{a}::"))
                    || (a.contains("::") && {
                        // `crate::front::{model, …}` names the module in a group
                        let (outer, inner) = a.split_once("::").expect("has a separator");
                        import.replace(' ', "") == format!("{outer}::{{{inner}}}")
                    })
            });
            if !fits {
                wrong.push(format!("src/{}: crate::{import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that docs/architecture.md does not allow:\n{}", wrong.join("\n"));
}

/// Rows of the table under a heading of `docs/architecture.md`, cells trimmed.
fn documented(heading: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let text = fs::read_to_string(path).expect("the page is readable");
    let (_, section) = text.split_once(heading).expect("the page has the heading");
    let table = section.lines().skip_while(|l| !l.starts_with('|')).take_while(|l| l.starts_with('|'));
    table
        .skip(2)
        .map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect())
        .collect()
}

#[test]
fn the_page_has_the_same_tables() {
    let rooms: Vec<Vec<String>> = ALLOWED
        .iter()
        .map(|(room, allowed)| {
            let allowed = if allowed.is_empty() { "nothing".to_string() } else { allowed.join(", ") };
            vec![room.to_string(), allowed]
        })
        .collect();
    assert_eq!(documented("## Who may import whom"), rooms);
    let homes: Vec<String> = HOMES.iter().map(|(_, home)| format!("`{home}`")).collect();
    let shown: Vec<String> =
        documented("each third-party API").into_iter().map(|row| row[1].clone()).collect();
    assert_eq!(shown, homes);
}

#[test]
fn each_third_party_api_lives_in_one_place() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let place = path.display().to_string();
        for (api, home) in HOMES {
            if !place.starts_with(home) && code(&text).contains(api) {
                wrong.push(format!("src/{place} names {api} which belongs to src/{home}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn inner_rooms_touch_nothing_outside() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room(&path);
        if room == "main.rs" || OUTWARD.contains(&room.as_str()) {
            continue;
        }
        for touch in TOUCHES.iter().filter(|t| shipped(&text).contains(*t)) {
            wrong.push(format!("src/{}: {touch}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "outside {}:\n{}", OUTWARD.join(", "), wrong.join("\n"));
}

#[test]
fn variables_are_read_in_one_place() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !path.starts_with("cli/environment.rs") && shipped(&text).contains("env::var") {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "only cli/environment.rs reads variables:\n{}", wrong.join("\n"));
}

#[test]
fn nothing_comes_out_in_an_order_of_chance() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let place = path.display().to_string();
        for (name, home) in UNORDERED {
            if !place.starts_with(home) && shipped(&text).contains(name) {
                wrong.push(format!("src/{place}: {name}; a BTreeMap or BTreeSet has one order"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_ships_is_told_from_tests() {
    let text = "fn a() {}\n// tokio\n\n#[cfg(test)]\nmod tests {\n    use tokio;\n}\n";
    assert_eq!(shipped(text), "fn a() {}");
    assert!(shipped("#[cfg(test)]\nmod script;\nuse tokio;").contains("tokio"));
}

#[test]
fn the_reader_of_imports_reads() {
    assert_eq!(imports("use crate::{base::Bytes, diag};"), ["base::Bytes", "diag"]);
    assert_eq!(imports("use crate::front::model::Slot;"), ["front::model::Slot"]);
    assert_eq!(imports("crate::exec::run()"), ["exec::run"]);
}
