//! Signals: exit 130, a word about it, and no panic.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::harness::Place;

/// Starts `doctor`, whose engine takes the connection and never answers, and sends `signal` once it waits for it.
fn interrupted_by(signal: &str) -> (Option<i32>, String) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("a bound socket has an address");
    let place = Place::new();
    let mut command = place.command(&["doctor"]);
    command.env("DOCKER_HOST", format!("tcp://{address}")).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("the binary starts");
    let connection = silent.accept().expect("doctor asks the engine");
    let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
    let output = child.wait_with_output().expect("the binary ends");
    drop(connection);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn ends_with_130() {
    for signal in ["INT", "TERM"] {
        assert_eq!(interrupted_by(signal), (Some(130), String::new()), "{signal}");
    }
}
