//! The ledger as its callers see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};

use super::past::{Past, PastPoint};
use super::writer::{Job, Writer};
use super::{
    ApiKey, Folded, LedgerError, Moment, NewKey, NextBundle, Settings, TenantScope, Written, open,
};
use crate::directory::command::{Caller, Command, Ids};
use crate::log::{Json, Log};
use crate::node::DecisionPoint;

/// Writes that wait for the writer, at most. Our choice: some groups' worth.
const WAITING_MAX: usize = 1024;

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// As the log names it: `key 3f2a91…`, or a principal.
    pub name: String,
    /// The principal that it acts as; without one it can only do what operators do.
    pub principal: Option<Caller>,
    /// Whose tenants it may write for: its principal must still be of one when its turn
    /// comes.
    pub tenants: TenantScope,
    /// Whether it may do what no policy is about.
    pub operator: bool,
    /// The id of the key that it showed. It must still be good when its turn comes;
    /// none for whoever holds the data folder itself.
    pub key: Option<String>,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A command of the directory.
    Command(Command),
    /// A new API key, with the hash of its secret.
    CreateKey {
        /// What it is to be.
        key: NewKey,
        /// Its id.
        id: String,
        /// The hash of the secret, in hexadecimal digits.
        sha256: String,
    },
    /// Other policies are taken into use.
    TakeBundle(Arc<NextBundle>),
    /// An API key is no longer taken.
    RevokeKey {
        /// Its id.
        id: String,
    },
}

/// A write as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// Who asks.
    pub actor: Actor,
    /// What for.
    pub what: What,
    /// Names this one write, so that asking again does not do it twice.
    pub idempotency_key: Option<String>,
    /// The revision that the caller saw; the write is refused if there is a newer
    /// one.
    pub expected: Option<u64>,
}

/// A decision point that is written through its log.
pub struct Ledger {
    log: Arc<dyn Log>,
    point: Arc<DecisionPoint>,
    folded: Arc<ArcSwap<Folded>>,
    past: Arc<Past>,
    queue: Option<SyncSender<Job>>,
    applied: watch::Receiver<u64>,
    commits: Arc<AtomicU64>,
    writer: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Starts from a log: folds it, takes policies into use and seeds it as the
    /// settings say, and takes writes from then on. `ids` makes ids and links.
    ///
    /// # Errors
    /// [`LedgerError`]: the log cannot be read or written, an event cannot be
    /// folded, or the policies or the world file are refused.
    pub fn open(
        log: Arc<dyn Log>,
        settings: &Settings,
        ids: Box<dyn Ids + Send>,
    ) -> Result<Self, LedgerError> {
        let (folded, point) = open::start(log.as_ref(), settings)?;
        let (applied, watching) = watch::channel(folded.head.seq);
        let point = Arc::new(DecisionPoint::new(point, Arc::clone(&settings.clock)));
        let (folded, past) = (Arc::new(folded), Arc::new(Past::default()));
        past.keep(Arc::clone(&folded), Arc::clone(&point.current()));
        let shared = Arc::new(ArcSwap::new(folded));
        let (queue, jobs) = sync_channel(WAITING_MAX);
        let commits = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            commits: Arc::clone(&commits),
            log: Arc::clone(&log),
            point: Arc::clone(&point),
            folded: Arc::clone(&shared),
            past: Arc::clone(&past),
            applied,
            ids,
        };
        let thread = std::thread::Builder::new().name("writer".to_owned());
        let writer = thread.spawn(move || writer.run(&jobs));
        Ok(Self {
            log,
            point,
            folded: shared,
            past,
            queue: Some(queue),
            applied: watching,
            commits,
            writer: Some(writer.map_err(|_| LedgerError::Busy)?),
        })
    }

    /// Writes. When this returns, the event is durable and in force.
    ///
    /// # Errors
    /// [`LedgerError`] saying why nothing was written; only
    /// [`crate::log::LogError::is_unknown_outcome`] leaves it open.
    pub async fn submit(&self, submission: Submission) -> Result<Written, LedgerError> {
        let receiver = self.enqueue(submission)?;
        receiver.await.unwrap_or(Err(LedgerError::Busy))
    }

    /// The same for callers without an async runtime.
    ///
    /// # Errors
    /// As [`Ledger::submit`].
    pub fn submit_blocking(&self, submission: Submission) -> Result<Written, LedgerError> {
        let receiver = self.enqueue(submission)?;
        receiver.blocking_recv().unwrap_or(Err(LedgerError::Busy))
    }

    fn enqueue(
        &self,
        submission: Submission,
    ) -> Result<oneshot::Receiver<Result<Written, LedgerError>>, LedgerError> {
        let (reply, receiver) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(LedgerError::Busy)?;
        let command = match &submission.what {
            What::Command(command) => Some(Json::of(command).map_err(LedgerError::BadEvent)?),
            _ => None,
        };
        let job = Job {
            submission,
            command,
            reply,
        };
        queue.try_send(job).map_err(|_| LedgerError::Busy)?;
        Ok(receiver)
    }

    /// The decision point that this keeps up to date.
    #[must_use]
    pub fn point(&self) -> &Arc<DecisionPoint> {
        &self.point
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// The state that is in force, keys included.
    #[must_use]
    pub fn folded(&self) -> Arc<Folded> {
        self.folded.load_full()
    }

    /// The key that a caller shows, if it is one of ours.
    #[must_use]
    pub fn key(&self, shown: &str) -> Option<ApiKey> {
        self.folded
            .load()
            .keys
            .get(&super::keys::sha256(shown))
            .cloned()
    }

    /// The state at a past moment. Replays the log if it is no recent one.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] if the log does not reach there.
    pub fn at(&self, moment: Moment) -> Result<PastPoint, LedgerError> {
        self.past.at(self.log.as_ref(), moment)
    }

    /// Whether the writer is there.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.writer
            .as_ref()
            .is_some_and(|writer| !writer.is_finished())
    }

    /// Commits since the start; a group of writes shares one.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Tells each revision as it comes into force.
    #[must_use]
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.applied.clone()
    }
}

impl Drop for Ledger {
    /// What waits is still written.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("head", &self.log.head().seq)
            .finish_non_exhaustive()
    }
}
