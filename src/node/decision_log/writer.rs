//! The queue and the thread between those who decide and the file.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Decided, DecisionLogError, MaskKey, Row, Sink};
use crate::node::ReadsKept;

/// Bytes of rows that wait to be written, at most. Our choice: some tens of
/// thousands of rows, a second of a busy server.
pub const QUEUE_BYTES_MAX: usize = 32 << 20;
/// Bytes of rows of one request that take their place in the queue together.
const PIECE_BYTES_MAX: usize = 1 << 20;
/// Bytes of rows that are written in one go.
const GROUP_BYTES_MAX: usize = 4 << 20;
/// Seconds that closing waits for rows to be written: whoever reads a pipe may
/// never do so again.
const CLOSE_SECONDS_MAX: u64 = 10;

/// What becomes of a decision whose row cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audit {
    /// It is given, and the row is counted as lost.
    #[default]
    Counted,
    /// It waits until its row is on disk, and is not given without.
    Strict,
}

/// The decision log of a running server.
pub struct DecisionLog {
    audit: Audit,
    key: MaskKey,
    process: u64,
    next: AtomicU64,
    reads: ReadsKept,
    room: Arc<Semaphore>,
    queue: UnboundedSender<Job>,
    counts: Arc<Counts>,
}

/// What became of rows since the start.
#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    failing: AtomicBool,
    probing: AtomicBool,
}

/// What the thread is to do.
enum Job {
    Write {
        rows: Vec<u8>,
        count: u64,
        /// Room in the queue, given back when the rows are written.
        _room: OwnedSemaphorePermit,
        /// Told whether they are.
        done: Option<oneshot::Sender<bool>>,
    },
    Probe,
    Close(std::sync::mpsc::Sender<()>),
}

impl DecisionLog {
    /// Starts the thread that writes to a sink.
    ///
    /// # Errors
    /// [`DecisionLogError::Start`] if the system has no thread or no randomness.
    pub fn start(
        sink: Box<dyn Sink>,
        audit: Audit,
        key: MaskKey,
    ) -> Result<Self, DecisionLogError> {
        let unstarted = |what: String| DecisionLogError::Start { what };
        let process = getrandom::u64().map_err(|error| unstarted(error.to_string()))?;
        let (queue, jobs) = unbounded_channel();
        let counts = Arc::new(Counts::default());
        let writer = Writer {
            sink,
            durable: audit == Audit::Strict,
            counts: Arc::clone(&counts),
        };
        std::thread::Builder::new()
            .name("decision log".to_owned())
            .spawn(move || writer.run(jobs))
            .map_err(|error| unstarted(error.to_string()))?;
        Ok(Self {
            audit,
            key,
            process,
            next: AtomicU64::new(1),
            reads: ReadsKept::default(),
            room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            queue,
            counts,
        })
    }

    /// The row of a decision, under an id that no other decision has.
    #[must_use]
    pub fn row(&self, decided: &Decided<'_>) -> Row {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{n:x}", self.process);
        decided.row(&id, &self.key, &self.reads.of(decided.point))
    }

    /// Hands over the rows of a request. Unless the audit is strict this waits for
    /// nothing: rows for which there is no room are dropped and counted.
    ///
    /// # Errors
    /// [`DecisionLogError::NotWritten`] in strict audit, if a row is not on disk.
    pub async fn write(&self, rows: &[Row]) -> Result<(), DecisionLogError> {
        let mut told = Vec::new();
        for (rows, count) in pieces(rows) {
            match self.audit {
                Audit::Counted => self.offer(rows, count),
                Audit::Strict => told.push(self.hand_over(rows, count).await?),
            }
        }
        for written in told {
            if !written.await.unwrap_or(false) {
                return Err(DecisionLogError::NotWritten);
            }
        }
        Ok(())
    }

