//! `osimg inspect-slot`: a tree by itself, what is told of it to people and to programs, and wrong usage.

use serde_json::Value;

use crate::harness::{Place, Ran};
use crate::specimen::Tree;

const VERSION: &str = "6.1.0-28-amd64";

fn ran(tree: &Tree, arguments: &[&str]) -> Ran {
    let place = Place::new();
    std::fs::write(place.path().join("tree.tar"), tree.pack()).expect("written");
    place.run(&[&["inspect-slot", "--tar", "tree.tar"], arguments].concat())
}

fn changed(lines: &[&str]) -> Tree {
    let mut tree = Tree::debian(VERSION);
    lines.iter().for_each(|line| tree.change(line));
    tree
}

#[test]
fn a_tree_that_boots_is_told_of() {
    let ran = ran(&Tree::debian(VERSION), &["--quiet"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
    let ran = self::ran(&Tree::debian(VERSION), &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn findings_come_beside_it_and_errors_fail() {
    let tree =
        changed(&["/etc/systemd/system/getty.target -> /dev/null", "/usr/bin/sudo 755", "/.dockerenv"]);
    let ran = ran(&tree, &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("prompt on     none\n"), "{}", ran.out);
    for code in ["osimg::unit::getty", "osimg::tree::privilege", "osimg::tree::container"] {
        assert!(ran.err.contains(code), "no {code}: {}", ran.err);
    }
    let warned = self::ran(&changed(&["/usr/bin/sudo 755"]), &[]);
    assert_eq!(warned.code, Some(0), "{}", warned.err);
    assert!(warned.err.contains("osimg::tree::privilege"));
    let denied = self::ran(&changed(&["/usr/bin/sudo 755"]), &["--deny", "warnings"]);
    assert_eq!(denied.code, Some(1), "{}", denied.err);
}

#[test]
fn programs_get_objects() {
    let tree = changed(&["- /usr/sbin/init", "/usr/bin/sudo 755"]);
    let ran = ran(&tree, &["--message-format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let lines: Vec<Value> = ran.out.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let events: Vec<&str> = lines.iter().filter_map(|l| l["event"].as_str()).collect();
    assert_eq!(events, ["slot", "diagnostic", "diagnostic", "inspected"]);
    assert_eq!(lines[0]["kernel"]["version"], VERSION);
    assert_eq!(lines[0]["kernel"]["why"], "only");
    assert_eq!(lines[0]["init"], "missing");
    assert_eq!(lines[0]["logins"][0]["user"], "root");
    assert_eq!((&lines[3]["errors"], &lines[3]["warnings"]), (&Value::from(1), &Value::from(1)));
}

#[test]
fn a_tree_comes_through_a_pipe_and_packed() {
    let place = Place::new();
    std::fs::write(place.path().join("tree.tar"), Tree::debian(VERSION).pack()).expect("written");
    let script = "gzip -c tree.tar | \"$0\" inspect-slot --tar -";
    let out = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_osimg")])
        .current_dir(place.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .expect("sh starts");
    let told = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && told.contains(VERSION), "{told}{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn wrong_usage_says_what_is_meant() {
    let place = Place::new();
    place.file("Dockerfile", "FROM debian\n");
    place.file("m.yaml", "version: 1\nname: m\nslots: [{name: one, dockerfile: Dockerfile}]\n");
    for (arguments, code, words) in [
        (&["inspect-slot"][..], 2, "MANIFEST"),
        (&["inspect-slot", "m.yaml", "on"], 2, "did you mean `one`?"),
        (&["inspect-slot", "m.yaml", "--tar", "t"], 2, "cannot be used with"),
        (&["inspect-slot", "--tar", "nothing.tar"], 2, "`nothing.tar` cannot be opened"),
        (&["inspect-slot", "--tar", "m.yaml"], 1, "cannot be read as a tar archive"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
}
