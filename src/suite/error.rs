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
        let mut message = format!("{file}: {what}: {error}");
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            message = format!("{message}: {inner}");
            cause = inner.source();
        }
        let help = match error {
            NodeError::Misplaced(misplaced) => misplaced.remedy.clone(),
            _ => "correct the facts".to_owned(),
        };
        Self::Finding(Box::new(Finding::error(message).next_step(help)))
    }
}
