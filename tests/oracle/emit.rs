//! The generated Dockerfile in the eyes of sh and shellcheck.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use osimg::diag::{Span, Spanned};
use osimg::emit::dockerfile::{Concern, dockerfile};
use osimg::emit::shell;
use osimg::front::model::{
    Distro, Dracut, Filesystem, FilesystemKind, Kernel, Slot, SlotSize, Systemd, User,
};
use proptest::prelude::*;

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

/// A slot that asks for every concern, each value with what a shell would trip over.
fn slot(version: Option<&str>) -> Slot {
    let odd = |words: &[&str]| words.iter().map(|w| w.to_string()).collect::<Vec<String>>();
    Slot {
        name: spanned("a".parse().expect("name")),
        title: "A".to_string(),
        dockerfile: spanned("a/Dockerfile".into()),
        context: spanned("a".into()),
        build_args: BTreeMap::new(),
        target: None,
        from: Vec::new(),
        distro: None,
        size: spanned(SlotSize::Equal),
        filesystem: spanned(Filesystem { kind: FilesystemKind::Xfs }),
        kernel: Kernel {
            version: version.map(|v| spanned(v.to_string())),
            args: Vec::new(),
            span: Span::default(),
        },
        dracut: spanned(Dracut {
            drivers: odd(&["virtio_blk", "=drivers/net"]),
            filesystems: odd(&["xfs"]),
            omit_drivers: odd(&["^a.*'b"]),
        }),
        systemd: spanned(Systemd {
            default_target: Some("it's a.target".to_string()),
            unmask: odd(&["getty.target", "a\\x2db.mount"]),
            enable: odd(&["$(reboot).service"]),
            disable: odd(&["a b.service"]),
            mask: odd(&["x;y.service"]),
        }),
        packages: spanned(odd(&["g++", "`id`"])),
        hostname: "a".to_string(),
        users: spanned(vec![User {
            name: "o'hara".to_string(),
            password_hash: Some("$6$a$b".to_string()),
            ssh_keys: odd(&["ssh-ed25519 AAAA"]),
            groups: odd(&["a", "b c"]),
            shell: Some("/bin/my shell".to_string()),
        }]),
        files: spanned(Vec::new()),
        span: Span::default(),
    }
}

/// The scripts of the `RUN` lines, read as a Dockerfile's parser reads them: a backslash at a line's end joins it to
/// the next.
fn scripts(dockerfile: &str) -> Vec<String> {
    let joined = dockerfile.replace("\\\n", "");
    joined.lines().filter_map(|l| l.strip_prefix("RUN ")).map(str::to_string).collect()
}

/// Exit status and output of a program fed with `input`.
fn run(program: &str, args: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("the program reads its input");
    let out = child.wait_with_output().expect("the program ends");
    let text = [out.stdout, out.stderr].map(|b| String::from_utf8_lossy(&b).into_owned()).concat();
    (out.status.success(), text)
}

#[test]
fn shellcheck_finds_nothing_in_any_family() {
    for distro in Distro::ALL {
        for version in [None, Some("6.1.0-13-amd64"), Some("1 2")] {
            let made = dockerfile(&slot(version), distro, "osimg/x:0").expect("renders");
            let scripts = scripts(&made.text);
            assert_eq!(scripts.len(), made.fragments.len(), "one RUN a fragment");
            for script in scripts {
                // SC2016: single quotes are meant; SC2043, SC2066: a list may have one word
                let args = ["--shell=dash", "--exclude=SC2016,SC2043,SC2066", "-"];
                let (fine, text) = run("shellcheck", &args, &script);
                assert!(fine, "{distro:?} {version:?}: {script}\n{text}");
            }
        }
    }
}

#[test]
fn every_shell_parses_every_fragment() {
    for shell in ["dash", "bash"] {
        for distro in Distro::ALL {
            let made = dockerfile(&slot(None), distro, "osimg/x:0").expect("renders");
            for script in scripts(&made.text) {
                let (fine, text) = run(shell, &["-n"], &script);
                assert!(fine, "{shell}: {script}\n{text}");
            }
        }
    }
}

