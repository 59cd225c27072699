//! Pools before handlers that are told when to answer.

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
    applicant.run(body, BODY_BYTES, work).await
}

/// Bytes of a body, at most.
const BODY_BYTES: usize = 16;

fn limits() -> Limits {
    Limits {
        singles: 2,
        waiting: 1,
        batches: 3,
        searches: 2,
        admins: 1,
        heavy_threads: 1,
        bodies_bytes: 32,
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
            (Some(size), _) => Poll::Ready(Some(Ok(Frame::data(Bytes::from("x".repeat(size)))))),
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
    // Two bodies of 16 bytes are all that the pool holds; one byte more is too many.
    let kept = [
        held.ask("/batch", "", "x".repeat(16)),
        held.ask("/batch", "", "x".repeat(16)),
    ];
    held.entered.recv().await.unwrap();
    settle().await;
    says(
        &held.ask("/batch", "", "x").await.unwrap(),
        503,
        "overloaded",
    );
    // Another pool has bytes of its own.
    held.let_go.add_permits(1);
    let single = held.ask("/single", "", "x".repeat(16));
    held.let_go.add_permits(2);
    says(&single.await.unwrap(), 200, "");
    for one in kept {
        says(&one.await.unwrap(), 200, "");
    }
    held.let_go.add_permits(1);
    says(
        &held.ask("/batch", "", "x".repeat(16)).await.unwrap(),
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
async fn what_turns_out_long_takes_the_room_of_batches() {
    let admission = Arc::new(Admission::new(&limits()));
    let let_go = Arc::new(Semaphore::new(0));
    let explain = || {
        let (admission, let_go) = (Arc::clone(&admission), Arc::clone(&let_go));
        let work = async move {
            let_go.acquire().await.unwrap().forget();
            Ok(StatusCode::OK.into_response())
        };
        tokio::spawn(async move { admission.apart(work).await })
    };
    let asked = [(); 3].map(|()| explain());
    settle().await;
    let refused = explain().await.unwrap();
    assert!(matches!(refused, Err(ApiError::Overloaded { .. })));
    assert!(!admission.single.is_full() && admission.batch.is_full());
    let_go.add_permits(3);
    for one in asked {
        assert_eq!(one.await.unwrap().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(admission.batch.room.available_permits(), 3);
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
