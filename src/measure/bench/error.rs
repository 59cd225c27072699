//! Why a measurement stops.

use crate::engine::{EngineError, Problem};
use crate::policy::Refused;

/// A measurement that gives no figures.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// What was measured is not what it must be.
    #[error("{what}: {why}")]
    Wrong {
        /// What was measured.
        what: &'static str,
        /// What it gave, and what it should have given.
        why: String,
    },
    /// The engine does not take the workload.
    #[error("the engine does not take the workload: {0}")]
    Engine(#[from] EngineError),
    /// The engine does not take a question.
    #[error("the engine does not take a question: {0}")]
    Question(#[from] Problem),
    /// Policies that were made for the measurement are refused.
    #[error("the generated policies are refused: {}", first(.0))]
    Policies(#[from] Refused),
    /// cedar-policy does not take what the engine took.
    #[error("cedar-policy does not take what the engine took: {0}")]
    Cedar(String),
}

impl MeasureError {
    pub(super) fn wrong(what: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Wrong { what, why }
    }

    pub(super) fn cedar(error: impl std::error::Error) -> Self {
        Self::Cedar(error.to_string())
    }
}

fn first(refused: &Refused) -> String {
    let first = refused.findings.first();
    first.map_or_else(String::new, ToString::to_string)
}
