//! OpenID AuthZEN Authorization API 1.0, section by section.
//!
//! `certification` plays the scenario of the working group; `musts` has a test for
//! each MUST and SHOULD that binds a decision point; the others hold what aobo
//! promises beyond. Every reply is held to what all of them have in common.

mod certification;
mod evaluations;
mod explained;
mod limits;
mod metadata;
mod musts;
mod pages;
mod past;
mod refusals;
mod requestable;
mod search;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use aobo::api::{AppState, router};
use aobo::directory::Profile;
use aobo::engine::parse_entities;
use aobo::node::{Clock, DecisionPoint, Point};
use aobo::policy::{Bundle, Source};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{self, text};

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const SUBJECT: &str = "/access/v1/search/subject";
const RESOURCE: &str = "/access/v1/search/resource";
const ACTION: &str = "/access/v1/search/action";
/// The routes that take a question.
const POSTED: [&str; 5] = [EVALUATION, EVALUATIONS, SUBJECT, RESOURCE, ACTION];
const SEARCHES: [&str; 3] = [SUBJECT, RESOURCE, ACTION];
const METADATA: &str = "/.well-known/authzen-configuration";

/// A server in process, with a clock that the test moves.
struct Server {
    state: Arc<AppState>,
    router: Router,
    /// Seconds after [`support::NOW`].
    passed: Arc<AtomicI64>,
}

/// A clock that shows [`support::NOW`] and so many seconds.
fn clock(passed: &Arc<AtomicI64>) -> Clock {
    let passed = Arc::clone(passed);
    Arc::new(move || {
        let second = support::NOW.as_second() + passed.load(Ordering::SeqCst);
        Timestamp::from_second(second).unwrap()
    })
}

impl Server {
    fn over(point: Point) -> Self {
        let passed = Arc::new(AtomicI64::new(0));
        let state = AppState::new(DecisionPoint::new(point, clock(&passed)));
        Self::of(state, passed)
    }

    fn of(state: AppState, passed: Arc<AtomicI64>) -> Self {
        let state = Arc::new(state);
        let router = router(Arc::clone(&state));
        Self {
            state,
            router,
            passed,
        }
    }

    /// Over the fixture of the certification scenario, in generic mode.
    fn scenario() -> Self {
        Self::over(scenario())
    }

    /// Over the reference world of delegated administration.
    fn fabrikam() -> Self {
        Self::over(fabrikam())
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(path, &[], body.to_string())
    }

    /// Posts a body with the JSON media type and these headers.
    #[track_caller]
    fn send(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        let mut request = Request::post(path).header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.exchange(request.body(body.into()).unwrap())
    }

    #[track_caller]
    fn get(&self, path: &str) -> Reply {
        self.exchange(Request::get(path).body(Body::empty()).unwrap())
    }

    #[track_caller]
    fn exchange(&self, request: Request<Body>) -> Reply {
        let path = request.uri().path().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        let (parts, bytes) = runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            (parts, to_bytes(body, usize::MAX).await.unwrap())
        });
        let reply = Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
            json: serde_json::from_slice(&bytes).expect("a JSON body"),
        };
        reply.keeps_to_the_common_rules(&path);
        reply
    }

    /// Whether a question is allowed, asked alone.
    #[track_caller]
    fn allows(&self, question: &Value) -> bool {
        let reply = self.post(EVALUATION, question);
        reply.json["decision"].as_bool().expect("a decision")
    }

    /// The decisions of a batch.
    #[track_caller]
    fn decisions(&self, batch: &Value) -> Vec<bool> {
        let reply = self.post(EVALUATIONS, batch);
        let items = reply.json["evaluations"].as_array().expect("evaluations");
        let decisions = items.iter().map(|item| item["decision"].as_bool());
        decisions.collect::<Option<_>>().expect("decisions")
    }

    /// The results of a search.
    #[track_caller]
    fn results(&self, path: &str, search: &Value) -> Vec<Value> {
        let reply = self.post(path, search);
        assert_eq!(reply.status, 200, "{}", reply.json);
        reply.json["results"].as_array().expect("results").clone()
    }
}

/// A response.
struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
    json: Value,
}

impl Reply {
    #[track_caller]
    fn keeps_to_the_common_rules(&self, path: &str) {
        let json = &self.json;
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert!(!self.headers["x-request-id"].is_empty());
        assert!(json.is_object(), "{json}");
        let answered = self.status == 200;
        assert_eq!(json.get("error").is_none(), answered, "{json}");
        let posted = POSTED.contains(&path);
        assert_eq!(
            self.header("aobo-revision").is_some(),
            answered && posted,
            "{json}"
        );
        if !answered {
            assert_eq!(json["error"]["status"], self.status, "{json}");
            for member in ["decision", "evaluations", "results"] {
                assert_eq!(json.get(member), None, "no answer within an error");
            }
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body is exactly this, with status 200.
    #[track_caller]
    fn is(&self, expected: &Value) {
        assert_eq!((self.status, &self.json), (200, expected));
    }

    /// The request was refused so.
    #[track_caller]
    fn is_refused(&self, status: u16, code: &str, message: &str) {
        let error = &self.json["error"];
        assert_eq!(self.status, status, "{}", self.json);
        assert_eq!(error["code"], code, "{error}");
        let said = error["message"].as_str().unwrap();
        assert!(said.contains(message), "{said} does not hold {message}");
    }

    fn next_token(&self) -> &str {
        self.json["page"]["next_token"].as_str().expect("a token")
    }
}

fn scenario() -> Point {
    let read = |name: &str| {
        let path = format!("tests/corpus/authzen/{name}");
        Source::new(name, text(&path))
    };
    let policies = [read("scenario.cedar")];
    let bundle = Bundle::new(&read("scenario.cedarschema"), &policies).unwrap();
    let bundle = Arc::new(bundle);
    let entities = parse_entities(&read("scenario.entities.json").text, bundle.shape()).unwrap();
    Point::generic(bundle, entities).unwrap()
}

fn fabrikam() -> Point {
    static POINT: OnceLock<Point> = OnceLock::new();
    let point = POINT.get_or_init(|| {
        let world = text("tests/corpus/worlds/fabrikam.json");
        support::point(Profile::Seed, &world)
    });
    point.clone()
}

/// A question, or a search for what is left out of it.
fn question(subject: (&str, &str), action: &str, resource: (&str, &str)) -> Value {
    let party = |(ty, id): (&str, &str)| match id {
        "" => json!({"type": ty}),
        id => json!({"type": ty, "id": id}),
    };
    match action {
        "" => json!({"subject": party(subject), "resource": party(resource)}),
        action => json!({
            "subject": party(subject), "action": {"name": action}, "resource": party(resource),
        }),
    }
}

/// A value with further members, which replace those of the same name.
fn with(mut value: Value, members: Value) -> Value {
    let Value::Object(members) = members else {
        panic!("members are an object");
    };
    value.as_object_mut().unwrap().extend(members);
    value
}

const ALICE: (&str, &str) = ("user", "alice");
const BOB: (&str, &str) = ("user", "bob");
const RECORD_1: (&str, &str) = ("record", "record-1");
const RECORD_2: (&str, &str) = ("record", "record-2");
const ANY_USER: (&str, &str) = ("user", "");
const ANY_RECORD: (&str, &str) = ("record", "");
