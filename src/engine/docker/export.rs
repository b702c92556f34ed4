//! An image's flattened tree as a tar stream.
//!
//! With BuildKit: a build of `FROM <image>` whose output is the tree, which keeps extended attributes and ACLs that
//! Docker's own export loses, and holds nothing that the engine put there. On a Unix socket and over plain TCP it comes in
//! packets through a session of ours: the fastest way (`scripts/bench-export`), and times keep their nanoseconds. Through TLS
//! and ssh it comes as a tar through bollard's session, which writes to a path, so the path is a named pipe in a private folder; nothing
//! touches the disk. Without BuildKit: a container that is never started, and its export.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::query_parameters::{BuildImageOptions, BuilderVersion, ImageBuildOutput};
use bytes::{Bytes as Chunk, BytesMut};
use futures_util::{StreamExt, stream};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;
use crate::engine::context::FileList;
use crate::engine::{BuildContext, EngineError, ImageId};

use super::leftover::Leftover;
use super::session::{Ended, Session};
use super::{DockerEngine, buildkit, request, unless_cancelled};

/// Bytes read from the pipe at once.
const PIECE: usize = 256 << 10;
/// What the pipe is asked to hold: the most an unprivileged user may have by default.
const PIPE: usize = 1 << 20;
/// How long the last piece of a tree may wait for its reader.
const READER: Duration = Duration::from_secs(60);
/// The repository of the names that images have while they are exported.
const REPOSITORY: &str = "osimg-export";

pub(super) async fn export(
    engine: &DockerEngine,
    image: &ImageId,
    out: mpsc::Sender<Chunk>,
    cancel: &CancellationToken,
) -> Result<(), EngineError> {
    if engine.info.buildkit {
        through_buildkit(engine, image, out, cancel).await
    } else {
        through_container(engine, image, out, cancel).await
    }
}

async fn through_container(
    engine: &DockerEngine,
    image: &ImageId,
    out: mpsc::Sender<Chunk>,
    cancel: &CancellationToken,
) -> Result<(), EngineError> {
    let container = Leftover::container(&engine.docker, image).await?;
    let mut pieces = Box::pin(engine.docker.export_container(container.name()));
    let done = unless_cancelled(cancel, async {
        while let Some(piece) = pieces.next().await {
            send(&out, piece.map_err(|e| request(doing(image), &e))?).await?;
        }
        Ok(())
    })
    .await;
    drop(pieces);
    container.remove().await;
    done
}

async fn through_buildkit(
    engine: &DockerEngine,
    image: &ImageId,
    out: mpsc::Sender<Chunk>,
    cancel: &CancellationToken,
) -> Result<(), EngineError> {
    let Some((_, tags)) = engine.inspect(&image.0).await? else {
        return Err(EngineError::Request { doing: doing(image), problem: "no such image".to_string() });
    };
    let tag = Leftover::tag(&engine.docker, image, REPOSITORY, &unique_tag(), tags.is_empty()).await?;
    let done = unless_cancelled(cancel, build_output(engine, image, tag.name(), &out)).await;
    tag.remove().await;
    done
}

/// Runs the build whose output is the tree, and passes that on.
async fn build_output(
    engine: &DockerEngine,
    image: &ImageId,
    name: &str,
    out: &mpsc::Sender<Chunk>,
) -> Result<(), EngineError> {
    let context = BuildContext::Text { dockerfile: format!("FROM {name}\n"), files: Default::default() };
    let mut body = Vec::new();
    let list = FileList::of(&context)
        .and_then(|list| list.pack(&mut body).map(|()| list))
        .map_err(|source| EngineError::Io { doing: doing(image), source })?;
    let options = BuildImageOptions { dockerfile: list.dockerfile, ..BuildImageOptions::default() };
    let id = buildkit::session_id();
    let session = match &engine.door {
        // an engine that opens no session to us may still open one to bollard
        Some(door) => Session::open(door, &engine.docker.client_version().to_string(), &id).await.ok(),
        None => None,
    };
    match session {
        Some(session) => into_session(engine, image, session, id, options, body.into(), out).await,
        None => into_pipe(engine, image, options, body.into(), out).await,
    }
}

