//! The same short run for the tests of every sink: events with the time at which each comes.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Clock;
use crate::base::event::{Event, NodeId, Sink, Unit};

/// Milliseconds and what happens then.
pub fn run() -> Vec<(u64, Event)> {
    let node = NodeId;
    let started = |n, label: &str, why: &str| Event::NodeStarted {
        node: node(n),
        label: label.into(),
        why: why.into(),
    };
    let finished = |n, label: &str, ms| Event::NodeFinished {
        node: node(n),
        label: label.into(),
        took: Duration::from_millis(ms),
    };
    let step = |n, text: &str| Event::NodeStep { node: node(n), text: text.into() };
    let output = |n, line: &str| Event::NodeOutput { node: node(n), line: line.into() };
    let bytes = |n, done, total| Event::NodeProgress { node: node(n), done, total, unit: Unit::Bytes };
    vec![
        (0, Event::RunStarted { total: 8 }),
        (10, Event::NodeCached { node: node(0), label: "base debian-bookworm".into() }),
        (10, Event::NodeCached { node: node(1), label: "build bookworm".into() }),
        (20, started(2, "export bookworm", "not in the store")),
        (20, started(3, "base debian-trixie", "the suite changed")),
        (100, bytes(2, 1 << 20, Some(800 << 20))),
        (200, bytes(2, 2 << 20, Some(800 << 20))),
        (900, step(3, "mmdebstrap trixie")),
        (1000, output(3, "I: downloading packages with apt\u{1b}[0m...")),
        (3000, bytes(2, 400 << 20, Some(800 << 20))),
        (5500, bytes(2, 799 << 20, Some(800 << 20))),
        (5600, bytes(2, 800 << 20, Some(800 << 20))),
        (5620, finished(2, "export bookworm", 5600)),
        (7000, output(3, "10%\r90%\rUnpacking libc6 (2.41-12)\t...\r\n")),
        (12_340, finished(3, "base debian-trixie", 12_320)),
        (12_400, started(4, "build trixie", "its base changed")),
        (12_500, step(4, "[2/3] RUN apt-get install -y openssh-server")),
        (13_000, output(4, "E: Unable to locate package openssh-server")),
        (13_500, Event::NodeFailed { node: node(4), label: "build trixie".into() }),
        (13_500, Event::Note { text: "cleaning up".into() }),
        (13_600, Event::RunFinished { took: Duration::from_millis(13_600) }),
    ]
}

/// A clock that tests set.
#[derive(Clone, Default)]
pub struct Hand(Arc<AtomicU64>);

impl Hand {
    pub fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let ms = self.0.clone();
        Arc::new(move || Duration::from_millis(ms.load(Ordering::SeqCst)))
    }
}

/// A writer that keeps what is written.
#[derive(Clone, Default)]
pub struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no test panics while writing").clone()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.bytes()).expect("sinks write UTF-8")
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Plays the run into a sink.
pub fn play(sink: &dyn Sink, hand: &Hand) {
    for (ms, event) in run() {
        hand.set(ms);
        sink.emit(event);
    }
}
