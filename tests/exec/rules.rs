//! The rules on the built tree within whole runs: each wall of the article "Docker-based images on baremetal" is named, `allow`
//! is heard and no cache remembers it, and no filesystem is written before every slot is found right.
//!
//! The walls, in the article's order, each a test; `tests/boot/walls.rs` runs into them in QEMU:
//!
//! 1. a container's image has neither init nor kernel: [`wall_1_no_init_and_no_kernel`]
//! 2. the initramfs has no virtio: [`wall_2_an_initramfs_without_virtio`]
//! 3. the initramfs has no xfs: [`wall_3_an_initramfs_without_xfs`]
//! 4. an old kernel refuses the features of a new mkfs.xfs: [`wall_4_a_filesystem_newer_than_its_kernel`]
//! 5. the default target is graphical, or not there: [`wall_5_a_default_target_that_is_graphical_or_not_there`]
//! 6. getty.target is masked: [`wall_6_a_getty_that_is_masked`]

use std::collections::BTreeSet;

use osimg::diag::Diagnostics;
use osimg::exec::ExecError;

use crate::bench::{Bench, Slot};

const SYSTEM: &str = "/etc/systemd/system";

/// What a run of a slot finds: why it failed, or what it warns of.
async fn found(slot: Slot) -> Diagnostics {
    match Bench::new(&[slot]).apply().await {
        Ok(outputs) => outputs.findings,
        Err(ExecError::Diagnosed { diagnostics, .. }) => diagnostics,
        Err(other) => panic!("{other}"),
    }
}

fn codes(found: &Diagnostics) -> Vec<&str> {
    found.iter().map(|d| d.code.as_str()).collect()
}

/// The words of the manifest that the first finding is at.
fn words(found: &Diagnostics) -> &str {
    let label = &found.iter().next().expect("a finding").labels[0];
    &label.source.text[label.span.start..label.span.end]
}

#[tokio::test]
async fn wall_1_no_init_and_no_kernel() {
    // the initramfs goes with the kernel, and what is in it cannot be told
    let slot = Slot {
        kernel: None,
        changes: &["- /usr/lib/systemd", "- /usr/sbin/init", "- /etc/systemd"],
        ..Slot::new("a")
    };
    assert_eq!(codes(&found(slot).await), ["osimg::kernel::missing", "osimg::init::missing"]);
}

#[tokio::test]
async fn wall_2_an_initramfs_without_virtio() {
    let slot = Slot {
        changes: &["initramfs lacks virtio_blk virtio_scsi"],
        settings: &["dracut: {drivers: [virtio_blk, ext4]}"],
        ..Slot::new("a")
    };
    let told = found(slot).await;
    // in the order of the places: the list, then its word
    assert_eq!(codes(&told), ["osimg::initramfs::disk", "osimg::initramfs::driver"]);
    let driver = told.iter().last().expect("a finding");
    assert!(driver.message.ends_with("lacks the driver `virtio_blk`"), "{}", driver.message);
    let label = &driver.labels[0];
    assert_eq!(&label.source.text[label.span.start..label.span.end], "virtio_blk");
    // left out of the manifest too
    let slot = Slot {
        changes: &["initramfs lacks virtio_blk virtio_scsi"],
        settings: &["dracut: {drivers: [ext4]}"],
        ..Slot::new("a")
    };
    let told = found(slot).await;
    assert_eq!(codes(&told), ["osimg::initramfs::disk"]);
    let fix = &told.iter().next().expect("a finding").fixes[0].edits[0];
    assert_eq!((fix.text.as_str(), words(&told)), (", virtio_blk", "[ext4]"));
}

#[tokio::test]
async fn wall_3_an_initramfs_without_xfs() {
    let slot = Slot {
        changes: &["initramfs lacks xfs"],
        settings: &["filesystem: {type: xfs}", "dracut: {drivers: [virtio_blk, xfs]}"],
        ..Slot::new("a")
    };
    let told = found(slot).await;
    assert_eq!(codes(&told), ["osimg::initramfs::driver"]);
    let message = &told.iter().next().expect("a finding").message;
    assert!(message.ends_with("could not mount its root, which is xfs"), "{message}");
}

/// Linux 3.10 knows nothing of reflink, which came with 4.9 and which a newer mkfs.xfs turns on by itself.
#[tokio::test]
async fn wall_4_a_filesystem_newer_than_its_kernel() {
    const KERNEL: &str = "3.10.0-1160.11.1.el7.x86_64";
    const REFLINK: &str = "filesystem: {type: xfs, features: {reflink: true}}";
    const MESSAGE: &str = "linux 3.10 cannot mount xfs with reflink; it came with 4.9";
    // pinned: no build is needed
    const PINNED: &[&str] = &[REFLINK, "kernel: {version: 3.10.0-1160.11.1.el7.x86_64}"];
    let told = Bench::new(&[Slot { distro: Some("el7"), settings: PINNED, ..Slot::new("a") }]).check();
    assert_eq!((codes(&told), words(&told)), (vec!["osimg::filesystem::feature-kernel"], "reflink"));
    let finding = told.iter().next().expect("a finding");
    assert_eq!(finding.message, MESSAGE);
    let because = &finding.labels[1];
    assert_eq!(&because.source.text[because.span.start..because.span.end], KERNEL);
    // else it is the kernel that the build brings
    let built = Slot { kernel: Some(KERNEL), settings: &[REFLINK], ..Slot::new("a") };
    let told = found(built).await;
    assert_eq!((codes(&told), words(&told)), (vec!["osimg::filesystem::feature-kernel"], "reflink"));
    let message = &told.iter().next().expect("a finding").message;
    assert_eq!(*message, format!("slot `a` has {KERNEL}: {MESSAGE}"));
    // what nobody turns on is left off for such a kernel
    let unasked = Slot { kernel: Some(KERNEL), settings: &["filesystem: {type: xfs}"], ..Slot::new("a") };
    assert_eq!(codes(&found(unasked).await), [""; 0]);
}

