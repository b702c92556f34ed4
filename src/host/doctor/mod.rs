//! Is everything there that osimg needs? Facts of this machine, and what they mean.
//!
//! [`look`] gathers [`Facts`] (files, programs, free space); [`judge`] turns them into [`Finding`]s without asking the
//! machine again. [`versions`] asks programs for theirs; package names per distribution are in [`packages`].

pub mod facts;
pub mod judge;
pub mod packages;
pub mod versions;

pub use facts::{Facts, Machine, look};
pub use judge::{judge, together};

/// How a subject stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// osimg works, but something is slower or a command cannot be used.
    Warning,
    /// `apply` cannot do without.
    Missing,
}

/// One subject, how it stands, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub subject: String,
    pub state: State,
    pub detail: String,
    /// A command that mends it.
    pub fix: Option<String>,
}

impl Finding {
    pub fn new(subject: &str, state: State, detail: impl Into<String>) -> Finding {
        Finding { subject: subject.into(), state, detail: detail.into(), fix: None }
    }

    pub fn fix(mut self, command: Option<String>) -> Finding {
        self.fix = command;
        self
    }
}
