//! `osimg apply` through the binary and a real engine, and everything that can stop it: what the user is told, the exit
//! code, and that nothing is left behind.
//!
//! The slot is a pretended Debian: a busybox with scripts in place of apt-get, dracut and systemctl, so that a whole
//! run takes seconds. `tests/boot` has the real one.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use osimg::base::Digest;
use serde_json::Value;

use crate::stall::Stall;
use crate::way::{ALL, Lab, Way};
use crate::{base, raw};

/// What a run of ours may take to stop, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Stands where the image will stand, and must stay when there is none.
const BEFORE: &[u8] = b"the image before";

/// What the pretended apt-get does for a kernel.
const KERNEL: &str = r#"case "$*" in *linux-image*)
  mkdir -p /boot /lib/modules/6.1.0-9-amd64
  echo kernel >/boot/vmlinuz-6.1.0-9-amd64
  echo '# dracut' >/boot/initrd.img-6.1.0-9-amd64 ;;
esac"#;

/// What the rules on the built tree say of such a system, in one line.
const ALLOW: &str = "allow: [{code: osimg::kernel::image, reason: pretended}, {code: osimg::kernel::modules, reason: pretended}, \
    {code: osimg::initramfs::unreadable, reason: pretended}, {code: osimg::init::missing, reason: pretended}, \
    {code: osimg::login::nobody, reason: pretended}]";

/// A folder with a manifest of one slot, a cache and a place for the image; and the engine for it.
struct Shop {
    way: Way,
    lab: Lab,
    folder: tempfile::TempDir,
}

impl Shop {
    /// `lines` are the end of the slot's Dockerfile, `apt` is what apt-get does.
    async fn new(way: Way, test: &str, lines: &str, apt: &str) -> Shop {
        let lab = way.lab(&format!("apply-{test}")).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mark = &lab.mark;
        let sha256 = Digest::of(&fs::read(base::archive()).expect("the base"));
        let manifest = format!(
            "version: 1\nname: {mark}\n{ALLOW}\ndisk: {{path: out/disk.img, size: auto}}\nbases:\n  - name: {mark}-base\n    \
             archive: {}\n    sha256: {sha256}\nslots:\n  - name: a\n    dockerfile: a/Dockerfile\n    hostname: a\n    \
             distro: debian\n",
            base::archive().display()
        );
        fs::write(folder.path().join("m.yaml"), manifest).expect("written");
        let pretended = format!(
            "FROM {mark}-base\nENV OSIMG_TEST={mark}\nRUN /bin/busybox --install -s /bin\n\
             COPY pretended /bin/\n\
             RUN chmod -R 755 /bin; rm /etc/os-release; echo ID=debian >/etc/os-release; \
             echo root:x:0:0::/root:/bin/sh >/etc/passwd; echo root:x:0: >/etc/group\n{lines}\n"
        );
        for dir in ["a/pretended", "out", "cache"] {
            fs::create_dir_all(folder.path().join(dir)).expect("a folder");
        }
        let shop = Shop { way, lab, folder };
        shop.write("a/Dockerfile", &pretended);
        for (program, script) in
            [("apt-get", apt), ("lsinitrd", "cat \"$1\""), ("dracut", ""), ("systemctl", "")]
        {
            shop.write(&format!("a/pretended/{program}"), &format!("#!/bin/sh\n{script}\n"));
        }
        shop.write("out/disk.img", std::str::from_utf8(BEFORE).expect("text"));
        shop
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, host: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osimg"));
        command
            .args(["apply", "m.yaml", "--cache-dir", "cache"])
            .current_dir(self.folder.path())
            .env("DOCKER_HOST", host)
            .env_remove("DOCKER_BUILDKIT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if self.way == Way::Classic {
            command.env("DOCKER_BUILDKIT", "0");
        }
        command
    }

    fn host(&self) -> String {
        format!("unix://{}", self.lab.socket.display())
    }

    fn apply(&self) -> Output {
        self.command(&self.host()).output().expect("the binary starts")
    }

