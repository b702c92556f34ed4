//! The flags that every command understands.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Flags before or after a command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Common options")]
pub struct Flags {
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Show all output of builds, what was cached, and why something runs
    #[arg(short, long, global = true)]
    pub verbose: bool,

    /// When to use colours; `auto` heeds NO_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    #[arg(help = "When to use colours: auto, always or never")]
    #[arg(
        long_help = "When to use colours: auto, always or never. `auto` colours terminals only, and heeds \
                       NO_COLOR and CLICOLOR_FORCE"
    )]
    pub color: When,

    /// How to tell problems and progress: human, json, sarif or github
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human", hide_possible_values = true)]
    #[arg(
        long_help = "How to tell problems and progress: human; json, one object per line; sarif, for code-scanning \
                       views (`check` only); github, as annotations of a pull request"
    )]
    pub message_format: MessageFormat,

    /// What to refuse although it would work: warnings
    #[arg(long, global = true, value_name = "WHAT", hide_possible_values = true)]
    pub deny: Option<Deny>,

    /// Pieces of work side by side [default: the number of processors]
    #[arg(long, global = true, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,

    /// Where finished pieces are kept [default: ~/.cache/osimg]
    #[arg(long, global = true, value_name = "DIR", env = "OSIMG_CACHE_DIR", hide_env_values = true)]
    pub cache_dir: Option<PathBuf>,

    /// The container engine: auto, docker or podman
    #[arg(long, global = true, value_name = "ENGINE", default_value = "auto", hide_possible_values = true)]
    #[arg(
        long_help = "The container engine: auto, docker or podman. `auto` takes DOCKER_HOST, then Docker's \
                       socket, then Podman's"
    )]
    pub engine: EngineChoice,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

/// How progress and problems are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    Human,
    Json,
    Sarif,
    Github,
}

/// What is refused on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    Warnings,
}

/// Which engine to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    Auto,
    Docker,
    Podman,
}
