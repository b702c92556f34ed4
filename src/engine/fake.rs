//! An engine made of memory, for tests of what uses one: records calls, serves canned images, fails or hangs on demand.
//!
//! Builds "succeed" with an id derived from the request, so the same request gives the same image.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes as Chunk;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;
use crate::base::{Digest, DigestBuilder};

use super::{BuildRequest, Engine, EngineError, EngineInfo, EngineKind, ImageId, ImageInfo, context_digest};

/// Bytes of an exported tar sent in one piece: small, so that tests see more than one.
const PIECE: usize = 4096;

/// What was asked of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    Image { reference: String },
    Import { archive: PathBuf, tag: String },
    Build { tag: String, fresh: bool },
    ReadFile { image: ImageId, path: String },
    Export { image: ImageId },
    Remove { reference: String },
}

/// The calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Import,
    Build,
    ReadFile,
    Export,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The call fails with this problem; a build fails at the step `RUN fake`.
    Fail(String),
    /// The call does not end until it is cancelled; one that cannot be cancelled never ends.
    Hang,
    /// An export ends with this problem after so many bytes.
    Break { after: usize, problem: String },
}

/// An image's content.
#[derive(Clone, Debug, Default)]
pub struct FakeImage {
    /// Absolute path to content, for [`Engine::read_file`].
    pub files: BTreeMap<String, Vec<u8>>,
    /// What [`Engine::export`] sends.
    pub tar: Vec<u8>,
}

type Maker = Box<dyn Fn(&BuildRequest) -> FakeImage + Send + Sync>;

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    images: BTreeMap<ImageId, (BTreeMap<String, String>, FakeImage)>,
    tags: BTreeMap<String, ImageId>,
    faults: BTreeMap<(Operation, usize), Fault>,
    counts: BTreeMap<Operation, usize>,
}

/// The engine. Share it through an `Arc` to ask for its calls afterwards.
pub struct FakeEngine {
    info: EngineInfo,
    maker: Maker,
    state: Mutex<State>,
}

impl Default for FakeEngine {
    fn default() -> FakeEngine {
        FakeEngine::new(|_| FakeImage::default())
    }
}

impl FakeEngine {
    /// `maker` says what a build of a request contains.
    pub fn new(maker: impl Fn(&BuildRequest) -> FakeImage + Send + Sync + 'static) -> FakeEngine {
        let info = EngineInfo {
            kind: EngineKind::Docker,
            version: "0.0.0".to_string(),
            endpoint: "fake://".to_string(),
            buildkit: true,
        };
        FakeEngine { info, maker: Box::new(maker), state: Mutex::default() }
    }

    /// Adds an image that is there from the start.
    pub fn with_image(self, tag: &str, labels: BTreeMap<String, String>, image: FakeImage) -> FakeEngine {
        let id = ImageId(format!("sha256:{}", Digest::of(tag.as_bytes())));
        {
            let mut state = self.lock();
            state.tags.insert(tag.to_string(), id.clone());
            state.images.insert(id, (labels, image));
        }
        self
    }

    /// Makes the `nth` call (from 0) of an operation go wrong.
    pub fn with_fault(self, operation: Operation, nth: usize, fault: Fault) -> FakeEngine {
        self.lock().faults.insert((operation, nth), fault);
        self
    }

