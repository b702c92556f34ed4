//! `osimg lsp` in Neovim: a second client, with habits of its own.

use std::process::Command;

use serde_json::{Value, json};

use crate::client::root;

const TEXT: &str = "\
version: 1
name: test
# ä😀 before the place
boot: {timeout: 5s, default: tow}
slots:
  - name: one
    dockerfile: one/Dockerfile
  - name: two
    dockerfile: one/Dockerfile
";

#[test]
fn finds_mends_explains_and_jumps() {
    let folder = tempfile::Builder::new().prefix("osimg").tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("one")).expect("a folder");
    std::fs::write(folder.path().join("one/Dockerfile"), "FROM debian\n").expect("a file");
    std::fs::write(folder.path().join("m.yaml"), TEXT).expect("a file");
    let script = root().join("tests/editor/neovim.lua");
    let ran = Command::new("nvim")
        .args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "m.yaml", "-c"])
        .arg(format!("luafile {}", script.display()))
        .current_dir(folder.path())
        .env("OSIMG", env!("CARGO_BIN_EXE_osimg"))
        .env("HOME", folder.path())
        .env("XDG_STATE_HOME", folder.path())
        .output()
        .expect("Neovim is installed: `scripts/test editor` sees to it");
    let out = String::from_utf8(ran.stdout).expect("UTF-8");
    let seen: Value = serde_json::from_str(&out)
        .unwrap_or_else(|e| panic!("{e}: {out}{}", String::from_utf8_lossy(&ran.stderr)));
    assert_eq!(seen["problem"], Value::Null, "{seen:#}");
    let line = TEXT.lines().nth(3).expect("the line");
    assert_eq!((&seen["lnum"], &seen["col"]), (&json!(3), &json!(line.find("tow").expect("the slip"))));
    assert_eq!(seen["code"], "osimg::boot::default-unknown");
    assert!(seen["message"].as_str().is_some_and(|m| m.starts_with("no slot is called `tow`")), "{seen:#}");
    assert_eq!(seen["action"], "write `two`");
    assert_eq!(seen["line"], line.replace("tow", "two"));
    assert!(seen["hover"].as_str().is_some_and(|h| h.starts_with("**`default`**")), "{seen:#}");
    assert_eq!(seen["definition"], "  - name: two");
}
