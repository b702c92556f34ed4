//! The ways to an image's tree, side by side: how long the engine takes to hand over all of it.
//!
//! Enters: the number of rounds, the engine's Unix socket, names of images. Leaves: for each way the median of the seconds
//! for all images together, one after the other, and its ratio to the first way, which is osimg's. Nothing is parsed but
//! what the protocol asks for, and nothing is kept. docs/architecture.md, "Out of the engine", tells the ways.
//! `scripts/bench-export` runs it.

use std::error::Error;
use std::time::Instant;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::RecvStream;
use http::{HeaderMap, HeaderValue, Response};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What is read from a socket at once, in bytes.
const PIECE: usize = 256 << 10;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// `docker export`: a container that never ran.
    Container,
    /// A build whose output is a tar.
    Tar,
    /// A build whose output is a folder, which is sent as stats, then as the contents that were asked for: osimg's way.
    Local,
    /// The same without contents.
    Stats,
    /// `docker export` for the contents, stats for the attributes that it loses, at the same time.
    ContainerAndStats,
    /// `docker save`: the layers, to be put on each other by the reader.
    Layers,
}

/// The ways with their names and what they lose.
const WAYS: [(Way, &str, &str); 6] = [
    (Way::Local, "BuildKit, local output", "nothing: osimg's way"),
    (Way::Tar, "BuildKit, tar output", "parts of seconds"),
    (Way::Container, "docker export", "parts of seconds, user.*, ACLs; adds files"),
    (Way::ContainerAndStats, "docker export and stats", "nothing; adds files"),
    (Way::Layers, "layers, docker save", "parts of seconds, user.*, ACLs"),
    (Way::Stats, "BuildKit, stats alone", "contents"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    // cargo adds `--bench`
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let usage = "usage: export ROUNDS SOCKET IMAGE...";
    let rounds: usize = arguments.next().ok_or(usage)?.parse()?;
    let socket = arguments.next().ok_or(usage)?;
    let images: Vec<String> = arguments.collect();
    let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); WAYS.len()];
    let mut came = vec![0; WAYS.len()];
    // one round more: the first one warms the page cache, and does not count
    for round in 0..=rounds {
        for (i, (way, ..)) in WAYS.iter().enumerate() {
            let mut all = 0;
            let started = Instant::now();
            for image in &images {
                all += run(*way, &socket, image).await?;
            }
            if round > 0 {
                seconds[i].push(started.elapsed().as_secs_f64());
            }
            came[i] = all;
        }
    }
    let medians: Vec<f64> = seconds.into_iter().map(median).collect();
    for (i, (_, name, loses)) in WAYS.iter().enumerate() {
        let (seconds, ratio, size) = (medians[i], medians[i] / medians[0], came[i] >> 20);
        println!("{name:<24} {seconds:6.2} s   {ratio:4.2}   {size:5} MiB   loses {loses}");
    }
    println!("(aim: what loses nothing and adds nothing is not below 1)");
    Ok(())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Takes the tree and says how many bytes came.
async fn run(way: Way, socket: &str, image: &str) -> Outcome<u64> {
    match way {
        Way::Container => container(socket, image).await,
        Way::Layers => get(socket, &format!("/images/{image}/get")).await,
        Way::Tar | Way::Local | Way::Stats => build(way, socket, image).await,
        Way::ContainerAndStats => {
            let (a, b) = tokio::join!(container(socket, image), build(Way::Stats, socket, image));
            Ok(a? + b?)
        }
    }
}

async fn container(socket: &str, image: &str) -> Outcome<u64> {
    let body = format!("{{\"Image\":\"{image}\",\"Cmd\":[\"/nothing\"]}}");
    let answer = request(socket, "POST", "/containers/create", "application/json", body.as_bytes()).await?;
    let id = answer.split("\"Id\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let id = id.ok_or_else(|| format!("no container: {answer}"))?.to_string();
    let bytes = get(socket, &format!("/containers/{id}/export")).await;
    request(socket, "DELETE", &format!("/containers/{id}"), "text/plain", b"").await?;
    bytes
}

/// Reads an answer to its end and counts its bytes, framing included.
async fn get(socket: &str, path: &str) -> Outcome<u64> {
    let mut stream = UnixStream::connect(socket).await?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut buffer = vec![0; PIECE];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buffer).await?;
        if total == 0 && !buffer[..n].starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(&buffer[..n]).into());
        }
        if n == 0 {
            return Ok(total);
        }
        total += n as u64;
    }
}

/// Sends a request and gives the whole answer.
async fn request(socket: &str, method: &str, path: &str, kind: &str, body: &[u8]) -> Outcome<String> {
    let mut stream = UnixStream::connect(socket).await?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.starts_with("HTTP/1.1 2") && !answer.contains("errorDetail") {
        true => Ok(answer),
        false => Err(answer.into()),
    }
}