    /// Fails unless the run ended with `code`; gives what it told.
    fn ended(&self, out: &Output, code: i32) -> String {
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(code), "{:?}: {told}", self.way);
        told
    }

    /// Starts a run and interrupts it once `when` gives a sign that it is far enough.
    fn interrupted(&self, host: &str, when: impl FnOnce(&mut dyn BufRead) -> String) {
        self.interrupted_run(self.command(host), when);
    }

    fn interrupted_run(&self, mut command: Command, when: impl FnOnce(&mut dyn BufRead) -> String) {
        let mut child = command.arg("-v").spawn().expect("the binary starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut told = when(&mut stderr);
        let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
        assert!(killed.success());
        let start = Instant::now();
        stderr.read_to_string(&mut told).expect("text");
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(130), "{:?}: {told}", self.way);
        assert!(start.elapsed() < SOON, "{:?}: it took {:?}: {told}", self.way, start.elapsed());
    }

    /// Fails if a run that did not succeed left anything but what its finished parts are named: in the engine at most
    /// the images of `kept`, in the cache nothing half made, and the image of before under its name.
    async fn assert_clean(&self, kept: &[&str]) {
        assert_eq!(names(&self.path("out")), ["disk.img"], "{:?}", self.way);
        assert_eq!(fs::read(self.path("out/disk.img")).expect("the image"), BEFORE, "{:?}", self.way);
        assert_eq!(names(&self.path("cache/tmp")), [""; 0], "{:?}", self.way);
        let start = Instant::now();
        while !self.left(kept).is_empty() && start.elapsed() < SOON {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(self.left(kept), Vec::<String>::new(), "{:?}", self.way);
    }

    /// What of ours is in the engine beside the images that `kept` names and what they were made from.
    fn left(&self, kept: &[&str]) -> Vec<String> {
        let nameless =
            raw::list(&self.lab.socket, "/images/json?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D");
        let nameless: Vec<&str> = nameless.iter().filter_map(|i| i["Id"].as_str()).collect();
        let is_kept = |trace: &String| {
            let (kind, rest) = trace.split_once(' ').expect("a kind");
            let (id, tags) = rest.split_once(' ').expect("an id");
            let named = kept.iter().any(|k| tags.contains(&format!("{}{k}\"", self.lab.mark)));
            // the classic builder's cache is nameless images that others are made from
            kind == "images" && (named || (!tags.contains(':') && !nameless.contains(&id)))
        };
        self.lab.traces().into_iter().filter(|t| !is_kept(t)).collect()
    }

    /// Removes the images of finished parts, after which the engine is as before.
    async fn close(self) {
        let mark = &self.lab.mark;
        let tags =
            [format!("osimg/{mark}/a:slot"), format!("osimg/{mark}/a:image"), format!("{mark}-base:latest")];
        let start = Instant::now();
        for tag in &tags {
            // Podman runs an interrupted step to its end, and has a container on its image till then
            while let Err(error) = self.lab.engine.remove(tag).await {
                assert!(self.way == Way::Podman && start.elapsed() < SOON, "{:?}: {error}", self.way);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        while !self.lab.traces().is_empty() && start.elapsed() < SOON {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(self.lab.traces(), Vec::<String>::new(), "{:?}", self.way);
    }
}

const BASE: &str = "-base:latest";
const IMAGE: &str = "/a:image";
const SLOT: &str = "/a:slot";

fn names(folder: &Path) -> Vec<String> {
    // a run that stops early makes no folder
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Reads lines until one holds `text`.
fn until(lines: &mut dyn BufRead, text: &str) -> String {
    let mut told = String::new();
    while !told.lines().last().is_some_and(|l| l.contains(text)) {
        assert_ne!(lines.read_line(&mut told).expect("text"), 0, "the end before `{text}`: {told}");
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_run_and_then_nothing_to_do() {
    for way in ALL {
        let shop = Shop::new(way, "whole", "", KERNEL).await;
        let out = shop.apply();
        let told = shop.ended(&out, 0);
        let image = fs::read(shop.path("out/disk.img")).expect("the image");
        assert_eq!(&image[510..512], [0x55, 0xaa], "{way:?}: {told}");
        assert!(String::from_utf8_lossy(&out.stdout).contains("6.1.0-9-amd64"), "{way:?}");
        assert_eq!(names(&shop.path("cache/tmp")), [""; 0]);
        // the engine is not even asked
        let again = shop
            .command("unix:///nonexistent")
            .args(["--checksum", "--message-format", "json"])
            .output()
            .expect("it starts");
        shop.ended(&again, 0);
        let summary: Value = serde_json::from_slice(&again.stdout).expect("JSON");
        let ran = summary["ran"].as_object().expect("an object");
        assert_eq!(ran.keys().collect::<Vec<_>>(), ["checksum"], "{way:?}");
        let digest = Digest::of(&image).to_string();
        assert_eq!(summary["image"]["sha256"], digest);
        let line = fs::read_to_string(shop.path("out/disk.img.sha256")).expect("the checksum");
        assert_eq!(line, format!("{digest}  disk.img\n"));
        shop.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_build_shows_the_step_its_last_lines_and_the_manifests_words() {
    for way in ALL {
        let lines = "RUN for i in $(seq 30); do echo line $i; done; exit 7";
        let shop = Shop::new(way, "fail", lines, KERNEL).await;
        let told = shop.ended(&shop.apply(), 1);
        let (_, end) = told.split_once("line 11\n").unwrap_or_else(|| panic!("{way:?}: {told}"));
        assert!(end.contains("line 30") && !end.contains("line 10\n"), "{way:?}: {told}");
        for words in ["RUN for i in $(seq 30)", "exit code 7", "m.yaml:11:17", "this Dockerfile"] {
            assert!(end.contains(words), "{way:?}: no `{words}`: {told}");
        }
        shop.assert_clean(&[BASE]).await;
        shop.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fragment_is_blamed_on_what_asked_for_it() {
    let apt =
        r#"case "$*" in *no-such-tool*) echo "E: Unable to locate package no-such-tool"; exit 100 ;; esac"#;
    let shop = Shop::new(Way::BuildKit, "fragment", "", &format!("{apt}\n{KERNEL}")).await;
    let manifest = fs::read_to_string(shop.path("m.yaml")).expect("the manifest");
    shop.write("m.yaml", &format!("{manifest}    packages: [tool, no-such-tool]\n"));
    let told = shop.ended(&shop.apply(), 1);
    for words in
        ["E: Unable to locate package no-such-tool", "exit code 100", "m.yaml:14:", "packages asked for here"]
    {
        assert!(told.contains(words), "no `{words}`: {told}");
    }
    shop.assert_clean(&[BASE, IMAGE]).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_without_a_kernel_is_no_image() {
    let shop = Shop::new(Way::BuildKit, "kernel", "", "").await;
    let told = shop.ended(&shop.apply(), 1);
    for words in ["osimg::kernel::missing", "m.yaml:11:17"] {
        assert!(told.contains(words), "no `{words}`: {told}");
    }
    shop.assert_clean(&[BASE, IMAGE, SLOT]).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_cannot_boot_is_told_in_whole_before_a_filesystem_is_written() {
    let mask = "RUN mkdir -p /etc/systemd/system /usr/lib/systemd/system && \
        for u in multi-user getty; do echo [Unit] >/usr/lib/systemd/system/$u.target; done; \
        echo pretended >/usr/lib/systemd/systemd; \
        ln -s /dev/null /etc/systemd/system/getty.target";
    let shop = Shop::new(Way::BuildKit, "rules", mask, KERNEL).await;
    let manifest = fs::read_to_string(shop.path("m.yaml")).expect("the manifest");
    let strict = manifest.replace(ALLOW, "") + "    systemd: {unmask: []}\n";
    shop.write("m.yaml", &strict);
    let told = shop.ended(&shop.apply(), 1);
    // not of the modules: depmod makes their list where the initramfs is not newer than dracut's configuration, which two
    // files of one second are not for busybox
    for code in [
        "kernel::image",
        "initramfs::unreadable",
        "init::missing",
        "unit::default-target",
        "unit::getty",
        "login::nobody",
    ] {
        assert!(told.contains(&format!("osimg::{code}\n")), "no {code}: {told}");
    }
    shop.assert_clean(&[BASE, IMAGE, SLOT]).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_it_says_how_to_get_one() {
    let shop = Shop::new(Way::BuildKit, "none", "", KERNEL).await;
    let out = shop.command("unix:///nonexistent").output().expect("the binary starts");
    let told = shop.ended(&out, 1);
    assert!(told.contains("/nonexistent") && told.contains("help:"), "{told}");
    assert!(told.contains("DOCKER_HOST"), "{told}");
    shop.assert_clean(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_manifest_builds_nothing() {
    let shop = Shop::new(Way::BuildKit, "invalid", "", KERNEL).await;
    let manifest = fs::read_to_string(shop.path("m.yaml")).expect("the manifest");
    shop.write("m.yaml", &manifest.replace("hostname:", "hotsname:"));
    let told = shop.ended(&shop.apply(), 2);
    assert!(told.contains("m.yaml:12:5") && told.contains("did you mean `hostname`"), "{told}");
    shop.assert_clean(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_in_the_users_build_nothing_is_left() {
    for way in ALL {
        // the engine's own timeout for a step is not at hand: Podman runs it to its end
        let seconds = if way == Way::Podman { 6 } else { 60 };
        let lines = format!("RUN echo now it wa''its; sleep {seconds}");
        let shop = Shop::new(way, "sigint", &lines, KERNEL).await;
        shop.interrupted(&shop.host(), |stderr| until(stderr, "| now it waits"));
        shop.assert_clean(&[BASE]).await;
        shop.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_while_a_fragment_runs_nothing_is_left() {
    for way in ALL {
        let seconds = if way == Way::Podman { 6 } else { 60 };
        let shop = Shop::new(way, "sigintf", "", &format!("echo now it waits; sleep {seconds}")).await;
        shop.interrupted(&shop.host(), |stderr| until(stderr, "| now it waits"));
        shop.assert_clean(&[BASE, IMAGE]).await;
        shop.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_while_a_base_is_imported_nothing_is_left() {
    for way in ALL {
        let shop = Shop::new(way, "sigintb", "", KERNEL).await;
        let stall = Stall::up(&shop.lab.socket, 1 << 20);
        shop.interrupted(&stall.host(), |_| stall.wait());
        shop.assert_clean(&[]).await;
        shop.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_while_a_base_is_bootstrapped_nothing_is_left() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::new(Way::BuildKit, "sigintm", "", KERNEL).await;
    let manifest = fs::read_to_string(shop.path("m.yaml")).expect("the manifest");
    let (before, rest) = manifest.split_once("    archive: ").expect("a base");
    let after = rest.split_once("slots:").expect("slots").1;
    shop.write("m.yaml", &format!("{before}    bootstrap: {{suite: bookworm}}\nslots:{after}"));
    // its users are other ones than ours, and may look in here
    let temporary = shop.path("temporary");
    fs::create_dir(&temporary).expect("a folder");
    for folder in [shop.folder.path(), &temporary] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let mut command = shop.command(&shop.host());
    command.env("TMPDIR", &temporary);
    shop.interrupted_run(command, |stderr| {
        let told = until(stderr, "extracting archives");
        assert_ne!(names(&temporary), [""; 0], "mmdebstrap works elsewhere");
        told
    });
    assert_eq!(names(&temporary), [""; 0]);
    shop.assert_clean(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_while_a_tree_is_exported_nothing_is_left() {
    for way in ALL {
        let shop = Shop::new(way, "siginte", "", KERNEL).await;
        let stall = Stall::down(&shop.lab.socket, 1 << 20);
        shop.interrupted(&stall.host(), |_| stall.wait());
        shop.assert_clean(&[BASE, IMAGE, SLOT]).await;
        shop.close().await;
    }
}

/// A small filesystem of its own at a folder, for the time of a test.
struct Small(PathBuf);

impl Small {
    fn at(folder: PathBuf, size: &str) -> Small {
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "osimg-test"])
            .arg(&folder)
            .status();
        assert!(done.expect("mount").success(), "the tests run as root");
        Small(folder)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // a test that failed may still have it open
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_nothing_is_left() {
    let shop =
        Shop::new(Way::BuildKit, "full", "RUN dd if=/dev/urandom of=/payload bs=1M count=24", KERNEL).await;
    {
        let _small = Small::at(shop.path("cache"), "20m");
        let told = shop.ended(&shop.apply(), 1);
        assert!(told.contains("No space left on device"), "{told}");
        assert!(told.contains("exporting slot `a`"), "{told}");
        shop.assert_clean(&[BASE, IMAGE, SLOT]).await;
    }
    {
        let _small = Small::at(shop.path("out"), "20m");
        shop.write("out/disk.img", std::str::from_utf8(BEFORE).expect("text"));
        let told = shop.ended(&shop.apply(), 1);
        assert!(told.contains("the disk is full: the image takes"), "{told}");
        assert!(told.contains("writing ") && told.contains("out/disk.img"), "{told}");
        shop.assert_clean(&[BASE, IMAGE, SLOT]).await;
    }
    // with room, what was done before need not be done again
    let out = shop.command(&shop.host()).args(["--message-format", "json"]).output().expect("it starts");
    shop.ended(&out, 0);
    let summary: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(summary["ran"].as_object().expect("an object").keys().collect::<Vec<_>>(), ["assemble"]);
    shop.close().await;
}
