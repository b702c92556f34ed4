//! Why a run ended before its goal.

use crate::diag::{Diagnostic, Diagnostics};

/// A failed or cancelled run.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// Something the manifest's words caused. `output` is the last lines of what ran, if something ran.
    #[error("{}", first_message(diagnostics))]
    Diagnosed { diagnostics: Diagnostics, output: Vec<String> },
    /// Something about this machine.
    #[error("{doing}: {problem}")]
    Failed { doing: String, problem: String, help: Option<String>, output: Vec<String> },
    #[error("interrupted")]
    Cancelled,
}

fn first_message(diagnostics: &Diagnostics) -> String {
    diagnostics.iter().next().map(|d| d.message.clone()).unwrap_or_default()
}

impl ExecError {
    pub fn failed(doing: impl Into<String>, problem: impl ToString) -> ExecError {
        ExecError::Failed {
            doing: doing.into(),
            problem: problem.to_string(),
            help: None,
            output: Vec::new(),
        }
    }

    pub fn help(self, text: impl Into<String>) -> ExecError {
        match self {
            ExecError::Failed { doing, problem, output, .. } => {
                ExecError::Failed { doing, problem, help: Some(text.into()), output }
            }
            other => other,
        }
    }

    pub fn output(self, lines: Vec<String>) -> ExecError {
        match self {
            ExecError::Failed { doing, problem, help, .. } => {
                ExecError::Failed { doing, problem, help, output: lines }
            }
            ExecError::Diagnosed { diagnostics, .. } => ExecError::Diagnosed { diagnostics, output: lines },
            ExecError::Cancelled => ExecError::Cancelled,
        }
    }
}

impl From<Diagnostic> for ExecError {
    fn from(diagnostic: Diagnostic) -> ExecError {
        ExecError::Diagnosed { diagnostics: diagnostic.into(), output: Vec::new() }
    }
}

impl From<Diagnostics> for ExecError {
    fn from(diagnostics: Diagnostics) -> ExecError {
        ExecError::Diagnosed { diagnostics, output: Vec::new() }
    }
}