#[tokio::test]
async fn wall_5_a_default_target_that_is_graphical_or_not_there() {
    const TARGET: &str = "/etc/systemd/system/default.target -> /usr/lib/systemd/system/graphical.target";
    const SETTINGS: &[&str] = &["systemd: {default_target: graphical.target}"];
    let told = found(Slot { changes: &[TARGET], settings: SETTINGS, ..Slot::new("a") }).await;
    assert_eq!((codes(&told), words(&told)), (vec!["osimg::unit::graphical"], "graphical.target"));
    const GONE: &str = "- /usr/lib/systemd/system/graphical.target";
    let told = found(Slot { changes: &[TARGET, GONE], settings: SETTINGS, ..Slot::new("a") }).await;
    assert_eq!((codes(&told), words(&told)), (vec!["osimg::unit::default-target"], "graphical.target"));
    let edit = &told.iter().next().expect("a finding").fixes[0].edits[0];
    assert_eq!(edit.text, "multi-user.target");
}

#[tokio::test]
async fn wall_6_a_getty_that_is_masked() {
    const MASK: &str = "/etc/systemd/system/getty.target -> /dev/null";
    const SETTINGS: &[&str] = &["systemd:", "  unmask: [sshd.service]"];
    let told = found(Slot { changes: &[MASK], settings: SETTINGS, ..Slot::new("a") }).await;
    assert_eq!((codes(&told), words(&told)), (vec!["osimg::unit::getty"], "[sshd.service]"));
    let finding = told.iter().next().expect("a finding");
    assert!(finding.message.ends_with(&format!("`getty.target` is masked by {SYSTEM}/getty.target")));
    assert_eq!(finding.fixes[0].edits[0].text, ", getty.target");
    // a recipe for containers that empties the folders does the same
    const EMPTIED: &str = "- /usr/lib/systemd/system/multi-user.target.wants";
    let told = found(Slot { changes: &[EMPTIED], ..Slot::new("a") }).await;
    assert_eq!(codes(&told), ["osimg::unit::getty"]);
}

#[tokio::test]
async fn every_slot_is_looked_at_before_a_filesystem_is_written() {
    let masked = Slot { changes: &["/etc/systemd/system/getty.target -> /dev/null"], ..Slot::new("a") };
    let bare = Slot { changes: &["- /usr/sbin/init"], ..Slot::new("b") };
    let bench = Bench::new(&[masked, bare, Slot::new("c")]);
    let Err(ExecError::Diagnosed { diagnostics, .. }) = bench.apply().await else { panic!("it is refused") };
    assert_eq!(codes(&diagnostics), ["osimg::unit::getty", "osimg::init::missing"]);
    let ran: BTreeSet<String> = bench.started();
    assert!(ran.contains("inspect c") && !ran.iter().any(|label| label.starts_with("ext4")), "{ran:?}");
    bench.nothing_staged();
}

#[tokio::test]
async fn allow_is_heard_and_no_cache_remembers_it() {
    let bench = Bench::new(&[Slot {
        changes: &["/etc/systemd/system/getty.target -> /dev/null", "/usr/bin/sudo 755"],
        ..Slot::new("a")
    }]);
    assert!(bench.apply().await.is_err());
    let allow = "allow: [{code: osimg::unit::getty, reason: reached by ssh}]\nslots:";
    bench.edit("m.yaml", |text| text.replace("slots:", allow));
    let first = bench.apply().await.expect("allowed");
    // the warning is told again where nothing is to do
    let again = bench.apply().await.expect("allowed");
    assert!(again.ran.is_empty());
    for outputs in [&first, &again] {
        assert_eq!(codes(&outputs.findings), ["osimg::tree::privilege"]);
    }
    bench.edit("m.yaml", |text| text.replace(allow, "slots:"));
    assert!(bench.apply().await.is_err(), "the image is there, and its tree is as it was");
    let other = "allow: [{code: osimg::unit::getty, reason: x}, {code: osimg::unit::logind, reason: x}, \
                 {code: osimg::tree::privilege, reason: x}]\nslots:";
    bench.edit("m.yaml", |text| text.replace("slots:", other));
    let outputs = bench.apply().await.expect("allowed");
    assert_eq!(codes(&outputs.findings), ["osimg::allow::unused"]);
}

#[tokio::test]
async fn a_warning_that_is_denied_stops_the_run() {
    let bench = Bench::new(&[Slot { changes: &["/usr/bin/sudo 755"], ..Slot::new("a") }]).denying_warnings();
    let Err(ExecError::Diagnosed { diagnostics, .. }) = bench.apply().await else { panic!("it is refused") };
    assert_eq!(codes(&diagnostics), ["osimg::tree::privilege"]);
    assert!(diagnostics.has_errors());
}
