//! A group of writes that is to share one commit: done one after another on one
//! state, which nobody sees before the commit.
//!
//! INVARIANT (in order): each write sees those of the group before it, as if they
//! had been committed one by one; what is refused leaves nothing behind.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;

use super::apply::{Step, Working, repeated};
use super::writer::Job;
use super::{LedgerError, Written};
use crate::directory::command::Ids;
use crate::log::{Draft, Head, Log};

/// Whether the state before a write is kept until the write is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It is not: the write changes it in place, and one that fails on the way takes
    /// the group with it. This is how a group is done.
    Nothing,
    /// It is, at the cost of copying what the write touches: how a group is done again
    /// in which one failed.
    Before,
}

/// The state went with a write that failed; the group is to be done again.
#[derive(Debug)]
pub(super) struct Lost;

/// What a write came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is among the drafts.
    Written(Written),
    /// It is the same as another of the group, and this is what that one came to.
    Again(Written),
    /// It had been done before this group.
    Before(Written),
    /// It is refused: that speaks of the state of the group.
    Refused(LedgerError),
}

/// A group in the making.
pub(super) struct Group<'j> {
    /// Where the log ends before it.
    base: Head,
    jobs: &'j [Job],
    hold: Hold,
    /// The state after the writes so far; none on the way from one to the next.
    working: Option<Working>,
    drafts: Vec<Draft>,
    outcomes: Vec<Outcome>,
    /// Idempotency keys of the group, and the place of the write that has each.
    ///
    /// INVARIANT (keys): a write has its key here once it is written.
    keys: HashMap<&'j str, usize>,
}

/// A group that was done, ready for its commit.
pub(super) struct Done {
    /// The state after it.
    pub(super) working: Working,
    pub(super) drafts: Vec<Draft>,
    /// What each write came to.
    pub(super) outcomes: Vec<Outcome>,
}

/// What writes are done with.
pub(super) struct Means<'a> {
    pub(super) log: &'a dyn Log,
    pub(super) now: &'a dyn Fn() -> Timestamp,
    pub(super) ids: &'a mut dyn Ids,
}

impl<'j> Group<'j> {
    /// A group that begins at a state, where the log ends.
    pub(super) fn new(jobs: &'j [Job], working: Working, hold: Hold) -> Self {
        Self {
            base: working.folded.head,
            jobs,
            hold,
            working: Some(working),
            drafts: Vec::new(),
            outcomes: Vec::with_capacity(jobs.len()),
            keys: HashMap::new(),
        }
    }

    /// Does all of its writes.
    ///
    /// # Errors
    /// [`Lost`] if one failed that was done in place.
    pub(super) fn done(mut self, means: &mut Means<'_>) -> Result<Done, Lost> {
        for job in self.jobs {
            let outcome = self.caught(job, means);
            self.outcomes.push(outcome);
            if self.working.is_none() {
                return Err(Lost);
            }
        }
        Ok(Done {
            working: self.working.ok_or(Lost)?,
            drafts: self.drafts,
            outcomes: self.outcomes,
        })
    }

    /// A panic is that of one write; nothing of it is kept.
    fn caught(&mut self, job: &'j Job, means: &mut Means<'_>) -> Outcome {
        let tried = catch_unwind(AssertUnwindSafe(|| self.tried(job, means)));
        tried
            .unwrap_or_else(|panic| {
                let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
                let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
                Err(LedgerError::Fault(said.unwrap_or_default()))
            })
            .unwrap_or_else(Outcome::Refused)
    }

    fn tried(&mut self, job: &'j Job, means: &mut Means<'_>) -> Result<Outcome, LedgerError> {
        if let Some(known) = self.known(job, means.log)? {
            return Ok(known);
        }
        let Some(working) = &self.working else {
            return Err(LedgerError::Busy);
        };
        let submission = &job.submission;
        let current = self.base.seq + self.drafts.len() as u64;
        if let Some(expected) = submission.expected.filter(|expected| *expected != current) {
            return Err(LedgerError::Precondition { expected, current });
        }
        // The log's times never go back, whatever the clock does.
        let at = (means.now)().max(working.folded.at);
        let step = Step::plan(
            submission,
            job.command.as_ref(),
            working,
            at,
            (means.log, means.ids),
        )?;
        let kept = match self.hold {
            Hold::Nothing => None,
            Hold::Before => Some(working.clone()),
        };
        let Some(working) = std::mem::replace(&mut self.working, kept) else {
            return Err(LedgerError::Busy);
        };
        let (working, draft, written) = step.onto(working)?;
        self.working = Some(working);
        self.drafts.push(draft);
        if let Some(key) = &submission.idempotency_key {
            self.keys.insert(key, self.outcomes.len());
        }
        Ok(Outcome::Written(written))
    }

    /// What a write came to that was asked for before, under the same idempotency key.
    fn known(&self, job: &Job, log: &dyn Log) -> Result<Option<Outcome>, LedgerError> {
        let submission = &job.submission;
        let Some(key) = &submission.idempotency_key else {
            return Ok(None);
        };
        let Some(place) = self.keys.get(key.as_str()).copied() else {
            let record = log.with_key(key)?;
            let done = record.map(|record| repeated(submission, key, &record));
            return Ok(done.transpose()?.map(Outcome::Before));
        };
        let first = self.jobs.get(place).map(|job| &job.submission);
        let same = first.is_some_and(|first| {
            first.actor.name == submission.actor.name && first.what == submission.what
        });
        // INVARIANT (keys): what has a key was written.
        let Some(Outcome::Written(written)) = self.outcomes.get(place) else {
            return Err(LedgerError::Busy);
        };
        match same {
            true => Ok(Some(Outcome::Again(Written {
                repeated: true,
                ..written.clone()
            }))),
            false => Err(LedgerError::KeyReused {
                key: key.clone(),
                revision: written.revision,
            }),
        }
    }
}
