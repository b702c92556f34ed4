//! A session of BuildKit's that takes the tree of an export: gRPC over HTTP/2, on a connection to the engine of its own, in
//! which the engine is the client.
//!
//! Enters: the engine's [`Door`] and the session's name, then what the engine sends. Leaves: a tar's bytes, in pieces.
//! Holds: the connection ends with the [`Session`]. Spec: BuildKit's `filesync.proto` and `health.proto`, gRPC's
//! "PROTOCOL-HTTP2". bollard's own session keeps its connection until the program ends, and loses most of what a tree
//! has but contents.

use std::io;

use bytes::{Bytes as Chunk, BytesMut};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio_util::either::Either;

use super::packet::{self, Malformed, Packets};
use super::transfer::{Transfer, TransferError};

/// Bytes of the tree that may be under way, read by the kernel or by us, before the engine must wait.
const STREAM_WINDOW: u32 = 4 << 20;
/// The same for the whole connection. More, so that the engine can ask for our health while the tree waits for its
/// reader: without an answer it would give the session up.
const CONNECTION_WINDOW: u32 = 8 << 20;
/// Bytes of the tar handed on at once, where so many have come.
const PIECE: usize = 256 << 10;
/// What a piece may grow to: one content of the engine's, a header.
const ROOM: usize = PIECE + (36 << 10);
/// The most that the engine's answer to the upgrade may hold, in bytes.
const ANSWER: u64 = 16 << 10;

/// The call by which the engine sends the tree.
const SEND: &str = "/moby.filesync.v1.FileSend/DiffCopy";
/// The call by which it asks whether we are still there.
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// `HealthCheckResponse { status: SERVING }` as a gRPC message.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 1];
/// gRPC's code for a call that the server does not know.
const UNIMPLEMENTED: &str = "12";

/// Why no more of a tree comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("nobody reads it")]
    Unread,
    #[error("{0}")]
    Connection(#[from] h2::Error),
    #[error("{0}")]
    Transfer(#[from] TransferError),
}

impl From<Malformed> for Ended {
    fn from(malformed: Malformed) -> Ended {
        Ended::Transfer(malformed.into())
    }
}

/// Where an engine takes a session: a socket, or a port that speaks plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// The socket's path.
    Unix(String),
    /// Host and port.
    Tcp(String),
}

impl Door {
    /// The door of an endpoint; nothing where all that passes goes through TLS or ssh, which are bollard's.
    pub(super) fn of(endpoint: &str, tls: bool) -> Option<Door> {
        if let Some(path) = endpoint.strip_prefix("unix://") {
            return Some(Door::Unix(path.to_string()));
        }
        let address = endpoint.strip_prefix("tcp://").or_else(|| endpoint.strip_prefix("http://"))?;
        (!tls).then(|| Door::Tcp(address.trim_end_matches('/').to_string()))
    }

    async fn open(&self) -> io::Result<Either<UnixStream, TcpStream>> {
        match self {
            Door::Unix(path) => Ok(Either::Left(UnixStream::connect(path).await?)),
            Door::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // a request for contents is small, and the engine waits for it
                stream.set_nodelay(true)?;
                Ok(Either::Right(stream))
            }
        }
    }
}

/// An open session.
pub(super) struct Session {
    connection: Connection<BufReader<Either<UnixStream, TcpStream>>, Chunk>,
}

impl Session {
    /// Opens a session with the name `id` at the engine behind `door`.
    ///
    /// # Errors
    ///
    /// When the door cannot be opened, or the engine has no sessions.
    pub(super) async fn open(door: &Door, api: &str, id: &str) -> io::Result<Session> {
        let mut stream = BufReader::new(door.open().await?);
        let head = format!(
            "POST /v{api}/session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\
             X-Docker-Expose-Session-Uuid: {id}\r\nX-Docker-Expose-Session-Grpc-Method: {}\r\n\
             Content-Length: 0\r\n\r\n",
            SEND.to_lowercase()
        );
        stream.write_all(head.as_bytes()).await?;
        upgraded(&mut stream).await?;
        let connection = h2::server::Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(stream)
            .await
            .map_err(io::Error::other)?;
        Ok(Session { connection })
    }

