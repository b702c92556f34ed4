//! Runs the `osimg` binary: standard output, standard error and exit codes.
