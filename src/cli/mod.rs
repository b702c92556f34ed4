//! The command line: arguments in, a command run, an exit code out.
//!
//! A command is one file with its arguments and `run(&self, &Session) -> Result<(), Failure>`. Products go to standard
//! output; progress, warnings and errors to standard error. [`exit`] alone knows exit codes.

pub mod apply;
pub mod attach;
pub mod boot;
pub mod check;
pub mod completions;
pub mod doctor;
pub mod engine;
pub mod environment;
pub mod exit;
pub mod explain;
pub mod failure;
pub mod flags;
pub mod init;
pub mod inspect_slot;
pub mod interrupt;
pub mod lsp;
pub mod man;
pub mod manifest;
pub mod mkfs;
pub mod plan;
pub mod render;
pub mod run;
pub mod schema;
pub mod session;
pub mod slots;
pub mod test;
pub mod transcript;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use environment::Environment;
use failure::{Failure, Problem, Telling};
use flags::{Flags, MessageFormat};
use session::Session;

use crate::diag::render::Look;

/// One YAML manifest in, one bootable disk image with several operating systems out
///
/// Each operating system is a slot built from a Dockerfile. `osimg apply` builds them in a container engine, writes
/// each into a partition, and installs one boot menu for BIOS and UEFI.
#[derive(Parser, Debug)]
#[command(name = "osimg", version, max_term_width = 80, propagate_version = false)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  osimg doctor
  osimg apply examples/debian-dual.yaml
  osimg boot examples/debian-dual.yaml --slot trixie

Exit codes: 0 done, 1 failed, 2 wrong usage or invalid manifest, 130 interrupted")]
pub struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Init(init::Init),
    Apply(apply::Apply),
    Check(check::Check),
    Render(render::Render),
    Plan(plan::PlanCommand),
    InspectSlot(inspect_slot::InspectSlot),
    Boot(boot::Boot),
    Test(test::Test),
    Mkfs(mkfs::Mkfs),
    Explain(explain::Explain),
    Schema(schema::Schema),
    Doctor(doctor::Doctor),
    Lsp(lsp::Lsp),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    /// A SARIF document is a report of one manifest: only `check` makes it.
    fn takes_format(&self, session: &Session) -> Result<(), Failure> {
        if session.flags.message_format != MessageFormat::Sarif || matches!(self, Command::Check(_)) {
            return Ok(());
        }
        Err(Failure::Usage(
            Problem::new("only `osimg check` reports as SARIF")
                .help("run `osimg check --message-format sarif` first, or use another format here"),
        ))
    }

    fn run(&self, session: &Session) -> Result<(), Failure> {
        match self {
            Command::Init(command) => command.run(session),
            Command::Apply(command) => command.run(session),
            Command::Check(command) => command.run(session),
            Command::Render(command) => command.run(session),
            Command::Plan(command) => command.run(session),
            Command::InspectSlot(command) => command.run(session),
            Command::Boot(command) => command.run(session),
            Command::Test(command) => command.run(session),
            Command::Mkfs(command) => command.run(session),
            Command::Explain(command) => command.run(session),
            Command::Schema(command) => command.run(session),
            Command::Doctor(command) => command.run(session),
            Command::Lsp(command) => command.run(session),
            Command::Completions(command) => command.run(session),
            Command::Man(command) => command.run(session),
        }
    }
}

/// Runs the command that `arguments` (the program's name first) ask for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let environment = Environment::read();
    let color = help_color(&arguments, &environment);
    let parsed = Cli::command()
        .color(color)
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(told) => return help_or_usage(&told, color, &environment),
    };
    let session = Session { environment, flags: cli.flags };
    let outcome = cli.command.takes_format(&session).and_then(|()| cli.command.run(&session));
    if let Err(failure) = &outcome {
        session.fail(failure);
    }
    exit::code(&outcome)
}

/// What clap has to say: help and version on standard output, wrong usage on standard error.
fn help_or_usage(told: &clap::Error, color: ColorChoice, environment: &Environment) -> ExitCode {
    match told.print() {
        // help into a closed pipe is a closed pipe; an unreadable standard error leaves the exit code
        Err(error) if !told.use_stderr() => {
            let failure = failure::writing(error);
            let unicode = environment.terminal.is_unicode();
            let look = Look { color: color == ColorChoice::Always, unicode, ..Look::PLAIN };
            session::tell(&failure.tell(Telling::Words(look)));
            exit::code(&Err(failure))
        }
        _ => exit::clap(told),
    }
}

/// Whether clap's own help and errors are coloured: it writes them before any flag is parsed.
fn help_color(arguments: &[OsString], environment: &Environment) -> ColorChoice {
    let mut words = arguments.iter().filter_map(|a| a.to_str()).take_while(|a| *a != "--");
    let mut chosen = None;
    while let Some(word) = words.next() {
        if let Some(value) = word.strip_prefix("--color=") {
            chosen = Some(value);
        } else if word == "--color" {
            chosen = words.next();
        }
    }
    let terminal = &environment.terminal;
    match chosen {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ if terminal.wants_color(terminal.stdout && terminal.stderr) => ColorChoice::Always,
        _ => ColorChoice::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_heeds_the_colour_flag() {
        let choice = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            help_color(&words, &Environment::default())
        };
        assert_eq!(choice(&["osimg", "--color", "always", "--help"]), ColorChoice::Always);
        assert_eq!(choice(&["osimg", "--color=always", "--color=never"]), ColorChoice::Never);
        assert_eq!(choice(&["osimg", "--help"]), ColorChoice::Never);
    }
}
