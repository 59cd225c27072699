//! Failures on demand, for tests: a disk that fails is otherwise hard to come by.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::log::LogError;

/// What a writing operation is about to do, or has just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// About to begin the transaction.
    Begin,
    /// About to write a row.
    Insert,
    /// About to commit: what fails here is not stored.
    Commit,
    /// Has committed: what fails here is stored, and not acknowledged.
    Committed,
    /// About to write the `head` file; the records are stored.
    HeadFile,
    /// About to move pages from the WAL to the database; the append before it is
    /// acknowledged.
    Settle,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 6] = [
        Self::Begin,
        Self::Insert,
        Self::Commit,
        Self::Committed,
        Self::HeadFile,
        Self::Settle,
    ];
}

type Fails = dyn Fn(Step) -> bool + Send + Sync;

/// Which steps fail. By default none does.
#[derive(Clone, Default)]
pub struct Faults {
    fails: Option<Arc<Fails>>,
    pages_max: Option<u32>,
}

impl Faults {
    /// Steps fail when `fails` says so.
    #[must_use]
    pub fn when(fails: impl Fn(Step) -> bool + Send + Sync + 'static) -> Self {
        Self {
            fails: Some(Arc::new(fails)),
            pages_max: None,
        }
    }

    /// The database is full at so many pages of 4 KiB, as on a full disk.
    #[must_use]
    pub fn full_at(pages: u32) -> Self {
        Self {
            fails: None,
            pages_max: Some(pages),
        }
    }

    pub(super) fn pages_max(&self) -> Option<u32> {
        self.pages_max
    }

    pub(super) fn at(&self, step: Step) -> Result<(), LogError> {
        match &self.fails {
            Some(fails) if fails(step) => Err(LogError::Backend {
                doing: "a step that was to fail",
                source: io::Error::other(format!("{step:?}")).into(),
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("on_demand", &self.fails.is_some())
            .field("pages_max", &self.pages_max)
            .finish()
    }
}
