//! Runs whole plans against the fake engine: what is built, what comes from the cache, what is left after a failure.

#[path = "exec/bench.rs"]
mod bench;
#[path = "exec/rules.rs"]
mod rules;
#[path = "specimen/tree.rs"]
mod specimen;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use bench::{Bench, Slot, read_at};
use osimg::base::event::Event;
use osimg::disk::checksum;
use osimg::engine::fake::{Call, Fault, Operation};
use osimg::exec::ExecError;
use osimg::plan::Why;

fn messages(error: &ExecError) -> (Vec<String>, Vec<String>) {
    match error {
        ExecError::Diagnosed { diagnostics, .. } => {
            let codes = diagnostics.iter().map(|d| d.code.to_string()).collect();
            let words = diagnostics
                .iter()
                .flat_map(|d| {
                    let source = d.source().cloned().expect("located");
                    d.labels.iter().map(move |l| source.text[l.span.start..l.span.end].to_string())
                })
                .collect();
            (codes, words)
        }
        other => panic!("not a diagnostic: {other:?}"),
    }
}

#[tokio::test]
async fn a_first_run_makes_everything_and_a_second_nothing() {
    let bench = Bench::new(&[Slot::new("a"), Slot::new("b")]);
    let first = bench.apply().await.expect("applies");
    assert_eq!(first.image.size.0, 192 << 20);
    assert!(first.image.allocated.0 < 64 << 20, "{} are allocated", first.image.allocated);
    let bytes = fs::read(bench.image()).expect("image");
    assert_eq!(&bytes[510..512], [0x55, 0xaa]);
    assert_eq!(first.image.sha256, None, "nobody asked for it");
    assert_eq!(first.slots.iter().map(|s| s.kernel.as_str()).collect::<Vec<_>>(), ["6.1.0-9-amd64"; 2]);
    assert!(first.cached.is_empty());
    let calls = bench.engine.calls().len();
    let before = fs::metadata(bench.image()).expect("image").modified().expect("time");

    let second = bench.apply().await.expect("applies");
    assert!(second.ran.is_empty(), "{:?}", second.ran);
    assert_eq!(second.image, first.image);
    assert_eq!(bench.engine.calls().len(), calls, "the engine was asked although nothing had to run");
    assert_eq!(fs::metadata(bench.image()).expect("image").modified().expect("time"), before);
    bench.nothing_staged();
}

#[tokio::test]
async fn the_checksum_is_that_of_the_images_bytes() {
    for (table, count) in [("mbr", 1), ("mbr", 2), ("gpt", 1), ("gpt", 2)] {
        let slots = [Slot { payload: 3 << 20, ..Slot::new("a") }, Slot::new("b")];
        let bench = Bench::new(&slots[..count]);
        bench.edit("m.yaml", |text| text.replace("size: 192MiB", &format!("size: 192MiB, table: {table}")));
        let sums = checksum::path(&bench.image());

        bench.apply().await.expect("applies");
        let first = bench.apply_with_checksum().await.expect("applies");
        assert_eq!(first.ran.keys().collect::<Vec<_>>(), ["checksum"], "{table} {count}");
        assert_eq!(first.image.sha256, Some(bench.digest()), "{table} {count}");
        let told = bench.apply_with_checksum().await.expect("applies");
        assert_eq!((told.ran.len(), told.image.sha256), (0, first.image.sha256), "{table} {count}: cached");
        fs::write(&sums, "that of this image").expect("written");
        bench.apply().await.expect("applies");
        assert!(sums.exists(), "{table} {count}: it stays with its image");

        fs::remove_file(bench.image()).expect("removed");
        let again = bench.apply_with_checksum().await.expect("applies");
        assert_eq!(again.ran.keys().collect::<Vec<_>>(), ["assemble"], "{table} {count}: of cached parts");
        assert_eq!((again.image.sha256, Some(bench.digest())), (first.image.sha256, first.image.sha256));
        assert!(!sums.exists(), "{table} {count}: it goes when its image is written over");

        bench.edit("m.yaml", |text| text.replace("packages: [tool-a]", "packages: [tool-a, more]"));
        let other = bench.apply_with_checksum().await.expect("applies");
        assert_eq!(other.image.sha256, Some(bench.digest()), "{table} {count}: of some parts that are new");
        assert_ne!(other.image.sha256, first.image.sha256);
    }
}

#[tokio::test]
async fn the_same_inputs_give_the_same_bytes() {
    let (one, two) = (Bench::new(&[Slot::new("a")]), Bench::new(&[Slot::new("a")]));
    one.apply().await.expect("applies");
    two.apply().await.expect("applies");
    assert_eq!(one.digest(), two.digest());
}

