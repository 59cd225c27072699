//! The one writer: a group of writes, one commit, one published state.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use super::apply::{Step, step};
use super::checkpoint::Checkpoints;
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
    pub(super) reply: Reply,
}

pub(super) struct Writer {
    pub(super) log: Arc<dyn Log>,
    pub(super) point: Arc<DecisionPoint>,
    pub(super) folded: Arc<ArcSwap<Folded>>,
    pub(super) past: Arc<Past>,
    pub(super) applied: watch::Sender<u64>,
    pub(super) commits: Arc<AtomicU64>,
    pub(super) ids: Box<dyn Ids + Send>,
}

type Reply = oneshot::Sender<Result<Written, LedgerError>>;

/// A group in the making.
struct Group {
    folded: Folded,
    points: Vec<(Arc<Point>, Timestamp)>,
    drafts: Vec<Draft>,
    waiting: Vec<(Reply, Written)>,
    /// Refusals speak of the state of the group, so they wait for it too.
    refused: Vec<(Reply, LedgerError)>,
    /// Idempotency keys of the group, and the write that has each, by place.
    keys: HashMap<String, (usize, Submission)>,
}

impl Writer {
    /// Writes until nobody can send any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut checkpoints = Checkpoints::begin(Arc::clone(&self.log), &self.folded.load());
        while let Ok(first) = jobs.recv() {
            let more = std::iter::from_fn(|| jobs.try_recv().ok());
            let group: Vec<Job> = [first]
                .into_iter()
                .chain(more.take(GROUP_MAX - 1))
                .collect();
            self.write(group);
            checkpoints.published(&self.folded.load());
        }
    }

    fn write(&mut self, jobs: Vec<Job>) {
        let folded = Folded::clone(&self.folded.load());
        let mut group = Group {
            folded,
            points: Vec::new(),
            drafts: Vec::new(),
            waiting: Vec::new(),
            refused: Vec::new(),
            keys: HashMap::new(),
        };
        for Job { submission, reply } in jobs {
            match self.caught(&submission, &group) {
                Err(error) => group.refused.push((reply, error)),
                // Nobody waits for an answer only if the caller went away.
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

    /// A panic is that of one write; nothing of it was kept.
    fn caught(&mut self, submission: &Submission, group: &Group) -> Result<Tried, LedgerError> {
        let tried = catch_unwind(AssertUnwindSafe(|| self.tried(submission, group)));
        tried.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(LedgerError::Fault(said.unwrap_or_default()))
        })
    }

    /// What a write comes to, on top of those of the group before it.
    fn tried(&mut self, submission: &Submission, group: &Group) -> Result<Tried, LedgerError> {
        if let Some(key) = &submission.idempotency_key {
            if let Some((index, first)) = group.keys.get(key) {
                let same = first.actor.name == submission.actor.name;
                return match same && first.what == submission.what {
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
            return tell(group.refused);
        }
        let head = self.folded.load().head;
        let records = match self.log.append(head, &group.drafts) {
            Ok(records) => records,
            Err(error) => return group.fail(error),
        };
        self.commits.fetch_add(1, Ordering::Relaxed);
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
        tell(group.refused);
    }
}

/// Tells the refusals of a group.
fn tell(refused: Vec<(Reply, LedgerError)>) {
    for (reply, error) in refused {
        let _ = reply.send(Err(error));
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
    fn add(&mut self, submission: Submission, step: Step, reply: Reply) {
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
        let refused = self.refused.into_iter().map(|(reply, _)| reply);
        for reply in self
            .waiting
            .into_iter()
            .map(|(reply, _)| reply)
            .chain(refused)
        {
            let error = LedgerError::NotWritten {
                unknown,
                message: told.clone(),
            };
            let _ = reply.send(Err(error));
        }
    }
}
