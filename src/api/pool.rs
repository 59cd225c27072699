//! Which share of the server a request gets, and how long it may take.
//!
//! Told by the table of routes. Each [`Pool`] has room for so many requests; where it
//! is full the answer is 503 at once, so that a flood of one kind leaves the others as
//! they are. Work that takes long (batches, searches, the past) goes to threads of its
//! own, as many as there are cores: the threads of single decisions never wait for it.
//!
//! The body is read here, before room is taken: a caller that sends slowly holds a
//! connection and the bytes that it sent, nothing else.
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
    bodies: Arc<AtomicUsize>,
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

    async fn read<B>(&self, body: B, bytes_max: usize) -> Result<(Bytes, Held), ApiError>
    where
        B: HttpBody<Data = Bytes, Error: Display> + Unpin,
    {
        let mut held = Held {
            bodies: Arc::clone(&self.bodies),
            bytes: 0,
        };
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
            let (bytes, held) = admission.read(body, bytes_max).await?;
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
mod tests {
    use std::task::Context;

    use axum::Router;
    use axum::body::Body;
    use axum::extract::{MatchedPath, Request, State};
    use axum::http::{StatusCode, header};
    use axum::middleware::{Next, from_fn_with_state};
    use axum::response::IntoResponse;
    use axum::routing::{get, post};
    use hyper::body::Frame;
    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;
    use tower::ServiceExt;

    use super::*;

    const ROUTES: [(&str, Pool); 5] = [
        ("/free", Pool::Free),
        ("/single", Pool::Single),
        ("/batch", Pool::Batch),
        ("/search", Pool::Search),
        ("/admin/{id}", Pool::Admin),
    ];

    /// The pools before handlers that are told when to answer.
    async fn admitted(
        State(admission): State<Arc<Admission>>,
        request: Request,
        next: Next,
    ) -> Result<Response, ApiError> {
        let path = request.extensions().get::<MatchedPath>();
        let pool = path.and_then(|path| ROUTES.iter().find(|row| row.0 == path.as_str()));
        let pool = pool.map_or(Pool::Free, |row| row.1);
        let (parts, body) = request.into_parts();
        let Some(applicant) = admission.ask(pool, &parts.headers) else {
            return Ok(next.run(Request::from_parts(parts, body)).await);
        };
        let work = move |bytes| async move {
            let request = Request::from_parts(parts, Body::from(bytes));
            Ok(next.run(request).await)
        };
        applicant.run(body, BYTES_MAX, work).await
    }

    /// Bytes of a body, at most.
    const BYTES_MAX: usize = 16;

    fn limits() -> Limits {
        Limits {
            singles: 2,
            waiting: 1,
            batches: 3,
            searches: 2,
            admins: 1,
            heavy_threads: 1,
            bodies_bytes: 64,
            ..Limits::default()
        }
    }

    /// Routes that say when they are entered, and answer when they may.
    struct Held {
        router: Router,
        entered: mpsc::UnboundedReceiver<&'static str>,
        let_go: Arc<Semaphore>,
    }

    fn held(limits: &Limits) -> Held {
        let (tell, entered) = mpsc::unbounded_channel();
        let let_go = Arc::new(Semaphore::new(0));
        let mut router = Router::new().route("/told", get(async || "told"));
        for (path, _) in ROUTES {
            let (tell, let_go) = (tell.clone(), Arc::clone(&let_go));
            let answer = async move |body: Bytes| {
                tell.send(path).unwrap();
                if path != "/free" {
                    let_go.acquire().await.unwrap().forget();
                }
                body
            };
            router = router.route(path, post(answer));
        }
        let admission = Arc::new(Admission::new(limits));
        let router = router
            .fallback(async || StatusCode::NOT_FOUND.into_response())
            .layer(from_fn_with_state(admission, admitted));
        Held {
            router,
            entered,
            let_go,
        }
    }

    impl Held {
        fn ask(&self, path: &str, header: &str, body: impl Into<Body>) -> JoinHandle<Response> {
            let mut request = Request::post(path);
            if !header.is_empty() {
                request = request.header(header, "1");
            }
            let request = request.body(body.into()).unwrap();
            let router = self.router.clone();
            tokio::spawn(async move { router.oneshot(request).await.unwrap() })
        }

        /// Fills a pool, and holds one more to be refused while the others answer.
        async fn fills(&mut self, path: &'static str, header: &str, room: usize, runs: usize) {
            let asked: Vec<_> = (0..room).map(|_| self.ask(path, header, "")).collect();
            for _ in 0..runs {
                assert_eq!(self.entered.recv().await, Some(path));
            }
            settle().await;
            assert!(self.entered.try_recv().is_err(), "{path}: no more run");
            let refused = self.ask(path, header, "").await.unwrap();
            assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
            let error = refused.extensions().get::<ApiError>().unwrap();
            assert_eq!(error.code(), "overloaded");
            let free = self.ask("/free", "", "").await.unwrap();
            assert_eq!(free.status(), StatusCode::OK, "whatever the load");
            assert_eq!(self.entered.recv().await, Some("/free"));
            drop(asked);
        }
    }

    async fn settle() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn pools_are_bounded_and_do_not_touch_each_other() {
        let mut held = held(&limits());
        held.fills("/batch", "", 3, 1).await;
        held.fills("/search", "", 2, 1).await;
        held.fills("/admin/{id}", "", 1, 1).await;
        held.fills("/single", AT_LEAST.as_str(), 1, 1).await;
        held.fills("/single", "", 2, 2).await;
        // The past has the room of batches, which is taken.
        let past = held.ask("/single", AS_OF.as_str(), "").await.unwrap();
        assert_eq!(past.status(), StatusCode::SERVICE_UNAVAILABLE);
        held.let_go.add_permits(100);
        // Two batches and one search waited for their turn.
        for _ in 0..3 {
            held.entered.recv().await.unwrap();
        }
        for (path, _) in ROUTES {
            let path = path.replace("{id}", "7");
            let answer = held.ask(&path, "", "body").await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
        }
    }

    /// A body that comes in pieces of these sizes, and then may not end.
    struct Pieces {
        sizes: std::vec::IntoIter<usize>,
        ends: bool,
    }

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            match (self.sizes.next(), self.ends) {
                (Some(size), _) => {
                    Poll::Ready(Some(Ok(Frame::data(Bytes::from("x".repeat(size))))))
                }
                (None, true) => Poll::Ready(None),
                (None, false) => Poll::Pending,
            }
        }
    }

    /// What is said of a body.
    #[track_caller]
    fn says(answer: &Response, status: u16, code: &str) {
        let said = answer.extensions().get::<ApiError>();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(said.map(ApiError::code), (!code.is_empty()).then_some(code));
    }

    #[tokio::test]
    async fn bodies_are_bounded_one_by_one_and_together() {
        let mut held = held(&limits());
        held.let_go.add_permits(1);
        let pieces = |sizes: &[usize]| {
            let sizes = Vec::from(sizes).into_iter();
            Body::new(Pieces { sizes, ends: true })
        };
        let answer = held
            .ask("/single", "", pieces(&[4, 0, 5, 7]))
            .await
            .unwrap();
        says(&answer, 200, "");
        let body = axum::body::to_bytes(answer.into_body(), 99).await.unwrap();
        assert_eq!(body, "x".repeat(16));
        says(
            &held.ask("/single", "", pieces(&[16, 1])).await.unwrap(),
            413,
            "body-too-large",
        );
        says(
            &held.ask("/single", "", "x".repeat(17)).await.unwrap(),
            413,
            "body-too-large",
        );
        assert_eq!(held.entered.recv().await, Some("/single"));
        // Four bodies of 16 bytes are all that is held; one byte more is too many.
        let kept = [
            held.ask("/single", "", "x".repeat(16)),
            held.ask("/single", "", "x".repeat(16)),
            held.ask("/batch", "", "x".repeat(16)),
            held.ask("/batch", "", "x".repeat(16)),
        ];
        for _ in 0..3 {
            held.entered.recv().await.unwrap();
        }
        settle().await;
        says(
            &held.ask("/search", "", "x").await.unwrap(),
            503,
            "overloaded",
        );
        held.let_go.add_permits(4);
        for one in kept {
            says(&one.await.unwrap(), 200, "");
        }
        held.let_go.add_permits(1);
        says(
            &held.ask("/search", "", "x".repeat(16)).await.unwrap(),
            200,
            "",
        );
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_bounded_in_time() {
        let limits = limits();
        let held = held(&limits);
        for (path, header, time) in [
            ("/single", "", limits.request),
            ("/single", AT_LEAST.as_str(), limits.request),
            ("/admin/7", "", limits.long_request),
        ] {
            let start = tokio::time::Instant::now();
            says(&held.ask(path, header, "").await.unwrap(), 503, "too-slow");
            let took = start.elapsed();
            assert!(
                took >= time && took < time + Duration::from_millis(3),
                "{path}: {took:?}"
            );
        }
        let sizes = vec![1].into_iter();
        let never = Body::new(Pieces { sizes, ends: false });
        says(
            &held.ask("/single", "", never).await.unwrap(),
            408,
            "body-late",
        );
    }

    #[tokio::test]
    async fn a_panic_on_a_thread_comes_back() {
        let limits = Limits {
            batches: 1,
            ..limits()
        };
        let admission = Arc::new(Admission::new(&limits));
        let panics = async || -> &'static str { panic!("within a batch") };
        let router = Router::new().route("/batch", post(panics));
        let router = router.layer(from_fn_with_state(Arc::clone(&admission), admitted));
        for _ in 0..3 {
            let request = Request::post("/batch").body(Body::empty()).unwrap();
            let asked = tokio::spawn(router.clone().oneshot(request));
            assert!(
                asked.await.unwrap_err().is_panic(),
                "for the net of `watch`"
            );
        }
        assert_eq!(
            admission.batch.room.available_permits(),
            1,
            "nothing is kept"
        );
    }
}