#[tokio::test]
async fn a_rebuild_that_gives_the_same_image_goes_no_further() {
    let bench = Bench::new(&[Slot::new("a")]);
    let first = bench.apply().await.expect("applies");
    // the fake engine's second build does not depend on the first, as with a comment added to a Dockerfile
    bench.edit("a/Dockerfile", |text| format!("# changed\n{text}"));
    let second = bench.apply().await.expect("applies");
    let ran: Vec<&str> = second.ran.keys().map(String::as_str).collect();
    assert_eq!(ran, ["build a", "identify a", "make bootable a"]);
    assert_eq!(second.image, first.image);
}

#[tokio::test]
async fn a_change_to_one_slot_leaves_the_other_untouched() {
    let bench = Bench::new(&[Slot::new("a"), Slot::new("b")]);
    let first = bench.apply().await.expect("applies");
    let part = |n: usize| {
        let slot = &first.slots[n];
        (bench.partition_start(slot.partition), slot.size.0 as usize)
    };
    let before: Vec<Vec<u8>> = (0..2).map(|n| read_at(&bench.image(), part(n))).collect();
    bench.edit("m.yaml", |text| text.replace("packages: [tool-b]", "packages: [tool-b, more]"));
    let second = bench.apply().await.expect("applies");
    let ran: BTreeSet<&str> = second.ran.keys().map(String::as_str).collect();
    let expected = ["assemble", "export b", "ext4 b", "inspect b", "make bootable b"];
    assert_eq!(ran, BTreeSet::from(expected));
    assert_eq!(read_at(&bench.image(), part(0)), before[0]);
    assert_ne!(read_at(&bench.image(), part(1)), before[1]);
}

#[tokio::test]
async fn an_image_that_is_gone_or_changed_is_assembled_again() {
    let bench = Bench::new(&[Slot::new("a")]);
    bench.apply().await.expect("applies");
    let first = bench.digest();
    fs::remove_file(bench.image()).expect("removed");
    let again = bench.apply().await.expect("applies");
    assert_eq!(again.ran.keys().collect::<Vec<_>>(), ["assemble"]);
    assert_eq!(bench.digest(), first);
    fs::write(bench.image(), "booted and written to").expect("written");
    assert_eq!(bench.explain("assemble").await, Some(Why::OutputGone));
    let again = bench.apply().await.expect("applies");
    assert_eq!(again.ran.keys().collect::<Vec<_>>(), ["assemble"]);
}

#[tokio::test]
async fn products_that_are_gone_are_made_again_when_they_are_needed() {
    let bench = Bench::new(&[Slot::new("a")]);
    bench.apply().await.expect("applies");
    for object in fs::read_dir(bench.cache().join("objects")).expect("objects") {
        fs::remove_file(object.expect("entry").path()).expect("removed");
    }
    let again = bench.apply().await.expect("applies");
    assert!(again.ran.is_empty(), "no object is needed while the image stands");
    fs::remove_file(bench.image()).expect("removed");
    assert_eq!(bench.explain("export a").await, Some(Why::ProductGone));
    let again = bench.apply().await.expect("applies");
    let ran: BTreeSet<&str> = again.ran.keys().map(String::as_str).collect();
    assert_eq!(ran, BTreeSet::from(["assemble", "boot partition", "export a", "ext4 a", "grub"]));
}

#[tokio::test]
async fn images_that_are_gone_from_the_engine_are_built_again_when_they_are_needed() {
    let bench = Bench::new(&[Slot::new("a")]);
    bench.apply().await.expect("applies");
    let other = bench.with_fresh_engine();
    assert!(other.apply().await.expect("applies").ran.is_empty());
    other.edit("m.yaml", |text| text.replace("hostname: a", "hostname: other"));
    let again = other.apply().await.expect("applies");
    let ran: BTreeSet<&str> = again.ran.keys().map(String::as_str).collect();
    // the export needs the slot's image, which needs the user's, which needs the base
    for node in ["base base", "build a", "make bootable a", "export a", "ext4 a", "assemble"] {
        assert!(ran.contains(node), "{node} did not run: {ran:?}");
    }
}

