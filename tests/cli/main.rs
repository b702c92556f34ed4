//! Runs the `osimg` binary: standard output, standard error and exit codes.

mod boot;
mod check;
mod completions;
mod doctor;
mod explain;
mod harness;
mod help;
mod interrupt;
mod schema;
mod streams;
mod usage;
