//! The container engine that the flags and the environment lead to.

use std::sync::Arc;

use super::flags;
use super::session::Session;
use crate::engine::{self, Engine, EngineChoice, EngineError, Environment};
use crate::exec::cx::Connector;

/// Connects to it when a run first needs it.
pub fn connector(session: &Session) -> Connector {
    let (choice, surroundings) = (choice(session), surroundings(session));
    Box::new(move || {
        let surroundings = surroundings.clone();
        Box::pin(async move { engine::connect(choice, &surroundings).await })
    })
}

/// Connects to it.
///
/// # Errors
///
/// [`EngineError::Unreachable`] with every place tried, and a hint.
pub async fn connect(session: &Session) -> Result<Arc<dyn Engine>, EngineError> {
    engine::connect(choice(session), &surroundings(session)).await
}

fn choice(session: &Session) -> EngineChoice {
    match session.flags.engine {
        flags::EngineChoice::Auto => EngineChoice::Auto,
        flags::EngineChoice::Docker => EngineChoice::Docker,
        flags::EngineChoice::Podman => EngineChoice::Podman,
    }
}

/// What of the environment engines look at.
fn surroundings(session: &Session) -> Environment {
    let e = &session.environment;
    Environment {
        docker_host: e.docker.host.clone(),
        docker_cert_path: e.docker.cert_path.clone(),
        docker_tls_verify: e.docker.tls_verify,
        docker_buildkit: e.docker.buildkit.clone(),
        container_host: e.docker.container_host.clone(),
        xdg_runtime_dir: e.xdg.runtime_dir.clone(),
        home: e.home.clone(),
        uid: e.uid,
    }
}
