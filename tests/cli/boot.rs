//! `osimg boot`, as far as it goes without a machine to boot.

use crate::harness::{Place, osimg};

#[test]
fn an_image_that_is_not_there_yet() {
    let ran = osimg(&["boot", "disk.img"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert_eq!(ran.err, "error: there is no image at `disk.img` yet\n  help: `osimg apply` makes it\n");
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
