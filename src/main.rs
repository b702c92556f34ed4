use std::process::ExitCode;

fn main() -> ExitCode {
    osimg::cli::run(std::env::args_os())
}
