//! A Podman service with its own storage, for the time of the test run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

static SERVICE: OnceLock<PathBuf> = OnceLock::new();

/// The socket of the service, which is started when it is first asked for. The service ends by itself a while after
/// the last request, and a later run removes its storage.
pub fn socket() -> PathBuf {
    SERVICE.get_or_init(start).clone()
}

#[expect(clippy::zombie_processes, reason = "the service outlives the tests, each of which may be the last")]
fn start() -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("podman");
    std::fs::create_dir_all(&all).expect("a folder");
    remove_old(&all);
    let folder = all.join(std::process::id().to_string());
    let (root, run) = (folder.join("root"), folder.join("run"));
    std::fs::create_dir_all(&run).expect("a folder");
    let socket = folder.join("podman.sock");
    let log = std::fs::File::create(folder.join("log")).expect("a log");
    let mut service: Child = podman(&root, &run)
        .args(["system", "service", "--time", "120"])
        .arg(format!("unix://{}", socket.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("podman starts");
    for _ in 0..600 {
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            // its first answer comes after it has made its storage
            crate::raw::get(&socket, "/version");
            return socket;
        }
        if let Some(status) = service.try_wait().expect("a state") {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("podman's service ended with {status}:\n{log}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("podman's service does not answer");
}

/// The storage of test runs that are over.
fn remove_old(all: &Path) {
    for entry in std::fs::read_dir(all).expect("a folder") {
        let folder = entry.expect("an entry").path();
        let owner = folder.file_name().expect("a name").to_os_string();
        if Path::new("/proc").join(owner).exists() {
            continue;
        }
        let reset = podman(&folder.join("root"), &folder.join("run"))
            .args(["system", "reset", "--force"])
            .output()
            .expect("podman runs");
        assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}

fn podman(root: &Path, run: &Path) -> Command {
    let mut command = Command::new("podman");
    command
        .arg("--root")
        .arg(root)
        .arg("--runroot")
        .arg(run)
        .arg("--tmpdir")
        .arg(run.join("tmp"))
        .args(["--cgroup-manager", "cgroupfs", "--log-level", "error"])
        .env("BUILDAH_ISOLATION", "chroot");
    command
}
