//! A build through BuildKit, inside Docker: a session beside the request, progress as a graph of vertices.
//!
//! bollard keeps the session's connection open until the program ends: one file descriptor for each build.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::errors::Error;
use bollard::models::BuildInfoAux;
use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes as Chunk;
use futures_util::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;
use crate::engine::EngineError;

use super::steps::{Lines, failure};
use super::{DockerEngine, is_trailing_noise, request, text, unless_cancelled};

/// The step that a failure belongs to when no vertex has one: the Dockerfile could not be read.
const NO_STEP: &str = "Dockerfile";

/// Builds until the engine's answer ends. Gives the id of the image, where the output is one.
pub(super) async fn build(
    engine: &DockerEngine,
    mut options: BuildImageOptions,
    body: impl Stream<Item = io::Result<Chunk>> + Send + 'static,
    reporter: &NodeReporter,
    cancel: &CancellationToken,
) -> Result<Option<String>, EngineError> {
    options.session = Some(session_id());
    let body = bollard::body_try_stream(body);
    let mut answers = Box::pin(engine.docker.build_image(options, None, Some(body)));
    let mut graph = Graph::default();
    let mut image = None;
    unless_cancelled(cancel, async {
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(info) => match info.aux {
                    Some(BuildInfoAux::BuildKit(status)) => {
                        for v in status.vertexes {
                            let state = State {
                                started: v.started.is_some(),
                                done: v.completed.is_some(),
                                cached: v.cached,
                            };
                            graph.vertex(&v.digest, &v.name, state, &v.error, reporter);
                        }
                        for log in status.logs {
                            graph.log(&log.vertex, &log.msg, reporter);
                        }
                    }
                    Some(BuildInfoAux::Default(made)) => image = made.id.filter(|id| !id.is_empty()),
                    None => {}
                },
                Err(e) if is_trailing_noise(&e) => {}
                Err(e @ Error::DockerStreamError { .. }) => {
                    return Err(std::mem::take(&mut graph).failure(&text(&e)));
                }
                Err(e) => return Err(request("building", &e)),
            }
        }
        Ok(())
    })
    .await?;
    Ok(image)
}

/// A session's name, unique among the clients of one engine.
pub(super) fn session_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    format!("osimg-{}-{}-{now}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// How far a vertex is.
#[derive(Clone, Copy, Default)]
struct State {
    started: bool,
    done: bool,
    cached: bool,
}

#[derive(Default)]
struct Vertex {
    name: String,
    state: State,
    error: String,
    lines: Lines,
}

/// What is known of the build's vertices, by digest.
#[derive(Default)]
struct Graph {
    vertices: BTreeMap<String, Vertex>,
}

impl Graph {
    fn vertex(&mut self, digest: &str, name: &str, state: State, error: &str, reporter: &NodeReporter) {
        let vertex = self.vertices.entry(digest.to_string()).or_default();
        let before = vertex.state;
        name.clone_into(&mut vertex.name);
        vertex.state = State {
            started: before.started || state.started,
            done: before.done || state.done,
            cached: before.cached || state.cached,
        };
        if !error.is_empty() {
            error.clone_into(&mut vertex.error);
        }
        if !shown(name) {
            return;
        }
        if vertex.state.started && !before.started {
            let cached = if vertex.state.cached { " (cached)" } else { "" };
            reporter.step(format!("{name}{cached}"));
        }
        if vertex.state.done && !before.done {
            vertex.lines.finish(reporter);
            let steps = || self.vertices.values().filter(|v| is_step(&v.name));
            reporter.steps(steps().filter(|v| v.state.done).count() as u64, Some(steps().count() as u64));
        }
    }

    fn log(&mut self, digest: &str, piece: &[u8], reporter: &NodeReporter) {
        self.vertices.entry(digest.to_string()).or_default().lines.take(piece, reporter);
    }

    /// The error of the vertex that failed; the others were cancelled because of it.
    fn failure(self, message: &str) -> EngineError {
        let failed = self
            .vertices
            .into_values()
            .filter(|v| !v.error.is_empty() && !v.error.contains("context canceled"))
            .min_by_key(|v| !is_step(&v.name));
        match failed {
            Some(vertex) => failure(&vertex.name, &vertex.error, vertex.lines.into_tail()),
            None => failure(NO_STEP, message, Vec::new()),
        }
    }
}

/// An instruction of the Dockerfile: `[2/5] RUN …`, `[stage 2/5] COPY …`.
fn is_step(name: &str) -> bool {
    name.starts_with('[') && shown(name)
}

/// What a user wants to see: not how BuildKit fetches its own input.
fn shown(name: &str) -> bool {
    !name.starts_with("[internal]") && !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: State = State { started: true, done: false, cached: false };
    const DONE: State = State { started: true, done: true, cached: false };

    #[test]
    fn the_failed_vertex_is_named_with_its_last_lines() {
        let silent = NodeReporter::silent();
        let mut graph = Graph::default();
        graph.vertex("i", "[internal] load build definition", DONE, "", &silent);
        graph.vertex("a", "[1/3] FROM x", DONE, "", &silent);
        graph.vertex("c", "[other 1/1] RUN sleep", DONE, "context canceled", &silent);
        graph.vertex("b", "[2/3] RUN false", RUNNING, "", &silent);
        graph.log("b", b"one\ntwo", &silent);
        graph.vertex("b", "[2/3] RUN false", DONE, "executor failed running [x]: exit code: 7", &silent);
        let EngineError::Build { step, problem, tail } = graph.failure("failed to solve: …") else {
            panic!("a build error")
        };
        assert_eq!((step.as_str(), problem.as_str()), ("[2/3] RUN false", "exit code 7"));
        assert_eq!(tail, ["one", "two"]);
    }

    #[test]
    fn a_failure_before_any_step_is_the_dockerfiles() {
        let error = Graph::default()
            .failure("failed to solve: dockerfile parse error line 2: unknown instruction: X");
        assert_eq!(
            error.to_string(),
            "the build failed at `Dockerfile`: dockerfile parse error line 2: unknown instruction: X"
        );
    }

    #[test]
    fn sessions_differ() {
        assert_ne!(session_id(), session_id());
    }
}