#[tokio::test]
async fn refresh_builds_anew_what_it_names() {
    let bench = Bench::new(&[Slot::new("a"), Slot::new("b")]);
    bench.apply().await.expect("applies");
    let before = bench.engine.calls().len();
    let outputs = bench.refresh(&["b"]).await.expect("applies");
    let builds: Vec<(String, bool)> = bench.engine.calls()[before..]
        .iter()
        .filter_map(|call| match call {
            Call::Build { tag, fresh } => Some((tag.clone(), *fresh)),
            _ => None,
        })
        .collect();
    assert_eq!(builds, [("osimg/m/b:image".to_string(), true), ("osimg/m/b:slot".to_string(), true)]);
    assert_eq!(outputs.ran.keys().collect::<Vec<_>>(), ["base base", "build b", "make bootable b"]);
}

#[tokio::test]
async fn a_failed_build_is_located_and_stops_the_rest() {
    let bench = Bench::new(&[Slot::new("a"), Slot::new("b")]);
    bench.apply().await.expect("applies");
    let before = fs::read(bench.image()).expect("image");
    // one slot's build fails while the other's would go on for ever
    let bench = bench.with_fresh_engine_and(&[
        (Operation::Build, 0, Fault::Fail("exit code 7".into())),
        (Operation::Build, 1, Fault::Hang),
    ]);
    bench.edit("a/Dockerfile", |text| text + "# new\n");
    bench.edit("b/Dockerfile", |text| text + "# new\n");
    let error =
        tokio::time::timeout(Duration::from_secs(20), bench.apply()).await.expect("ends").expect_err("fails");
    let (codes, words) = messages(&error);
    assert_eq!(codes, ["osimg::build::failed"]);
    assert!(words == ["a/Dockerfile"] || words == ["b/Dockerfile"], "{words:?}");
    assert!(matches!(error, ExecError::Diagnosed { output, .. } if output == ["the last line"]));
    assert_eq!(fs::read(bench.image()).expect("image"), before, "the image before stays");
    bench.nothing_staged();
}

#[tokio::test]
async fn interrupted_in_each_stage_nothing_is_left() {
    let stages =
        [(Operation::Import, 0), (Operation::Build, 0), (Operation::Build, 1), (Operation::Export, 0)];
    for (operation, nth) in stages {
        let bench = Bench::new(&[Slot::new("a")]).with_fresh_engine_and(&[(operation, nth, Fault::Hang)]);
        fs::create_dir_all(bench.image().parent().expect("parent")).expect("folder");
        fs::write(bench.image(), "the one before").expect("written");
        let error = bench.interrupted_after(Duration::from_millis(300)).await.expect_err("interrupted");
        assert!(matches!(error, ExecError::Cancelled), "{operation:?}: {error:?}");
        assert_eq!(fs::read(bench.image()).expect("image"), b"the one before");
        let files = fs::read_dir(bench.image().parent().expect("parent")).expect("folder").count();
        assert_eq!(files, 1, "{operation:?}: something is left beside the image");
        bench.nothing_staged();
    }
}

#[tokio::test]
async fn interrupted_while_the_disk_is_made_nothing_is_left() {
    for label in ["export a", "inspect a", "ext4 a", "boot partition", "assemble"] {
        let bench = Bench::new(&[Slot { payload: 30 << 20, ..Slot::new("a") }]);
        fs::create_dir_all(bench.image().parent().expect("parent")).expect("folder");
        fs::write(bench.image(), "the one before").expect("written");
        let error = bench.interrupted_at(label).await.expect_err("interrupted");
        assert!(matches!(error, ExecError::Cancelled), "{label}: {error:?}");
        assert_eq!(fs::read(bench.image()).expect("image"), b"the one before");
        let files = fs::read_dir(bench.image().parent().expect("parent")).expect("folder").count();
        assert_eq!(files, 1, "{label}: something is left beside the image");
        bench.nothing_staged();
    }
}

#[tokio::test]
async fn interrupted_at_the_checksum_the_image_is_there_and_nothing_beside_it() {
    let bench = Bench::new(&[Slot { payload: 30 << 20, ..Slot::new("a") }]);
    let error = bench.interrupted_at("checksum").await.expect_err("interrupted");
    assert!(matches!(error, ExecError::Cancelled), "{error:?}");
    let files = fs::read_dir(bench.image().parent().expect("parent")).expect("folder");
    let names: Vec<_> = files.map(|f| f.expect("entry").path()).collect();
    assert_eq!(names, [bench.image()]);
    let after = bench.apply_with_checksum().await.expect("applies");
    assert_eq!(after.ran.keys().collect::<Vec<_>>(), ["checksum"]);
    assert_eq!(after.image.sha256, Some(bench.digest()));
}

