//! A way to an engine's socket that stops half way: so a test can be sure that something is under way.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

/// A socket that passes everything on to an engine, until one connection has passed so many bytes one way.
pub struct Stall {
    folder: tempfile::TempDir,
    stalled: Receiver<()>,
}

#[derive(Clone)]
struct Limits {
    up: u64,
    down: u64,
    stalled: Sender<()>,
}

impl Stall {
    /// Stops a connection after `bytes` to the engine.
    pub fn up(engine: &Path, bytes: u64) -> Stall {
        Stall::new(engine, bytes, u64::MAX)
    }

    /// Stops a connection after `bytes` from the engine.
    pub fn down(engine: &Path, bytes: u64) -> Stall {
        Stall::new(engine, u64::MAX, bytes)
    }

    fn new(engine: &Path, up: u64, down: u64) -> Stall {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("s")).expect("a socket");
        let (sender, stalled) = channel();
        let (engine, limits) = (PathBuf::from(engine), Limits { up, down, stalled: sender });
        // both threads of a connection end with it; the listener's ends with the test's process
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                pass_on(&client, &UnixStream::connect(&engine).expect("the engine"), &limits);
            }
        });
        Stall { folder, stalled }
    }

    /// A value for `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}/s", self.folder.path().display())
    }

    /// Waits until a connection stands still. Gives the empty text that it has read meanwhile.
    pub fn wait(&self) -> String {
        self.stalled.recv_timeout(Duration::from_secs(120)).expect("so much is sent");
        String::new()
    }
}

fn pass_on(client: &UnixStream, engine: &UnixStream, limits: &Limits) {
    let of = |s: &UnixStream| s.try_clone().expect("a descriptor");
    for (from, to, limit) in [(client, engine, limits.up), (engine, client, limits.down)] {
        let (from, to, watched, stalled) = (of(from), of(to), of(client), limits.stalled.clone());
        std::thread::spawn(move || {
            if copy(&from, &to, limit) {
                // the test may have what it wanted already
                let _ = stalled.send(());
                gone(&watched);
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            } else {
                let _ = to.shutdown(Shutdown::Write);
            }
        });
    }
}

/// Passes bytes on until there are no more; says whether it stopped at the limit instead.
fn copy(mut from: &UnixStream, mut to: &UnixStream, limit: u64) -> bool {
    let (mut buffer, mut passed) = (vec![0; 64 << 10], 0);
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        passed += n as u64;
        if passed >= limit {
            return true;
        }
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    false
}

/// Waits until the other end of a connection is closed, whatever it sent before that.
fn gone(stream: &UnixStream) {
    let mut watched = [PollFd::new(stream, PollFlags::RDHUP)];
    while poll(&mut watched, None).is_err() {}
}
