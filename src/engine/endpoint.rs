//! Where a container engine may answer, in the order to try.
//!
//! Enters: the user's choice and the values of the environment that engines look at. Leaves: `DOCKER_HOST` values. A
//! host that was set by hand is the only one tried, as Docker's own client does it.

use std::path::PathBuf;

use super::EngineKind;

/// Which engine the user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// What answers first: `DOCKER_HOST`, Docker's sockets, Podman's sockets.
    #[default]
    Auto,
    Docker,
    Podman,
}

/// What the environment says about engines, handed in as values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `DOCKER_HOST`: `unix://`, `tcp://`, `http://`, `https://` or `ssh://`.
    pub docker_host: Option<String>,
    /// `DOCKER_CERT_PATH`: the folder of `ca.pem`, `cert.pem` and `key.pem`.
    pub docker_cert_path: Option<PathBuf>,
    /// Whether `DOCKER_TLS_VERIFY` is set and not empty.
    pub docker_tls_verify: bool,
    /// `DOCKER_BUILDKIT`: `0` asks for the classic builder.
    pub docker_buildkit: Option<String>,
    /// `CONTAINER_HOST`, which Podman's own client reads.
    pub container_host: Option<String>,
    /// `XDG_RUNTIME_DIR`, where rootless engines have their sockets.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// The home folder: `~/.docker` holds the certificates where no `DOCKER_CERT_PATH` is set.
    pub home: Option<PathBuf>,
    /// The user's id; 0 is offered Podman's system socket in the hint.
    pub uid: u32,
}

impl Environment {
    /// The folder of the TLS certificates, where TLS is asked for.
    pub(super) fn certificates(&self) -> Option<PathBuf> {
        if !self.docker_tls_verify {
            return None;
        }
        self.docker_cert_path.clone().or_else(|| self.home.as_ref().map(|h| h.join(".docker")))
    }

    /// Whether BuildKit was turned off, as Docker's client reads it.
    pub(super) fn classic_builder(&self) -> bool {
        matches!(self.docker_buildkit.as_deref(), Some("0" | "false"))
    }
}

/// The places to try, best first.
pub(super) fn candidates(choice: EngineChoice, environment: &Environment) -> Vec<String> {
    let set = |value: &Option<String>| value.clone().filter(|v| !v.is_empty());
    let named = match choice {
        EngineChoice::Podman => set(&environment.container_host).or_else(|| set(&environment.docker_host)),
        EngineChoice::Auto | EngineChoice::Docker => set(&environment.docker_host),
    };
    if let Some(host) = named {
        return vec![host];
    }
    let socket = |path: PathBuf| format!("unix://{}", path.display());
    let runtime = |name: &str| environment.xdg_runtime_dir.as_ref().map(|d| socket(d.join(name)));
    let mut places = Vec::new();
    if choice != EngineChoice::Podman {
        places.push("unix:///var/run/docker.sock".to_string());
        places.extend(runtime("docker.sock"));
    }
    if choice != EngineChoice::Docker {
        // a user's own Podman comes before the system's, which only root may open
        let system = "unix:///run/podman/podman.sock".to_string();
        let own = runtime("podman/podman.sock");
        match environment.uid {
            0 => places.extend([system].into_iter().chain(own)),
            _ => places.extend(own.into_iter().chain([system])),
        }
    }
    places
}

impl EngineChoice {
    /// Whether an engine of this kind is what was asked for.
    pub(super) fn accepts(self, kind: EngineKind) -> bool {
        match self {
            EngineChoice::Auto => true,
            EngineChoice::Docker => kind == EngineKind::Docker,
            EngineChoice::Podman => kind == EngineKind::Podman,
        }
    }
}

/// What the user can do when none answers.
pub(super) fn hint(choice: EngineChoice, environment: &Environment, denied: bool) -> String {
    if denied {
        return "let your user reach the engine: `sudo usermod -aG docker $USER`, then log in again"
            .to_string();
    }
    if environment.docker_host.as_deref().is_some_and(|h| !h.is_empty()) {
        return "start the engine that DOCKER_HOST names, or unset DOCKER_HOST".to_string();
    }
    let docker = "install and start Docker: `sudo apt-get install docker.io`";
    let podman = if environment.uid == 0 {
        "start Podman's socket: `systemctl enable --now podman.socket`"
    } else {
        "start Podman's socket: `systemctl --user enable --now podman.socket`"
    };
    match choice {
        EngineChoice::Docker => docker.to_string(),
        EngineChoice::Podman => podman.to_string(),
        EngineChoice::Auto => format!("{docker}, or {podman}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment { xdg_runtime_dir: Some("/run/user/7".into()), uid: 7, ..Environment::default() }
    }

    #[test]
    fn auto_tries_docker_then_podman() {
        assert_eq!(
            candidates(EngineChoice::Auto, &environment()),
            [
                "unix:///var/run/docker.sock",
                "unix:///run/user/7/docker.sock",
                "unix:///run/user/7/podman/podman.sock",
                "unix:///run/podman/podman.sock",
            ]
        );
    }

    #[test]
    fn a_host_set_by_hand_is_the_only_one() {
        let mut e = environment();
        e.docker_host = Some("tcp://h:2375".to_string());
        for choice in [EngineChoice::Auto, EngineChoice::Docker, EngineChoice::Podman] {
            assert_eq!(candidates(choice, &e), ["tcp://h:2375"]);
        }
        e.container_host = Some("unix:///p".to_string());
        assert_eq!(candidates(EngineChoice::Podman, &e), ["unix:///p"]);
        e.docker_host = Some(String::new());
        assert_eq!(candidates(EngineChoice::Docker, &e).len(), 2);
    }

    #[test]
    fn certificates_and_builder() {
        let mut e = Environment { home: Some("/h".into()), ..environment() };
        assert_eq!(e.certificates(), None);
        e.docker_tls_verify = true;
        assert_eq!(e.certificates(), Some("/h/.docker".into()));
        e.docker_buildkit = Some("0".to_string());
        assert!(e.classic_builder());
    }

    #[test]
    fn hints_say_what_to_do() {
        assert!(hint(EngineChoice::Auto, &environment(), true).contains("usermod"));
        assert!(hint(EngineChoice::Auto, &environment(), false).contains("docker.io"));
        assert!(hint(EngineChoice::Podman, &environment(), false).contains("--user"));
    }
}
