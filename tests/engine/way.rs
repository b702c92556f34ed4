//! The ways to an engine that every test takes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use osimg::base::event::{Event, NodeId, NodeReporter, Sink};
use osimg::engine::{BuildContext, BuildRequest, Engine, EngineChoice, Environment, ImageId, connect};
use tokio_util::sync::CancellationToken;

use crate::{base, podman, raw};

/// One engine and builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    BuildKit,
    Classic,
    Podman,
}

pub const ALL: [Way; 3] = [Way::BuildKit, Way::Classic, Way::Podman];

/// An engine, its socket, and a name that no other test uses.
pub struct Lab {
    pub engine: Arc<dyn Engine>,
    pub socket: PathBuf,
    pub mark: String,
}

impl Way {
    pub async fn lab(self, test: &str) -> Lab {
        let (choice, socket) = match self {
            Way::Podman => (EngineChoice::Podman, podman::socket()),
            Way::BuildKit | Way::Classic => (EngineChoice::Docker, PathBuf::from("/var/run/docker.sock")),
        };
        let environment = Environment {
            docker_host: Some(format!("unix://{}", socket.display())),
            docker_buildkit: (self == Way::Classic).then(|| "0".to_string()),
            ..Environment::default()
        };
        let engine = connect(choice, &environment).await.expect("an engine");
        let mark = format!("osimg-test-{test}-{self:?}-{}", std::process::id()).to_lowercase();
        Lab { engine, socket, mark }
    }
}

/// A port that leads to dockerd's socket, and the task that keeps it open.
pub async fn forwarded() -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let forward = tokio::spawn(async move {
        while let Ok((mut outer, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut inner =
                    tokio::net::UnixStream::connect("/var/run/docker.sock").await.expect("dockerd");
                // ends when either side does
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    (format!("tcp://127.0.0.1:{port}"), forward)
}

impl Lab {
    pub fn tag(&self, name: &str) -> String {
        format!("{}:{name}", self.mark)
    }

    /// The test base, imported under this lab's mark.
    pub async fn base(&self) -> (String, ImageId) {
        let tag = self.tag("base");
        let labels = BTreeMap::from([("osimg.base".to_string(), self.mark.clone())]);
        let (silent, cancel) = (NodeReporter::silent(), CancellationToken::new());
        let id = self.engine.import(base::archive(), &tag, &labels, &silent, &cancel).await;
        (tag, id.expect("the base imports"))
    }

    /// A build of `FROM <base>`, the mark in its environment, and `lines`.
    pub fn request(&self, base: &str, name: &str, lines: &str) -> BuildRequest {
        BuildRequest {
            context: BuildContext::Text {
                dockerfile: format!("FROM {base}\nENV OSIMG_TEST={}\n{lines}\n", self.mark),
                files: BTreeMap::new(),
            },
            build_args: BTreeMap::new(),
            target: None,
            tag: self.tag(name),
            labels: BTreeMap::from([("osimg.slot".to_string(), name.to_string())]),
            fresh: false,
            images: vec![base.to_string()],
        }
    }

    /// Tags and ids of images, and ids of containers, that carry this lab's mark.
    pub fn traces(&self) -> Vec<String> {
        raw::traces(&self.socket, &self.mark)
    }

    pub async fn clean(&self, tags: &[&str]) {
        for tag in tags {
            self.engine.remove(tag).await.expect("removed");
        }
    }
}

/// A sink that keeps what it is told.
#[derive(Default)]
pub struct Record(Mutex<Vec<Event>>);

impl Sink for Record {
    fn emit(&self, event: Event) {
        self.0.lock().expect("not poisoned").push(event);
    }
}

impl Record {
    pub fn reporter() -> (Arc<Record>, NodeReporter) {
        let record = Arc::new(Record::default());
        (record.clone(), NodeReporter::new(NodeId(0), record))
    }

    pub fn steps(&self) -> Vec<String> {
        let events = self.0.lock().expect("not poisoned");
        events
            .iter()
            .filter_map(|e| if let Event::NodeStep { text, .. } = e { Some(text.clone()) } else { None })
            .collect()
    }

    pub fn lines(&self) -> Vec<String> {
        let events = self.0.lock().expect("not poisoned");
        events
            .iter()
            .filter_map(|e| if let Event::NodeOutput { line, .. } = e { Some(line.clone()) } else { None })
            .collect()
    }

    pub fn progress(&self) -> Option<(u64, Option<u64>)> {
        let events = self.0.lock().expect("not poisoned");
        events.iter().rev().find_map(|e| match e {
            Event::NodeProgress { done, total, .. } => Some((*done, *total)),
            _ => None,
        })
    }
}
