//! `osimg check`.

use serde_json::Value;

use crate::harness::{Place, finish, osimg};

#[test]
fn a_missing_manifest_is_named() {
    let ran = osimg(&["check", "nope.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    insta::assert_snapshot!(ran.err, @r#"
    error: there is no manifest `nope.yaml`
      help: name the manifest's file, such as `osimg check examples/debian-dual.yaml`
    "#);
}

#[test]
fn a_folder_is_no_manifest() {
    let ran = osimg(&["check", "."]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.starts_with("error: `.` is a folder, not a manifest\n"), "{}", ran.err);
}

#[test]
fn a_file_below_a_file_is_not_there() {
    let place = Place::new();
    place.file("a", "");
    let ran = place.run(&["check", "a/b.yaml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("a/b.yaml"), "{}", ran.err);
}

#[test]
fn quiet_still_tells_errors() {
    let ran = osimg(&["check", "-q", "nope.yaml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("nope.yaml"));
}

#[test]
fn a_missing_manifest_as_json() {
    let ran = osimg(&["check", "--log-format", "json", "nope.yaml"]);
    assert_eq!(ran.code, Some(2));
    let told: Value = serde_json::from_str(&ran.err).expect("one object");
    assert_eq!(told["event"], "error");
    assert_eq!(told["message"], "there is no manifest `nope.yaml`");
}

#[test]
fn an_invalid_manifest_is_told_with_its_count() {
    let place = Place::new();
    place.file("m.yaml", "version: [\n");
    let ran = place.run(&["check", "m.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("osimg::"), "a code: {}", ran.err);
    assert!(ran.err.ends_with("\n1 error\n"), "a count: {}", ran.err);
}

#[test]
fn an_invalid_manifest_as_json() {
    let place = Place::new();
    place.file("m.yaml", "version: [\n");
    let ran = place.run(&["check", "--log-format", "json", "m.yaml"]);
    assert_eq!(ran.code, Some(2));
    for line in ran.err.lines() {
        let told: Value = serde_json::from_str(line).expect("an object");
        assert_eq!((told["event"].as_str(), told["severity"].as_str()), (Some("diagnostic"), Some("error")));
    }
    assert!(!ran.err.is_empty());
}

#[test]
fn an_endless_file_is_refused_and_not_read_to_its_end() {
    let mut command = Place::new().command(&["check", "/dev/zero"]);
    command.current_dir("/");
    let ran = finish(command);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
}

#[test]
fn a_valid_manifest_is_said_to_be_so() {
    let place = Place::new();
    place.file("Dockerfile", "FROM debian:12\n");
    place.file(
        "m.yaml",
        "version: 1\nname: m\ndisk: {size: 4GiB}\nslots:\n  - {name: a, dockerfile: Dockerfile, filesystem: {type: ext4}}\n",
    );
    let ran = place.run(&["check", "m.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "✓ m.yaml is valid: one slot for a\n"), "{}", ran.err);
    let ran = place.run(&["check", "-q", "m.yaml"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
}