    /// Answers the engine's calls and hands the tree on, until the engine closes the connection or something breaks.
    /// Counts in `complete` the trees that came whole and were handed on.
    pub(super) async fn serve(
        mut self,
        out: &mpsc::Sender<Chunk>,
        complete: &watch::Sender<usize>,
    ) -> Result<(), Ended> {
        let mut calls = FuturesUnordered::new();
        let count = |tree: bool| complete.send_modify(|complete| *complete += usize::from(tree));
        let ended = loop {
            tokio::select! {
                biased;
                call = self.connection.accept() => match call {
                    Some(Ok((request, respond))) => calls.push(answer(request, respond, out)),
                    Some(Err(error)) => break Err(error.into()),
                    None => break Ok(()),
                },
                Some(done) = calls.next() => count(done?),
            }
        };
        // what has come may still wait for its reader
        while let Some(done) = calls.next().await {
            count(done?);
        }
        ended
    }
}

/// Reads the answer to the upgrade, up to the first byte of HTTP/2.
async fn upgraded(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<()> {
    let mut head = stream.take(ANSWER);
    let mut first = String::new();
    head.read_line(&mut first).await?;
    if first.split(' ').nth(1) != Some("101") {
        return Err(io::Error::other(format!("the engine opens no session: {}", first.trim())));
    }
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if head.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Answers one call. Says whether it was a tree.
async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Chunk>,
    out: &mpsc::Sender<Chunk>,
) -> Result<bool, Ended> {
    let path = request.uri().path().to_string();
    let mut body = request.into_body();
    let mut head = Response::new(());
    head.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let mut send = match path.as_str() {
        SEND => {
            let mut send = respond.send_response(head, false)?;
            if let Err(ended) = receive(&mut body, &mut send, out).await {
                send.send_reset(Reason::CANCEL);
                return Err(ended);
            }
            send
        }
        HEALTH => {
            while let Some(piece) = body.data().await {
                piece?;
            }
            let mut send = respond.send_response(head, false)?;
            send.send_data(Chunk::from_static(SERVING), false)?;
            send
        }
        _ => {
            head.headers_mut().insert("grpc-status", HeaderValue::from_static(UNIMPLEMENTED));
            respond.send_response(head, true)?;
            return Ok(false);
        }
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    match send.send_trailers(trailers) {
        // whoever sent a tree may have gone while it waited for its reader
        Err(error) if path != SEND => Err(error.into()),
        _ => Ok(path == SEND),
    }
}

/// Takes the tree of one call and hands it on as a tar. While the reader is slow nothing more is taken, which fills the
/// window and makes the engine wait, but for the end: it goes when it has sent all.
async fn receive(
    body: &mut RecvStream,
    send: &mut SendStream<Chunk>,
    out: &mpsc::Sender<Chunk>,
) -> Result<(), Ended> {
    let mut packets = Packets::default();
    let mut transfer = Transfer::default();
    let mut piece = BytesMut::with_capacity(ROOM);
    while !transfer.has_ended() {
        // waits only where there is nothing to hand on
        let frame = if piece.is_empty() { Some(body.data().await) } else { body.data().now_or_never() };
        let more = match frame {
            Some(None | Some(Err(_))) if transfer.is_whole() => break,
            Some(Some(frame)) => {
                let frame = frame?;
                packets.push(&frame);
                while let Some(packet) = packets.next()? {
                    transfer.take(packet)?;
                }
                body.flow_control().release_capacity(frame.len())?;
                true
            }
            Some(None) => return Err(Malformed("a tree without its end").into()),
            None => false,
        };
        loop {
            while let Some(message) = transfer.message() {
                send.send_data(message, false)?;
            }
            if transfer.write(&mut piece, PIECE) {
                // nothing is lost where the engine does not hear it
                let _ = send.send_data(packet::end(), false);
            }
            if piece.is_empty() || (more && piece.len() < PIECE) {
                break;
            }
            let whole = std::mem::replace(&mut piece, BytesMut::with_capacity(ROOM));
            out.send(whole.freeze()).await.map_err(|_| Ended::Unread)?;
        }
    }
    if !piece.is_empty() {
        out.send(piece.freeze()).await.map_err(|_| Ended::Unread)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_open_where_nothing_encrypts() {
        let tcp = |address: &str| Some(Door::Tcp(address.into()));
        assert_eq!(Door::of("unix:///run/docker.sock", true), Some(Door::Unix("/run/docker.sock".into())));
        assert_eq!(Door::of("tcp://build:2375", false), tcp("build:2375"));
        assert_eq!(Door::of("http://[::1]:2375/", false), tcp("[::1]:2375"));
        for (endpoint, tls) in [("tcp://build:2376", true), ("https://build", true), ("ssh://build", false)] {
            assert_eq!(Door::of(endpoint, tls), None, "{endpoint}");
        }
    }
}
