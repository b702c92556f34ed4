//! A session of BuildKit's that takes the tar of an export: gRPC over HTTP/2, on a connection to the engine's socket of
//! its own, in which the engine is the client.
//!
//! Enters: the socket's path and the session's name, then what the engine sends. Leaves: the tar's bytes, in pieces.
//! Holds: the connection ends with the [`Session`]. Spec: BuildKit's `filesync.proto` and `health.proto`, gRPC's
//! "PROTOCOL-HTTP2". bollard's own session writes each message to a file, and keeps its connection until the program
//! ends.

use std::io;

use bytes::{Buf, Bytes as Chunk, BytesMut};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Bytes of the tar that may be under way, read by the kernel or by us, before the engine must wait.
const STREAM_WINDOW: u32 = 4 << 20;
/// The same for the whole connection. More, so that the engine can ask for our health while the tar waits for its
/// reader: without an answer it would give the session up.
const CONNECTION_WINDOW: u32 = 8 << 20;
/// Bytes of the tar handed on at once, where so many have come.
const PIECE: usize = 256 << 10;
/// The most that the engine's answer to the upgrade may hold, in bytes.
const ANSWER: u64 = 16 << 10;

/// The call by which the engine sends the tar.
const SEND: &str = "/moby.filesync.v1.FileSend/DiffCopy";
/// The call by which it asks whether we are still there.
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// `HealthCheckResponse { status: SERVING }` as a gRPC message.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 1];
/// gRPC's code for a call that the server does not know.
const UNIMPLEMENTED: &str = "12";

/// Why no more of a tar comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("nobody reads it")]
    Unread,
    #[error("{0}")]
    Connection(#[from] h2::Error),
    #[error("the engine sent {0}")]
    Malformed(&'static str),
}

/// An open session.
pub(super) struct Session {
    connection: Connection<BufReader<UnixStream>, Chunk>,
}

impl Session {
    /// Opens a session with the name `id` at the engine that listens on `socket`.
    ///
    /// # Errors
    ///
    /// When the socket cannot be opened, or the engine has no sessions.
    pub(super) async fn open(socket: &str, api: &str, id: &str) -> io::Result<Session> {
        let mut stream = BufReader::new(UnixStream::connect(socket).await?);
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

    /// Answers the engine's calls and hands the tar on, until the engine closes the connection or something breaks.
    /// Counts in `complete` the tars that came whole.
    pub(super) async fn serve(
        mut self,
        out: &mpsc::Sender<Chunk>,
        complete: &mut usize,
    ) -> Result<(), Ended> {
        let mut calls = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                call = self.connection.accept() => match call {
                    Some(call) => {
                        let (request, respond) = call?;
                        calls.push(answer(request, respond, out));
                    }
                    None => return Ok(()),
                },
                Some(done) = calls.next() => *complete += usize::from(done?),
            }
        }
    }
}

