//! The Debian example from manifest to login: `osimg apply` through the binary, then its image in QEMU, looked at from
//! inside. Each boot has a fresh overlay, so each is a machine's first.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use osimg::base::event::Silent;
use osimg::front::model::Firmware;
use osimg::host::qemu::{Accel, Network};
use osimg::proof::boot::{AccelChoice, Host, Outcome, Spec, boot};
use osimg::proof::console::Limits;
use osimg::proof::session::Session;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::ONE;

/// Generous, for a machine that emulates on two busy processors.
const LIMITS: Limits = Limits { total: Duration::from_secs(600), silence: Duration::from_secs(180) };
const PATIENCE: Duration = Duration::from_secs(300);

/// The example's folder with a manifest of its own output.
pub struct Example {
    manifest: PathBuf,
    image: PathBuf,
}

/// What stays between test runs: osimg's cache and the images.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("boot-cache")
}

fn cache() -> PathBuf {
    kept().join("cache")
}

/// `osimg test` of a manifest that was applied with this cache.
pub fn test(manifest: &Path, cache: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_osimg"))
        .args(["test", "--accel", "tcg", "--message-format", "json", "--cache-dir"])
        .arg(cache)
        .arg(manifest)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts")
}

/// What a test told of each check; it fails unless every one passed.
pub fn checks(out: &Output) -> Vec<Value> {
    assert_eq!(out.status.code(), Some(0), "{}\n{}", text(&out.stdout), text(&out.stderr));
    let told = text(&out.stdout);
    let objects =
        told.lines().map(|l| serde_json::from_str::<Value>(l).unwrap_or_else(|e| panic!("{e}: {l}")));
    objects.filter(|o| o["event"] == "check").collect()
}

impl Example {
    /// A copy in the folder `name`, which replaces what an earlier run left of the manifest.
    pub fn copied(name: &str) -> Example {
        let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), kept().join(name));
        for slot in ["bookworm", "trixie"] {
            let folder = Path::new("debian-dual").join(slot);
            fs::create_dir_all(to.join(&folder)).expect("a folder");
            copy(&from, &to, &folder.join("Dockerfile"));
        }
        copy(&from, &to, Path::new("debian-dual.yaml"));
        Example { manifest: to.join("debian-dual.yaml"), image: to.join("build/debian-dual.img") }
    }

    pub fn edit(&self, before: &str, after: &str) {
        let text = fs::read_to_string(&self.manifest).expect("the manifest");
        assert_eq!(text.matches(before).count(), 1, "`{before}` is there once");
        fs::write(&self.manifest, text.replace(before, after)).expect("written");
    }

    pub fn apply(&self, arguments: &[&str]) -> Output {
        let out = Command::new(env!("CARGO_BIN_EXE_osimg"))
            .arg("apply")
            .arg(&self.manifest)
            .arg("--cache-dir")
            .arg(cache())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the binary starts");
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        out
    }

    fn test(&self, arguments: &[&str]) -> Output {
        test(&self.manifest, &cache(), arguments)
    }

    /// Tests, and fails unless every check passes; gives `firmware from slot check` of each.
    fn prove(&self, arguments: &[&str]) -> BTreeSet<String> {
        let word = |o: &Value, key: &str| o[key].as_str().unwrap_or("-").to_string();
        let checks = self.checks(arguments);
        checks
            .iter()
            .map(|o| ["firmware", "from", "slot", "check"].map(|key| word(o, key)).join(" "))
            .collect()
    }

    /// The same with all that is told of each check.
    pub fn checks(&self, arguments: &[&str]) -> Vec<Value> {
        checks(&self.test(arguments))
    }

    /// Applies; gives the summary and what was told on the way.
    fn summary(&self) -> (Value, Vec<Value>) {
        let out = self.apply(&["--message-format", "json", "-v"]);
        let json = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        (json(&text(&out.stdout)), text(&out.stderr).lines().map(json).collect())
    }
}

