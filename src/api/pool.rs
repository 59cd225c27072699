//! Which share of the server a request gets, and how long it may take.
//!
//! One layer, told by the table of routes. Each [`Pool`] has room for so many
//! requests; where it is full the answer is 503 at once, so that a flood of one kind
//! leaves the others as they are. Work that takes long (batches, searches, the past)
//! goes to threads of its own, as many as there are cores: the threads of single
//! decisions never wait for it.
//!
//! The body is read here, before room is taken: a caller that sends slowly holds a
//! connection and the bytes that it sent, nothing else.
//!
//! INVARIANT (free): what is in [`Pool::Free`] passes untouched.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Limits;
use super::error::ApiError;
use super::position::{AS_OF, AT_LEAST};
use super::routes::{Pool, RouteSpec};

/// The pools of one listener's routes.
#[derive(Debug)]
pub(super) struct Admission {
    routes: Vec<RouteSpec>,
    /// For routes that stand in no table.
    otherwise: (Pool, usize),
    single: Share,
    waiting: Share,
    batch: Share,
    search: Share,
    admin: Share,
    bodies: Arc<AtomicUsize>,
    bodies_bytes: usize,
    body: Duration,
}

/// What requests of one kind may use at the same time.
#[derive(Debug, Clone)]
struct Share {
    what: &'static str,
    room: Arc<Semaphore>,
    /// For work on threads of its own: how many run, while the rest of the room
    /// waits in the order of arrival.
    threads: Option<Arc<Semaphore>>,
    time: Duration,
}

impl Admission {
    pub(super) fn new(
        limits: &Limits,
        routes: impl IntoIterator<Item = RouteSpec>,
        otherwise: (Pool, usize),
    ) -> Arc<Self> {
        let share = |what, room: usize, threads: Option<usize>, time| Share {
            what,
            room: Arc::new(Semaphore::new(room)),
            threads: threads.map(|count| Arc::new(Semaphore::new(count))),
            time,
        };
        let threads = Some(limits.heavy_threads);
        let (short, long) = (limits.request, limits.long_request);
        Arc::new(Self {
            routes: routes.into_iter().collect(),
            otherwise,
            single: share("decisions", limits.singles, None, short),
            waiting: share(
                "decisions that wait for a revision",
                limits.waiting,
                None,
                short,
            ),
            batch: share(
                "batches and questions about the past",
                limits.batches,
                threads,
                long,
            ),
            search: share("searches", limits.searches, threads, long),
            admin: share("admin requests", limits.admins, None, long),
            bodies: Arc::default(),
            bodies_bytes: limits.bodies_bytes,
            body: limits.body,
        })
    }

    /// The share of a request, and the bytes that its body may have; none if it is
    /// free.
    fn share(&self, request: &Request) -> Option<(&Share, usize)> {
        // What matches no route is told so at once.
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        let spec = self.routes.iter().find(|spec| spec.path == path);
        let (pool, bytes_max) = match spec {
            Some(spec) => (spec.pool, spec.body_bytes_max),
            None => self.otherwise,
        };
        let share = match pool {
            Pool::Free => return None,
            Pool::Single if request.headers().contains_key(AS_OF) => &self.batch,
            Pool::Single if request.headers().contains_key(AT_LEAST) => &self.waiting,
            Pool::Single => &self.single,
            Pool::Batch => &self.batch,
            Pool::Search => &self.search,
            Pool::Admin => &self.admin,
        };
        Some((share, bytes_max))
    }

    async fn read(&self, body: Body, bytes_max: usize) -> Result<(Bytes, Held), ApiError> {
        let mut held = Held {
            bodies: Arc::clone(&self.bodies),
            bytes: 0,
        };
        if body.is_end_stream() {
            return Ok((Bytes::new(), held));
        }
        let collected = collect(body, bytes_max, self.bodies_bytes, &mut held);
        match timeout(self.body, collected).await {
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

    fn is_full(&self) -> bool {
        self.room.available_permits() == 0
    }
}

/// Lets a request in if there is room for it, and runs it where it belongs.
pub(super) async fn admitted(
    State(admission): State<Arc<Admission>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some((share, bytes_max)) = admission.share(&request) else {
        return Ok(next.run(request).await);
    };
    let answered = timeout(share.time, async {
        // Nothing is read for a request that would not be let in.
        if share.is_full() {
            return Err(ApiError::Overloaded { what: share.what });
        }
        let (parts, body) = request.into_parts();
        let (bytes, held) = admission.read(body, bytes_max).await?;
        let entered = share.enter()?;
        let request = Request::from_parts(parts, Body::from(bytes));
        match &share.threads {
            None => {
                let response = next.run(request).await;
                drop((entered, held));
                Ok(response)
            }
            Some(threads) => on_a_thread(threads, (entered, held), request, next).await,
        }
    });
    let seconds_max = share.time.as_secs();
    let late = |_| ApiError::TooSlow { seconds_max };
    answered.await.map_err(late).flatten()
}

/// Runs a handler on a thread for long work. What it holds is given back when the
/// work is done, even if nobody waits for the answer any longer.
async fn on_a_thread(
    threads: &Arc<Semaphore>,
    held: (OwnedSemaphorePermit, Held),
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let internal = |detail: String| ApiError::Internal { detail };
    let turn = Arc::clone(threads).acquire_owned().await;
    let turn = turn.map_err(|closed| internal(closed.to_string()))?;
    let runtime = Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let response = runtime.block_on(next.run(request));
        drop((turn, held));
        response
    });
    work.await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => internal(error.to_string()),
    })
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
async fn collect(
    mut body: Body,
    bytes_max: usize,
    bodies_bytes_max: usize,
    held: &mut Held,
) -> Result<Bytes, ApiError> {
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
