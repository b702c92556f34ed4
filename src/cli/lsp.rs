//! `osimg lsp`: a language server over standard input and output, for editors.
//!
//! Enters: requests and notifications of the Language Server Protocol 3.17. Leaves: what `check` finds, as you type, and
//! answers from the schema and the files beside the manifest. [`server`] holds the conversation, [`documents`] what is open,
//! [`findings`] what is shown where; each kind of request is a file. gen-lsp-types and lsp-server are used here only.

mod actions;
mod completion;
mod definition;
mod documents;
mod findings;
mod hover;
mod lines;
mod manifest;
mod server;
mod symbols;

use clap::Args;
use lsp_server::Connection;

use super::failure::{Failure, Problem};
use super::session::Session;
use server::{Ended, Server};

/// Serve editors: findings as you type, quick fixes, hover, definitions
///
/// Speaks the Language Server Protocol on standard input and output. An editor starts it; docs/editors.md says how for
/// VS Code, JetBrains, Neovim and Helix. Files that are no manifests stay unharmed: a manifest is a YAML file called
/// `*.osimg.yaml`, one whose first lines name osimg's schema, or one with `version:` and `slots:` at its top level.
#[derive(Args, Debug)]
#[command(after_help = "Example, as an editor runs it:
  osimg lsp")]
pub struct Lsp {
    /// Accepted because editors pass it; standard input and output are used
    /// anyway
    #[arg(long, hide = true)]
    stdio: bool,
}

impl Lsp {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        if session.environment.terminal.stdin {
            let problem = Problem::new("`osimg lsp` speaks with an editor, not with a terminal");
            return Err(problem.help("docs/editors.md says how an editor starts it").into());
        }
        let (connection, threads) = Connection::stdio();
        let ended = Server::start(&connection, session.denies_warnings())
            .and_then(|server| server.map_or(Ok(Ended::Early), Server::run));
        // the threads end when nobody is left to talk to
        drop(connection);
        let threads = threads.join();
        match ended {
            Ok(Ended::AsAsked) => Ok(()),
            Ok(Ended::Early) => match threads {
                Ok(()) => Err(Failure::Told),
                Err(error) => {
                    Err(Problem::new("the editor's message cannot be read").caused_by(&error).into())
                }
            },
            Err(error) => {
                Err(Problem::new("the editor does not speak the protocol").caused_by(&error).into())
            }
        }
    }
}
