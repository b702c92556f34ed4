//! Docker and Podman through Docker's HTTP API: the only place that names bollard.
//!
//! Enters: requests as values. Leaves: image ids, bytes, errors of this room. Builds go through BuildKit where the
//! engine has it, else through the classic builder, whose protocol Podman speaks too.

mod build;
mod buildkit;
mod classic;
mod connect;
mod export;
mod import;
mod leftover;
mod packet;
mod read;
mod session;
mod steps;
mod tar_entry;
mod transfer;

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::RemoveImageOptions;
use bytes::Bytes as Chunk;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;

use super::{BuildRequest, Engine, EngineError, EngineInfo, ImageId, ImageInfo};

use session::Door;

pub use connect::connect;

/// An engine at the other end of Docker's API.
struct DockerEngine {
    docker: Docker,
    info: EngineInfo,
    /// Where sessions of ours open.
    door: Option<Door>,
}

#[async_trait]
impl Engine for DockerEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    async fn image(&self, reference: &str) -> Result<Option<ImageInfo>, EngineError> {
        self.inspect(reference).await.map(|found| found.map(|(info, _)| info))
    }

    async fn import(
        &self,
        archive: PathBuf,
        tag: &str,
        labels: &BTreeMap<String, String>,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Result<ImageId, EngineError> {
        let before = self.image(tag).await?;
        let id = import::import(self, archive, tag, labels, reporter, cancel).await?;
        self.drop_untagged(before, &id).await;
        Ok(id)
    }

    async fn build(
        &self,
        request: &BuildRequest,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Result<ImageId, EngineError> {
        let before = self.image(&request.tag).await?;
        let id = build::build(self, request, reporter, cancel).await?;
        self.drop_untagged(before, &id).await;
        Ok(id)
    }

    async fn read_file(&self, image: &ImageId, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        read::read_file(self, image, path).await
    }

    async fn export(
        &self,
        image: &ImageId,
        out: mpsc::Sender<Chunk>,
        cancel: &CancellationToken,
    ) -> Result<(), EngineError> {
        export::export(self, image, out, cancel).await
    }

    async fn remove(&self, reference: &str) -> Result<(), EngineError> {
        match self.docker.remove_image(reference, None::<RemoveImageOptions>, None).await {
            Ok(_) => Ok(()),
            Err(e) if is_missing(&e) => Ok(()),
            Err(e) => Err(request(format!("removing the image {reference}"), &e)),
        }
    }
}

impl DockerEngine {
    /// An image with its tags.
    async fn inspect(&self, reference: &str) -> Result<Option<(ImageInfo, Vec<String>)>, EngineError> {
        match self.docker.inspect_image(reference).await {
            Ok(found) => {
                let id = ImageId(full_id(&found.id.unwrap_or_default()));
                let labels = found.config.and_then(|c| c.labels).unwrap_or_default().into_iter().collect();
                let info = ImageInfo { id, architecture: found.architecture, labels };
                Ok(Some((info, found.repo_tags.unwrap_or_default())))
            }
            Err(e) if is_missing(&e) => Ok(None),
            Err(e) => Err(request(format!("looking for the image {reference}"), &e)),
        }
    }

    /// The image that a tag now names, right after it was made.
    async fn made(&self, tag: &str) -> Result<ImageId, EngineError> {
        match self.image(tag).await? {
            Some(info) => Ok(info.id),
            None => Err(EngineError::Request {
                doing: format!("looking for the image {tag}"),
                problem: "the engine reported success but does not have it".to_string(),
            }),
        }
    }

    /// Removes the image that a tag named before, if it was ours and nothing else names it now.
    async fn drop_untagged(&self, before: Option<ImageInfo>, now: &ImageId) {
        let Some(before) = before.filter(|b| b.id != *now) else { return };
        if !before.labels.keys().any(|key| key.starts_with(OWN_LABEL)) {
            return;
        }
        if let Ok(Some((info, tags))) = self.inspect(&before.id.0).await
            && tags.is_empty()
        {
            // an image that another one is built on, or that a container uses, stays until they go
            let _ = self.docker.remove_image(&info.id.0, None::<RemoveImageOptions>, None).await;
        }
    }
}

/// How the labels of images that osimg made begin.
const OWN_LABEL: &str = "osimg.";

/// An image id with its algorithm, which Podman leaves out in places.
fn full_id(id: &str) -> String {
    if id.contains(':') { id.to_string() } else { format!("sha256:{id}") }
}

/// `name` and `tag` of a reference; the tag is `latest` where there is none.
fn split_tag(reference: &str) -> (&str, &str) {
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (reference, "latest"),
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// What the engine says, without bollard's framing.
fn text(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_string(),
        Error::DockerStreamError { error } => error.trim().to_string(),
        Error::RequestTimeoutError => "no answer in time".to_string(),
        other => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(other);
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                if !text.contains(&cause_text) {
                    text.push_str(": ");
                    text.push_str(&cause_text);
                }
                source = cause.source();
            }
            text
        }
    }
}

fn request(doing: impl Into<String>, error: &Error) -> EngineError {
    EngineError::Request { doing: doing.into(), problem: text(error) }
}

/// bollard 0.21.1 may report this at the end of a complete answer (its issue 560).
fn is_trailing_noise(error: &Error) -> bool {
    matches!(error, Error::IOError { err } if err.to_string().contains("bytes remaining on stream"))
}

/// Runs `work` unless the run is cancelled first.
async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(EngineError::Cancelled),
        done = work => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_split_at_the_tag() {
        assert_eq!(split_tag("a/b:1"), ("a/b", "1"));
        assert_eq!(split_tag("host:5000/b"), ("host:5000/b", "latest"));
        assert_eq!(split_tag("b"), ("b", "latest"));
    }

    #[test]
    fn errors_say_what_the_engine_said() {
        let error = Error::DockerResponseServerError { status_code: 500, message: "no space\n".to_string() };
        assert_eq!(request("doing it", &error).to_string(), "doing it: no space");
        assert!(!is_missing(&error));
        assert!(is_missing(&Error::DockerResponseServerError { status_code: 404, message: String::new() }));
        let noise = std::io::Error::other("bytes remaining on stream");
        assert!(is_trailing_noise(&Error::IOError { err: noise }));
    }
}
