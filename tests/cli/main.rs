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
mod interrupt;
mod mkfs;
mod schema;
mod streams;
mod terminal;
mod test;
mod usage;
