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
    let ran = osimg(&["check", "--message-format", "json", "nope.yaml"]);
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
    let end = "\n1 error\nfor more: osimg explain osimg::yaml::syntax\n";
    assert!(ran.err.ends_with(end), "a count: {}", ran.err);
}

/// A manifest with one error and one warning, and its Dockerfile.
fn mixed() -> Place {
    let place = Place::new();
    place.file("Dockerfile", "FROM debian:12\n");
    place.file(
        "m.yaml",
        "version: 1\nname: m\nbases:\n  - {name: idle, bootstrap: {suite: trixie}}\nslots:\n  - {name: a, \
         dockerfile: Dockerfile, taget: x}\n",
    );
    place
}

/// The same without its error.
fn warned() -> Place {
    let place = Place::new();
    place.file("Dockerfile", "FROM debian:12\n");
    place.file(
        "m.yaml",
        "version: 1\nname: m\nbases:\n  - {name: idle, bootstrap: {suite: trixie}}\nslots:\n  - {name: a, \
         dockerfile: Dockerfile}\n",
    );
    place
}

#[test]
fn a_report_in_json_is_lines_on_standard_output() {
    let ran = mixed().run(&["check", "--message-format", "json", "m.yaml"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), ""));
    insta::assert_snapshot!(ran.out);
    let ran = warned().run(&["check", "--message-format", "json", "m.yaml"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let lines: Vec<Value> = ran.out.lines().map(|l| serde_json::from_str(l).expect("an object")).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[1]["event"], &lines[1]["valid"]), (&"checked".into(), &true.into()));
}

#[test]
fn a_report_in_sarif_is_one_document_also_when_nothing_is_wrong() {
    let ran = mixed().run(&["check", "--message-format=sarif", "m.yaml"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), ""));
    let document: Value = serde_json::from_str(&ran.out).expect("one document");
    let results = document["runs"][0]["results"].as_array().expect("results");
    let told: Vec<_> = results.iter().map(|r| (r["ruleId"].as_str(), r["level"].as_str())).collect();
    assert_eq!(
        told,
        [(Some("osimg::base::unused"), Some("warning")), (Some("osimg::field::unknown"), Some("error"))]
    );
    assert_eq!(results[1]["fixes"][0]["description"]["text"], "write `target`");
    let place = Place::new();
    place.file("Dockerfile", "FROM debian:12\n");
    place.file("m.yaml", "version: 1\nname: m\nslots:\n  - {name: a, dockerfile: Dockerfile}\n");
    let ran = place.run(&["check", "--message-format=sarif", "m.yaml"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let document: Value = serde_json::from_str(&ran.out).expect("one document");
    assert_eq!(document["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn only_check_reports_as_sarif() {
    let ran = mixed().run(&["plan", "--message-format=sarif", "m.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.starts_with("error: only `osimg check` reports as SARIF\n"), "{}", ran.err);
}

#[test]
fn a_report_for_github_is_annotations() {
    let ran = mixed().run(&["check", "--message-format=github", "m.yaml"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), ""));
    insta::assert_snapshot!(ran.out);
}

#[test]
fn warnings_can_be_denied() {
    let ran = warned().run(&["check", "m.yaml"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.err.contains("⚠") && ran.err.contains("\n1 warning\n"), "{}", ran.err);
    let ran = warned().run(&["check", "--deny", "warnings", "m.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("×") && ran.err.contains("\n1 error\n"), "{}", ran.err);
    // whatever takes a manifest takes the flag
    let ran = warned().run(&["plan", "--deny=warnings", "m.yaml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
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
