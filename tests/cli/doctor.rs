//! `osimg doctor`, on a machine that seems to have nothing: no program is in PATH, and no engine answers.

use serde_json::Value;

use crate::harness::{Place, Ran, finish};

/// A folder of administrators' programs is always looked at, so that some may be found; an engine never is.
fn doctor(arguments: &[&str]) -> Ran {
    let place = Place::new();
    let mut command = place.command(&["doctor"]);
    command.args(arguments).env("PATH", "").env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    finish(command)
}

#[test]
fn an_empty_path_finds_nothing_and_fails() {
    let ran = doctor(&[]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""));
    let line = |subject: &str| {
        ran.out.lines().find(|l| l[l.find(' ').expect("a glyph")..].trim_start().starts_with(subject))
    };
    assert!(line("engine").expect("a line").starts_with('✗'), "{}", ran.out);
    assert!(line("mmdebstrap").expect("a line").starts_with('✗'), "{}", ran.out);
    assert!(line("QEMU").expect("a line").starts_with('!'), "{}", ran.out);
    assert!(!ran.out.contains("has all it needs"));
}

#[test]
fn json_has_the_same_findings() {
    let ran = doctor(&["--format", "json"]);
    assert_eq!(ran.code, Some(1));
    let told: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(told["ready"], false);
    let findings = told["findings"].as_array().expect("a list");
    let engine = findings.iter().find(|f| f["subject"] == "engine").expect("the engine");
    assert_eq!(engine["state"], "missing");
    for finding in findings {
        assert!(finding["detail"].is_string() && finding.get("fix").is_some(), "{finding}");
    }
}

#[test]
fn the_cache_s_folder_follows_the_flag_and_the_environment() {
    let cache = |arguments: &[&str], variable: Option<&str>| {
        let place = Place::new();
        let mut command = place.command(&["doctor", "--format", "json"]);
        command.args(arguments).env("PATH", "").env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        if let Some(value) = variable {
            command.env("OSIMG_CACHE_DIR", value);
        }
        let told: Value = serde_json::from_str(&finish(command).out).expect("JSON");
        let findings = told["findings"].as_array().expect("a list").clone();
        let cache = findings.into_iter().find(|f| f["subject"] == "cache").expect("the cache");
        cache["detail"].as_str().expect("text").to_string()
    };
    assert!(cache(&[], None).contains("/.cache/osimg"));
    assert!(cache(&[], Some("/tmp/from-variable")).starts_with("/tmp/from-variable"));
    assert!(cache(&["--cache-dir", "/tmp/from-flag"], Some("/tmp/x")).starts_with("/tmp/from-flag"));
}