/// Reads the answer to the upgrade, up to the first byte of HTTP/2.
async fn upgraded(stream: &mut BufReader<UnixStream>) -> io::Result<()> {
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

/// Answers one call. Says whether it was a tar.
async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Chunk>,
    out: &mpsc::Sender<Chunk>,
) -> Result<bool, Ended> {
    let path = request.uri().path().to_string();
    let mut body = request.into_body();
    let mut head = Response::new(());
    head.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let reply = match path.as_str() {
        SEND => {
            if let Err(ended) = receive(&mut body, out).await {
                respond.send_reset(Reason::CANCEL);
                return Err(ended);
            }
            Chunk::new()
        }
        HEALTH => {
            while let Some(piece) = body.data().await {
                piece?;
            }
            Chunk::from_static(SERVING)
        }
        _ => {
            head.headers_mut().insert("grpc-status", HeaderValue::from_static(UNIMPLEMENTED));
            respond.send_response(head, true)?;
            return Ok(false);
        }
    };
    let mut send = respond.send_response(head, false)?;
    if !reply.is_empty() {
        send.send_data(reply, false)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    send.send_trailers(trailers)?;
    Ok(path == SEND)
}

/// Hands on the content of the messages of one call. What is not handed on yet keeps the window small, which is what
/// makes the engine wait for a slow reader.
async fn receive(body: &mut RecvStream, out: &mpsc::Sender<Chunk>) -> Result<(), Ended> {
    let mut messages = Messages::default();
    let mut piece = BytesMut::with_capacity(PIECE);
    let mut held = 0;
    loop {
        let frame = if piece.is_empty() { Some(body.data().await) } else { body.data().now_or_never() };
        let ended = match frame {
            Some(Some(frame)) => {
                let mut frame = frame?;
                held += frame.len();
                while let Some(content) = messages.next(&mut frame)? {
                    piece.extend_from_slice(&content);
                }
                if piece.len() + (16 << 10) <= PIECE {
                    continue;
                }
                false
            }
            Some(None) => true,
            // nothing more has come so far
            None => false,
        };
        if !piece.is_empty() {
            let whole = std::mem::replace(&mut piece, BytesMut::with_capacity(PIECE));
            out.send(whole.freeze()).await.map_err(|_| Ended::Unread)?;
        }
        body.flow_control().release_capacity(std::mem::take(&mut held))?;
        if ended {
            return messages.end();
        }
    }
}

/// Takes the content out of a stream of gRPC messages `BytesMessage { bytes data = 1; }`, wherever it is cut.
#[derive(Default)]
struct Messages {
    /// What has come of the bytes before the next message's content.
    head: Vec<u8>,
    /// Bytes of the current content still to come.
    left: usize,
}

impl Messages {
    /// The next piece of content in `frame`, which is taken off it.
    fn next(&mut self, frame: &mut Chunk) -> Result<Option<Chunk>, Ended> {
        while !frame.is_empty() {
            if self.left > 0 {
                let here = self.left.min(frame.len());
                self.left -= here;
                return Ok(Some(frame.split_to(here)));
            }
            self.head.push(frame.get_u8());
            if let Some(content) = content_after(&self.head)? {
                self.left = content;
                self.head.clear();
            }
        }
        Ok(None)
    }

    fn end(&self) -> Result<(), Ended> {
        match self.left == 0 && self.head.is_empty() {
            true => Ok(()),
            false => Err(Ended::Malformed("a message without its end")),
        }
    }
}

/// How many bytes of content follow `head`, once that is complete: a flag, the message's length in four bytes, the tag
/// of field 1, the content's length as a varint. A message without content ends after its length.
fn content_after(head: &[u8]) -> Result<Option<usize>, Ended> {
    let Some((&[flag, a, b, c, d], field)) = head.split_first_chunk() else { return Ok(None) };
    if flag != 0 {
        return Err(Ended::Malformed("a compressed message"));
    }
    let message = u64::from(u32::from_be_bytes([a, b, c, d]));
    if message == 0 {
        return Ok(Some(0));
    }
    let Some((tag, length)) = field.split_first() else { return Ok(None) };
    if *tag != 0x0a {
        return Err(Ended::Malformed("a message of another kind"));
    }
    match length.last() {
        Some(last) if last & 0x80 == 0 => {}
        _ if length.len() < 5 => return Ok(None),
        _ => return Err(Ended::Malformed("a length of more than five bytes")),
    }
    let content = length.iter().rev().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
    match usize::try_from(content) {
        Ok(bytes) if field.len() as u64 + content == message => Ok(Some(bytes)),
        _ => Err(Ended::Malformed("a message with more than its content")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(content: &[u8]) -> Vec<u8> {
        let mut field = Vec::new();
        if !content.is_empty() {
            field.push(0x0a);
            let mut length = content.len();
            while length >= 0x80 {
                field.push(length as u8 | 0x80);
                length >>= 7;
            }
            field.push(length as u8);
            field.extend_from_slice(content);
        }
        [&[0][..], &(field.len() as u32).to_be_bytes(), &field].concat()
    }

    fn content(bytes: &[u8], frame: usize) -> Result<Vec<u8>, Ended> {
        let mut messages = Messages::default();
        let mut all = Vec::new();
        for frame in bytes.chunks(frame) {
            let mut frame = Chunk::copy_from_slice(frame);
            while let Some(piece) = messages.next(&mut frame)? {
                all.extend_from_slice(&piece);
            }
        }
        messages.end().map(|()| all)
    }

    proptest! {
        #[test]
        fn content_comes_whole_wherever_it_is_cut(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..8),
            frame in 1_usize..500,
        ) {
            let sent: Vec<u8> = parts.iter().flat_map(|part| message(part)).collect();
            prop_assert_eq!(content(&sent, frame).expect("well formed"), parts.concat());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), frame in 1_usize..60) {
            let _ = content(&bytes, frame);
        }
    }

    #[test]
    fn what_is_no_such_message_is_refused() {
        let whole = message(b"abc");
        let refused = |bytes: &[u8]| content(bytes, 100).expect_err("refused").to_string();
        assert_eq!(refused(&whole[..whole.len() - 1]), "the engine sent a message without its end");
        assert_eq!(refused(&whole[..3]), "the engine sent a message without its end");
        assert_eq!(refused(&[1, 0, 0, 0, 1, 0]), "the engine sent a compressed message");
        assert_eq!(refused(&[0, 0, 0, 0, 2, 0x10, 1]), "the engine sent a message of another kind");
        assert_eq!(
            refused(&[0, 0, 0, 0, 9, 0x0a, 1, 1]),
            "the engine sent a message with more than its content"
        );
        let endless = [0, 0, 0, 0, 9, 0x0a, 0x80, 0x80, 0x80, 0x80, 0x80];
        assert_eq!(refused(&endless), "the engine sent a length of more than five bytes");
    }
}