/// Runs the script of a fragment, its fixed folders moved under `root`.
fn run_fragment(made: &osimg::emit::Generated, concern: Concern, root: &std::path::Path) -> (bool, String) {
    let at = made.fragments.iter().position(|f| f.concern == concern).expect("the fragment is there");
    let script = scripts(&made.text)[at].replace("/etc/", &format!("{}/etc/", root.display()));
    run("dash", &["-s"], &script)
}

#[test]
fn dracuts_configuration_means_what_the_manifest_says() {
    let root = tempfile::tempdir().expect("folder");
    let made = dockerfile(&slot(None), Distro::Debian, "osimg/x:0").expect("renders");
    let (fine, text) = run_fragment(&made, Concern::DracutConfiguration, root.path());
    assert!(fine, "{text}");
    let file = root.path().join("etc/dracut.conf.d/90-osimg.conf");
    // dracut sources it with bash
    let script = format!(
        "set -eu; add_drivers=; filesystems=; omit_drivers=; . {}; \
         printf '%s|' \"$hostonly\" \"$add_drivers\" \"$filesystems\" \"$omit_drivers\"",
        file.display()
    );
    let (fine, text) = run("bash", &["-s"], &script);
    assert!(fine, "{text}");
    assert_eq!(text, "no| virtio_blk =drivers/net xfs | xfs | ^a.*'b |");
}

#[test]
fn unmask_takes_masks_of_every_kind() {
    let root = tempfile::tempdir().expect("folder");
    let folders = ["etc/systemd/system", "usr/lib/systemd/system"].map(|f| root.path().join(f));
    for folder in &folders {
        std::fs::create_dir_all(folder).expect("folder");
        std::os::unix::fs::symlink("/dev/null", folder.join("getty.target")).expect("link");
        std::fs::write(folder.join("other.service"), "[Unit]\n").expect("file");
    }
    std::fs::write(folders[1].join("a\\x2db.mount"), "").expect("an empty unit file is a mask too");
    let made = dockerfile(&slot(None), Distro::El7, "osimg/x:0").expect("renders");
    let at = made.fragments.iter().position(|f| f.concern == Concern::Units).expect("the fragment is there");
    let script = scripts(&made.text)[at]
        .replace("\"/etc/", &format!("\"{}/etc/", root.path().display()))
        .replace("\"/usr/", &format!("\"{}/usr/", root.path().display()))
        .replace("\"/lib/", &format!("\"{}/lib/", root.path().display()));
    // systemctl itself is not on trial here
    let (fine, text) = run("dash", &["-s"], &format!("systemctl() {{ printf '%s,' \"$@\"; }}; {script}"));
    assert!(fine, "{text}");
    assert_eq!(
        text,
        "unmask,getty.target,a\\x2db.mount,disable,a b.service,enable,$(reboot).service,mask,x;y.service,"
    );
    for folder in &folders {
        let left: Vec<_> =
            std::fs::read_dir(folder).expect("folder").map(|e| e.expect("entry").file_name()).collect();
        assert_eq!(left, ["other.service"], "{}", folder.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn sh_reads_back_what_was_quoted(text in any::<String>().prop_filter("no NUL in an argument", |t| !t.contains('\0'))) {
        let (fine, out) = run("sh", &["-s"], &format!("printf '%s' {}", shell::quote(&text)));
        prop_assert!(fine);
        prop_assert_eq!(out, text);
    }

    #[test]
    fn a_word_stays_one_word_in_a_dockerfile(words in prop::collection::vec("[ -~]{0,12}", 1..5)) {
        let line = format!("RUN printf '%s\\n' {} \\\n  end\n", shell::words(&words));
        let (fine, out) = run("sh", &["-s"], &scripts(&line)[0]);
        prop_assert!(fine);
        prop_assert_eq!(out, words.iter().map(|w| format!("{w}\n")).collect::<String>() + "end\n");
    }
}
