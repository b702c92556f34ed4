//! Runs the `osimg` binary: standard output, standard error and exit codes.

mod boot;
mod check;
mod completions;
mod docs;
mod doctor;
mod explain;
mod habits;
mod harness;
mod help;
mod init;
mod inspect_slot;
mod interrupt;
mod mkfs;
mod schema;
#[path = "../specimen/tree.rs"]
mod specimen;
mod streams;
mod terminal;
mod test;
mod usage;
