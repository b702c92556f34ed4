//! Finds an engine that answers.
//!
//! Each place is first opened as a plain socket where it is one, because that alone tells a missing socket, a dead
//! one and a forbidden one apart; then asked for its version, within a short time.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, Docker};

use crate::engine::endpoint::{EngineChoice, Environment, candidates, hint};
use crate::engine::{Engine, EngineError, EngineInfo, EngineKind};

use super::import::split_changes;
use super::session::Door;
use super::{DockerEngine, text};

/// How long an engine may take to say its version. One that its socket starts takes seconds on a busy machine.
const PROBE: Duration = Duration::from_secs(15);
/// The same through ssh, which must log in first.
const PROBE_SSH: Duration = Duration::from_secs(30);
/// How long a request may take until its answer begins. An import answers only when all is unpacked, so this is no
/// real limit; a run is ended by its cancellation.
const REQUEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The API version from which on every Docker for Linux has BuildKit (18.09).
const BUILDKIT_API: (usize, usize) = (1, 39);

/// Why one place is of no use.
struct Refusal {
    problem: String,
    denied: bool,
}

/// Connects to the engine that `choice` and `environment` lead to.
///
/// # Errors
///
/// [`EngineError::Unreachable`] with every place tried, and a hint.
pub async fn connect(
    choice: EngineChoice,
    environment: &Environment,
) -> Result<Arc<dyn Engine>, EngineError> {
    let mut problems = Vec::new();
    let mut denied = false;
    for place in candidates(choice, environment) {
        match probe(&place, environment).await {
            Ok(engine) if choice.accepts(engine.info.kind) => return Ok(Arc::new(engine)),
            Ok(engine) => {
                let name = match engine.info.kind {
                    EngineKind::Docker => "Docker",
                    EngineKind::Podman => "Podman",
                };
                problems.push(format!("{place}: {name} answers there"));
            }
            Err(refusal) => {
                denied |= refusal.denied;
                problems.push(format!("{place}: {}", refusal.problem));
            }
        }
    }
    Err(EngineError::Unreachable { problem: problems.join("; "), hint: hint(choice, environment, denied) })
}

async fn probe(place: &str, environment: &Environment) -> Result<DockerEngine, Refusal> {
    let refusal = |problem: String| Refusal { problem, denied: false };
    if let Some(path) = place.strip_prefix("unix://") {
        knock(path).await?;
    }
    let limit = if place.starts_with("ssh://") { PROBE_SSH } else { PROBE };
    let docker = open(place, environment, limit).map_err(|e| refusal(text(&e)))?;
    let asked = async {
        let docker = docker.negotiate_version().await?;
        let version = docker.version().await?;
        Ok::<_, Error>((docker, version))
    };
    let (mut docker, version) = match tokio::time::timeout(limit, asked).await {
        Ok(answer) => answer.map_err(|e| refusal(text(&e)))?,
        Err(_) => return Err(refusal(format!("no answer in {} seconds", limit.as_secs()))),
    };
    docker.set_timeout(REQUEST);
    let info = describe(place, &docker, &version, environment);
    if info.kind == EngineKind::Podman {
        docker = docker.with_request_modifier(|mut request| {
            if let Some(uri) = split_changes(&request.uri().to_string()).and_then(|uri| uri.parse().ok()) {
                *request.uri_mut() = uri;
            }
            request
        });
    }
    let door = Door::of(place, environment.certificates().is_some());
    Ok(DockerEngine { docker, info, door })
}

/// Opens a Unix socket once, for the reason why it cannot be.
async fn knock(path: &str) -> Result<(), Refusal> {
    let Err(e) = tokio::net::UnixStream::connect(path).await else { return Ok(()) };
    let problem = match e.kind() {
        ErrorKind::NotFound => "no such socket".to_string(),
        ErrorKind::PermissionDenied => "permission denied".to_string(),
        ErrorKind::ConnectionRefused => "nothing listens on the socket".to_string(),
        _ => e.to_string(),
    };
    Err(Refusal { problem, denied: e.kind() == ErrorKind::PermissionDenied })
}

fn open(place: &str, environment: &Environment, limit: Duration) -> Result<Docker, Error> {
    let seconds = limit.as_secs();
    if place.starts_with("unix://") {
        Docker::connect_with_unix(place, seconds, API_DEFAULT_VERSION)
    } else if place.starts_with("ssh://") {
        Docker::connect_with_ssh(place, seconds, API_DEFAULT_VERSION, None)
    } else if place.starts_with("tcp://") || place.starts_with("http://") || place.starts_with("https://") {
        match environment.certificates() {
            Some(folder) => Docker::connect_with_ssl(
                place,
                &folder.join("key.pem"),
                &folder.join("cert.pem"),
                &folder.join("ca.pem"),
                seconds,
                API_DEFAULT_VERSION,
            ),
            None => Docker::connect_with_http(place, seconds, API_DEFAULT_VERSION),
        }
    } else {
        Err(Error::UnsupportedURISchemeError { uri: place.to_string() })
    }
}

fn describe(place: &str, docker: &Docker, version: &SystemVersion, environment: &Environment) -> EngineInfo {
    let podman = version
        .components
        .iter()
        .flatten()
        .find(|component| component.name == "Podman Engine")
        .map(|component| component.version.clone());
    let api = docker.client_version();
    EngineInfo {
        kind: if podman.is_some() { EngineKind::Podman } else { EngineKind::Docker },
        // Podman answers a BuildKit request with success and builds nothing
        buildkit: podman.is_none()
            && (api.major_version, api.minor_version) >= BUILDKIT_API
            && !environment.classic_builder(),
        version: podman.or_else(|| version.version.clone()).unwrap_or_default(),
        endpoint: place.to_string(),
    }
}