/// A build of `FROM image` whose output comes through a session of ours.
async fn build(way: Way, socket: &str, image: &str) -> Outcome<u64> {
    let name = format!("osimg-bench-{}-{:?}", std::process::id(), Instant::now());
    let id: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let mut stream = BufReader::new(UnixStream::connect(socket).await?);
    let head = format!(
        "POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\
         X-Docker-Expose-Session-Uuid: {id}\r\n\
         X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.filesend/diffcopy\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err("the engine opens no session".into());
        }
    }
    let mut connection = h2::server::Builder::new()
        .initial_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .handshake(stream)
        .await?;
    let output = if way == Way::Tar { "tar" } else { "local" };
    let outputs = format!("%5B%7B%22Type%22%3A%22{output}%22%7D%5D");
    let path = format!("/build?version=2&session={id}&outputs={outputs}");
    let mut context = tar::Builder::new(Vec::new());
    let dockerfile = format!("FROM {image}\n");
    let mut header = tar::Header::new_ustar();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    context.append_data(&mut header, "Dockerfile", dockerfile.as_bytes())?;
    let context = context.into_inner()?;
    let mut built = std::pin::pin!(request(socket, "POST", &path, "application/x-tar", &context));
    let mut came = None;
    let mut calls = futures_util::stream::FuturesUnordered::new();
    loop {
        use futures_util::StreamExt;
        tokio::select! {
            answer = &mut built => {
                answer?;
                return came.ok_or_else(|| "nothing came".into());
            }
            Some(call) = connection.accept() => {
                let (request, respond) = call?;
                calls.push(serve(way, request, respond));
            }
            Some(done) = calls.next() => if let Some(done) = done? { came = Some(done) },
        }
    }
}

async fn serve(
    way: Way,
    request: http::Request<RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
) -> Outcome<Option<u64>> {
    let ours = request.uri().path() == "/moby.filesync.v1.FileSend/DiffCopy";
    let mut body = request.into_body();
    let mut head = Response::new(());
    head.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let mut send = respond.send_response(head, false)?;
    let came = match ours {
        true if way == Way::Tar => Some(tar_output(&mut body).await?),
        true => Some(local_output(&mut body, &mut send, way == Way::Local).await?),
        // a question for our health
        false => {
            send.send_data(Bytes::from_static(&[0, 0, 0, 0, 2, 0x08, 1]), false)?;
            None
        }
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    send.send_trailers(trailers)?;
    Ok(came)
}

async fn tar_output(body: &mut RecvStream) -> Outcome<u64> {
    let mut bytes = 0;
    while let Some(frame) = body.data().await {
        let frame = frame?;
        bytes += frame.len() as u64;
        body.flow_control().release_capacity(frame.len())?;
    }
    Ok(bytes)
}

/// fsutil's protocol: the engine sends a stat of each entry; we ask for contents by the entry's number; it sends them,
/// four files at a time; we say that we are done.
async fn local_output(
    body: &mut RecvStream,
    send: &mut h2::SendStream<Bytes>,
    contents: bool,
) -> Outcome<u64> {
    let (mut came, mut entries) = (0, 0);
    let mut buffer = BytesMut::new();
    let (mut asked, mut whole, mut listed, mut told) = (0_u64, 0_u64, false, false);
    while let Some(frame) = body.data().await {
        let frame = frame?;
        came += frame.len() as u64;
        body.flow_control().release_capacity(frame.len())?;
        buffer.extend_from_slice(&frame);
        while buffer.len() >= 5 {
            let length = u32::from_be_bytes([buffer[1], buffer[2], buffer[3], buffer[4]]) as usize;
            if buffer.len() < 5 + length {
                break;
            }
            buffer.advance(5);
            let message = buffer.split_to(length).freeze();
            let packet = fields(&message)?;
            let number = |field| packet.iter().find(|f| f.0 == field).map_or(0, |f| f.1);
            match number(1) {
                0 => match packet.iter().find(|f| f.0 == 2) {
                    None => listed = true,
                    Some((_, _, stat)) => {
                        let stat = fields(stat)?;
                        let number = |field| stat.iter().find(|f| f.0 == field).map_or(0, |f| f.1);
                        // Go's mode bits: a regular file has none of its types
                        let regular = number(2) & 0x8f28_0000 == 0;
                        let link = stat.iter().any(|f| f.0 == 7 && !f.2.is_empty());
                        if contents && regular && !link && number(5) > 0 {
                            asked += 1;
                            send.send_data(packet_of(1, entries), false)?;
                        }
                        entries += 1;
                    }
                },
                2 if !packet.iter().any(|f| f.0 == 4 && !f.2.is_empty()) => whole += 1,
                2 => {}
                3 => return Ok(came),
                _ => return Err(String::from_utf8_lossy(&message).into()),
            }
        }
        if listed && asked == whole && !told {
            told = true;
            send.send_data(packet_of(3, 0), false)?;
        }
    }
    Err("the engine ended early".into())
}

/// A gRPC message with a packet of `kind` about entry `id`.
fn packet_of(kind: u8, id: u64) -> Bytes {
    let mut packet = vec![0x08, kind, 0x18];
    let mut rest = id;
    while rest >= 0x80 {
        packet.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    packet.push(rest as u8);
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_u32(packet.len() as u32);
    message.put_slice(&packet);
    message.freeze()
}

/// The fields of a protocol buffer: number, value of a number, bytes of anything else.
fn fields(message: &Bytes) -> Outcome<Vec<(u64, u64, Bytes)>> {
    let mut rest = message.clone();
    let mut found = Vec::new();
    while rest.has_remaining() {
        let tag = varint(&mut rest)?;
        match tag & 7 {
            0 => found.push((tag >> 3, varint(&mut rest)?, Bytes::new())),
            2 => {
                let length = varint(&mut rest)? as usize;
                if rest.len() < length {
                    return Err("a field without its end".into());
                }
                found.push((tag >> 3, 0, rest.split_to(length)));
            }
            _ => return Err("a field of another kind".into()),
        }
    }
    Ok(found)
}

fn varint(bytes: &mut Bytes) -> Outcome<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.try_get_u8()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number without its end".into())
}