    /// All calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// The tags there are now.
    pub fn tags(&self) -> Vec<String> {
        self.lock().tags.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // a test that panicked elsewhere still gets its record
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call and finds the fault that waits for it.
    fn enter(&self, operation: Option<Operation>, call: Call) -> Option<Fault> {
        let mut state = self.lock();
        state.calls.push(call);
        let operation = operation?;
        let count = state.counts.entry(operation).or_default();
        let nth = *count;
        *count += 1;
        state.faults.remove(&(operation, nth))
    }

    fn find(&self, reference: &str) -> Option<(ImageInfo, FakeImage)> {
        let state = self.lock();
        let id = state.tags.get(reference).cloned().unwrap_or_else(|| ImageId(reference.to_string()));
        let (labels, image) = state.images.get(&id)?;
        let architecture = Some("amd64".to_string());
        Some((ImageInfo { id, architecture, labels: labels.clone() }, image.clone()))
    }

    fn add(&self, id: &ImageId, tag: &str, labels: &BTreeMap<String, String>, image: FakeImage) {
        let mut state = self.lock();
        state.images.insert(id.clone(), (labels.clone(), image));
        state.tags.insert(tag.to_string(), id.clone());
    }
}

fn missing(doing: &str) -> EngineError {
    EngineError::Request { doing: doing.to_string(), problem: "no such image".to_string() }
}

async fn hang<T>(cancel: &CancellationToken) -> Result<T, EngineError> {
    cancel.cancelled().await;
    Err(EngineError::Cancelled)
}

#[async_trait]
impl Engine for FakeEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    async fn image(&self, reference: &str) -> Result<Option<ImageInfo>, EngineError> {
        self.enter(None, Call::Image { reference: reference.to_string() });
        Ok(self.find(reference).map(|(info, _)| info))
    }

    async fn import(
        &self,
        archive: PathBuf,
        tag: &str,
        labels: &BTreeMap<String, String>,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Result<ImageId, EngineError> {
        let call = Call::Import { archive: archive.clone(), tag: tag.to_string() };
        match self.enter(Some(Operation::Import), call) {
            Some(Fault::Hang) => return hang(cancel).await,
            Some(Fault::Fail(problem) | Fault::Break { problem, .. }) => {
                return Err(EngineError::Request { doing: "importing".to_string(), problem });
            }
            None => {}
        }
        let doing = format!("importing {}", archive.display());
        let tar = std::fs::read(&archive).map_err(|source| EngineError::Io { doing, source })?;
        reporter.bytes(tar.len() as u64, Some(tar.len() as u64));
        let id = ImageId(format!("sha256:{}", Digest::of(&tar)));
        self.add(&id, tag, labels, FakeImage { files: BTreeMap::new(), tar });
        Ok(id)
    }

    async fn build(
        &self,
        request: &BuildRequest,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Result<ImageId, EngineError> {
        let step = "RUN fake";
        reporter.step(step);
        match self
            .enter(Some(Operation::Build), Call::Build { tag: request.tag.clone(), fresh: request.fresh })
        {
            Some(Fault::Hang) => return hang(cancel).await,
            Some(Fault::Fail(problem) | Fault::Break { problem, .. }) => {
                let tail = vec!["the last line".to_string()];
                return Err(EngineError::Build { step: step.to_string(), problem, tail });
            }
            None => {}
        }
        let context = context_digest(&request.context)
            .map_err(|source| EngineError::Io { doing: "reading the build context".to_string(), source })?;
        let mut digest = DigestBuilder::new("fake build")
            .field("context", context.0)
            .field("target", request.target.as_deref().unwrap_or_default());
        for (key, value) in request.build_args.iter().chain(&request.labels) {
            digest.add(key, value);
        }
        let id = ImageId(format!("sha256:{}", digest.finish()));
        self.add(&id, &request.tag, &request.labels, (self.maker)(request));
        reporter.steps(1, Some(1));
        Ok(id)
    }

    async fn read_file(&self, image: &ImageId, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let call = Call::ReadFile { image: image.clone(), path: path.to_string() };
        match self.enter(Some(Operation::ReadFile), call) {
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Fail(problem) | Fault::Break { problem, .. }) => {
                Err(EngineError::Request { doing: format!("reading {path}"), problem })
            }
            None => {
                let (_, found) = self.find(&image.0).ok_or_else(|| missing("reading"))?;
                Ok(found.files.get(path).cloned())
            }
        }
    }

    async fn export(
        &self,
        image: &ImageId,
        out: mpsc::Sender<Chunk>,
        cancel: &CancellationToken,
    ) -> Result<(), EngineError> {
        let fault = self.enter(Some(Operation::Export), Call::Export { image: image.clone() });
        let (_, found) = self.find(&image.0).ok_or_else(|| missing("exporting"))?;
        let broken = |problem| EngineError::Request { doing: "exporting".to_string(), problem };
        let end = match &fault {
            Some(Fault::Hang) => return hang(cancel).await,
            Some(Fault::Fail(problem)) => return Err(broken(problem.clone())),
            Some(Fault::Break { after, .. }) => (*after).min(found.tar.len()),
            None => found.tar.len(),
        };
        for piece in found.tar[..end].chunks(PIECE) {
            let sent = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(EngineError::Cancelled),
                sent = out.send(Chunk::copy_from_slice(piece)) => sent,
            };
            sent.map_err(|_| broken("nobody reads it".to_string()))?;
        }
        match fault {
            Some(Fault::Break { problem, .. }) => Err(broken(problem)),
            _ => Ok(()),
        }
    }

