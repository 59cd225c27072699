//! Which share of the server a request gets, and how long it may take.
//!
//! Told by the table of routes. Each [`Pool`] has room for so many requests; where it
//! is full the answer is 503 at once, so that a flood of one kind leaves the others as
//! they are. Work that takes long (batches, explanations, searches, the past) goes to
//! threads of its own, as many as there are cores: the threads of single decisions never
//! wait for it.
//!
//! The body is read here, before room is taken: a caller that sends slowly holds a
//! connection and the bytes that it sent, nothing else. Each pool has bytes of its own
//! for bodies, so that large batches leave those of decisions alone.
//!
//! INVARIANT (free): what is in [`Pool::Free`] has no share and always goes on.

use std::fmt::Display;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tracing::Instrument;

use super::Limits;
use super::error::ApiError;
use super::given::has;
use super::position::{AS_OF, AT_LEAST};
use super::routes::Pool;

/// The pools of one listener's routes.
#[derive(Debug)]
pub(super) struct Admission {
    single: Share,
    waiting: Share,
    batch: Share,
    search: Share,
    admin: Share,
    bodies_bytes: usize,
    body: Duration,
}

/// What requests of one kind may use at the same time.
#[derive(Debug)]
struct Share {
    what: &'static str,
    room: Arc<Semaphore>,
    /// For work on threads of its own: how many run, while the rest of the room
    /// waits in the order of arrival.
    threads: Option<Arc<Semaphore>>,
    /// Bytes of bodies that are held.
    bodies: Arc<AtomicUsize>,
    time: Duration,
}

/// A request before it is let in.
#[derive(Debug)]
pub(super) struct Applicant<'a> {
    admission: &'a Admission,
    share: &'a Share,
}

impl Admission {
    /// Empty pools within limits.
    pub(super) fn new(limits: &Limits) -> Self {
        let share = |what, room: usize, threads: Option<usize>, time| Share {
            what,
            room: Arc::new(Semaphore::new(room)),
            threads: threads.map(|count| Arc::new(Semaphore::new(count))),
            bodies: Arc::default(),
            time,
        };
        let threads = Some(limits.heavy_threads);
        let (short, long) = (limits.request, limits.long_request);
        Self {
            single: share("decisions", limits.singles, None, short),
            waiting: share(
                "decisions that wait for a revision",
                limits.waiting,
                None,
                short,
            ),
            batch: share(
                "batches, explanations and questions about the past",
                limits.batches,
                threads,
                long,
            ),
            search: share("searches", limits.searches, threads, long),
            admin: share("admin requests", limits.admins, None, long),
            bodies_bytes: limits.bodies_bytes,
            body: limits.body,
        }
    }

    /// The share of a request with these headers; none if it is free.
    pub(super) fn ask(&self, pool: Pool, headers: &HeaderMap) -> Option<Applicant<'_>> {
        let share = match pool {
            Pool::Free => return None,
            Pool::Single if has(headers, &AS_OF) => &self.batch,
            Pool::Single if has(headers, &AT_LEAST) => &self.waiting,
            Pool::Single => &self.single,
            Pool::Batch => &self.batch,
            Pool::Search => &self.search,
            Pool::Admin => &self.admin,
        };
        Some(Applicant {
            admission: self,
            share,
        })
    }

    /// Reads a body that nobody will look at, and keeps nothing of it: a caller on HTTP/2
    /// whose body is left unread may not get to see why it was refused.
    pub(super) async fn pass_over<B>(&self, mut body: B, bytes_max: usize)
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let passed = pin!(async {
            let mut bytes = 0;
            while let Some(Ok(frame)) =
                poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
            {
                bytes += frame.data_ref().map_or(0, Bytes::len);
                if bytes > bytes_max {
                    break;
                }
            }
        });
        // One that does not come in time is refused all the same.
        let _ = within(self.body, passed).await;
    }

    /// Work of a request that was let in as a short one, and takes long. It is given
    /// room, a thread and the time of a batch.
    ///
    /// # Errors
    /// Those of [`Applicant::run`] about these three, and those of the work.
    pub(super) async fn apart(
        &self,
        work: impl Future<Output = Result<Response, ApiError>> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let held = (self.batch.enter()?, self.batch.holding());
        match &self.batch.threads {
            None => work.await,
            Some(threads) => on_a_thread(threads, held, Box::pin(work)).await,
        }
    }

    async fn read<B>(
        &self,
        share: &Share,
        body: B,
        bytes_max: usize,
    ) -> Result<(Bytes, Held), ApiError>
    where
        B: HttpBody<Data = Bytes, Error: Display> + Unpin,
    {
        let mut held = share.holding();
        if body.is_end_stream() {
            return Ok((Bytes::new(), held));
        }
        let collected = {
            let collected = pin!(collect(body, bytes_max, self.bodies_bytes, &mut held));
            within(self.body, collected).await
        };
        match collected {
            Ok(bytes) => Ok((bytes?, held)),
            Err(_) => Err(ApiError::BodyLate {
                seconds_max: self.body.as_secs(),
            }),
        }
    }
}

