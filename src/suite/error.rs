//! Why a suite cannot be read or set up.

use crate::node::NodeError;
use crate::policy::{Finding, Refused};

/// A suite that is not run at all. A case that fails is no error; it is reported.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SuiteError {
    /// The file is not what it should be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Finding(#[from] Box<Finding>),
    /// Its policies are refused.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Policies(#[from] Refused),
}

impl SuiteError {
    /// A stage or world that a decision point does not take.
    pub(super) fn from_node(error: &NodeError, file: &str, what: &str) -> Self {
        let message = format!("{file}: {what}: {}", chain(error));
        let help = match error {
            NodeError::Misplaced(misplaced) => misplaced.remedy.clone(),
            _ => "correct the facts".to_owned(),
        };
        Self::Finding(Box::new(Finding::error(message).next_step(help)))
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}
