//! Mistakes on the command line: exit 2, a word about what was meant.

use crate::harness::{Place, finish, osimg};

#[test]
fn an_unknown_flag_suggests() {
    let ran = osimg(&["check", "--colour", "never", "m.yaml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("unexpected argument '--colour'"), "{}", ran.err);
    assert!(ran.err.contains("'--color'"), "{}", ran.err);
}

#[test]
fn an_unknown_command_suggests() {
    let ran = osimg(&["chekc"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("'check'"), "{}", ran.err);
}

#[test]
fn quiet_and_verbose_exclude_each_other() {
    let ran = osimg(&["schema", "-q", "-v"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("cannot be used with"), "{}", ran.err);
}

#[test]
fn no_job_at_all_is_refused() {
    let ran = osimg(&["--jobs", "0", "schema"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
}

#[test]
fn a_value_that_is_not_there_is_named_with_those_that_are() {
    let ran = osimg(&["schema", "--engine", "lxc"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("[possible values: auto, docker, podman]"), "{}", ran.err);
}

#[test]
fn flags_stand_before_and_after_the_command() {
    assert_eq!(
        osimg(&["--message-format", "json", "schema"]),
        osimg(&["schema", "--message-format", "json"])
    );
}

#[test]
fn a_wrong_value_suggests() {
    for (words, meant) in [
        (&["schema", "--engine", "dcoker"][..], "'docker'"),
        (&["schema", "--color", "alwys"], "'always'"),
        (&["plan", "m.yaml", "--format", "jsn"], "'json'"),
        (&["completions", "bsh"], "'bash'"),
        (&["boot", "m.img", "--firmware", "uef"], "'uefi'"),
    ] {
        let ran = osimg(words);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{words:?}");
        assert!(ran.err.contains(&format!("a similar value exists: {meant}")), "{words:?}: {}", ran.err);
    }
}

#[test]
fn an_unknown_slot_suggests() {
    let place = Place::new();
    place.file("Dockerfile", "FROM debian\n");
    let slots = "slots: [{name: bookworm, dockerfile: Dockerfile}, {name: trixie, dockerfile: Dockerfile}]\n";
    place.file("m.yaml", &format!("version: 1\nname: m\n{slots}"));
    for words in [&["plan", "m.yaml", "--refresh", "trixe"][..], &["boot", "m.yaml", "--slot", "trixe"]] {
        let mut command = place.command(words);
        command.env("PATH", "/usr/bin:/bin");
        let ran = finish(command);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{words:?}: {}", ran.err);
        assert!(ran.err.contains(" has no slot `trixe`\n"), "{words:?}: {}", ran.err);
        let help = "did you mean `trixie`? its slots are `bookworm` and `trixie`";
        assert!(ran.err.contains(help), "{words:?}: {}", ran.err);
    }
}
