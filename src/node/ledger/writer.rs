//! The one writer: a group of writes, one commit, one published state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};

use super::apply::Working;
use super::checkpoint::Checkpoints;
use super::group::{Done, Group, Hold, Means, Outcome};
use super::past::Past;
use super::{Folded, LedgerError, Submission, What, Written};
use crate::directory::command::Ids;
use crate::log::{Head, Json, Log, LogError};
use crate::node::{DecisionPoint, Point};

/// Writes that share one commit, at most. Our choice: a commit of so many takes
/// little longer than one of a few.
const GROUP_MAX: usize = 256;

/// A write that waits, and who waits for it.
pub(super) struct Job {
    pub(super) submission: Submission,
    /// Its command, if it is one, as the log will have it: whoever asks writes it down,
    /// so that the writer need not.
    pub(super) command: Option<Json>,
    pub(super) reply: Reply,
}

pub(super) type Reply = oneshot::Sender<Result<Written, LedgerError>>;

pub(super) struct Writer {
    pub(super) log: Arc<dyn Log>,
    pub(super) point: Arc<DecisionPoint>,
    pub(super) folded: Arc<ArcSwap<Folded>>,
    pub(super) past: Arc<Past>,
    pub(super) applied: watch::Sender<u64>,
    pub(super) commits: Arc<AtomicU64>,
    pub(super) ids: Box<dyn Ids + Send>,
}

impl Writer {
    /// Writes until nobody can send any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut checkpoints = Checkpoints::begin(Arc::clone(&self.log), &self.folded.load());
        let mut waits = None;
        while let Some(first) = waits.take().or_else(|| jobs.recv().ok()) {
            let mut group = vec![first];
            // INVARIANT (near): a bundle is a group by itself.
            while group.len() < GROUP_MAX && !group.last().is_some_and(Job::takes_bundle) {
                let Ok(next) = jobs.try_recv() else { break };
                if next.takes_bundle() {
                    waits = Some(next);
                    break;
                }
                group.push(next);
            }
            self.write(group);
            checkpoints.published(&self.folded.load());
        }
    }

    fn write(&mut self, jobs: Vec<Job>) {
        let done = match self.done(&jobs, Hold::Nothing) {
            // One that failed midway took the state with it. With the states before
            // each kept, it is refused by itself.
            None => self.done(&jobs, Hold::Before),
            done => done,
        };
        let replies = jobs.into_iter().map(|job| job.reply);
        match done {
            Some(done) => self.commit(done, replies.collect()),
            None => replies.for_each(|reply| drop(reply.send(Err(LedgerError::Busy)))),
        }
    }

    fn done(&mut self, jobs: &[Job], hold: Hold) -> Option<Done> {
        let working = Working {
            folded: Folded::clone(&self.folded.load()),
            point: Point::clone(&self.point.current()),
        };
        let point = &self.point;
        let mut means = Means {
            log: self.log.as_ref(),
            now: &|| point.now(),
            ids: self.ids.as_mut(),
        };
        Group::new(jobs, working, hold).done(&mut means).ok()
    }

    fn commit(&self, done: Done, replies: Vec<Reply>) {
        let Done {
            working,
            drafts,
            outcomes,
        } = done;
        if !drafts.is_empty() {
            let head = self.folded.load().head;
            match self.log.append(head, &drafts) {
                Ok(records) => match records.last() {
                    Some(last) => self.publish(working, last.head()),
                    None => return fail(&LogError::Moved { head }, outcomes, replies),
                },
                Err(error) => return fail(&error, outcomes, replies),
            }
        }
        tell(outcomes, replies);
    }

    // INVARIANT (durable first): the events up to `head` are durable.
    fn publish(&self, working: Working, head: Head) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let Working { mut folded, point } = working;
        folded.head = head;
        let (folded, point) = (Arc::new(folded), Arc::new(point));
        self.past.keep(Arc::clone(&folded), Arc::clone(&point));
        self.point.replace_with(point);
        self.folded.store(folded);
        self.applied.send_replace(head.seq);
    }
}

impl Job {
    fn takes_bundle(&self) -> bool {
        matches!(self.submission.what, What::TakeBundle(_))
    }
}

/// Tells everybody what their writes came to. Nobody waits for an answer only if the
/// caller went away.
fn tell(outcomes: Vec<Outcome>, replies: Vec<Reply>) {
    for (outcome, reply) in outcomes.into_iter().zip(replies) {
        let _ = reply.send(match outcome {
            Outcome::Written(written) | Outcome::Again(written) | Outcome::Before(written) => {
                Ok(written)
            }
            Outcome::Refused(error) => Err(error),
        });
    }
}

/// Tells everybody that nothing of the group is in force; what was done before it
/// stays done.
fn fail(error: &LogError, outcomes: Vec<Outcome>, replies: Vec<Reply>) {
    for (outcome, reply) in outcomes.into_iter().zip(replies) {
        let _ = reply.send(match outcome {
            Outcome::Before(written) => Ok(written),
            Outcome::Written(_) | Outcome::Again(_) | Outcome::Refused(_) => {
                Err(LedgerError::NotWritten {
                    unknown: error.is_unknown_outcome(),
                    message: error.to_string(),
                })
            }
        });
    }
}
