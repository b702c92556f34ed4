//! `osimg test`, as far as it goes without a machine to boot.

use crate::harness::{Place, Ran, finish};

fn place() -> Place {
    let place = Place::new();
    place.file("Dockerfile", "FROM debian\n");
    let manifest = |firmware: &str, consoles: &str| {
        format!(
            "version: 1\nname: m\ndisk: {{path: m.img}}\nboot: {{firmware: [{firmware}], consoles: [{consoles}]}}\n\
             slots: [{{name: alpha, dockerfile: Dockerfile}}, {{name: beta, dockerfile: Dockerfile}}]\n"
        )
    };
    place.file("m.yaml", &manifest("bios", "ttyS0"));
    place.file("mute.yaml", &manifest("bios", "tty0"));
    place.file("full.yaml", &manifest("bios", "ttyS0, ttyS1, ttyS2, ttyS3"));
    place.file(
        "one.yaml",
        "version: 1\nname: m\ndisk: {path: m.img}\nslots: [{name: alpha, dockerfile: Dockerfile}]\n",
    );
    place
}

fn test(place: &Place, arguments: &[&str]) -> Ran {
    finish(place.command(&[&["test"], arguments].concat()))
}

#[test]
fn an_image_that_is_not_there_yet() {
    let ran = test(&place(), &["m.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
    assert!(ran.err.starts_with("error: the image `"), "{}", ran.err);
    assert!(ran.err.contains("is not there yet\n  help: run `osimg apply m.yaml` first\n"), "{}", ran.err);
}

#[test]
fn words_that_do_not_fit_the_manifest() {
    let place = place();
    for (arguments, told) in [
        (&["m.yaml", "--slot", "alpa"][..], "did you mean `alpha`?"),
        (&["m.yaml", "--firmware", "uefi"], "add it to the manifest's `boot.firmware`"),
        (&["mute.yaml"], "`boot.consoles` has no `ttyS0`"),
        (&["m.yaml", "--user", "me"], "--password-file"),
        (&["m.yaml", "--until-login", "--password-file", "x"], "cannot be used with"),
        (&["m.yaml", "--keep"], "needs a terminal"),
        (&["none.yaml"], "there is no manifest"),
        (&["m.yaml", "--scenario", "hang"], "--switch"),
        (&["m.yaml", "--switch", "--no-kexec"], "cannot be used with"),
        (&["m.yaml", "--switch", "--slot", "alpa"], "did you mean `alpha`?"),
        (&["full.yaml", "--switch"], "names all four"),
    ] {
        let ran = test(&place, arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(told), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn a_scenario_that_there_is_not() {
    let ran = test(&place(), &["m.yaml", "--switch", "--scenario", "trail-hang"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
    assert!(ran.err.contains("there is no scenario `trail-hang`"), "{}", ran.err);
    assert!(ran.err.contains("did you mean `trial-hang`?"), "{}", ran.err);
}

#[test]
fn one_slot_alone_has_nowhere_to_go() {
    for arguments in [&["one.yaml", "--switch"][..], &["m.yaml", "--switch", "--slot", "alpha"]] {
        let ran = test(&place(), arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
        assert!(ran.err.contains("no slot to switch to beside `alpha`, the default"), "{}", ran.err);
    }
}

#[test]
fn an_image_that_is_no_disk() {
    let place = place();
    place.file("m.img", "not a disk");
    let ran = test(&place, &["m.yaml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("is no disk image with a boot partition"), "{}", ran.err);
    // nothing was begun
    assert!(!place.path().join("m.proof").exists());
}
