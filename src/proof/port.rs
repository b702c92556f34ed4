//! The second serial port of a machine, over a Unix socket that QEMU connects to before it starts the machine.
//!
//! The socket lies in the run's private folder and goes with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::console::Console;

/// For QEMU's start, on a busy host.
const CONNECT: Duration = Duration::from_secs(20);

/// Why there is no such port.
#[derive(Debug, thiserror::Error)]
#[error("the socket `{path}` for the second serial port: {source}")]
pub struct PortError {
    pub path: PathBuf,
    pub source: std::io::Error,
}

/// Where QEMU brings its second serial port.
pub struct Listener {
    /// The socket that QEMU is to connect to.
    pub path: PathBuf,
    socket: UnixListener,
}

impl Listener {
    pub fn bind(path: PathBuf) -> Result<Listener, PortError> {
        let socket = UnixListener::bind(&path).map_err(|source| PortError { path: path.clone(), source })?;
        Ok(Listener { path, socket })
    }

    /// The port; nothing when QEMU ends before it connects, which the console tells, and after an
    /// interruption.
    pub async fn accept(self, cancel: &CancellationToken) -> Result<Option<Console>, PortError> {
        let taken = tokio::select! {
            taken = tokio::time::timeout(CONNECT, self.socket.accept()) => taken,
            () = cancel.cancelled() => return Ok(None),
        };
        match taken {
            Ok(Ok((stream, _))) => {
                let (reader, writer) = stream.into_split();
                Ok(Some(Console::new(reader, writer, Arc::new(|_| {}))))
            }
            Ok(Err(source)) => Err(PortError { path: self.path.clone(), source }),
            Err(_) => Ok(None),
        }
    }
}

impl Drop for Listener {
    /// The name is free for the next machine; a connection that was made goes on.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