#[tokio::test]
async fn an_export_that_breaks_off_says_what_the_engine_said() {
    let fault = Fault::Break { after: 2000, problem: "the engine went away".into() };
    let bench = Bench::new(&[Slot::new("a")]).with_fresh_engine_and(&[(Operation::Export, 0, fault)]);
    let error = bench.apply().await.expect_err("fails");
    assert!(error.to_string().contains("the engine went away"), "{error}");
    bench.nothing_staged();
}

#[tokio::test]
async fn a_tree_without_a_kernel_is_blamed_on_its_dockerfile() {
    let bench = Bench::new(&[Slot { kernel: None, ..Slot::new("a") }]);
    let (codes, words) = messages(&bench.apply().await.expect_err("fails"));
    assert_eq!((codes[0].as_str(), words[0].as_str()), ("osimg::kernel::missing", "a/Dockerfile"));
    assert!(!bench.image().exists());
    let bench = Bench::new(&[Slot { initramfs: false, ..Slot::new("a") }]);
    let (codes, _) = messages(&bench.apply().await.expect_err("fails"));
    assert_eq!(codes, ["osimg::kernel::initramfs-missing"]);
}

#[tokio::test]
async fn another_distribution_than_stated_is_an_error() {
    let bench = Bench::new(&[Slot { distro: Some("el8"), ..Slot::new("a") }]);
    let (codes, words) = messages(&bench.apply().await.expect_err("fails"));
    assert_eq!((codes[0].as_str(), words[0].as_str()), ("osimg::distro::mismatch", "el8"));
}

#[tokio::test]
async fn a_partition_too_small_says_how_much_it_takes() {
    let bench = Bench::new(&[Slot { size: Some("17MiB"), payload: 40 << 20, ..Slot::new("a") }]);
    let error = bench.apply().await.expect_err("fails");
    let (codes, words) = messages(&error);
    assert_eq!((codes[0].as_str(), words[0].as_str()), ("osimg::size::too-small", "17MiB"));
    let ExecError::Diagnosed { diagnostics, .. } = error else { unreachable!() };
    let help = diagnostics.iter().next().and_then(|d| d.help.clone()).expect("help");
    // what the help line names is enough
    let needed = help.split("`size: ").nth(1).and_then(|t| t.split('`').next()).expect("a size");
    let needed: &'static str = Box::leak(needed.to_string().into_boxed_str());
    let bench = Bench::new(&[Slot { size: Some(needed), payload: 40 << 20, ..Slot::new("a") }]);
    bench.apply().await.expect("the size in the help line is enough");
}

/// A slot whose manifest says nothing of its kernel, on `filesystem`, with `more` behind its slots.
fn unpinned(filesystem: &str, more: &str) -> Bench {
    let bench = Bench::new(&[Slot { kernel: Some("5.4.278-1.el7.elrepo.x86_64"), ..Slot::new("a") }]);
    bench.edit("m.yaml", |text| {
        let text = text.replace("size: 192MiB", "size: auto");
        let line = format!("filesystem: {filesystem}\n    hostname: a\n");
        text.replace("hostname: a\n", &line) + more
    });
    bench
}

#[tokio::test]
async fn a_feature_that_the_built_kernel_cannot_read_is_an_error() {
    for (filesystem, code, word) in [
        ("{type: xfs, features: {reflink: true, bigtime: true}}", "feature-kernel", "bigtime"),
        ("{type: ext4, features: {64bit: true, metadata_csum: true}}", "feature-checker", "metadata_csum"),
    ] {
        let error = unpinned(filesystem, "").apply().await.expect_err("refused");
        let (codes, words) = messages(&error);
        assert_eq!((codes, words), (vec![format!("osimg::filesystem::{code}")], vec![word.to_string()]));
        let ExecError::Diagnosed { diagnostics, .. } = error else { unreachable!() };
        let message = &diagnostics.iter().next().expect("a finding").message;
        assert!(message.starts_with("slot `a` has 5.4.278-1.el7.elrepo.x86_64: "), "{message}");
        let allow = format!("allow: [{{code: \"osimg::filesystem::{code}\", reason: ours has it}}]\n");
        unpinned(filesystem, &allow).apply().await.expect("allowed");
    }
}

