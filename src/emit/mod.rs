//! Values to text: the generated Dockerfile, grub.cfg and `osimg-switch`, fstab, hosts, the kernel's command line, a first
//! manifest.
//!
//! Enters: parts of the checked model and what was found in the built tree. Leaves: text, byte for byte the same for
//! the same values. Templates are in `templates/`, compiled in; a template that names a value it is not given is an
//! error. Each value goes through the quoting of the language it lands in ([`crate::base::shell`], [`grub_cfg`]).

pub mod command_line;
pub mod dockerfile;
pub mod family;
pub mod fstab;
pub mod grub_cfg;
pub mod hosts;
pub mod starter;
pub mod switch;
mod templates;

pub use dockerfile::{Concern, Generated, Placed};
pub use templates::digest as templates_digest;

use crate::diag::Span;

/// Why a text cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// `span` is the manifest's part that holds the value.
    #[error("{what} `{value}`: {problem}")]
    Value { what: &'static str, value: String, problem: &'static str, span: Option<Span> },
    #[error("the kernel command line has {length} bytes, the kernel reads {limit}")]
    CommandLine { length: usize, limit: usize },
    /// A mistake in osimg's own templates.
    #[error("template {name}: {source}")]
    Template { name: &'static str, source: minijinja::Error },
}

/// Refuses what no line of text can carry: control characters, a line break before all.
fn printable(what: &'static str, value: &str, span: Option<Span>) -> Result<(), EmitError> {
    if value.chars().any(char::is_control) {
        let problem = "a control character cannot stand here";
        return Err(EmitError::Value { what, value: value.escape_debug().to_string(), problem, span });
    }
    Ok(())
}

/// As [`printable`], and refuses what a program would take for an option or for nothing.
fn word(what: &'static str, value: &str, span: Option<Span>) -> Result<(), EmitError> {
    printable(what, value, span)?;
    let problem = match value.chars().next() {
        None => "an empty word cannot stand here",
        Some('-') => "a leading `-` would make it an option",
        Some(_) => return Ok(()),
    };
    Err(EmitError::Value { what, value: value.to_string(), problem, span })
}
