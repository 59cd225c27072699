//! What can keep a decision point from taking a state.

use crate::directory::DirectoryError;
use crate::directory::world_file::Misplaced;
use crate::engine::EngineError;
use crate::policy::Refused;

/// A state that is not taken; the one before it stays.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The engine does not take it.
    #[error("the facts do not fit the schema")]
    Engine(#[from] EngineError),
    /// The directory does not take a change.
    #[error("the change is refused")]
    Directory(#[from] DirectoryError),
    /// A fact of a file is refused.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// The policies are refused.
    #[error("the policies are refused")]
    Policies(#[from] Refused),
    /// Facts were to be changed where there is no directory.
    #[error("there is no directory in generic mode; change the entities file and start again")]
    Generic,
    /// A known question was answered wrongly.
    #[error("the self-test fails: {question} is {got}, and must be {wanted}")]
    SelfTest {
        /// The question.
        question: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it was.
        got: &'static str,
    },
}
