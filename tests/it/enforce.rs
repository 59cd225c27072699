//! Enforcement in a service: the example of `examples/documents.rs`, asked over
//! HTTP in process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aobo::enforce::{Enforcer, Incoming, Question, Unasked};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

#[expect(dead_code, reason = "its `main` listens; here its service is asked")]
#[path = "../../examples/documents.rs"]
mod documents;

async fn ask(service: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = service.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, headers, String::from_utf8(bytes.to_vec()).unwrap())
}

fn request(user: Option<&str>, method: &str, path: &str, text: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(user) = user {
        request = request.header("x-user", user);
    }
    if !text.is_empty() {
        request = request.header("content-length", text.len());
    }
    request.body(Body::from(text.to_owned())).unwrap()
}

const PLAN: &str = "/documents/plan";

#[tokio::test]
async fn the_example_reads_and_writes_what_its_policies_allow() {
    let service = documents::app(documents::point().unwrap());
    let check = async |user, method, path, text: &str, status: u16| {
        let (got, headers, body) = ask(&service, request(user, method, path, text)).await;
        assert_eq!(got.as_u16(), status, "{user:?} {method} {path}: {body}");
        (headers, body)
    };
    let (headers, body) = check(Some("ana"), "GET", PLAN, "", 200).await;
    assert_eq!((body.as_str(), headers.get("x-duty")), ("Ship it.", None));
    let (headers, _) = check(Some("bob"), "GET", PLAN, "", 200).await;
    assert_eq!(headers["x-duty"], "Say in the minutes that you read it.");
    check(Some("bob"), "PUT", PLAN, "mine now", 403).await;
    check(Some("eve"), "GET", PLAN, "", 403).await;
    check(Some("ana"), "PUT", PLAN, &"x".repeat(1001), 403).await;
    check(Some("ana"), "PUT", PLAN, &"x".repeat(1000), 204).await;
    check(Some("ana"), "PUT", PLAN, "Ship it today.", 204).await;
    let (_, body) = check(Some("bob"), "GET", PLAN, "", 200).await;
    assert_eq!(body, "Ship it today.", "what was refused was not written");
    // A document that nobody knows is nobody's.
    check(Some("ana"), "GET", "/documents/other", "", 403).await;
    // An id is taken decoded, as the handler takes it.
    check(Some("ana"), "GET", "/documents/%70lan", "", 200).await;
}

#[tokio::test]
async fn refusals_say_what_to_do_and_nothing_about_policies() {
    let service = documents::app(documents::point().unwrap());
    let check = async |user, method, text, status: u16, code: &str| {
        let (got, headers, body) = ask(&service, request(user, method, PLAN, text)).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(got.as_u16(), status);
        assert_eq!(body["error"]["status"], status);
        assert_eq!(body["error"]["code"], code);
        assert!(!body.to_string().contains("owners"), "{body}");
        headers
    };
    let headers = check(None, "GET", "", 401, "unauthenticated").await;
    assert_eq!(headers["www-authenticate"], "X-User");
    check(Some("eve"), "GET", "", 403, "denied").await;
    check(Some("ana"), "PUT", "", 400, "invalid-request").await;
    let twice = Request::builder()
        .uri(PLAN)
        .header("x-user", "ana")
        .header("x-user", "eve")
        .body(Body::empty())
        .unwrap();
    let (status, ..) = ask(&service, twice).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "one of two users is none");
}

/// A service that counts how often it was reached, behind a question.
fn counted<F>(ask: F) -> (Router, Arc<AtomicUsize>)
where
    F: Fn(&Incoming<'_>) -> Result<Question, Unasked> + Clone + Send + Sync + 'static,
{
    let reached = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reached);
    let handler = move || async move {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let enforcer = Enforcer::new(documents::point().unwrap());
    let service = Router::new().route("/", get(handler).layer(enforcer.layer(ask)));
    (service, reached)
}

#[tokio::test]
async fn the_service_within_is_reached_only_by_what_is_allowed() {
    let about = |principal, action, resource| {
        counted(move |_: &Incoming<'_>| Ok(Question::new(principal, action, resource)))
    };
    let plan = ("Document", "plan");
    let cases = [
        (about(("User", "ana"), "read", plan), 200, 1),
        (about(("User", "eve"), "read", plan), 403, 0),
        // What the schema does not know, and what cannot be evaluated.
        (about(("Robot", "ana"), "read", plan), 403, 0),
        (about(("User", "ana"), "shred", plan), 403, 0),
        (about(("User", "ana"), "read", ("User", "ana")), 403, 0),
        (about(("User", "ana"), "write", plan), 403, 0),
        (counted(|_| Err(Unasked::Fault("no".to_owned()))), 500, 0),
        (
            counted(|it| {
                it.parameter("id")
                    .map(|id| Question::new(("User", "ana"), "read", ("Document", id)))
            }),
            404,
            0,
        ),
    ];
    for (number, ((service, reached), status, times)) in cases.into_iter().enumerate() {
        let asked = Request::builder().uri("/").body(Body::empty()).unwrap();
        let (got, ..) = ask(&service, asked).await;
        assert_eq!(got.as_u16(), status, "case {number}");
        assert_eq!(reached.load(Ordering::Relaxed), times, "case {number}");
    }
}
