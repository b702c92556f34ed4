//! The rpm lab (`tests/rpm-lab/rpm-lab.yaml`, which says what it proves): built by the binary itself, then each slot is booted
//! and asked over its serial console.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use osimg::base::event::Silent;
use osimg::host::qemu::Accel;
use osimg::proof::boot::{AccelChoice, Host, Outcome, Spec, boot};
use osimg::proof::console::Limits;
use osimg::proof::session::Session;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::debian_dual;

const LIMITS: Limits = Limits { total: Duration::from_secs(400), silence: Duration::from_secs(120) };
const PATIENCE: Duration = Duration::from_secs(120);

/// What differs between the slots.
struct Expected {
    slot: &'static str,
    kernel: &'static str,
    version_id: &'static str,
    /// Of the root.
    filesystem: &'static str,
    /// The packages of the kernel, sorted.
    packages: &'static [&'static str],
    /// Whether the kernel package's hook made the initramfs, not osimg's fragment.
    hook: bool,
}

const SLOTS: [Expected; 2] = [
    Expected {
        slot: "el7",
        kernel: "6.1.0-1.el7.x86_64",
        version_id: "7",
        filesystem: "ext4",
        packages: &["kernel-6.1.0-1.el7.x86_64"],
        hook: true,
    },
    Expected {
        slot: "el8",
        kernel: "6.1.0-1.el8.x86_64",
        version_id: "8",
        filesystem: "xfs",
        packages: &[
            "kernel-6.1.0-1.el8.x86_64",
            "kernel-core-6.1.0-1.el8.x86_64",
            "kernel-modules-6.1.0-1.el8.x86_64",
        ],
        hook: false,
    },
];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder in the target folder");
    for entry in fs::read_dir(from).expect("the lab is there") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copy");
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("rpm-lab")
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("rpm-lab-cache")
}

/// The summary of the lab's `apply`, which is done once. Ask for it before taking [`crate::ONE`], which it takes itself.
fn made() -> &'static Value {
    static MADE: OnceLock<Value> = OnceLock::new();
    MADE.get_or_init(|| {
        let _one = crate::ONE.blocking_lock();
        apply()
    })
}

/// `osimg test` of the lab: what it told of each check, all passed.
pub fn checks(arguments: &[&str]) -> Vec<Value> {
    made();
    let _one = crate::ONE.blocking_lock();
    debian_dual::checks(&debian_dual::test(&folder().join("rpm-lab.yaml"), &cache(), arguments))
}

/// `osimg apply` of a copy of the lab, so that the image lands in the target folder; what was built once stays in a cache
/// there. Gives the summary.
fn apply() -> Value {
    let lab = folder();
    // what has gone from the lab must not stay in its copy
    let _ = fs::remove_dir_all(lab.join("lab"));
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rpm-lab"), &lab);
    let run = |format| {
        let done = Command::new(env!("CARGO_BIN_EXE_osimg"))
            .arg("--cache-dir")
            .arg(cache())
            .args(["--message-format", format, "apply"])
            .arg(lab.join("rpm-lab.yaml"))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .expect("the binary starts");
        assert!(done.status.success(), "apply failed: {}", done.status);
        done.stdout
    };
    // once for people to watch, once for the summary as data: then nothing is left to do
    run("human");
    let made: Value = serde_json::from_slice(&run("json")).expect("the summary is JSON");
    assert_eq!(made["ran"], serde_json::json!({}), "an apply after an apply has nothing to do");
    made
}

/// Runs `command` behind the login and gives its output, which must come with status 0.
async fn ask(session: &mut Session<'_>, command: &str) -> String {
    let answer = session.run(command, PATIENCE).await.expect("an answer");
    assert_eq!(answer.status, 0, "`{command}`: {}", answer.text());
    answer.text()
}