#[tokio::test]
async fn a_grub_too_old_for_a_filesystem_is_an_error() {
    let run = async |filesystem: &str, more: &str| {
        let bench = Bench::new(&[Slot { grub: "2.04-1ubuntu26", ..Slot::new("a") }]);
        bench.edit("m.yaml", |text| {
            let text = text.replace("size: 192MiB", "size: auto");
            let line = format!("filesystem: {filesystem}\n    hostname: a\n");
            text.replace("hostname: a\n", &line) + more
        });
        bench.apply().await
    };
    let (codes, words) = messages(&run("{type: xfs}", "").await.expect_err("refused"));
    assert_eq!((codes[0].as_str(), words[0].as_str()), ("osimg::filesystem::feature-grub", "xfs"));
    let without = "{type: xfs, features: {bigtime: false}}";
    run(without, "").await.expect("2.04 reads the others");
    run("{type: ext4}", "").await.expect("every GRUB reads ext4");
}

#[tokio::test]
async fn stated_features_make_another_filesystem() {
    let bench = unpinned("{type: xfs, features: {reflink: true}}", "");
    let first = bench.apply().await.expect("applies");
    let features = |bench: &Bench, outputs: &osimg::exec::Outputs| {
        let slot = &outputs.slots[0];
        let bytes = read_at(&bench.image(), (bench.partition_start(slot.partition), 4096));
        u32::from_be_bytes(bytes[212..216].try_into().expect("four bytes"))
    };
    assert_eq!(features(&bench, &first), 1 | 4, "finobt and reflink");
    bench.edit("m.yaml", |text| text.replace("reflink: true", "reflink: false"));
    assert_eq!(bench.explain("xfs a").await, Some(Why::Changed));
    let second = bench.apply().await.expect("applies");
    assert_eq!(second.ran.keys().collect::<Vec<_>>(), ["assemble", "xfs a"]);
    assert_eq!(features(&bench, &second), 1, "finobt");
    let said: Vec<String> = bench.features("xfs a").await;
    assert_eq!(said[..4], ["finobt", "sparse", "!rmapbt", "!reflink"]);
}

#[tokio::test]
async fn a_disk_of_automatic_size_holds_its_slots() {
    let bench = Bench::new(&[Slot { payload: 80 << 20, ..Slot::new("a") }, Slot::new("b")]);
    bench.edit("m.yaml", |text| text.replace("size: 192MiB", "size: auto"));
    let outputs = bench.apply().await.expect("applies");
    let (a, b) = (outputs.slots[0].size.0, outputs.slots[1].size.0);
    assert!(a > 80 << 20 && a > b, "{a} {b}");
    assert_eq!(outputs.image.size.0, (1 << 20) + (64 << 20) + a + b);
}

#[tokio::test]
async fn a_base_never_takes_the_name_of_an_image_that_osimg_did_not_make() {
    let bench = Bench::new(&[Slot::new("a")]).with_foreign_image("base:latest");
    let (_, words) = messages(&bench.apply().await.expect_err("fails"));
    assert_eq!(words, ["base"]);
    assert!(!bench.engine.calls().iter().any(|c| matches!(c, Call::Import { .. })));
}

#[tokio::test]
async fn an_archive_with_another_digest_is_not_imported() {
    let bench = Bench::new(&[Slot::new("a")]);
    fs::write(bench.folder().join("base.tar"), "something else").expect("written");
    let error = bench.apply().await.expect_err("fails");
    let (codes, _) = messages(&error);
    assert_eq!(codes, ["osimg::base::digest-mismatch"]);
    assert!(!bench.engine.calls().iter().any(|c| matches!(c, Call::Import { .. })));
}

#[tokio::test]
async fn no_more_nodes_work_at_once_than_jobs_allow() {
    for jobs in [1, 3] {
        let bench = Bench::new(&[Slot::new("a"), Slot::new("b"), Slot::new("c")]).with_jobs(jobs);
        bench.apply().await.expect("applies");
        let (mut now, mut most) = (0, 0);
        for event in bench.events() {
            match event {
                Event::NodeStarted { .. } => now += 1,
                Event::NodeFinished { .. } => now -= 1,
                _ => {}
            }
            most = most.max(now);
        }
        assert_eq!(most, jobs);
    }
}

#[tokio::test]
async fn the_plan_says_why() {
    let bench = Bench::new(&[Slot::new("a"), Slot::new("b")]);
    assert_eq!(bench.explain("base base").await, Some(Why::NeverRun));
    bench.apply().await.expect("applies");
    assert_eq!(bench.explain("base base").await, None);
    bench.edit("a/Dockerfile", |text| text + "# new\n");
    assert_eq!(bench.explain("build a").await, Some(Why::Changed));
    bench.edit("m.yaml", |text| text.replace("packages: [tool-b]", "packages: [other]"));
    let inputs = vec!["render b".to_string()];
    assert_eq!(bench.explain("make bootable b").await, Some(Why::InputsChanged { inputs }));
}
