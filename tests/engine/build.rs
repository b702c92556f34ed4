//! Builds: what succeeds, what a failure says, what a cancelled one leaves.

use std::path::Path;
use std::time::Duration;

use osimg::base::event::NodeReporter;
use osimg::engine::{BuildContext, EngineError};
use tokio_util::sync::CancellationToken;

use crate::way::{ALL, Lab, Record, Way};

/// Waits for what an engine cleans up by itself after a request has ended.
async fn settled(lab: &Lab, wanted: usize) -> Vec<String> {
    for _ in 0..100 {
        if lab.traces().len() == wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lab.traces()
}

#[tokio::test]
async fn a_build_reports_its_steps_and_lines() {
    for way in ALL {
        let lab = way.lab("build").await;
        let (base, _) = lab.base().await;
        let (record, reporter) = Record::reporter();
        let mut request = lab.request(&base, "built", "ARG WHO\nRUN echo hello $WHO && echo made > /made");
        request.build_args.insert("WHO".to_string(), lab.mark.clone());
        let id = lab.engine.build(&request, &reporter, &CancellationToken::new()).await.expect("built");
        let found = lab.engine.image(&request.tag).await.expect("asked").expect("there");
        assert_eq!(found.id, id);
        assert_eq!(found.labels.get("osimg.slot").map(String::as_str), Some("built"), "{way:?}");
        assert_eq!(lab.engine.read_file(&id, "/made").await.expect("read"), Some(b"made\n".to_vec()));
        let steps = record.steps();
        assert!(steps.iter().any(|s| s.contains("RUN echo hello")), "{way:?}: {steps:?}");
        assert!(steps.iter().any(|s| s.starts_with('[')), "{way:?}: {steps:?}");
        let hello = format!("hello {}", lab.mark);
        assert!(record.lines().contains(&hello), "{way:?}: {:?}", record.lines());
        assert!(record.progress().is_some());
        lab.clean(&[&request.tag, &base]).await;
        assert_eq!(settled(&lab, 0).await, Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn a_failure_names_the_step_the_code_and_the_last_lines() {
    for way in ALL {
        let lab = way.lab("fail").await;
        let (base, _) = lab.base().await;
        let request = lab.request(
            &base,
            "failed",
            "RUN echo fine\nRUN for i in $(seq 30); do echo line $i; done; exit 7",
        );
        let failed = lab.engine.build(&request, &NodeReporter::silent(), &CancellationToken::new()).await;
        let Err(EngineError::Build { step, problem, tail }) = failed else { panic!("{way:?}: {failed:?}") };
        assert!(step.contains("RUN for i in"), "{way:?}: {step}");
        assert_eq!(problem, "exit code 7", "{way:?}");
        let wanted: Vec<String> = (11..=30).map(|n| format!("line {n}")).collect();
        assert_eq!(tail, wanted, "{way:?}");
        lab.clean(&[&base]).await;
        assert_eq!(settled(&lab, 0).await, Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn a_dockerfile_that_cannot_be_read_is_a_build_failure() {
    for way in ALL {
        let lab = way.lab("syntax").await;
        let (base, _) = lab.base().await;
        let request = lab.request(&base, "syntax", "NONSENSE here");
        let failed = lab.engine.build(&request, &NodeReporter::silent(), &CancellationToken::new()).await;
        let text = failed.expect_err("it fails").to_string();
        assert!(text.to_lowercase().contains("nonsense"), "{way:?}: {text}");
        lab.clean(&[&base]).await;
        assert_eq!(settled(&lab, 0).await, Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn a_cancelled_build_leaves_nothing() {
    for way in ALL {
        let lab = way.lab("cancel").await;
        let (base, _) = lab.base().await;
        let request = lab.request(&base, "stopped", "RUN echo first > /first\nRUN echo waiting; sleep 6");
        let (record, reporter) = Record::reporter();
        let cancel = CancellationToken::new();
        let canceller = async {
            while !record.lines().iter().any(|l| l == "waiting") {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            cancel.cancel();
        };
        let (stopped, ()) = tokio::join!(lab.engine.build(&request, &reporter, &cancel), canceller);
        assert!(matches!(stopped, Err(EngineError::Cancelled)), "{way:?}: {stopped:?}");
        // Podman runs the step to its end, and has a container on the base till then
        for _ in 0..100 {
            if lab.engine.remove(&base).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(settled(&lab, 0).await, Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn a_rebuild_leaves_no_nameless_image() {
    for way in ALL {
        let lab = way.lab("rebuild").await;
        let (base, _) = lab.base().await;
        let (silent, cancel) = (NodeReporter::silent(), CancellationToken::new());
        let mut ids = Vec::new();
        for n in 0..3 {
            let request = lab.request(&base, "again", &format!("RUN echo {n} > /n"));
            ids.push(lab.engine.build(&request, &silent, &cancel).await.expect("built"));
        }
        ids.dedup();
        assert_eq!(ids.len(), 3);
        for old in &ids[..2] {
            assert_eq!(lab.engine.image(&old.0).await.expect("asked"), None, "{way:?}");
        }
        lab.clean(&[&lab.tag("again"), &base]).await;
        assert_eq!(settled(&lab, 0).await, Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn a_fresh_build_runs_again_on_a_base_that_is_only_here() {
    for way in ALL {
        let lab = way.lab("fresh").await;
        let (base, _) = lab.base().await;
        let cancel = CancellationToken::new();
        let mut request = lab.request(&base, "fresh", "RUN echo ran once");
        for fresh in [false, false, true] {
            request.fresh = fresh;
            let (record, reporter) = Record::reporter();
            lab.engine.build(&request, &reporter, &cancel).await.expect("built");
            if fresh {
                assert!(record.lines().iter().any(|l| l == "ran once"), "{way:?}: {:?}", record.lines());
            }
        }
        lab.clean(&[&request.tag, &base]).await;
        assert_eq!(settled(&lab, 0).await, Vec::<String>::new(), "{way:?}");
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

#[tokio::test]
async fn a_folder_is_sent_without_what_it_ignores() {
    for way in ALL {
        let lab = way.lab("folder").await;
        let (base, _) = lab.base().await;
        let folder = tempfile::tempdir().expect("a folder");
        let context = folder.path().join("context");
        write(&context, "keep/a", "a");
        write(&context, "drop/b", "b");
        write(&context, "drop/kept", "c");
        // more than the pieces that are packed ahead
        write(&context, "keep/large", &"0123456789abcdef".repeat(256 << 10));
        write(&context, ".dockerignore", "drop\n!drop/kept\n");
        let text = format!("FROM {base}\nENV OSIMG_TEST={}\nCOPY keep /keep\nCOPY drop /drop\n", lab.mark);
        write(&context, "Dockerfile", &text);
        write(folder.path(), "outside/Dockerfile", &text);
        for dockerfile in [context.join("Dockerfile"), folder.path().join("outside/Dockerfile")] {
            let mut request = lab.request(&base, "folder", "");
            request.context = BuildContext::Folder { path: context.clone(), dockerfile };
            let built = lab.engine.build(&request, &NodeReporter::silent(), &CancellationToken::new()).await;
            let id = built.unwrap_or_else(|e| panic!("{way:?}: {e}"));
            let read = async |path: &str| lab.engine.read_file(&id, path).await.expect("read");
            assert_eq!(read("/keep/a").await, Some(b"a".to_vec()));
            assert_eq!(read("/keep/large").await.map(|b| b.len()), Some(4 << 20));
            assert_eq!(read("/drop/b").await, None);
            assert_eq!(read("/drop/kept").await, Some(b"c".to_vec()));
        }
        lab.clean(&[&lab.tag("folder"), &base]).await;
        assert_eq!(settled(&lab, 0).await, Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn builds_run_side_by_side() {
    let lab = Way::BuildKit.lab("parallel").await;
    let (base, _) = lab.base().await;
    let (silent, cancel) = (NodeReporter::silent(), CancellationToken::new());
    let one = lab.request(&base, "one", "RUN echo one > /n");
    let two = lab.request(&base, "two", "RUN echo two > /n");
    let (a, b) =
        tokio::join!(lab.engine.build(&one, &silent, &cancel), lab.engine.build(&two, &silent, &cancel));
    assert_ne!(a.expect("built"), b.expect("built"));
    lab.clean(&[&one.tag, &two.tag, &base]).await;
}
