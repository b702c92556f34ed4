//! `osimg check`: the manifest and its rules, nothing else.

use clap::Args;

use super::failure::Failure;
use super::manifest::Manifest;
use super::session::Session;

/// Check a manifest without building anything
///
/// Reads the manifest and the files it names, and reports every problem at once, each with its place. Needs no
/// container engine.
#[derive(Args, Debug)]
#[command(after_long_help = "Example:\n  osimg check examples/debian-dual.yaml")]
pub struct Check {
    #[command(flatten)]
    manifest: Manifest,
}

impl Check {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let model = self.manifest.load(session)?;
        let paint = session.stdout_paint();
        let slots: Vec<&str> = model.slots.iter().map(|s| s.name.as_str()).collect();
        session.say(&format!(
            "{} {} is valid: {} for {}",
            paint.good(paint.tick()),
            self.manifest.path.display(),
            if slots.len() == 1 { "one slot".to_string() } else { format!("{} slots", slots.len()) },
            slots.join(", "),
        ))
    }
}