fn copy(from: &Path, to: &Path, file: &Path) {
    // not `fs::copy`: a new file has a new time stamp, which must not matter
    let bytes = fs::read(from.join(file)).expect("the example");
    fs::write(to.join(file), bytes).expect("written");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The applied example and the summary of its first run.
pub struct Dual {
    example: Example,
    summary: Value,
    /// The same on a GPT and with a hardware watchdog. It is applied at once, so that its long runs have the time of all others.
    pub with_watchdog: Example,
}

/// Applied once. Ask for it before taking [`ONE`], which it takes itself.
pub fn dual() -> &'static Dual {
    static DUAL: OnceLock<Dual> = OnceLock::new();
    DUAL.get_or_init(|| {
        let _one = ONE.blocking_lock();
        forget_all_but_bases();
        let example = Example::copied("dual");
        let (summary, _) = example.summary();
        let with_watchdog = Example::copied("switch");
        // another name, so that nobody who changes the other makes this one out of date
        with_watchdog.edit("name: debian-dual\n", "name: debian-switch\n");
        with_watchdog.edit("  size: 3GiB\n", "  size: 3GiB\n  table: gpt\n");
        with_watchdog.edit("  timeout: 1s\n", "  timeout: 1s\n  watchdog: 30s\n");
        with_watchdog.apply(&[]);
        Dual { example, summary, with_watchdog }
    })
}

/// What an earlier build of osimg made must not hide what this one makes; only the bases may stay.
fn forget_all_but_bases() {
    let Ok(records) = fs::read_dir(cache().join("by-key")) else { return };
    for record in records {
        let path = record.expect("an entry").path();
        let known: Value = serde_json::from_slice(&fs::read(&path).expect("a record")).expect("JSON");
        if !known["label"].as_str().expect("a label").starts_with("base ") {
            fs::remove_file(path).expect("removed");
        }
    }
}

fn slot<'s>(summary: &'s Value, name: &str) -> &'s Value {
    let slots = summary["slots"].as_array().expect("a list");
    slots.iter().find(|s| s["name"] == name).expect("the slot")
}

fn ran(summary: &Value) -> BTreeSet<&str> {
    summary["ran"].as_object().expect("an object").keys().map(String::as_str).collect()
}

/// A slot's partition as it is in the image.
fn partition(image: &Path, summary: &Value, name: &str) -> Vec<u8> {
    let slot = slot(summary, name);
    let file = fs::File::open(image).expect("the image");
    let (mut table, entry) =
        ([0; 512], 446 + 16 * (slot["partition"].as_u64().expect("a number") as usize - 1));
    file.read_exact_at(&mut table, 0).expect("the partition table");
    let lba = u32::from_le_bytes(table[entry + 8..entry + 12].try_into().expect("four bytes"));
    let mut bytes = vec![0; slot["size"].as_u64().expect("a number") as usize];
    file.read_exact_at(&mut bytes, u64::from(lba) * 512).expect("the partition");
    bytes
}

/// Boots a slot, logs in, asks it everything, and gives its machine id.
fn look_inside(name: &str, firmware: Firmware) -> String {
    let dual = dual();
    let _one = ONE.blocking_lock();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let cancel = CancellationToken::new();
        let host = Host::find(std::env::var_os("PATH").as_deref()).expect("QEMU is installed");
        let spec = Spec {
            slot: Some(name.to_string()),
            firmware,
            accel: AccelChoice::Only(Accel::Tcg),
            network: Some(Network::Outward),
            ..Spec::new(&dual.example.image)
        };
        let (mut guest, outcome) =
            boot(&host, &spec, LIMITS, &nobody(), &Silent, &cancel).await.expect("QEMU runs");
        assert!(matches!(outcome, Outcome::Login { .. }), "{name} under {firmware:?}: {outcome:?}");
        let session = Session::login(&mut guest.console, "root", "osimg", PATIENCE, &cancel).await;
        let id = ask(session.expect("the example's password"), name, firmware, &dual.summary).await;
        guest.stop().await.expect("it can be killed");
        id
    })
}

fn nobody() -> osimg::proof::console::Watcher {
    Arc::new(|_| {})
}

