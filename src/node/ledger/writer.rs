//! The one writer: a group of writes, one commit, one published state.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use super::apply::{Step, step};
use super::past::Past;
use super::{Folded, LedgerError, Submission, Written};
use crate::directory::command::Ids;
use crate::log::{Draft, Log, LogError};
use crate::node::{DecisionPoint, Point};

/// Writes that share one commit, at most. Our choice: a commit of so many takes
/// little longer than one of a few.
const GROUP_MAX: usize = 256;

/// A write that waits, and who waits for it.
pub(super) struct Job {
    pub(super) submission: Submission,
    pub(super) reply: oneshot::Sender<Result<Written, LedgerError>>,
}

pub(super) struct Writer {
    pub(super) log: Arc<dyn Log>,
    pub(super) point: Arc<DecisionPoint>,
    pub(super) folded: Arc<ArcSwap<Folded>>,
    pub(super) past: Arc<Past>,
    pub(super) applied: watch::Sender<u64>,
    pub(super) ids: Box<dyn Ids + Send>,
}

/// A group in the making.
struct Group {
    folded: Folded,
    points: Vec<(Arc<Point>, Timestamp)>,
    drafts: Vec<Draft>,
    waiting: Vec<(oneshot::Sender<Result<Written, LedgerError>>, Written)>,
    /// Idempotency keys of the group, and the write that has each, by place.
    keys: HashMap<String, (usize, Submission)>,
}

impl Writer {
    /// Writes until nobody can send any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let more = std::iter::from_fn(|| jobs.try_recv().ok());
            let group: Vec<Job> = [first]
                .into_iter()
                .chain(more.take(GROUP_MAX - 1))
                .collect();
            self.write(group);
        }
    }

    fn write(&mut self, jobs: Vec<Job>) {
        let folded = Folded::clone(&self.folded.load());
        let mut group = Group {
            folded,
            points: Vec::new(),
            drafts: Vec::new(),
            waiting: Vec::new(),
            keys: HashMap::new(),
        };
        for Job { submission, reply } in jobs {
            match self.tried(&submission, &group) {
                // Nobody waits for an answer only if the caller went away.
                Err(error) => drop(reply.send(Err(error))),
                Ok(Tried::Done(written)) => drop(reply.send(Ok(written))),
                Ok(Tried::Again(index)) => match group.waiting.get(index) {
                    Some((_, written)) => {
                        let repeated = true;
                        let written = Written {
                            repeated,
                            ..written.clone()
                        };
                        group.waiting.push((reply, written));
                    }
                    None => drop(reply.send(Err(LedgerError::Busy))),
                },
                Ok(Tried::Step(step)) => group.add(submission, *step, reply),
            }
        }
        self.commit(group);
    }

    /// What a write comes to, on top of those of the group before it.
    fn tried(&mut self, submission: &Submission, group: &Group) -> Result<Tried, LedgerError> {
        if let Some(key) = &submission.idempotency_key {
            if let Some((index, first)) = group.keys.get(key) {
                return match first == submission {
                    true => Ok(Tried::Again(*index)),
                    false => Err(LedgerError::KeyReused {
                        key: key.clone(),
                        revision: self.log.head().seq + 1 + *index as u64,
                    }),
                };
            }
            if let Some(record) = self.log.with_key(key)? {
                return super::apply::repeated(submission, key, &record).map(Tried::Done);
            }
        }
        let current = self.log.head().seq + group.drafts.len() as u64;
        if let Some(expected) = submission.expected.filter(|expected| *expected != current) {
            return Err(LedgerError::Precondition { expected, current });
        }
        let point = match group.points.last() {
            Some((point, _)) => Arc::clone(point),
            None => Arc::clone(&self.point.current()),
        };
        // The log's times never go back, whatever the clock does.
        let at = self.point.now().max(group.folded.at);
        let step = step(submission, (&group.folded, &point), at, self.ids.as_mut())?;
        Ok(Tried::Step(Box::new(step)))
    }

    fn commit(&self, group: Group) {
        if group.drafts.is_empty() {
            return;
        }
        let records = match self.log.append(self.log.head(), &group.drafts) {
            Ok(records) => records,
            Err(error) => return group.fail(error),
        };
        let mut folded = group.folded;
        if let Some(last) = records.last() {
            folded.head = last.head();
        }
        for (point, at) in &group.points {
            self.past.keep(Arc::clone(point), *at);
        }
        if let Some((point, _)) = group.points.last() {
            self.point.replace_with(Arc::clone(point));
        }
        let head = folded.head.seq;
        self.folded.store(Arc::new(folded));
        self.applied.send_replace(head);
        for (reply, written) in group.waiting {
            let _ = reply.send(Ok(written));
        }
    }
}

enum Tried {
    /// Done before.
    Done(Written),
    /// The same as another of this group.
    Again(usize),
    Step(Box<Step>),
}

impl Group {
    fn add(
        &mut self,
        submission: Submission,
        step: Step,
        reply: oneshot::Sender<Result<Written, LedgerError>>,
    ) {
        if let Some(key) = submission.idempotency_key.clone() {
            self.keys.insert(key, (self.waiting.len(), submission));
        }
        self.points.push((Arc::new(step.point), step.draft.at));
        self.folded = step.folded;
        self.drafts.push(step.draft);
        self.waiting.push((reply, step.written));
    }

    /// Nothing of the group is in force.
    fn fail(self, error: LogError) {
        let told = error.to_string();
        let unknown = error.is_unknown_outcome();
        for (reply, _) in self.waiting {
            let error = LedgerError::NotWritten {
                unknown,
                message: told.clone(),
            };
            let _ = reply.send(Err(error));
        }
    }
}