    async fn remove(&self, reference: &str) -> Result<(), EngineError> {
        self.enter(None, Call::Remove { reference: reference.to_string() });
        let mut state = self.lock();
        if let Some(id) = state.tags.remove(reference)
            && !state.tags.values().any(|other| *other == id)
        {
            state.images.remove(&id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::BuildContext;

    fn request(text: &str) -> BuildRequest {
        BuildRequest {
            context: BuildContext::Text { dockerfile: text.to_string(), files: BTreeMap::new() },
            build_args: BTreeMap::new(),
            target: None,
            tag: "t:1".to_string(),
            labels: BTreeMap::new(),
            fresh: false,
            images: Vec::new(),
        }
    }

    fn engine() -> FakeEngine {
        FakeEngine::new(|_| FakeImage {
            files: BTreeMap::from([("/a".to_string(), b"x".to_vec())]),
            tar: vec![7; 10_000],
        })
    }

    #[tokio::test]
    async fn builds_are_served_and_recorded() {
        let (engine, silent, cancel) = (engine(), NodeReporter::silent(), CancellationToken::new());
        let id = engine.build(&request("FROM a"), &silent, &cancel).await.expect("built");
        assert_eq!(engine.build(&request("FROM a"), &silent, &cancel).await.expect("built"), id);
        assert_ne!(engine.build(&request("FROM b"), &silent, &cancel).await.expect("built"), id);
        assert_eq!(engine.read_file(&id, "/a").await.expect("read"), Some(b"x".to_vec()));
        let (sender, mut receiver) = mpsc::channel::<Chunk>(1);
        let collect = async {
            let mut all = 0;
            while let Some(piece) = receiver.recv().await {
                all += piece.len();
            }
            all
        };
        let (sent, all) = tokio::join!(engine.export(&id, sender, &cancel), collect);
        sent.expect("exported");
        assert_eq!(all, 10_000);
        engine.remove("t:1").await.expect("removed");
        assert_eq!(engine.calls().len(), 6);
    }

    #[tokio::test]
    async fn faults_hit_the_call_they_name() {
        let engine = engine().with_fault(Operation::Build, 1, Fault::Fail("no".to_string())).with_fault(
            Operation::Build,
            2,
            Fault::Hang,
        );
        let (silent, cancel) = (NodeReporter::silent(), CancellationToken::new());
        assert!(engine.build(&request("FROM a"), &silent, &cancel).await.is_ok());
        let failed = engine.build(&request("FROM a"), &silent, &cancel).await;
        assert!(matches!(failed, Err(EngineError::Build { .. })));
        cancel.cancel();
        let hung = engine.build(&request("FROM a"), &silent, &cancel).await;
        assert!(matches!(hung, Err(EngineError::Cancelled)));
    }
}