async fn ask(mut session: Session<'_>, name: &str, firmware: Firmware, summary: &Value) -> String {
    let mut say = async |command: &str| {
        let answer = session.run(command, PATIENCE).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        (answer.status, answer.text())
    };
    let state = say("systemctl is-system-running --wait").await;
    let failed =
        say("systemctl --failed --no-legend; journalctl -b -p warning --no-pager | tail -n 40").await.1;
    assert_eq!(state, (0, "running".to_string()), "{name}: {failed}");

    let wanted = slot(summary, name);
    let text = |key: &str| wanted[key].as_str().expect("a text");
    assert_eq!(say("uname -r").await, (0, wanted["kernel"].as_str().expect("a text").to_string()));
    assert_eq!(say(". /etc/os-release; echo $VERSION_CODENAME").await, (0, name.to_string()));
    assert_eq!(say("findmnt -no UUID,FSTYPE /").await.1, format!("{} {}", text("uuid"), text("filesystem")));
    assert_eq!(say("hostname").await.1, name);
    let efi = say("test -d /sys/firmware/efi").await.0 == 0;
    assert_eq!(efi, firmware == Firmware::Uefi);

    // the choice that the test made in the image, arrived and noted, and nothing that undoes a kexec
    let status = say("osimg-switch status").await;
    assert_eq!(
        status.1.lines().take(3).collect::<Vec<_>>(),
        [format!("running={name}"), format!("default={name}"), "next=".to_string()]
    );
    assert_eq!(
        say("systemctl is-active osimg-health.service osimg-trial.service").await.1,
        "active\ninactive"
    );
    assert_eq!(say("kexec --version >/dev/null; systemctl is-enabled kexec-load.service").await.1, "masked");

    // what an export loses first
    let capability = say("getcap /usr/local/bin/osimg-ping").await;
    assert_eq!(capability.1, "/usr/local/bin/osimg-ping cap_net_raw=ep");
    assert_eq!(say("su -s /bin/sh nobody -c '/usr/local/bin/osimg-ping -c 1 127.0.0.1'").await.0, 0);

    // what each machine makes for itself
    let keys =
        say("ls /etc/ssh/ssh_host_*_key && find /etc/ssh -name 'ssh_host_*_key' ! -newer /proc/1").await;
    assert_eq!(keys.0, 0, "{}", keys.1);
    assert!(keys.1.contains("ssh_host_ed25519_key"), "{}", keys.1);
    assert_eq!(say("systemctl is-active ssh.service").await, (0, "active".to_string()));
    let banner = say("bash -c 'exec 3<>/dev/tcp/127.0.0.1/22; read -r -t 60 l <&3; echo \"$l\"'").await;
    assert!(banner.1.starts_with("SSH-2.0-OpenSSH"), "{}", banner.1);
    let id = say("cat /etc/machine-id").await.1;
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");

    // the network of the example's own file, and GRUB's partition when it is looked at
    let address =
        say("/usr/lib/systemd/systemd-networkd-wait-online --any --timeout=60 && hostname -I").await.1;
    assert!(address.contains("10.0.2."), "{address}");
    assert_eq!(
        say("findmnt -no FSTYPE -t vfat /boot/osimg").await.0,
        1,
        "it is mounted before it is looked at"
    );
    assert_eq!(say("ls /boot/osimg/grub/grub.cfg").await.0, 0);
    assert_eq!(say("findmnt -no FSTYPE -t vfat /boot/osimg").await.1, "vfat");

    // nothing of the engine and of osimg's own work is left
    let left = say("ls -d /.dockerenv /.osimg /etc/dracut.conf.d/90-osimg.conf").await.1;
    assert!(!left.contains("\n/.") && !left.starts_with("/."), "{left}");
    id
}

#[test]
fn bookworm_boots_under_bios() {
    look_inside("bookworm", Firmware::Bios);
}

#[test]
fn trixie_boots_under_bios_and_uefi_as_two_machines() {
    let bios = look_inside("trixie", Firmware::Bios);
    let uefi = look_inside("trixie", Firmware::Uefi);
    assert_ne!(bios, uefi, "two machines have one machine id");
}

