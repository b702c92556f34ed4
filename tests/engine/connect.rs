//! Finding an engine, and saying so when there is none.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use osimg::base::event::NodeReporter;
use osimg::engine::{EngineChoice, EngineError, EngineKind, Environment, connect};

use tokio_util::sync::CancellationToken;

use crate::podman;
use crate::way::{Way, forwarded};

fn at(host: String) -> Environment {
    Environment { docker_host: Some(host), ..Environment::default() }
}

async fn problem(choice: EngineChoice, environment: &Environment) -> (String, String) {
    match connect(choice, environment).await {
        Err(EngineError::Unreachable { problem, hint }) => (problem, hint),
        Err(other) => panic!("{other}"),
        Ok(engine) => panic!("{:?} answers", engine.info()),
    }
}

#[tokio::test]
async fn docker_and_podman_are_told_apart() {
    let docker = connect(EngineChoice::Auto, &Environment::default()).await.expect("Docker");
    assert_eq!(docker.info().kind, EngineKind::Docker);
    assert!(docker.info().buildkit);
    let podman = Way::Podman.lab("apart").await.engine;
    assert_eq!(podman.info().kind, EngineKind::Podman);
    assert!(!podman.info().buildkit);
    assert!(podman.info().version.starts_with(|c: char| c.is_ascii_digit()));
    assert!(!Way::Classic.lab("apart").await.engine.info().buildkit);
}

#[tokio::test]
async fn the_wrong_engine_is_refused() {
    let socket = podman::socket();
    let (problem, _) = problem(EngineChoice::Docker, &at(format!("unix://{}", socket.display()))).await;
    assert!(problem.ends_with("Podman answers there"), "{problem}");
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("none.sock");
    let (text, hint) = problem(EngineChoice::Auto, &at(format!("unix://{}", socket.display()))).await;
    assert!(text.ends_with("no such socket"), "{text}");
    assert!(hint.contains("DOCKER_HOST"), "{hint}");
    drop(UnixListener::bind(&socket).expect("a socket"));
    let (text, _) = problem(EngineChoice::Auto, &at(format!("unix://{}", socket.display()))).await;
    assert!(text.ends_with("nothing listens on the socket"), "{text}");
    let (text, _) = problem(EngineChoice::Auto, &at("carrier-pigeon://x".to_string())).await;
    assert!(text.contains("carrier-pigeon"), "{text}");
    let (text, _) = problem(EngineChoice::Auto, &at("tcp://127.0.0.1:1".to_string())).await;
    assert!(text.contains("127.0.0.1:1"), "{text}");
}

#[tokio::test]
async fn a_silent_socket_does_not_hang() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("silent.sock");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let start = Instant::now();
    let (text, _) = problem(EngineChoice::Auto, &at(format!("unix://{}", socket.display()))).await;
    assert!(text.contains("no answer"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(40));
}

#[tokio::test]
async fn an_engine_is_reached_over_tcp() {
    let (address, forward) = forwarded().await;
    let engine = connect(EngineChoice::Docker, &at(address)).await.expect("Docker");
    let mut lab = Way::BuildKit.lab("tcp").await;
    lab.engine = engine;
    let (base, _) = lab.base().await;
    let request = lab.request(&base, "built", "RUN echo over tcp > /how");
    let id =
        lab.engine.build(&request, &NodeReporter::silent(), &CancellationToken::new()).await.expect("built");
    assert_eq!(lab.engine.read_file(&id, "/how").await.expect("read"), Some(b"over tcp\n".to_vec()));
    lab.clean(&[&request.tag, &base]).await;
    forward.abort();
}
