//! The engine's API by hand, so that what is left behind is not counted by the code under test.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

/// `GET path` over a Unix socket.
pub fn get(socket: &Path, path: &str) -> Value {
    let mut stream = UnixStream::connect(socket).expect("the socket");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a header") + 4;
    serde_json::from_slice(&answer[body..]).expect("JSON")
}

/// A list. Podman fails to make one when something in it goes away meanwhile, as other tests make it do.
pub fn list(socket: &Path, path: &str) -> Vec<Value> {
    for _ in 0..50 {
        if let Value::Array(items) = get(socket, path) {
            return items;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{path} gives no list: {}", get(socket, path));
}

/// Images and containers whose tag, label or environment names `mark`.
pub fn traces(socket: &Path, mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (all, one) in [("/images/json?all=1", "images"), ("/containers/json?all=1", "containers")] {
        for item in list(socket, all) {
            let id = item["Id"].as_str().expect("an id");
            let detail = get(socket, &format!("/{one}/{id}/json"));
            let tags = detail["RepoTags"].to_string();
            let config = detail["Config"].to_string() + &detail["ContainerConfig"].to_string();
            if tags.contains(mark) || config.contains(mark) {
                found.push(format!("{one} {id} {tags}"));
            }
        }
    }
    found.sort();
    found
}