#[test]
fn each_slot_boots_under_uefi_and_starts_the_other() {
    let dual = dual();
    let _one = ONE.blocking_lock();
    let checks = dual.example.prove(&["--firmware", "uefi"]);
    let after = |way: &str, more: &[&'static str]| -> Vec<String> {
        let all = more.iter().chain(&["login", "kernel", "root", "units"]);
        all.map(|check| format!("uefi {way} {check}")).collect()
    };
    let wanted = [
        after("- bookworm", &[]),
        after("- trixie", &[]),
        after("bookworm trixie", &["jump"]),
        after("trixie bookworm", &["jump"]),
    ];
    assert_eq!(checks, wanted.concat().into_iter().collect());
}

#[test]
fn a_second_apply_does_nothing() {
    let dual = dual();
    let modified = || fs::metadata(&dual.example.image).expect("the image").modified().expect("a time");
    let before = modified();
    let words = text(&dual.example.apply(&[]).stdout);
    assert!(words.contains("nothing to do"), "{words}");
    let (second, events) = dual.example.summary();
    assert_eq!(ran(&second), BTreeSet::new());
    assert!(!events.iter().any(|e| e["event"] == "node_started"), "{events:?}");
    assert_eq!(second["image"], dual.summary["image"]);
    assert_eq!(modified(), before);
}

#[test]
fn a_change_to_one_slot_leaves_the_other_and_boots() {
    let dual = dual();
    let _one = ONE.blocking_lock();
    let example = Example::copied("changed");
    // a unit that no earlier run has masked, else the cache would have the answer
    let since = std::time::UNIX_EPOCH.elapsed().expect("the clock is right").as_secs();
    let title = "title: Debian 13 (trixie)\n";
    example.edit(title, &format!("{title}    systemd: {{mask: [osimg-test-{since}.service]}}\n"));
    let (changed, events) = example.summary();
    let disk = ["export trixie", "xfs trixie", "inspect trixie", "assemble"];
    let with = |more: &[&'static str]| disk.iter().chain(more).copied().collect::<BTreeSet<&str>>();
    assert_eq!(ran(&changed), with(&["make bootable trixie"]));
    let steps: Vec<&str> = events.iter().filter_map(|e| e["text"].as_str()).collect();
    let cached = |concern: &str| {
        let is_its = |s: &&&str| s.contains(&format!("RUN : 'osimg: {concern}'"));
        let step = steps.iter().rfind(is_its).unwrap_or_else(|| panic!("no step `{concern}`: {steps:?}"));
        step.ends_with("(cached)")
    };
    assert!(cached("kernel") && cached("initramfs") && cached("packages"), "{steps:?}");
    assert!(!cached("units"), "{steps:?}");
    let same = |name| {
        partition(&example.image, &changed, name) == partition(&dual.example.image, &dual.summary, name)
    };
    assert!(same("bookworm"), "the other slot's partition changed");
    assert!(!same("trixie"), "the change is not in the image");

    // what is written into the tree needs no build at all
    example.edit(title, &format!("{title}    files: [{{path: /etc/motd, content: 'changed {since}'}}]\n"));
    let (changed, _) = example.summary();
    assert_eq!(ran(&changed), with(&[]));

    // nor does another partition table, which both firmware must get along with
    example.edit("  size: 3GiB\n", "  size: 3GiB\n  table: gpt\n");
    let (changed, _) = example.summary();
    assert!(!ran(&changed).iter().any(|label| label.starts_with("make bootable")), "{:?}", ran(&changed));
    let mut magic = [0; 8];
    fs::File::open(&example.image).and_then(|f| f.read_exact_at(&mut magic, 512)).expect("the image");
    assert_eq!(&magic, b"EFI PART");
    example.prove(&["--slot", "trixie", "--no-kexec"]);
    example.edit("timeout: 1s", "timeout: 2s");
    let out = example.test(&[]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("is older than the manifest"), "{}", text(&out.stderr));
}
