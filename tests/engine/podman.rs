//! A Podman service with its own storage, for the time of the test run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

static SERVICE: OnceLock<PathBuf> = OnceLock::new();

/// The socket of the service, which is started when it is first asked for. The service ends by itself a while after
/// the last request, and its storage is emptied by the next run.
pub fn socket() -> PathBuf {
    SERVICE.get_or_init(start).clone()
}

fn start() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("podman");
    let root = folder.join("root");
    let run = folder.join("run");
    if root.exists() {
        let reset = podman(&root, &run).args(["system", "reset", "--force"]).output().expect("podman runs");
        assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
    }
    std::fs::create_dir_all(&run).expect("a folder");
    let socket = folder.join("podman.sock");
    let _ = std::fs::remove_file(&socket);
    let log = std::fs::File::create(folder.join("log")).expect("a log");
    let mut service: Child = podman(&root, &run)
        .args(["system", "service", "--time", "60"])
        .arg(format!("unix://{}", socket.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("podman starts");
    for _ in 0..100 {
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
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
