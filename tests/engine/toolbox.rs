//! GRUB out of an engine, for hosts without it: the generated Dockerfile, built on a fresh Debian base, gives files
//! that load, and nothing else.

use std::path::Path;
use std::process::{Command, Stdio};

use osimg::boot::{BootFiles, PartitionMap, Platform, early, toolbox};

const BASE: &str = "osimg-test-toolbox-base";
const RESULT: &str = "osimg-test-toolbox";

fn run(program: &str, args: &[&str], directory: &Path, input: &str) -> String {
    use std::io::Write;
    let mut child = Command::new(program)
        .args(args)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect(program);
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("writes");
    let out = child.wait_with_output().expect(program);
    assert!(out.status.success(), "{program} {args:?}: {}", out.status);
    String::from_utf8_lossy(&out.stdout).trim().to_string()
}

/// Removes what the test made in the engine.
struct Cleanup;

impl Drop for Cleanup {
    fn drop(&mut self) {
        for args in [["rm", RESULT], ["rmi", RESULT], ["rmi", BASE]] {
            let _ = Command::new("docker").args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

#[test]
fn its_image_holds_grub() {
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path();
    let _cleanup = Cleanup;
    run("mmdebstrap", &["--quiet", "--variant=minbase", "bookworm", "base.tar"], at, "");
    run("docker", &["import", "base.tar", BASE], at, "");
    let text =
        toolbox::dockerfile(BASE, &early::configuration(0x1a2b_3c4d), &Platform::ALL, PartitionMap::Msdos);
    run("docker", &["build", "--quiet", "--tag", RESULT, "-"], at, &text);
    run("docker", &["create", "--name", RESULT, RESULT, "none"], at, "");
    run("docker", &["export", "--output", "grub.tar", RESULT], at, "");
    run("tar", &["-xf", "grub.tar"], at, "");
    let files = BootFiles::from_folder(&at.join(toolbox::FOLDER.trim_start_matches('/')), &Platform::ALL)
        .expect("all is there");
    assert!(files.version.starts_with("2.06"), "{}", files.version);
    for modules in files.modules.values() {
        for name in ["normal.mod", "linux.mod", "ext2.mod", "xfs.mod", "serial.mod", "loadenv.mod"] {
            assert!(modules.contains_key(name), "{name}");
        }
    }
    let size = std::fs::metadata(at.join("grub.tar")).expect("export").len();
    assert!(size < 16 << 20, "the export has {size} bytes, more than GRUB's files");
}