impl Share {
    /// Room for one more.
    fn enter(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let entered = Arc::clone(&self.room).try_acquire_owned();
        entered.map_err(|_| ApiError::Overloaded { what: self.what })
    }

    /// No bytes of a body, so far.
    fn holding(&self) -> Held {
        Held {
            bodies: Arc::clone(&self.bodies),
            bytes: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.room.available_permits() == 0
    }
}

impl Applicant<'_> {
    /// Lets a request in if there is room for it, reads its body, and does its work
    /// where it belongs.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] without room, [`ApiError::BodyTooLarge`] above
    /// `bytes_max`, [`ApiError::BodyLate`] and [`ApiError::BodyBroken`] for a body that
    /// does not come, [`ApiError::TooSlow`] for work that takes too long, and those of
    /// the work.
    pub(super) async fn run<B, W>(
        self,
        body: B,
        bytes_max: usize,
        work: impl FnOnce(Bytes) -> W,
    ) -> Result<Response, ApiError>
    where
        B: HttpBody<Data = Bytes, Error: Display> + Unpin,
        W: Future<Output = Result<Response, ApiError>> + Send + 'static,
    {
        let Self { admission, share } = self;
        let answered = pin!(async {
            // Nothing is read for a request that would not be let in.
            if share.is_full() {
                return Err(ApiError::Overloaded { what: share.what });
            }
            let (bytes, held) = admission.read(share, body, bytes_max).await?;
            let held = (share.enter()?, held);
            match &share.threads {
                None => {
                    let response = work(bytes).await;
                    drop(held);
                    response
                }
                // Apart, so that the others need not be as large.
                Some(threads) => on_a_thread(threads, held, Box::pin(work(bytes))).await,
            }
        });
        let seconds_max = share.time.as_secs();
        let late = |_| ApiError::TooSlow { seconds_max };
        within(share.time, answered).await.map_err(late).flatten()
    }
}

/// Runs a handler on a thread for long work. What it holds is given back when the
/// work is done, even if nobody waits for the answer any longer.
async fn on_a_thread(
    threads: &Arc<Semaphore>,
    held: (OwnedSemaphorePermit, Held),
    work: Pin<Box<impl Future<Output = Result<Response, ApiError>> + Send + 'static>>,
) -> Result<Response, ApiError> {
    let internal = |detail: String| ApiError::Internal { detail };
    let turn = Arc::clone(threads).acquire_owned().await;
    let turn = turn.map_err(|closed| internal(closed.to_string()))?;
    let runtime = Handle::current();
    // What it says there is still said about this request.
    let work = work.in_current_span();
    let work = tokio::task::spawn_blocking(move || {
        let response = runtime.block_on(work);
        drop((turn, held));
        response
    });
    let answered = work.await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => internal(error.to_string()),
    });
    answered.flatten()
}

/// What a future says, if it says it in time. No clock is looked at for one that is
/// ready at its first turn or its second, as most decisions are: hyper hands over a
/// body that came with its head between the two.
async fn within<F: Future>(time: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut turns = 0;
    let soon = poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if turns == 0 => {
            turns += 1;
            // The second turn comes whether or not anything happens.
            context.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
    });
    match soon.await {
        Some(output) => Ok(output),
        None => timeout(time, future).await,
    }
}

/// Bytes of a body, counted for as long as they are kept.
#[derive(Debug)]
struct Held {
    bodies: Arc<AtomicUsize>,
    bytes: usize,
}

impl Held {
    /// Counts more bytes; false if there are too many of all bodies together.
    fn grow(&mut self, bytes: usize, bytes_max: usize) -> bool {
        self.bytes += bytes;
        self.bodies.fetch_add(bytes, Ordering::Relaxed) + bytes <= bytes_max
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.bodies.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A body as one piece; a body that came as one is not copied.
async fn collect<B>(
    mut body: B,
    bytes_max: usize,
    bodies_bytes_max: usize,
    held: &mut Held,
) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes, Error: Display> + Unpin,
{
    let too_large = || ApiError::BodyTooLarge { bytes_max };
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let (mut first, mut all) = (None, Vec::new());
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| ApiError::BodyBroken {
            detail: error.to_string(),
        })?;
        // Trailers say nothing here.
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if held.bytes + piece.len() > bytes_max {
            return Err(too_large());
        }
        if !held.grow(piece.len(), bodies_bytes_max) {
            return Err(ApiError::Overloaded { what: "bodies" });
        }
        match first.take() {
            None if all.is_empty() => first = Some(piece),
            None => all.extend_from_slice(&piece),
            Some(begin) => {
                all.extend_from_slice(&begin);
                all.extend_from_slice(&piece);
            }
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(first.unwrap_or_else(|| Bytes::from(all)))
}

#[cfg(test)]
mod tests;
