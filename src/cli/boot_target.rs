//! What `osimg boot` is to start: the image of a manifest, or an image; and the command's place in the program.

use std::io::Write;
use std::path::Path;

use super::boot::{self, BootArgs, BootCommandError, Target};
use super::failure::{Failure, Problem};
use super::flags::LogFormat;
use super::interrupt;
use super::manifest::Manifest;
use super::session::Session;
use crate::report::Verbosity;

impl BootArgs {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let target = target(&self.target, session)?;
        let sink = session.notes();
        // the console is what people want to see; a program reads the exit code
        let watched = session.flags.log_format == LogFormat::Human && session.verbosity() > Verbosity::Quiet;
        let live = watched.then(|| Box::new(std::io::stdout()) as Box<dyn Write + Send>);
        let path = session.environment.path.as_deref();
        interrupt::run(&sink, |cancel| async move {
            Ok(boot::run(self, target, path, &*session.notes(), live, &cancel).await?)
        })
    }
}

/// A manifest is a file that ends in `.yaml` or `.yml`; anything else is an image.
fn target(path: &Path, session: &Session) -> Result<Target, Failure> {
    let is_manifest = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    if !is_manifest {
        return Ok(Target { image: path.to_path_buf(), slots: None });
    }
    let model = Manifest { path: path.to_path_buf() }.load(session)?;
    let slots = model.slots.iter().map(|s| s.name.to_string()).collect();
    Ok(Target { image: model.disk.path, slots: Some(slots) })
}

impl From<BootCommandError> for Failure {
    fn from(error: BootCommandError) -> Failure {
        if error.is_cancelled() {
            return Failure::Interrupted;
        }
        let mut problem = Problem::of(&error).output(error.console_tail().to_vec());
        problem.help = error.help();
        if error.is_usage() { Failure::Usage(problem) } else { Failure::Error(problem) }
    }
}
