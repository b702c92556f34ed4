//! A build through the classic builder, and through Podman, which speaks its protocol: progress is text.
//!
//! Both leave the images of finished steps behind when a build fails; those that this build made are removed again.

use std::io;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{BuildImageOptions, RemoveImageOptions};
use bytes::Bytes as Chunk;
use futures_util::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;
use crate::engine::EngineError;

use super::steps::{Lines, failure};
use super::{DockerEngine, is_missing, is_trailing_noise, request, text, unless_cancelled};

/// How often, and how long apart, a removal is tried while the engine still stops a container of a cancelled build.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Builds until the engine's answer ends.
pub(super) async fn build(
    engine: &DockerEngine,
    options: BuildImageOptions,
    body: impl Stream<Item = io::Result<Chunk>> + Send + 'static,
    reporter: &NodeReporter,
    cancel: &CancellationToken,
) -> Result<(), EngineError> {
    let body = bollard::body_try_stream(body);
    let mut answers = Box::pin(engine.docker.build_image(options, None, Some(body)));
    let mut log = Log::default();
    let done = unless_cancelled(cancel, async {
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(info) => {
                    if let Some(text) = info.stream {
                        log.take(&text, reporter);
                    }
                }
                Err(e) if is_trailing_noise(&e) => {}
                Err(e @ Error::DockerStreamError { .. }) => return Err(log.failure(&text(&e))),
                Err(e) => return Err(request("building", &e)),
            }
        }
        log.finish(reporter);
        // Podman 4 puts an error where bollard does not look, so only the word of success counts
        if log.succeeded { Ok(()) } else { Err(log.failure("the engine built no image")) }
    })
    .await;
    if done.is_err() {
        // the request ends here, and with it the build in the engine
        drop(answers);
        let cancelled = matches!(done, Err(EngineError::Cancelled));
        remove_made(&engine.docker, std::mem::take(&mut log.made), cancelled).await;
    }
    done
}

