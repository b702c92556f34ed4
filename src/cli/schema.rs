//! `osimg schema`: the manifest's JSON Schema.

use clap::Args;

use super::failure::Failure;
use super::session::Session;
use crate::front;

/// Print the JSON Schema of manifests
///
/// The schema gives completion, hover texts and checks in editors that know yaml-language-server.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  osimg schema > osimg.schema.json

and as the manifest's first line:
  # yaml-language-server: $schema=osimg.schema.json")]
pub struct Schema {}

impl Schema {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        session.print(&front::schema())
    }
}
