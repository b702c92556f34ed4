//! `osimg completions`: what a shell needs to complete commands and flags.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::failure::Failure;
use super::session::Session;

/// Print a shell's completion script
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg completions bash > ~/.local/share/bash-completion/completions/osimg
  osimg completions zsh > ~/.zfunc/_osimg
  osimg completions fish > ~/.config/fish/completions/osimg.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "osimg", &mut script);
        session.print(&String::from_utf8_lossy(&script))
    }
}
