//! The states of a log one after the other, for whoever looks at many of them.
//!
//! A walk goes forward and folds each event once; only a step back begins again
//! from a checkpoint. With a candidate, all facts are taken in under its policies
//! instead of those of the log.

use std::sync::Arc;

use super::stand::Stand;
use super::{Folded, LedgerError};
use crate::log::Log;
use crate::node::Point;
use crate::policy::Bundle;

/// A place in a log that moves.
pub struct Walk<'l> {
    log: &'l dyn Log,
    candidate: Option<Arc<Bundle>>,
    at: Option<Stand>,
}

impl<'l> Walk<'l> {
    /// A walk through a log, under the log's own policies or a candidate's.
    #[must_use]
    pub fn new(log: &'l dyn Log, candidate: Option<Arc<Bundle>>) -> Self {
        Self {
            log,
            candidate,
            at: None,
        }
    }

    /// Whether policies other than the log's decide.
    #[must_use]
    pub fn has_candidate(&self) -> bool {
        self.candidate.is_some()
    }

    /// The first revision that the log still holds, and the last.
    #[must_use]
    pub fn reach(&self) -> (u64, u64) {
        (self.log.floor().seq + 1, self.log.head().seq)
    }

    /// Goes to a revision.
    ///
    /// # Errors
    /// [`LedgerError::Unbuilt`] if this program does not build the policies of then,
    /// and whatever keeps the log from being folded.
    pub fn to(&mut self, revision: u64) -> Result<&Point, LedgerError> {
        let stand = match self.at.take() {
            Some(stand) if stand.folded.head.seq <= revision => stand,
            _ => Stand::of(Folded::replay(self.log, revision)?),
        };
        let stand = stand.forward(self.log, revision, self.has_candidate())?;
        self.at.insert(stand).point(self.candidate.as_ref())
    }
}