    /// Rows that were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.counts.written.load(Ordering::Relaxed)
    }

    /// Rows that were dropped because too many waited.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Rows that the disk, or the reader of a pipe, did not take.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.counts.failed.load(Ordering::Relaxed)
    }

    /// Whether decisions fail because their rows cannot be written. Asking has the
    /// writer try again, so that a later answer can be another.
    #[must_use]
    pub fn withholds(&self) -> bool {
        if self.audit != Audit::Strict || !self.counts.failing.load(Ordering::Relaxed) {
            return false;
        }
        if !self.counts.probing.swap(true, Ordering::Relaxed) {
            // A writer that is gone never takes rows again.
            let _ = self.queue.send(Job::Probe);
        }
        true
    }

    /// Writes what was handed over and ends the writer; later rows are not taken.
    /// Returns whether that came about in time.
    pub fn close(&self) -> bool {
        let (tell, told) = std::sync::mpsc::channel();
        match self.queue.send(Job::Close(tell)) {
            // It was closed before.
            Err(_) => true,
            Ok(()) => told
                .recv_timeout(Duration::from_secs(CLOSE_SECONDS_MAX))
                .is_ok(),
        }
    }

    fn offer(&self, rows: Vec<u8>, count: u64) {
        let room = Arc::clone(&self.room).try_acquire_many_owned(room(&rows));
        let handed_over = room.is_ok_and(|room| {
            let job = Job::Write {
                rows,
                count,
                _room: room,
                done: None,
            };
            self.queue.send(job).is_ok()
        });
        if !handed_over {
            self.counts.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    async fn hand_over(
        &self,
        rows: Vec<u8>,
        count: u64,
    ) -> Result<oneshot::Receiver<bool>, DecisionLogError> {
        let (done, told) = oneshot::channel();
        let room = Arc::clone(&self.room).acquire_many_owned(room(&rows)).await;
        let job = Job::Write {
            rows,
            count,
            _room: room.map_err(|_| DecisionLogError::NotWritten)?,
            done: Some(done),
        };
        let sent = self.queue.send(job);
        sent.map_err(|_| DecisionLogError::NotWritten)?;
        Ok(told)
    }
}

impl Drop for DecisionLog {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl fmt::Debug for DecisionLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecisionLog")
            .field("audit", &self.audit)
            .field("written", &self.written())
            .finish_non_exhaustive()
    }
}

/// The room that rows take in the queue.
fn room(rows: &[u8]) -> u32 {
    u32::try_from(rows.len().min(QUEUE_BYTES_MAX)).unwrap_or(u32::MAX)
}

/// Rows put together, so many that none is too large for the queue.
fn pieces(rows: &[Row]) -> Vec<(Vec<u8>, u64)> {
    let mut pieces: Vec<(Vec<u8>, u64)> = Vec::new();
    for row in rows {
        let line = row.line();
        match pieces.last_mut() {
            Some((piece, count)) if piece.len() + line.len() <= PIECE_BYTES_MAX => {
                piece.extend_from_slice(line);
                *count += 1;
            }
            _ => pieces.push((line.to_vec(), 1)),
        }
    }
    pieces
}

/// The thread.
struct Writer {
    sink: Box<dyn Sink>,
    durable: bool,
    counts: Arc<Counts>,
}

/// Rows that are written in one go: how many, and who waits for them.
#[derive(Default)]
struct Group {
    count: u64,
    told: Vec<oneshot::Sender<bool>>,
    rooms: Vec<OwnedSemaphorePermit>,
}

impl Writer {
    fn run(mut self, mut jobs: UnboundedReceiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            let mut group = Group::default();
            let mut outcome = Ok(());
            let mut next = Some(job);
            let mut bytes = 0;
            let mut other = None;
            while let Some(job) = next.take() {
                match job {
                    Job::Write {
                        rows,
                        count,
                        _room,
                        done,
                    } => {
                        bytes += rows.len();
                        outcome = outcome.and_then(|()| self.sink.put(&rows));
                        group.count += count;
                        group.told.extend(done);
                        group.rooms.push(_room);
                    }
                    job => other = Some(job),
                }
                if other.is_none() && bytes < GROUP_BYTES_MAX {
                    next = jobs.try_recv().ok();
                }
            }
            if group.count > 0 {
                let outcome = outcome.and_then(|()| self.sink.flush(self.durable));
                self.end(group, outcome);
            }
            match other {
                Some(Job::Probe) => self.probe(),
                Some(Job::Close(tell)) => {
                    let _ = self.sink.flush(true);
                    // Whoever closes may have given up waiting.
                    let _ = tell.send(());
                    return;
                }
                _ => {}
            }
        }
    }

    fn end(&mut self, group: Group, outcome: std::io::Result<()>) {
        let written = outcome.is_ok();
        let counter = match written {
            true => &self.counts.written,
            false => &self.counts.failed,
        };
        counter.fetch_add(group.count, Ordering::Relaxed);
        self.note(outcome);
        for waiting in group.told {
            // A caller may have gone away meanwhile.
            let _ = waiting.send(written);
        }
    }

    fn probe(&mut self) {
        let outcome = self.sink.probe();
        self.counts.probing.store(false, Ordering::Relaxed);
        self.note(outcome);
    }

    /// Says when rows begin to fail and when they no longer do.
    fn note(&self, outcome: std::io::Result<()>) {
        let failing = outcome.is_err();
        let before = self.counts.failing.swap(failing, Ordering::Relaxed);
        match outcome {
            Err(error) if !before => tracing::error!(%error, "the decision log is not written"),
            Ok(()) if before => tracing::info!("the decision log is written again"),
            _ => {}
        }
    }
}
