//! `osimg check`: the manifest and its rules, nothing else.

use clap::Args;

use super::failure::{self, Failure};
use super::flags::MessageFormat;
use super::manifest::Manifest;
use super::session::Session;
use crate::diag::{Diagnostics, Severity, json};

/// Check a manifest without building anything
///
/// Reads the manifest and the files it names, and reports every problem at once, each with its place. Needs no
/// container engine. With `--message-format` json, sarif or github the report goes to
/// standard output.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  osimg check examples/debian-dual.yaml\n  osimg check examples/debian-dual.yaml --deny warnings --message-format github\n  osimg check examples/debian-dual.yaml --message-format sarif > osimg.sarif"
)]
pub struct Check {
    #[command(flatten)]
    manifest: Manifest,
}

impl Check {
    /// For programs the report is what the command makes: it goes to standard output, also when nothing is wrong.
    fn report(&self, session: &Session) -> Result<(), Failure> {
        let (model, found) = self.manifest.findings(session)?;
        let mut text = failure::tell_diagnostics(&found, session.telling());
        if session.flags.message_format == MessageFormat::Json {
            text.push_str(&format!("{}\n", self.summary(model.is_some(), &found)));
        }
        session.print(&text)?;
        if model.is_some() { Ok(()) } else { Err(Failure::Refused) }
    }

    /// The last line of a report in JSON.
    fn summary(&self, valid: bool, found: &Diagnostics) -> serde_json::Value {
        serde_json::json!({
            "event": "checked",
            "version": json::VERSION,
            "file": self.manifest.path.display().to_string(),
            "valid": valid,
            "errors": found.count(Severity::Error),
            "warnings": found.count(Severity::Warning),
        })
    }

    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let format = session.flags.message_format;
        if format != MessageFormat::Human {
            return self.report(session);
        }
        let model = self.manifest.load(session)?;
        let paint = session.stdout_paint();
        let slots: Vec<&str> = model.slots.iter().map(|s| s.name.as_str()).collect();
        session.say(&format!(
            "{} {} is valid: {} for {}",
            paint.good(paint.tick()),
            self.manifest.path.display(),
            if slots.len() == 1 { "one slot".to_string() } else { format!("{} slots", slots.len()) },
            some(&slots),
        ))
    }
}

/// The names, or the first of them where they would fill the screen.
fn some(names: &[&str]) -> String {
    const MOST: usize = 8;
    match names.get(..MOST) {
        Some(first) if names.len() > MOST => format!("{}, …", first.join(", ")),
        _ => names.join(", "),
    }
}
