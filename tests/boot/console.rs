//! Boot runs on the tiny disk: every way a guest can go, and a session behind its login.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use osimg::base::event::{Event, Silent, Sink};
use osimg::front::model::Firmware;
use osimg::host::qemu::Accel;
use osimg::proof::boot::{AccelChoice, Failure, Host, Outcome, Spec, Why, boot};
use osimg::proof::console::{Limits, Watcher};
use osimg::proof::session::{Session, SessionError};
use tokio_util::sync::CancellationToken;

use crate::{ONE, tiny};

const LIMITS: Limits = Limits { total: Duration::from_secs(240), silence: Duration::from_secs(90) };
const PATIENCE: Duration = Duration::from_secs(60);

fn spec(slot: &str) -> Spec {
    Spec { slot: Some(slot.to_string()), accel: AccelChoice::Only(Accel::Tcg), ..Spec::new(tiny::image()) }
}

fn host() -> Host {
    Host::find(std::env::var_os("PATH").as_deref()).expect("QEMU is installed")
}

fn nobody() -> Watcher {
    Arc::new(|_| {})
}

async fn failure(slot: &str, limits: Limits) -> Failure {
    let _one = ONE.lock().await;
    let cancel = CancellationToken::new();
    let (guest, outcome) =
        boot(&host(), &spec(slot), limits, &nobody(), &Silent, &cancel).await.expect("QEMU runs");
    guest.stop().await.expect("it can be killed");
    match outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Login { .. } => panic!("`{slot}` came to a login"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_and_its_commands() {
    let _one = ONE.lock().await;
    let cancel = CancellationToken::new();
    let before = osimg::base::Digest::of(&std::fs::read(tiny::image()).expect("image"));
    let (mut guest, outcome) =
        boot(&host(), &spec("login"), LIMITS, &nobody(), &Silent, &cancel).await.expect("QEMU runs");
    assert!(matches!(outcome, Outcome::Login { .. }), "{outcome:?}");
    let wrong = Session::login(&mut guest.console, "root", "wrong", PATIENCE, &cancel).await;
    assert!(matches!(wrong, Err(SessionError::Refused { .. })), "{:?}", wrong.err());
    let again = guest.wait_login(LIMITS, &cancel).await.expect("QEMU runs");
    assert!(matches!(again, Outcome::Login { .. }), "{again:?}");
    let mut session = Session::login(&mut guest.console, "root", tiny::PASSWORD, PATIENCE, &cancel)
        .await
        .expect("the password is right");
    let release = session.run("cat /etc/os-release", PATIENCE).await.expect("an answer");
    assert_eq!(release.output, b"ID=tiny\nNAME=\"it's tiny\"\n");
    let status = session.run("echo 'to both' >&2; exit 3", PATIENCE).await.expect("an answer");
    assert_eq!((status.text().as_str(), status.status), ("to both", 3));
    let nothing = session.run("true", PATIENCE).await.expect("an answer");
    assert_eq!((nothing.output.len(), nothing.status), (0, 0));
    let bytes = session.run(r"printf '\0\033[2J\377x'; if", PATIENCE).await.expect("an answer");
    assert_ne!(bytes.status, 0, "that is no command: {}", bytes.text());
    let bytes = session.run(r"printf '\0\033[2J\377x'", PATIENCE).await.expect("an answer");
    assert_eq!(bytes.output, b"\0\x1b[2J\xffx");
    let slow = session.run("sleep 30", Duration::from_secs(2)).await;
    assert!(matches!(slow, Err(SessionError::TimedOut { .. })), "{slow:?}");
    guest.stop().await.expect("it can be killed");
    let after = osimg::base::Digest::of(&std::fs::read(tiny::image()).expect("image"));
    assert_eq!(before, after, "the run wrote to the image");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_survive_a_noisy_kernel() {
    let _one = ONE.lock().await;
    let cancel = CancellationToken::new();
    let (mut guest, outcome) =
        boot(&host(), &spec("noisy"), LIMITS, &nobody(), &Silent, &cancel).await.expect("QEMU runs");
    assert!(matches!(outcome, Outcome::Login { .. }), "{outcome:?}");
    let mut session = Session::login(&mut guest.console, "root", tiny::PASSWORD, PATIENCE, &cancel)
        .await
        .expect("the password is right");
    for round in 0..5 {
        let long = session.run(&format!("seq {round} 400"), PATIENCE).await.expect("an answer");
        let lines: Vec<String> = (round..=400).map(|n| n.to_string()).collect();
        assert_eq!(long.text(), lines.join("\n"));
    }
    session.send("poweroff -f");
    let end = guest.wait_end(LIMITS, &cancel).await.expect("QEMU runs");
    assert!(matches!(end, Why::Exited { clean: true, .. }), "{end:?}");
    let log = String::from_utf8_lossy(guest.console.log()).into_owned();
    assert!(log.contains("noise from the kernel"), "the kernel was not noisy");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_ways_to_end() {
    let panic = failure("panic", LIMITS).await;
    assert!(matches!(panic.why, Why::Panic { sign: "the kernel panicked" }), "{panic:?}");
    assert!(panic.tail.iter().any(|l| l.contains("Attempted to kill init")), "{panic:?}");

    let quick = Limits { silence: Duration::from_secs(20), ..LIMITS };
    let stall = failure("stall", quick).await;
    assert_eq!(stall.why, Why::Stalled { silence: quick.silence });
    assert!(stall.tail.iter().any(|l| l.contains("sleeping")), "{stall:?}");

    let busy = failure("busy", Limits { total: Duration::from_secs(40), ..LIMITS }).await;
    assert_eq!(busy.why, Why::TimedOut { after: Duration::from_secs(40) });
    assert_eq!(busy.tail.last().map(String::as_str), Some("working"));

    let off = failure("off", LIMITS).await;
    assert!(matches!(off.why, Why::Exited { clean: true, .. }), "{off:?}");
    assert!(off.tail.iter().any(|l| l.contains("leaving")), "{off:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uefi_boots_the_same_disk() {
    let _one = ONE.lock().await;
    let cancel = CancellationToken::new();
    let spec = Spec { firmware: Firmware::Uefi, ..spec("login") };
    let (mut guest, outcome) =
        boot(&host(), &spec, LIMITS, &nobody(), &Silent, &cancel).await.expect("QEMU runs");
    assert!(matches!(outcome, Outcome::Login { .. }), "{outcome:?}");
    let mut session = Session::login(&mut guest.console, "root", tiny::PASSWORD, PATIENCE, &cancel)
        .await
        .expect("the password is right");
    let efi = session.run("ls /sys/firmware/efi", PATIENCE).await.expect("an answer");
    assert_eq!(efi.status, 0, "this is no UEFI boot: {}", efi.text());
    guest.stop().await.expect("it can be killed");
}

/// Keeps the notes.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Sink for Notes {
    fn emit(&self, event: Event) {
        if let Event::Note { text } = event {
            self.0.lock().expect("no panic while locked").push(text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_comes_to_a_login_whatever_kvm_does() {
    let _one = ONE.lock().await;
    let cancel = CancellationToken::new();
    let spec = Spec { accel: AccelChoice::Auto, ..spec("login") };
    let notes = Notes::default();
    let host = host();
    let (guest, outcome) = boot(&host, &spec, LIMITS, &nobody(), &notes, &cancel).await.expect("QEMU runs");
    assert!(matches!(outcome, Outcome::Login { .. }), "{outcome:?}");
    let notes = notes.0.into_inner().expect("no panic while locked");
    let fell_back = host.kvm && guest.accel == Accel::Tcg;
    assert_eq!(notes.len(), usize::from(fell_back), "{notes:?}");
    assert!(host.kvm || guest.accel == Accel::Tcg, "KVM ran where it cannot");
    guest.stop().await.expect("it can be killed");
}

/// An emulator that does `under_kvm` when it is asked for KVM, and else what QEMU does.
fn host_with_bad_kvm(folder: &tempfile::TempDir, under_kvm: &str) -> Host {
    use std::os::unix::fs::PermissionsExt;
    let mut host = host();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *'-accel kvm'*) {under_kvm} ;; esac\nexec '{}' \"$@\"\n",
        host.tools.emulator.display()
    );
    host.kvm = true;
    host.tools.emulator = folder.path().join("emulator");
    std::fs::write(&host.tools.emulator, script).expect("a script");
    std::fs::set_permissions(&host.tools.emulator, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kvm_that_hangs_or_fails_gives_way_to_tcg() {
    let _one = ONE.lock().await;
    let cancel = CancellationToken::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (under_kvm, told) in [
        ("echo 'Booting from Hard Disk...'; exec sleep 1000", "nothing on the console for 20 s"),
        ("echo 'no such luck' >&2; exit 1", "QEMU failed (exit status: 1): no such luck"),
    ] {
        let host = host_with_bad_kvm(&folder, under_kvm);
        let spec = Spec { accel: AccelChoice::Auto, ..spec("login") };
        let notes = Notes::default();
        let (guest, outcome) = boot(&host, &spec, LIMITS, &nobody(), &notes, &cancel).await.expect("it runs");
        assert!(matches!(outcome, Outcome::Login { .. }), "{outcome:?}");
        assert_eq!(guest.accel, Accel::Tcg);
        guest.stop().await.expect("it can be killed");
        let notes = notes.0.into_inner().expect("no panic while locked");
        assert!(matches!(notes.as_slice(), [note] if note.contains(told)), "{notes:?}");
    }
    let host = host_with_bad_kvm(&folder, "echo 'no such luck' >&2; exit 1");
    let spec = Spec { accel: AccelChoice::Only(Accel::Kvm), ..spec("login") };
    let (_, outcome) = boot(&host, &spec, LIMITS, &nobody(), &Silent, &cancel).await.expect("it runs");
    assert!(
        matches!(&outcome, Outcome::Failed(Failure { why: Why::Exited { clean: false, errors, .. }, .. })
            if errors == &["no such luck"]),
        "{outcome:?}"
    );
}