/// The build with a session of ours.
async fn into_session(
    engine: &DockerEngine,
    image: &ImageId,
    session: Session,
    id: String,
    options: BuildImageOptions,
    body: Chunk,
    out: &mpsc::Sender<Chunk>,
) -> Result<(), EngineError> {
    let options = BuildImageOptions {
        // asked for BuildKit, bollard would open a second session with that name
        version: BuilderVersion::BuilderV1,
        session: Some(id),
        // the path is for bollard's session only; the engine sends the tree to ours
        outputs: Some(ImageBuildOutput::Local(String::new())),
        ..options
    };
    let docker = engine.docker.clone().with_request_modifier(|mut request| {
        if let Some(uri) = with_buildkit(&request.uri().to_string()).and_then(|uri| uri.parse().ok()) {
            *request.uri_mut() = uri;
        }
        request
    });
    let (silent, never) = (NodeReporter::silent(), CancellationToken::new());
    let answers = docker.build_image(options, None, Some(bollard::body_full(body)));
    let (complete, mut trees) = watch::channel(0);
    {
        let mut build = std::pin::pin!(buildkit::follow(Box::pin(answers), &silent, &never));
        let mut serving = std::pin::pin!(session.serve(out, &complete));
        let mut served = false;
        loop {
            tokio::select! {
                built = &mut build => break built.map(|_| ()),
                ended = &mut serving, if !served => match ended {
                    Err(Ended::Unread) => break Err(unread()),
                    // the engine notices and says why the build failed
                    Ok(()) | Err(_) => served = true,
                },
            }
        }?;
        // the engine is done when it has sent all; here the last of it may still wait for its reader
        let handed_on = async {
            tokio::select! {
                ended = &mut serving => ended,
                _ = trees.wait_for(|trees| *trees > 0) => Ok(()),
            }
        };
        if !served && matches!(tokio::time::timeout(READER, handed_on).await, Ok(Err(Ended::Unread))) {
            return Err(unread());
        }
    }
    match *complete.borrow() {
        1 => Ok(()),
        _ => {
            Err(EngineError::Request { doing: doing(image), problem: "the tree is not complete".to_string() })
        }
    }
}

/// The address of a build with the other builder, where `uri` is one.
fn with_buildkit(uri: &str) -> Option<String> {
    let (path, query) = uri.split_once('?').filter(|(path, _)| path.ends_with("/build"))?;
    let pairs: Vec<_> =
        query.split('&').map(|pair| if pair == "version=1" { "version=2" } else { pair }).collect();
    Some(format!("{path}?{}", pairs.join("&")))
}

/// The build with a session of bollard's, which writes the tar to a path: until both have ended.
async fn into_pipe(
    engine: &DockerEngine,
    image: &ImageId,
    options: BuildImageOptions,
    body: Chunk,
    out: &mpsc::Sender<Chunk>,
) -> Result<(), EngineError> {
    let mut pipe = NamedPipe::new().map_err(|source| EngineError::Io { doing: doing(image), source })?;
    let options = BuildImageOptions {
        version: BuilderVersion::BuilderBuildKit,
        outputs: Some(ImageBuildOutput::Tar(pipe.path.to_string_lossy().into_owned())),
        ..options
    };
    let silent = NodeReporter::silent();
    // the caller drops the whole future when the run is cancelled
    let never = CancellationToken::new();
    let body = stream::iter([Ok(body)]);
    let mut build = std::pin::pin!(buildkit::build(engine, options, body, &silent, &never));
    let mut built: Option<Result<_, EngineError>> = None;
    let mut buffer = BytesMut::with_capacity(PIECE);
    loop {
        buffer.reserve(PIECE);
        tokio::select! {
            done = &mut build, if built.is_none() => {
                built = Some(done);
                // nobody opens the pipe any more: its end comes when what is in it has been read
                pipe.writer = None;
            }
            read = pipe.reader.read_buf(&mut buffer) => {
                match read.map_err(|source| EngineError::Io { doing: doing(image), source })? {
                    0 => return built.unwrap_or(Ok(None)).map(|_| ()),
                    _ => send(out, buffer.split().freeze()).await?,
                }
            }
        }
    }
}

/// A pipe with a name, which goes with this value. A writer that comes too late finds neither pipe nor folder; one
/// that is still there gets an error.
struct NamedPipe {
    reader: pipe::Receiver,
    /// Keeps the pipe from ending before the engine has opened it.
    writer: Option<OwnedFd>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl NamedPipe {
    fn new() -> std::io::Result<NamedPipe> {
        let folder = tempfile::Builder::new().prefix("osimg-").tempdir()?;
        let path = folder.path().join("tar");
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let reader = pipe::OpenOptions::new().open_receiver(&path)?;
        let writer = rustix::fs::open(&path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        // a larger pipe is faster; a smaller one does as well
        let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE);
        Ok(NamedPipe { reader, writer: Some(writer), path, _folder: folder })
    }
}

async fn send(out: &mpsc::Sender<Chunk>, piece: Chunk) -> Result<(), EngineError> {
    out.send(piece).await.map_err(|_| unread())
}

fn unread() -> EngineError {
    EngineError::Request {
        doing: "passing on an image's tree".to_string(),
        problem: "nobody reads it".to_string(),
    }
}

fn doing(image: &ImageId) -> String {
    format!("exporting {}", image.0)
}

/// Two exports of one image at the same time must not remove each other's name.
fn unique_tag() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
