//! The decision routes: most through the router in process, the rest through the
//! binary and a socket.
//!
//! Every reply is held to what all of them have in common, whatever the test is
//! about: JSON, a request id, a revision with a decision, and no decision within
//! an error.

mod evaluation;
mod generic;
mod headers;
pub(crate) mod process;
mod refusals;
mod under_stress;

use std::sync::Arc;

use aobo::api::{AppState, router};
use aobo::directory::Profile;
use aobo::node::{Clock, DecisionPoint, Point};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{openapi, support};

const EVALUATION: &str = "/access/v1/evaluation";

/// Fabrikam administers Contoso for itself; Tailspin took the privileges away.
const WORLD: &str = r#"{
  "partners": {"fabrikam": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "customers": {
    "contoso": {"country": "FR", "market": "Europe", "cloud": "public"},
    "tailspin": {"country": "FR", "market": "Europe", "cloud": "public"}
  },
  "partner_users": {
    "ada": {"partner": "fabrikam", "roles": ["AdminAgent"]},
    "nora": {"partner": "fabrikam"}
  },
  "customer_users": {
    "mia": {"customer": "contoso"},
    "ghost": {"customer": "contoso", "state": "deleted", "deleted_at": "2020-08-31T00:00:00Z"},
    "relic": {"customer": "contoso", "state": "deleted", "deleted_at": "2020-01-01T00:00:00Z"}
  },
  "relationships": [
    {"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "active"},
    {"partner": "fabrikam", "customer": "tailspin", "status": "active", "dap": "removed"}
  ],
  "subscriptions": {"s1": {"customer": "contoso"}},
  "role_assignments": [{"principal": "fabrikam/AdminAgents", "role": "Owner", "scope": "/subscriptions/s1"}],
  "products": {"saas": {"kind": "marketplace-saas-license"}}
}"#;

/// A server in process.
struct Server {
    state: Arc<AppState>,
    router: Router,
}

impl Server {
    fn over(point: Point) -> Self {
        Self::with_clock(point, Arc::new(|| support::NOW))
    }

    fn with_clock(point: Point, clock: Clock) -> Self {
        let state = Arc::new(AppState::new(DecisionPoint::new(point, clock)));
        let router = router(Arc::clone(&state));
        Self { state, router }
    }

    /// Over [`WORLD`].
    fn start() -> Self {
        Self::over(support::point(Profile::Seed, WORLD))
    }

    /// Posts an evaluation as JSON.
    #[track_caller]
    fn evaluate(&self, body: &Value) -> Reply {
        self.post(&[], body.to_string())
    }

    /// Posts a body with the JSON media type and these headers.
    #[track_caller]
    fn post(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        let mut request =
            Request::post(EVALUATION).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap())
    }

    #[track_caller]
    fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap())
    }

    #[track_caller]
    fn send(&self, request: Request<Body>) -> Reply {
        let head = *request.method() == Method::HEAD;
        let asked = (request.method().to_string(), request.uri().to_string());
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        let (parts, bytes) = runtime.block_on(exchange(self.router.clone(), request));
        let reply = Reply {
            status: parts.status,
            headers: parts.headers,
            json: match head {
                true => Value::Null,
                false => serde_json::from_slice(&bytes).expect("a JSON body"),
            },
        };
        reply.keeps_to_the_common_rules();
        if !head {
            let (status, headers) = (reply.status.as_u16(), &reply.headers);
            openapi::holds(&asked.0, &asked.1, status, headers, &reply.json);
        }
        reply
    }
}

async fn exchange(
    router: Router,
    request: Request<Body>,
) -> (axum::http::response::Parts, Vec<u8>) {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    (parts, bytes.to_vec())
}

/// A response.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    json: Value,
}

impl Reply {
    #[track_caller]
    fn keeps_to_the_common_rules(&self) {
        let Self { status, json, .. } = self;
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert!(!self.headers["x-request-id"].is_empty());
        let decision = json.get("decision");
        assert_eq!(decision.is_some(), self.header("aobo-revision").is_some());
        if let Some(decision) = decision {
            assert!(decision.is_boolean() && *status == StatusCode::OK, "{json}");
        }
        if let Some(error) = json.get("error") {
            assert!(decision.is_none() && !status.is_success(), "{json}");
            assert_eq!(error["status"], status.as_u16(), "{json}");
            let code = error["code"].as_str().expect("a code");
            assert!(
                code.bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'8')
            );
            assert!(
                error["message"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
            );
        }
        if let Some(problem) = json.pointer("/context/error") {
            assert_eq!(decision, Some(&Value::Bool(false)), "{problem}");
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        let value = all.next()?.to_str().unwrap();
        assert_eq!(all.next(), None, "{name} comes once");
        Some(value)
    }

    /// The body is exactly this, with status 200.
    #[track_caller]
    fn is(&self, expected: &Value) {
        assert_eq!((self.status, &self.json), (StatusCode::OK, expected));
    }

    /// The request was refused so.
    #[track_caller]
    fn is_refused(&self, status: u16, code: &str, message: &str) {
        let error = &self.json["error"];
        assert_eq!(self.status.as_u16(), status, "{}", self.json);
        assert_eq!(error["code"], code, "{error}");
        let said = error["message"].as_str().unwrap();
        assert!(said.contains(message), "{said} does not hold {message}");
    }
}

/// An evaluation of a question about [`WORLD`], with an empty context.
fn question(principal: (&str, &str), action: &str, resource: (&str, &str)) -> Value {
    json!({
        "subject": {"type": principal.0, "id": principal.1},
        "action": {"name": action},
        "resource": {"type": resource.0, "id": resource.1},
    })
}

/// The same with further members: `context`, `options` …
fn with(mut question: Value, members: Value) -> Value {
    let Value::Object(members) = members else {
        panic!("members are an object");
    };
    question.as_object_mut().unwrap().extend(members);
    question
}

/// The same, asking why.
fn explained(question: Value) -> Value {
    with(question, json!({"options": {"explain": true}}))
}

const ADA: (&str, &str) = ("PartnerUser", "ada");
const NORA: (&str, &str) = ("PartnerUser", "nora");
const CONTOSO: (&str, &str) = ("Customer", "contoso");
const TAILSPIN: (&str, &str) = ("Customer", "tailspin");

/// A question that is allowed, and with nothing to add.
fn allowed() -> Value {
    question(ADA, "SignInToCustomerTenant", CONTOSO)
}
