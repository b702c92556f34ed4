//! What every command gets: the flags, the environment, and the two streams to write to.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use super::environment::{self, Environment};
use super::failure::{self, Failure, Problem, Telling};
use super::flags::{Deny, Flags, MessageFormat, When};
use crate::base::event::Sink;
use crate::diag::Diagnostics;
use crate::diag::render::Look;
use crate::report::narrow::narrow;
use crate::report::paint::Paint;
use crate::report::{self, Choice, Display, Verbosity};

/// One call of the program.
pub struct Session {
    pub environment: Environment,
    pub flags: Flags,
}

/// Columns of text that is not for a terminal.
const FILE_WIDTH: usize = 100;
/// Columns of the narrowest terminal that is drawn for.
const NARROWEST: usize = 20;

impl Session {
    fn color(&self, is_terminal: bool) -> bool {
        match self.flags.color {
            When::Always => true,
            When::Never => false,
            When::Auto => self.environment.terminal.wants_color(is_terminal),
        }
    }

    /// Colours and characters for standard error.
    pub fn stderr_paint(&self) -> Paint {
        let terminal = &self.environment.terminal;
        Paint { color: self.color(terminal.stderr), unicode: terminal.is_unicode() }
    }

    /// Colours and characters for standard output.
    pub fn stdout_paint(&self) -> Paint {
        let terminal = &self.environment.terminal;
        Paint { color: self.color(terminal.stdout), unicode: terminal.is_unicode() }
    }

    /// Columns of the terminal that standard output is; nothing where it is none.
    pub fn stdout_columns(&self) -> Option<usize> {
        let columns = environment::columns(std::io::stdout());
        columns.filter(|_| self.environment.terminal.stdout).map(|c| c.max(NARROWEST))
    }

    /// How problems are told on standard error.
    pub fn telling(&self) -> Telling {
        let paint = self.stderr_paint();
        let width = if self.environment.terminal.stderr {
            usize::from(environment::terminal_size().0).clamp(NARROWEST, 160)
        } else {
            FILE_WIDTH
        };
        let look = Look { color: paint.color, unicode: paint.unicode, width };
        match self.flags.message_format {
            MessageFormat::Human => Telling::Words(look),
            MessageFormat::Json => Telling::Json,
            MessageFormat::Sarif => Telling::Sarif(look),
            MessageFormat::Github => Telling::Github(look),
        }
    }

    pub fn verbosity(&self) -> Verbosity {
        match (self.flags.quiet, self.flags.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }

    /// Where the events of a run go. The live lines are gone when the last handle is dropped.
    pub fn sink(&self) -> Arc<dyn Sink> {
        self.sink_with(if self.environment.terminal.is_live() {
            Display::Live(Arc::new(environment::terminal_size))
        } else {
            Display::Plain
        })
    }

    /// Where the notes of a command go that is no run: lines, even on a terminal that could do more.
    pub fn notes(&self) -> Arc<dyn Sink> {
        self.sink_with(Display::Plain)
    }

    fn sink_with(&self, human: Display) -> Arc<dyn Sink> {
        let display = match self.flags.message_format {
            MessageFormat::Json => Display::Json,
            _ => human,
        };
        let choice = Choice { display, verbosity: self.verbosity(), paint: self.stderr_paint() };
        report::sink(&choice, Box::new(std::io::stderr()))
    }

    /// Pieces of work side by side.
    pub fn jobs(&self) -> NonZeroUsize {
        self.flags.jobs.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }

    /// The cache's folder, which may not exist yet.
    pub fn cache_dir(&self) -> Result<PathBuf, Failure> {
        let chosen = self.flags.cache_dir.clone().or_else(|| self.environment.default_cache_dir());
        chosen.ok_or_else(|| {
            Failure::Usage(
                Problem::new("there is no place for the cache: HOME is not set")
                    .help("name a folder with --cache-dir or OSIMG_CACHE_DIR"),
            )
        })
    }

    /// Writes a command's product to standard output, as it is.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(failure::writing)
    }

    /// Writes a line for people to standard output, unless they asked for quiet.
    pub fn say(&self, line: &str) -> Result<(), Failure> {
        if self.verbosity() == Verbosity::Quiet { Ok(()) } else { self.print(&format!("{line}\n")) }
    }

    /// Whether the user wants warnings to be errors.
    pub fn denies_warnings(&self) -> bool {
        self.flags.deny == Some(Deny::Warnings)
    }

    /// Shows findings that do not stop the command.
    pub fn warn(&self, found: &Diagnostics) {
        if self.verbosity() != Verbosity::Quiet {
            tell(&self.fitted(failure::tell_diagnostics(found, self.telling())));
        }
    }

    /// Shows why the command failed.
    pub fn fail(&self, failure: &Failure) {
        tell(&self.fitted(failure.tell(self.telling())));
    }

    /// Text for people, its drawings cut to the terminal.
    fn fitted(&self, text: String) -> String {
        match self.telling() {
            Telling::Words(look) if self.environment.terminal.stderr => {
                narrow(&text, look.width, self.stderr_paint().ellipsis())
            }
            _ => text,
        }
    }
}

/// Writes to standard error. When nobody can read it, the exit code still tells.
pub(super) fn tell(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
