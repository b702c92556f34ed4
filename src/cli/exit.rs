//! The only place that turns an outcome into an exit code.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed |
//! | 2 | wrong usage, or an invalid manifest |
//! | 130 | interrupted (128 + SIGINT) |
//! | 141 | the reader of standard output went away (128 + SIGPIPE), as for any program in a pipeline |

use std::process::ExitCode;

use super::failure::Failure;

/// The code of an interrupted run.
pub const INTERRUPTED: u8 = 130;

/// The code of `outcome`.
pub fn code(outcome: &Result<(), Failure>) -> ExitCode {
    ExitCode::from(number(outcome))
}

fn number(outcome: &Result<(), Failure>) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(Failure::Error(_) | Failure::Located(..) | Failure::Told) => 1,
        Err(Failure::Usage(_) | Failure::Invalid(_) | Failure::Refused) => 2,
        Err(Failure::Interrupted) => INTERRUPTED,
        Err(Failure::Closed) => 141,
    }
}

/// The code of what clap has to say: 0 for help and version, 2 for usage.
pub fn clap(error: &clap::Error) -> ExitCode {
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// Leaves at once, without unwinding: for the second Ctrl-C.
pub fn now() -> ! {
    std::process::exit(INTERRUPTED.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::failure::Problem;
    use crate::diag::Diagnostics;

    #[test]
    fn every_outcome_has_its_code() {
        let problem = || Problem::new("x");
        for (outcome, code) in [
            (Ok(()), 0),
            (Err(Failure::Error(problem())), 1),
            (Err(Failure::Located(Diagnostics::new(), vec![])), 1),
            (Err(Failure::Told), 1),
            (Err(Failure::Refused), 2),
            (Err(Failure::Usage(problem())), 2),
            (Err(Failure::Invalid(Diagnostics::new())), 2),
            (Err(Failure::Interrupted), 130),
            (Err(Failure::Closed), 141),
        ] {
            assert_eq!(number(&outcome), code, "{outcome:?}");
        }
    }
}
