//! The steps of a build as the engine reports them: who is running, what it printed last, which one failed.
//!
//! Enters: step names, pieces of output. Leaves: events for the reporter and, at the end, the error to show.

use std::collections::VecDeque;

use crate::base::event::NodeReporter;
use crate::engine::EngineError;

/// Lines of a step's output kept for the error.
const TAIL: usize = 20;

/// Output cut into lines, the last of them kept.
#[derive(Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    tail: VecDeque<String>,
}

impl Lines {
    /// Takes a piece of output and reports every line that it completes.
    pub(super) fn take(&mut self, piece: &[u8], reporter: &NodeReporter) {
        for part in piece.split_inclusive(|b| *b == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.end_line(reporter);
            }
        }
    }

    /// Reports what is left without a newline.
    pub(super) fn finish(&mut self, reporter: &NodeReporter) {
        if !self.partial.is_empty() {
            self.end_line(reporter);
        }
    }

    fn end_line(&mut self, reporter: &NodeReporter) {
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        // a progress meter overwrites its line: what it showed last counts
        let line = text.rsplit('\r').next().unwrap_or(text);
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_string());
        reporter.output(line);
    }

    /// The last lines, the one still without its end included.
    pub(super) fn into_tail(mut self) -> Vec<String> {
        self.finish(&NodeReporter::silent());
        self.tail.into()
    }
}

/// The error of a failed step.
pub(super) fn failure(step: &str, message: &str, tail: Vec<String>) -> EngineError {
    let problem = match exit_code(message) {
        Some(code) => format!("exit code {code}"),
        None => without_frame(message).to_string(),
    };
    EngineError::Build { step: step.to_string(), problem, tail }
}

/// The exit code in an engine's message. Engines word it differently: `exit code: 1`, `returned a non-zero code: 1`,
/// `exit status 1`.
pub(super) fn exit_code(message: &str) -> Option<i64> {
    ["exit code: ", "non-zero code: ", "exit status "].iter().find_map(|words| {
        let at = message.rfind(words)? + words.len();
        let digits = message[at..].split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    })
}

/// A message without what names only the engine's insides.
fn without_frame(message: &str) -> &str {
    let mut message = message.trim();
    for frame in [
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve: ",
        "failed to create LLB definition: ",
        "rpc error: code = Unknown desc = ",
    ] {
        message = message.strip_prefix(frame).unwrap_or(message);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_the_last_twenty_kept() {
        let mut lines = Lines::default();
        let silent = NodeReporter::silent();
        for n in 0..30 {
            lines.take(format!("line {n}\nhalf").as_bytes(), &silent);
            lines.take(b" and\r\n10%\r20%\n", &silent);
        }
        lines.take(b"open", &silent);
        let tail = lines.into_tail();
        assert_eq!(tail.len(), 20);
        assert_eq!(tail[16..], ["line 29", "half and", "20%", "open"]);
    }

    #[test]
    fn every_engines_exit_code_is_found() {
        for message in [
            "executor failed running [/bin/sh -c x]: exit code: 3",
            "process \"/bin/sh -c x\" did not complete successfully: exit code: 3",
            "The command '/bin/sh -c x' returned a non-zero code: 3",
            "building at STEP \"RUN x\": while running runtime: exit status 3",
        ] {
            assert_eq!(exit_code(message), Some(3), "{message}");
        }
        assert_eq!(exit_code("no such file"), None);
    }

    #[test]
    fn other_failures_keep_their_words() {
        let error = failure(
            "Dockerfile",
            "failed to solve with frontend dockerfile.v0: failed to create LLB definition: unknown instruction: X",
            Vec::new(),
        );
        assert_eq!(error.to_string(), "the build failed at `Dockerfile`: unknown instruction: X");
    }
}