/// Removes images of steps, the latest first, because the earlier ones are its parents. Those of a cancelled build
/// by force: Podman lets the running step go on to its end, and keeps a container on the image before it.
async fn remove_made(docker: &Docker, made: Vec<String>, cancelled: bool) {
    let options = || RemoveImageOptions { force: cancelled, noprune: true, platforms: None };
    for id in made.iter().rev() {
        for _ in 0..TRIES {
            match docker.remove_image(id, Some(options()), None).await {
                Ok(_) => break,
                Err(e) if is_missing(&e) => break,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// The builder's text, read line by line.
#[derive(Default)]
struct Log {
    open: String,
    step: String,
    lines: Lines,
    /// Short ids of images that this build made.
    made: Vec<String>,
    cached: bool,
    succeeded: bool,
}

impl Log {
    fn take(&mut self, piece: &str, reporter: &NodeReporter) {
        self.open.push_str(piece);
        while let Some(end) = self.open.find('\n') {
            let line: String = self.open.drain(..=end).collect();
            self.line(line.trim_end_matches(['\n', '\r']), reporter);
        }
    }

    fn finish(&mut self, reporter: &NodeReporter) {
        let rest = std::mem::take(&mut self.open);
        if !rest.is_empty() {
            self.line(&rest, reporter);
        }
    }

    fn line(&mut self, line: &str, reporter: &NodeReporter) {
        if let Some(step) = Step::parse(line) {
            self.step = format!("[{}/{}] {}", step.number, step.total, step.instruction);
            self.lines = Lines::default();
            // every base image is announced like a step's image, but was not made here
            self.cached = step.instruction.to_ascii_uppercase().starts_with("FROM ");
            self.succeeded = false;
            reporter.steps(step.number - 1, Some(step.total));
            reporter.step(&self.step);
        } else if let Some(rest) = line.strip_prefix(" ---> ").or_else(|| line.strip_prefix("--> ")) {
            self.arrow(rest.trim());
        } else if let Some(id) = line.strip_prefix("Successfully built ") {
            self.succeeded |= is_short_id(id.trim());
        } else if !is_noise(line) {
            self.lines.take(format!("{line}\n").as_bytes(), reporter);
        }
    }

    /// What follows an arrow: `Using cache`, `Running in …`, or the id of the step's image.
    fn arrow(&mut self, rest: &str) {
        if rest.starts_with("Using cache") {
            self.cached = true;
        } else if is_short_id(rest) {
            if !self.cached {
                self.made.push(rest.to_string());
            }
            self.cached = false;
        }
    }

    fn failure(&mut self, message: &str) -> EngineError {
        let step = if self.step.is_empty() { "Dockerfile" } else { &self.step };
        let mut lines = std::mem::take(&mut self.lines);
        lines.take(self.open.as_bytes(), &NodeReporter::silent());
        failure(step, message, lines.into_tail())
    }
}

/// `Step 2/5 : RUN x` of Docker, `STEP 2/5: RUN x` and `[1/2] STEP 2/5: RUN x` of Podman.
struct Step<'a> {
    number: u64,
    total: u64,
    instruction: &'a str,
}

impl Step<'_> {
    fn parse(line: &str) -> Option<Step<'_>> {
        let rest = match line.strip_prefix("Step ") {
            Some(rest) => rest,
            None => {
                let staged = line.strip_prefix('[').and_then(|l| l.split_once("] ")).map(|(_, rest)| rest);
                staged.unwrap_or(line).strip_prefix("STEP ")?
            }
        };
        let (count, instruction) = rest.split_once(':')?;
        let (number, total) = count.trim().split_once('/')?;
        let number: u64 = number.parse().ok().filter(|n| *n > 0)?;
        Some(Step { number, total: total.parse().ok()?, instruction: instruction.trim() })
    }
}

/// What the builder says about itself.
fn is_noise(line: &str) -> bool {
    let id_after = |words: &str| line.strip_prefix(words).is_some_and(|rest| is_short_id(rest.trim()));
    line.is_empty()
        || id_after("Removing intermediate container ")
        || line.starts_with("Successfully tagged ")
        || line.starts_with("COMMIT ")
        || (line.len() == 64 && is_short_id(line))
}

fn is_short_id(text: &str) -> bool {
    text.len() >= 10 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Log {
        let mut log = Log::default();
        for piece in text.as_bytes().chunks(7) {
            log.take(std::str::from_utf8(piece).expect("ASCII"), &NodeReporter::silent());
        }
        log.finish(&NodeReporter::silent());
        log
    }

    #[test]
    fn dockers_text() {
        let mut log = read(
            "Step 1/4 : FROM b\n ---> 0123456789ab\nStep 2/4 : RUN a\n ---> Using cache\n ---> 1123456789ab\n\
             Step 3/4 : RUN b\n ---> Running in 9923456789ab\nRemoving intermediate container 9923456789ab\n \
             ---> 2123456789ab\nStep 4/4 : RUN c\n ---> Running in 8823456789ab\nout\nhalf",
        );
        assert_eq!(log.made, ["2123456789ab"]);
        assert!(!log.succeeded);
        let EngineError::Build { step, problem, tail } =
            log.failure("The command '/bin/sh -c c' returned a non-zero code: 2")
        else {
            panic!("a build error")
        };
        assert_eq!((step.as_str(), problem.as_str()), ("[4/4] RUN c", "exit code 2"));
        assert_eq!(tail, ["out", "half"]);
    }

    #[test]
    fn podmans_text() {
        let log = read(
            "[1/2] STEP 1/2: FROM b AS x\n--> 0123456789a\n[1/2] STEP 2/2: RUN a\n--> 1123456789a\n\
             [2/2] STEP 1/1: FROM x\nCOMMIT t\nSuccessfully built 2123456789ab\nSuccessfully tagged t\n",
        );
        assert_eq!(log.made, ["1123456789a"]);
        assert!(log.succeeded);
        assert_eq!(log.step, "[1/1] FROM x");
    }

    #[test]
    fn a_programs_own_success_does_not_count() {
        assert!(!read("STEP 1/1: RUN pip\nSuccessfully built wheel\n").succeeded);
        assert!(!read("STEP 1/2: RUN x\nSuccessfully built 2123456789ab\nSTEP 2/2: RUN false\n").succeeded);
    }
}
