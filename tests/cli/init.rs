//! `osimg init`: what it writes is valid, whole, and takes the place of nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Place, Ran, finish};
use crate::terminal::Terminal;

/// Every file below a place, by its path in it.
fn files(place: &Place) -> Vec<String> {
    fn walk(folder: &std::path::Path, prefix: &str, out: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("readable") {
            let entry = entry.expect("an entry");
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match entry.file_type().expect("a type").is_dir() {
                true => walk(&entry.path(), &format!("{name}/"), out),
                false => out.push(name),
            }
        }
    }
    let mut out = Vec::new();
    walk(place.path(), "", &mut out);
    out.sort();
    out
}

fn succeeds(ran: &Ran) {
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
}

#[test]
fn every_system_passes_check_without_a_warning() {
    for system in ["debian", "debian:bookworm", "ubuntu", "el7", "el8", "el9:9.4", "fedora"] {
        let place = Place::new();
        let ran = place.run(&["init", "new/disk", "--slot", &format!("one={system}"), "--slot", "debian:12"]);
        succeeds(&ran);
        assert!(ran.out.contains("Next: osimg apply new/disk/disk.osimg.yaml"), "{}", ran.out);
        let written = ["bookworm/Dockerfile", "disk.osimg.yaml", "one/Dockerfile", "osimg.schema.json"];
        assert_eq!(files(&place), written.map(|f| format!("new/disk/{f}")));
        let checked = place.run(&["check", "new/disk/disk.osimg.yaml"]);
        succeeds(&checked);
        assert!(checked.out.contains("2 slots for one, bookworm"), "{}", checked.out);
    }
}

#[test]
fn the_first_line_leads_editors_to_the_schema() {
    let place = Place::new();
    succeeds(&place.run(&["init", "--name", "web", "--slot", "el9"]));
    let manifest = fs::read_to_string(place.path().join("web.osimg.yaml")).expect("written");
    assert!(manifest.starts_with("# yaml-language-server: $schema=osimg.schema.json\n"), "{manifest}");
    let schema = fs::read_to_string(place.path().join("osimg.schema.json")).expect("written");
    assert_eq!(schema, place.run(&["schema"]).out);
    let mode = fs::metadata(place.path().join("web.osimg.yaml")).expect("there").permissions().mode();
    assert_eq!(mode & 0o600, 0o600);

    let place = Place::new();
    succeeds(&place.run(&["init", "--name", "web", "--slot", "el9", "--no-schema"]));
    assert_eq!(files(&place), ["el9/Dockerfile", "web.osimg.yaml"]);
    let manifest = fs::read_to_string(place.path().join("web.osimg.yaml")).expect("written");
    assert!(!manifest.contains("schema"), "{manifest}");
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new();
    place.file("web.osimg.yaml", "mine\n");
    place.file("osimg.schema.json", "mine too\n");
    let before = files(&place);
    let ran = place.run(&["init", "--name", "web", "--slot", "debian"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert_eq!(
        ran.err.lines().next(),
        Some("error: `web.osimg.yaml`, `osimg.schema.json` are there already"),
        "{}",
        ran.err
    );
    assert_eq!(files(&place), before);
    assert_eq!(fs::read_to_string(place.path().join("web.osimg.yaml")).expect("there"), "mine\n");
}

#[test]
fn a_second_manifest_shares_the_schema() {
    let place = Place::new();
    succeeds(&place.run(&["init", "--name", "one", "--slot", "el8"]));
    succeeds(&place.run(&["init", "--name", "two", "--slot", "el9"]));
    assert_eq!(files(&place).len(), 5);
}

#[test]
fn a_folder_that_cannot_be_written_gets_nothing() {
    let place = Place::new();
    place.file("blocked", "a file\n");
    let ran = place.run(&["init", "--name", "web", "--slot", "blocked=debian"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("error: `blocked/Dockerfile` cannot be written\n"), "{}", ran.err);
    assert_eq!(files(&place), ["blocked"]);
}

#[test]
fn words_that_are_wrong_suggest() {
    for (words, hint) in [
        (&["--slot", "debain"][..], "did you mean `debian`?"),
        (&["--slot", "bookworm:debian"], "did you mean `debian:bookworm`?"),
        (&["--slot", "Web=debian"], "the slot's name `Web`"),
        (&["--size", "8G"], "such as `8GiB`"),
        (&["--from-image", "sha256:00"], "tag it"),
        (&["--slot", "debian", "--slot", "debian"], "two slots would be called `trixie`"),
        (&["--slot", "debian", "--size", "1MiB"], "osimg::size::"),
    ] {
        let place = Place::new();
        let ran = place.run(&[&["init"], words].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{words:?}");
        assert!(ran.err.contains(hint), "{words:?}: {}", ran.err);
        assert!(files(&place).is_empty(), "{words:?}");
    }
}

#[test]
fn without_a_terminal_it_asks_nothing() {
    let place = Place::new();
    let ran = place.run(&["init"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("osimg init --slot debian:trixie"), "{}", ran.err);
    assert!(files(&place).is_empty());
}

#[test]
fn the_dialogue_fills_what_no_flag_said() {
    let place = Place::new();
    let mut terminal = Terminal::start(place.command(&["init", "web"]), 80);
    terminal.answer("Name of the image [web]: ", "");
    terminal.answer("Which [debian:trixie]: ", "bookwrm");
    terminal.answer("Which [debian:trixie]: ", "old=debian:12 el9");
    terminal.answer("Size of the disk [auto]: ", "8GiB");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Next: osimg apply web/web.osimg.yaml"), "{text}");
    let manifest = fs::read_to_string(place.path().join("web/web.osimg.yaml")).expect("written");
    assert!(manifest.contains("size: 8GiB") && manifest.contains("default: old"), "{manifest}");
    succeeds(&place.run(&["check", "web/web.osimg.yaml"]));
}

#[test]
fn the_end_of_input_writes_nothing() {
    let place = Place::new();
    let mut terminal = Terminal::start(place.command(&["init", "--name", "web", "--size", "auto"]), 80);
    terminal.answer("Which [debian:trixie]: ", "nonsense");
    terminal.press(b"\x04");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(130), "{text}");
    assert!(files(&place).is_empty());
}

#[test]
fn an_interrupted_dialogue_writes_nothing() {
    let place = Place::new();
    let mut terminal = Terminal::start(place.command(&["init", "web"]), 20);
    terminal.answer("Name of the image [web]: ", "");
    terminal.wait("Which [debian:trixie]: ");
    terminal.interrupt();
    let (code, text) = terminal.end();
    // no code of its own: the signal ends it, for which shells say 130
    assert_eq!(code, None, "{text}");
    assert!(files(&place).is_empty());
}

#[test]
fn an_engine_that_is_not_there_is_said_so() {
    let place = Place::new();
    let mut command = place.command(&["init", "--from-image", "mine:1"]);
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let ran = finish(command);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("no container engine answers"), "{}", ran.err);
    assert!(files(&place).is_empty());
}