async fn check(session: &mut Session<'_>, expected: &Expected, uuid: &str) {
    let state = session.run("systemctl is-system-running --wait", PATIENCE).await.expect("an answer");
    let failed = session.run("systemctl --failed --no-legend", PATIENCE).await.expect("an answer");
    assert_eq!(state.text(), "running", "{}", failed.text());
    assert_eq!(ask(session, "uname -r").await, expected.kernel);
    let release = ask(session, ". /etc/os-release; echo $ID $VERSION_ID").await;
    assert_eq!(release, format!("centos {}", expected.version_id));
    let filesystem = expected.filesystem;
    assert_eq!(ask(session, "findmnt -n -o UUID,FSTYPE /").await, format!("{uuid} {filesystem}"));
    assert_eq!(ask(session, "systemctl get-default").await, "multi-user.target");
    // kexec-tools brings kdump, switched on, and it fails without memory set aside
    assert_eq!(ask(session, "kexec --version >/dev/null; systemctl is-enabled kdump || :").await, "disabled");
    let status = ask(session, "osimg-switch status").await;
    assert!(status.starts_with(&format!("running={}\ndefault=", expected.slot)), "{status}");
    assert_eq!(ask(session, "systemctl is-enabled sshd; systemctl is-active sshd").await, "enabled\nactive");
    assert_eq!(
        ask(session, "ls /etc/ssh/ssh_host_*_key | wc -l").await,
        "3",
        "host keys are made at the first start"
    );

    // what runs came from the rpms, and is what they hold: only their configuration may have changed
    let installed = ask(session, "rpm -qa 'kernel*' | LC_ALL=C sort").await;
    assert_eq!(installed.lines().collect::<Vec<_>>(), expected.packages);
    let owners = "rpm -qf --qf '%{NAME} ' /usr/lib/systemd/systemd /usr/bin/dracut /usr/sbin/sshd \
                  /usr/lib/modules/$(uname -r)/modules.order";
    let modules_of =
        expected.packages.iter().find(|p| p.starts_with("kernel-core")).map_or("kernel", |_| "kernel-core");
    assert_eq!(ask(session, owners).await, format!("systemd dracut openssh-server {modules_of}"));
    ask(session, "rpm -V --noghost --noconfig dracut").await;
    // without reading all of a kernel's files: under TCG that takes longer than the boot
    let kernel = format!("rpm -V --noghost --nofiledigest {}", expected.packages.join(" "));
    ask(session, &kernel).await;

    // who made the initramfs, and by whose list; Debian's kernel has ext4 built in
    ask(session, "lsinitrd /boot/initramfs-$(uname -r).img >/tmp/initramfs").await;
    let arguments = ask(session, "grep -m1 ^Arguments /tmp/initramfs").await;
    assert_eq!(arguments.contains("--kver"), !expected.hook, "{arguments}");
    let drivers = "grep -c -e /virtio_blk.ko -e /virtio_scsi.ko -e /dummy.ko /tmp/initramfs";
    assert_eq!(ask(session, drivers).await, "3");
    let modules = "grep -o -e /xfs.ko -e /btrfs.ko /tmp/initramfs || echo none";
    let wanted = if filesystem == "xfs" { "/xfs.ko" } else { "none" };
    assert_eq!(ask(session, modules).await, wanted, "the manifest's filesystem and no other");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lab_is_built_and_both_slots_boot() {
    let made = tokio::task::spawn_blocking(made).await.expect("apply");
    let image = PathBuf::from(made["image"]["path"].as_str().expect("a path"));
    let host = Host::find(std::env::var_os("PATH").as_deref()).expect("QEMU is installed");
    let _one = crate::ONE.lock().await;
    for expected in &SLOTS {
        let slots = made["slots"].as_array().expect("slots");
        let slot = slots.iter().find(|s| s["name"] == expected.slot).expect("the slot is there");
        assert_eq!(slot["kernel"], expected.kernel);
        let cancel = CancellationToken::new();
        let started = Instant::now();
        let accel = AccelChoice::Only(Accel::Tcg);
        let spec = Spec { slot: Some(expected.slot.to_string()), accel, ..Spec::new(&image) };
        let (mut guest, outcome) =
            boot(&host, &spec, LIMITS, &(Arc::new(|_: &[u8]| {}) as _), &Silent, &cancel)
                .await
                .expect("QEMU runs");
        let Outcome::Login { took } = outcome else { panic!("{}: {outcome:?}", expected.slot) };
        println!("{}: login prompt after {} s", expected.slot, took.as_secs());
        let mut session = Session::login(&mut guest.console, "root", "osimg", PATIENCE, &cancel)
            .await
            .expect("the password is right");
        check(&mut session, expected, slot["uuid"].as_str().expect("a UUID")).await;
        println!("{}: checked after {} s", expected.slot, started.elapsed().as_secs());
        guest.stop().await.expect("it can be killed");
    }
}
