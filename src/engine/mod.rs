//! A container engine as osimg needs it: import a base, build a Dockerfile, look into an image, export its tree.
//!
//! Enters: requests as values. Leaves: image ids, bytes, errors. bollard is used in [`docker`] only.

pub mod context;
mod docker;
mod endpoint;
pub mod fake;

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes as Chunk;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;

pub use context::context_digest;
pub use docker::connect;
pub use endpoint::{EngineChoice, Environment};

/// Which program answers on the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    Docker,
    Podman,
}

/// What the engine says of itself.
#[derive(Clone, Debug)]
pub struct EngineInfo {
    pub kind: EngineKind,
    /// The engine's own version, `20.10.24`.
    pub version: String,
    /// Where it was reached, as a `DOCKER_HOST` value.
    pub endpoint: String,
    /// Whether builds go through BuildKit.
    pub buildkit: bool,
}

/// The id of an image: its configuration's digest, `sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ImageId(pub String);

/// What is known of an image in the engine's store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    pub id: ImageId,
    /// The processor it is for, in Go's words: `amd64`, `arm64`; nothing where the engine does not say.
    pub architecture: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// Where a build's files come from.
#[derive(Clone, Debug)]
pub enum BuildContext {
    /// A folder, filtered by its `.dockerignore` (or `<Dockerfile>.dockerignore`), with the Dockerfile at `dockerfile`,
    /// which may lie outside the folder.
    Folder { path: PathBuf, dockerfile: PathBuf },
    /// A Dockerfile's text alone, with small files beside it (path in the context to content).
    Text { dockerfile: String, files: BTreeMap<String, Vec<u8>> },
}

/// One build.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    pub context: BuildContext,
    pub build_args: BTreeMap<String, String>,
    pub target: Option<String>,
    /// The tag the image gets, `name:tag`.
    pub tag: String,
    pub labels: BTreeMap<String, String>,
    /// Run every step although the engine has it cached, and pull newer `images` where they can be pulled.
    pub fresh: bool,
    /// The images that the Dockerfile takes from elsewhere, as it names them.
    pub images: Vec<String>,
}

/// Why the engine could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// `hint` is what the user can do.
    #[error("no container engine answers: {problem}")]
    Unreachable { problem: String, hint: String },
    /// A Dockerfile step failed. `tail` is the last lines of its output.
    #[error("the build failed at `{step}`: {problem}")]
    Build { step: String, problem: String, tail: Vec<String> },
    #[error("{doing}: {problem}")]
    Request { doing: String, problem: String },
    #[error("{doing}: {source}")]
    Io { doing: String, source: std::io::Error },
    #[error("interrupted")]
    Cancelled,
}

/// A container engine. Every call that is cancelled or fails leaves no container and no untagged image behind.
#[async_trait]
pub trait Engine: Send + Sync {
    fn info(&self) -> &EngineInfo;

    /// The image that `reference` (a tag or an id) names, if the engine has it.
    async fn image(&self, reference: &str) -> Result<Option<ImageInfo>, EngineError>;

    /// Makes an image of one layer from a root filesystem's tar (plain, or packed as the engine can unpack it: gzip,
    /// bzip2, xz; zstd since Docker 23) and tags it. An image of ours that loses its last tag by it is removed.
    /// `labels` have values of one line.
    async fn import(
        &self,
        archive: PathBuf,
        tag: &str,
        labels: &BTreeMap<String, String>,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Result<ImageId, EngineError>;

    /// Builds, tags, and reports each step and each line of output as it comes. An image of ours that loses its last
    /// tag by it is removed.
    async fn build(
        &self,
        request: &BuildRequest,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Result<ImageId, EngineError>;

    /// A regular file's bytes out of an image, symbolic links followed; `None` when there is no such file.
    async fn read_file(&self, image: &ImageId, path: &str) -> Result<Option<Vec<u8>>, EngineError>;

    /// The image's flattened root filesystem as a tar stream, sent in pieces; with every attribute the engine can
    /// give. Returns when all is sent. A closed receiver ends the export early with an error.
    async fn export(
        &self,
        image: &ImageId,
        out: mpsc::Sender<Chunk>,
        cancel: &CancellationToken,
    ) -> Result<(), EngineError>;

    /// Removes a tag, and the image where nothing else names it. No error when it is not there.
    async fn remove(&self, reference: &str) -> Result<(), EngineError>;
}
