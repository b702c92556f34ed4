//! A build: the context packed and streamed, the options, and the way that the engine's builder takes.

use std::io::{self, BufWriter, Write};

use bollard::query_parameters::{BuildImageOptions, BuilderVersion, CreateImageOptions};
use bytes::Bytes as Chunk;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;
use crate::engine::context::FileList;
use crate::engine::{BuildRequest, Engine, EngineError, ImageId};

use super::{DockerEngine, OWN_LABEL, buildkit, classic, split_tag, text, unless_cancelled};

/// Bytes of context sent in one piece.
const PIECE: usize = 128 << 10;
/// Pieces packed ahead of the engine.
const AHEAD: usize = 4;

pub(super) async fn build(
    engine: &DockerEngine,
    request: &BuildRequest,
    reporter: &NodeReporter,
    cancel: &CancellationToken,
) -> Result<ImageId, EngineError> {
    let context = request.context.clone();
    let list = blocking(move || FileList::of(&context)).await?;
    if request.fresh {
        unless_cancelled(cancel, refresh_images(engine, request, reporter)).await?;
    }
    let options = options(engine, request, &list);
    let (body, packing) = pack(list);
    let built = if engine.info.buildkit {
        // the tag may still name an older image when an answer ends early, so the id is what counts
        let named = |id: Option<String>| id.ok_or_else(|| no_image(&request.tag));
        buildkit::build(engine, options, body, reporter, cancel).await.and_then(named).map(|_| ())
    } else {
        classic::build(engine, options, body, reporter, cancel).await
    };
    match (built, packing.await) {
        (Ok(()), _) => engine.made(&request.tag).await,
        (Err(EngineError::Cancelled), _) => Err(EngineError::Cancelled),
        // a context that cannot be read is the reason, whatever the engine made of the broken stream
        (Err(_), Ok(Err(source))) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(EngineError::Io { doing: READING.to_string(), source })
        }
        (Err(error), _) => Err(error),
    }
}

fn no_image(tag: &str) -> EngineError {
    let problem = "the engine's answer ended without an image".to_string();
    EngineError::Request { doing: format!("building {tag}"), problem }
}

const READING: &str = "reading the build context";

fn options(engine: &DockerEngine, request: &BuildRequest, list: &FileList) -> BuildImageOptions {
    BuildImageOptions {
        dockerfile: list.dockerfile.clone(),
        t: Some(request.tag.clone()),
        nocache: request.fresh,
        rm: true,
        forcerm: true,
        buildargs: Some(request.build_args.clone().into_iter().collect()),
        labels: Some(request.labels.clone().into_iter().collect()),
        target: request.target.clone().unwrap_or_default(),
        version: if engine.info.buildkit {
            BuilderVersion::BuilderBuildKit
        } else {
            BuilderVersion::BuilderV1
        },
        ..BuildImageOptions::default()
    }
}

/// Pulls newer images. The engines' own `pull` fails on an image that exists only here, such as an imported
/// base, so each is pulled by itself; one that cannot be pulled stays as it is.
async fn refresh_images(
    engine: &DockerEngine,
    request: &BuildRequest,
    reporter: &NodeReporter,
) -> Result<(), EngineError> {
    for image in &request.images {
        let have = engine.image(image).await?;
        if have.as_ref().is_some_and(|i| i.labels.keys().any(|key| key.starts_with(OWN_LABEL))) {
            continue;
        }
        reporter.step(format!("pulling {image}"));
        let (name, tag) = split_tag(image);
        let options = CreateImageOptions {
            // without a tag the engine would pull every one there is; a digest stands in the name
            from_image: Some(if image.contains('@') { image.clone() } else { name.to_string() }),
            tag: (!image.contains('@')).then(|| tag.to_string()),
            ..CreateImageOptions::default()
        };
        let mut answers = Box::pin(engine.docker.create_image(Some(options), None, None));
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(_) => {}
                Err(e) if have.is_some() => {
                    reporter
                        .output(format!("{image} could not be pulled, the local one is used: {}", text(&e)));
                    break;
                }
                // the build tries once more, with the engine's own credentials, and then names the instruction
                Err(e) => {
                    reporter.output(format!("{image} could not be pulled: {}", text(&e)));
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The context as a stream, packed by a thread that stays a few pieces ahead and stops when nobody reads.
#[allow(clippy::type_complexity, reason = "the stream's item is what bollard's body takes")]
fn pack(
    list: FileList,
) -> (impl Stream<Item = io::Result<Chunk>> + Send + 'static, JoinHandle<io::Result<()>>) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let packing = tokio::task::spawn_blocking(move || {
        let packed = list.pack(BufWriter::with_capacity(PIECE, Pipe(sender.clone())));
        if let Err(e) = &packed {
            // ends the request as broken, so that the engine does not build what is there so far
            let _ = sender.blocking_send(Err(io::Error::new(e.kind(), e.to_string())));
        }
        packed
    });
    let pieces = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    (pieces, packing)
}

/// Writes go to a channel.
struct Pipe(mpsc::Sender<io::Result<Chunk>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.blocking_send(Ok(Chunk::copy_from_slice(bytes))) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the engine stopped reading")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, EngineError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(io::Error::other(e)));
    done.map_err(|source| EngineError::Io { doing: READING.to_string(), source })
}
