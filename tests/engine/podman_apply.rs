//! A real Debian through Podman, from manifest to image: packages, kernel, dracut, export, filesystem, disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use osimg::base::Digest;
use serde_json::Value;

use crate::way::Way;

/// A minimal bookworm, bootstrapped once and kept.
fn bookworm() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bookworm.tar");
    if !path.is_file() {
        let part = path.with_extension("tar.partial");
        let done = Command::new("mmdebstrap")
            .args(["--quiet", "--variant=minbase", "--format=tar", "bookworm"])
            .arg(&part)
            .stdin(Stdio::null())
            .status();
        assert!(done.expect("mmdebstrap").success());
        fs::rename(&part, &path).expect("renamed");
    }
    path
}

fn checked(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect(program);
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} {arguments:?}: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_makes_a_whole_image() {
    let archive = bookworm();
    let lab = Way::Podman.lab("debian").await;
    let (folder, mark) = (tempfile::tempdir().expect("a folder"), &lab.mark);
    let path = |name: &str| folder.path().join(name);
    let sha256 = Digest::of_reader(&mut fs::File::open(&archive).expect("the base")).expect("readable");
    let manifest = format!(
        "version: 1\nname: {mark}\ndisk: {{path: disk.img, size: auto}}\nbases:\n  - name: {mark}-base\n    archive: {}\n    \
         sha256: {sha256}\nslots:\n  - name: a\n    dockerfile: a/Dockerfile\n    hostname: a\n    users:\n      \
         - {{name: root, password_hash: \"$6$osimgexample$o1rdygQbraO9nIlS0oeFeQEKNuF5cxcUEkAZ63MIeE3HplZSAEquVqXTDBOsKr/IRhF7/2WREft1o.nxLygGx0\"}}\n",
        archive.display()
    );
    fs::write(path("m.yaml"), manifest).expect("written");
    fs::create_dir(path("a")).expect("a folder");
    let dockerfile = format!("FROM {mark}-base\nENV OSIMG_TEST={mark}\nRUN echo made by Podman >/etc/motd\n");
    fs::write(path("a/Dockerfile"), dockerfile).expect("written");
    let out = Command::new(env!("CARGO_BIN_EXE_osimg"))
        .args(["apply", "m.yaml", "--cache-dir", "cache", "--engine", "podman", "--message-format", "json"])
        .current_dir(folder.path())
        .env("DOCKER_HOST", format!("unix://{}", lab.socket.display()))
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));

    let summary: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let (slot, image) = (&summary["slots"][0], path("disk.img").display().to_string());
    let kernel = slot["kernel"].as_str().expect("a text");
    assert!(kernel.starts_with("6.1.0-") && kernel.ends_with("-amd64"), "{kernel}");
    let table = checked("sfdisk", &["--json", &image]);
    let table: Value = serde_json::from_str(&table).expect("JSON");
    let start = table["partitiontable"]["partitions"][1]["start"].as_u64().expect("the slot's partition");
    let system = format!("{image}?offset={}", start * 512);
    checked("e2fsck", &["-fn", &system]);
    let cat = |file: &str| checked("debugfs", &["-R", &format!("cat {file}"), &system]);
    assert!(cat("/etc/motd").contains("made by Podman"));
    assert!(cat("/etc/fstab").contains(slot["uuid"].as_str().expect("a text")));
    assert!(cat("/etc/shadow").contains("root:$6$osimgexample$"));
    let boot = checked("debugfs", &["-R", "ls /boot", &system]);
    for name in [format!("vmlinuz-{kernel}"), format!("initrd.img-{kernel}")] {
        assert!(boot.contains(&name), "{boot}");
    }
    // what Podman puts into its containers is no part of the system
    for left in ["/run/.containerenv", "/.dockerenv", "/.osimg"] {
        let found = checked("debugfs", &["-R", &format!("stat {left}"), &system]);
        assert!(found.contains("File not found"), "{left}: {found}");
    }
    for tag in
        [format!("osimg/{mark}/a:slot"), format!("osimg/{mark}/a:image"), format!("{mark}-base:latest")]
    {
        lab.engine.remove(&tag).await.expect("removed");
    }
    assert_eq!(lab.traces(), Vec::<String>::new());
}
