//! The generated Dockerfile in the eyes of sh and shellcheck.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use osimg::base::shell;
use osimg::diag::{Span, Spanned};
use osimg::emit::dockerfile::{Concern, dockerfile};
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
        filesystem: spanned(Filesystem::of(FilesystemKind::Xfs)),
        kexec: true,
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
        places: Default::default(),
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
        for version in [None, Some("6.1.0-13-amd64"), Some("5.14.0-427.el9.x86_64")] {
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

/// The script of a fragment, the folders it works in moved under `root`.
fn moved(distro: Distro, concern: Concern, root: &Path) -> String {
    let made = dockerfile(&slot(None), distro, "osimg/x:0").expect("renders");
    let at = made.fragments.iter().position(|f| f.concern == concern).expect("the fragment is there");
    let mut script = scripts(&made.text)[at].clone();
    for folder in ["/etc/", "/boot/", "/usr/lib/", "/lib/"] {
        for before in [" ", "\"", ">", "="] {
            script =
                script.replace(&format!("{before}{folder}"), &format!("{before}{}{folder}", root.display()));
        }
    }
    script
}

#[test]
fn dracuts_configuration_means_what_the_manifest_says() {
    let root = tempfile::tempdir().expect("folder");
    let (fine, text) =
        run("dash", &["-s"], &moved(Distro::Debian, Concern::DracutConfiguration, root.path()));
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
    let script = moved(Distro::El7, Concern::Units, root.path());
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

/// What the initramfs fragment does in a tree of `files`, in the order of their age, with a dracut that only tells its
/// arguments.
fn initramfs(distro: Distro, files: &[&str]) -> String {
    let root = tempfile::tempdir().expect("folder");
    for (age, file) in files.iter().enumerate() {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(&path, if file.contains("foreign") { "" } else { "dracut" }).expect("file");
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000 + age as u64);
        let file = std::fs::File::options().write(true).open(&path).expect("file");
        file.set_modified(time).expect("time");
    }
    let script = format!(
        "lsinitrd() {{ cat \"$1\"; }}; depmod() {{ echo \"depmod $*\"; }}; dracut() {{ for last; do :; done; echo \"dracut $3 $last\"; }}; {}",
        moved(distro, Concern::Initramfs, root.path())
    );
    let (fine, text) = run("dash", &["-s"], &script);
    assert!(fine, "{text}");
    text.replace(&root.path().display().to_string(), "")
}

const CONFIGURATION: &str = "etc/dracut.conf.d/90-osimg.conf";

#[test]
fn dracut_runs_where_the_hook_did_not() {
    let debian = ["lib/modules/6.1/modules.dep", "boot/vmlinuz-6.1", CONFIGURATION, "boot/initrd.img-6.1"];
    assert_eq!(initramfs(Distro::Debian, &debian), "osimg: the kernel package made /boot/initrd.img-6.1\n");
    // the user's Dockerfile had made it before the configuration was there
    let before = ["lib/modules/6.1/modules.dep", "boot/vmlinuz-6.1", "boot/initrd.img-6.1", CONFIGURATION];
    assert_eq!(
        initramfs(Distro::Debian, &before),
        "osimg: dracut makes /boot/initrd.img-6.1\ndracut 6.1 /boot/initrd.img-6.1\n"
    );
    // no hook: each family's own place, and module dependencies
    let none = ["lib/modules/6.1/vmlinuz", CONFIGURATION];
    assert_eq!(
        initramfs(Distro::Ubuntu, &none),
        "depmod 6.1\nosimg: dracut makes /boot/initrd.img-6.1\ndracut 6.1 /boot/initrd.img-6.1\n"
    );
    assert!(initramfs(Distro::El9, &none).ends_with("\ndracut 6.1 /boot/initramfs-6.1.img\n"));
}

#[test]
fn kernel_installs_layout_is_known() {
    let made =
        ["lib/modules/4.18/modules.dep", CONFIGURATION, "boot/a09b/4.18/linux", "boot/a09b/4.18/initrd"];
    assert_eq!(initramfs(Distro::El8, &made), "osimg: the kernel package made /boot/a09b/4.18/initrd\n");
    let bare = ["lib/modules/4.18/modules.dep", CONFIGURATION, "boot/a09b/4.18/linux"];
    assert!(initramfs(Distro::El8, &bare).ends_with("\ndracut 4.18 /boot/a09b/4.18/initrd\n"));
}

#[test]
fn an_initramfs_of_another_program_is_made_anew() {
    // its name tells the test's lsinitrd that dracut did not make it
    let files =
        ["lib/modules/foreign/modules.dep", "boot/vmlinuz-foreign", CONFIGURATION, "boot/initrd.img-foreign"];
    assert!(initramfs(Distro::Debian, &files).ends_with("\ndracut foreign /boot/initrd.img-foreign\n"));
}

#[test]
fn modules_without_a_kernel_are_passed_over() {
    assert_eq!(initramfs(Distro::El7, &["lib/modules/3.10/weak-updates/x.ko", CONFIGURATION]), "");
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
