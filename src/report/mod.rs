//! Shows a run: sinks of [`crate::base::event::Event`].
//!
//! Enters: events, from many threads. Leaves: bytes on one writer, which the caller chose. [`human`] draws live lines on
//! a terminal, [`plain`] writes a log for files and pipes, [`json`] writes one object per line for programs. What is
//! shown is decided by pure folds ([`board`], [`frame`]) over events and a clock that the caller may replace.

pub mod board;
pub mod clean;
pub mod duration;
pub mod fit;
pub mod frame;
pub mod human;
pub mod json;
pub mod narrow;
pub mod paint;
pub mod plain;

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::event::{Silent, Sink};
use paint::Paint;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    Normal,
    /// Also what was cached, why a node runs, and every line of a build's output.
    Verbose,
}

/// A terminal's size: columns and rows. Asked anew for every drawing, for windows change.
pub type Size = Arc<dyn Fn() -> (u16, u16) + Send + Sync>;

/// The time since the sink was made.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Which sink.
#[derive(Clone)]
pub enum Display {
    /// A terminal that can move its cursor.
    Live(Size),
    /// A file, a pipe or a terminal that cannot.
    Plain,
    Json,
}

/// Everything that decides what a run looks like.
#[derive(Clone)]
pub struct Choice {
    pub display: Display,
    pub verbosity: Verbosity,
    pub paint: Paint,
}

/// The sink for `choice`, writing to `out` until the run is over.
pub fn sink(choice: &Choice, out: Box<dyn Write + Send>) -> Arc<dyn Sink> {
    let start = Instant::now();
    let clock: Clock = Arc::new(move || start.elapsed());
    match (&choice.display, choice.verbosity) {
        (_, Verbosity::Quiet) => Arc::new(Silent),
        (Display::Live(size), verbosity) => {
            Arc::new(human::Human::start(out, size.clone(), clock, choice.paint, verbosity))
        }
        (Display::Plain, verbosity) => Arc::new(plain::Plain::new(out, clock, verbosity)),
        (Display::Json, verbosity) => Arc::new(json::Json::new(out, clock, verbosity)),
    }
}

#[cfg(test)]
mod script;
