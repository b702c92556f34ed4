//! `osimg man`: manual pages, for whoever packages osimg.
//!
//! The pages are made of the same definitions as `--help`, and hold no date: the same program gives the same bytes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, bold, roman};

use super::Cli;
use super::failure::{Failure, Problem};
use super::session::Session;

/// Print the manual page, or write one for each command
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg man | man -l -
  osimg man /usr/local/share/man/man1")]
pub struct Man {
    /// Write all pages into this folder
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// What exit codes mean, as `cli::exit` gives them.
const EXIT_STATUS: [(&str, &str); 5] = [
    ("0", "Done."),
    ("1", "Failed: a build, the engine, the disk, no login prompt; for doctor, something is missing."),
    ("2", "Wrong usage, or an invalid manifest; nothing was built."),
    ("130", "Interrupted; what was under way has been cleaned up."),
    ("141", "The reader of standard output went away."),
];

impl Man {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let pages = pages().map_err(|e| Problem::new("the pages cannot be made").caused_by(&e))?;
        match &self.folder {
            Some(folder) => write(folder, &pages),
            None => session.print(&pages.first().expect("the program has a page").1),
        }
    }
}

fn write(folder: &Path, pages: &[(String, String)]) -> Result<(), Failure> {
    let cannot = |path: &Path, error: &io::Error| {
        Problem::new(format!("`{}` cannot be written", path.display())).caused_by(error)
    };
    fs::create_dir_all(folder).map_err(|e| cannot(folder, &e))?;
    for (name, text) in pages {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|e| cannot(&path, &e))?;
    }
    Ok(())
}

/// Each page with its file name; the program's own first.
fn pages() -> io::Result<Vec<(String, String)>> {
    let mut root = Cli::command();
    root.build();
    let commands: Vec<&Command> = root.get_subcommands().collect();
    let mut pages = vec![page(&root, &root)?];
    for command in commands {
        pages.push(page(command, &root)?);
    }
    Ok(pages)
}

fn page(command: &Command, root: &Command) -> io::Result<(String, String)> {
    let version = format!("osimg {}", root.get_version().unwrap_or_default());
    let page = Page::new(command.clone()).source(version).manual("osimg manual");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    let mut rest = Roff::default();
    let is_root = command.get_name() == root.get_name();
    if is_root {
        rest.control("SH", ["COMMANDS"]);
        for command in root.get_subcommands() {
            rest.control("TP", []);
            rest.text([bold(name(command)), roman("(1)")]);
            rest.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
        }
        exit_status(&mut rest);
    }
    if let Some(examples) = command.get_after_help() {
        self::examples(&mut rest, &examples.to_string());
    }
    if !is_root {
        rest.control("SH", ["SEE ALSO"]);
        rest.text([bold("osimg"), roman("(1), which has the exit codes and all commands")]);
    }
    rest.to_writer(&mut text)?;
    // what help shows at a line's end is no part of a page
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    Ok((page.get_filename(), lines.join("\n") + "\n"))
}

fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_string()
}

fn exit_status(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_STATUS {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
}

/// The end of a help text: commands are indented there, and stand here as they are.
fn examples(roff: &mut Roff, text: &str) {
    roff.control("SH", ["EXAMPLES"]);
    for line in text.lines() {
        match line.strip_prefix("  ") {
            Some(example) => {
                for (control, arguments) in [("RS", vec!["4"]), ("nf", vec![])] {
                    roff.control(control, arguments);
                }
                roff.text([roman(example)]);
                roff.control("fi", []);
                roff.control("RE", []);
            }
            // the heading is there, and the codes have a section of their own
            None if line.starts_with("Example") || line.starts_with("Exit codes") => {}
            None if line.is_empty() => {
                roff.control("PP", []);
            }
            None => {
                roff.text([roman(line)]);
            }
        }
    }
}
