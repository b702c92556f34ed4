//! `osimg boot`, as far as it goes without a machine to boot.

use crate::harness::{Place, osimg};

#[test]
fn an_image_that_is_not_there() {
    let ran = osimg(&["boot", "disk.img"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert_eq!(
        ran.err,
        "error: there is no image `disk.img`\n  help: name an image, or a manifest, whose name ends in .yaml or .yml\n"
    );
}

#[test]
fn a_manifest_whose_image_is_not_there_yet() {
    let place = Place::new();
    place.file("Dockerfile", "FROM debian\n");
    place.file("m.yaml", "version: 1\nname: m\nslots: [{name: a, dockerfile: Dockerfile}]\n");
    let ran = crate::harness::finish(place.command(&["boot", "m.yaml"]));
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
    assert!(ran.err.contains("osimg apply"), "{}", ran.err);
}

#[test]
fn a_manifest_that_is_not_there() {
    let ran = osimg(&["boot", "disk.yaml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.starts_with("error: there is no manifest `disk.yaml`\n"), "{}", ran.err);
}

#[test]
fn an_image_that_is_no_disk() {
    let place = Place::new();
    place.file("disk.img", "not a disk");
    let mut command = place.command(&["boot", "disk.img", "--slot", "a", "--wait-login"]);
    command.env("PATH", "/usr/bin:/bin");
    let ran = crate::harness::finish(command);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
    assert!(ran.err.starts_with("error: "), "{}", ran.err);
}

#[test]
fn a_time_limit_needs_something_to_wait_for() {
    let ran = osimg(&["boot", "disk.img", "--timeout", "5"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("--wait-login"), "{}", ran.err);
}
