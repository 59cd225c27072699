//! A service that enforces decisions: documents that people own and share.
//!
//! Who may do what is in the policies below, and nowhere else in the service.
//! Every route says what it asks; the layer refuses what is not allowed before the
//! handler runs. Who is signed in comes from `X-User`, which stands here for
//! whatever session or token a real service checks first.
//!
//! ```sh
//! cargo run --example documents
//! curl -s -H 'X-User: ana' http://127.0.0.1:8090/documents/plan              # the text
//! curl -s -H 'X-User: bob' -X PUT -d 'mine now' http://127.0.0.1:8090/documents/plan   # 403
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use aobo::enforce::{Allowed, Enforcer, Incoming, Question, Unasked};
use aobo::engine::{Input, parse_entities};
use aobo::node::{DecisionPoint, Point};
use aobo::policy::{Bundle, Source};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, put};
use axum::{Extension, Router};

const SCHEMA: &str = r#"
entity User;
entity Document { owner: User, readers: Set<User> };
action "read", "share" appliesTo { principal: User, resource: Document };
action "write" appliesTo { principal: User, resource: Document, context: { length: Long } };
"#;

const POLICIES: &str = r#"
@id("owners-do-everything")
permit(principal, action, resource) when { resource.owner == principal };

@id("readers-read")
@duty("Say in the minutes that you read it.")
permit(principal, action == Action::"read", resource)
when { resource.readers.contains(principal) };

@id("no-long-texts")
forbid(principal, action == Action::"write", resource) when { context.length > 1000 };
"#;

const ENTITIES: &str = r#"[
  {"uid": {"type": "Document", "id": "plan"}, "parents": [], "attrs": {
    "owner": {"type": "User", "id": "ana"},
    "readers": [{"type": "User", "id": "bob"}]
  }}
]"#;

/// The texts by document.
type Texts = Arc<Mutex<BTreeMap<String, String>>>;

/// The service over a decision point.
pub(crate) fn app(point: Arc<DecisionPoint>) -> Router {
    let enforcer = Enforcer::new(point);
    let read = get(text).layer(enforcer.layer(|incoming: &Incoming<'_>| about(incoming, "read")));
    let write = put(replace).layer(enforcer.layer(|incoming: &Incoming<'_>| {
        let length = incoming.header("content-length");
        let length = length.and_then(|length| length.parse().ok());
        let length = length.ok_or(Unasked::Invalid("say how long the text is"))?;
        Ok(about(incoming, "write")?.with("length", Input::Long(length)))
    }));
    let texts = BTreeMap::from([("plan".to_owned(), "Ship it.".to_owned())]);
    Router::new()
        .route("/documents/{id}", read.merge(write))
        .with_state(Arc::new(Mutex::new(texts)))
}

/// May whoever is signed in do this to the document of the path?
fn about(incoming: &Incoming<'_>, action: &'static str) -> Result<Question, Unasked> {
    let challenge = "X-User";
    let user = incoming.header("x-user");
    let user = user.ok_or(Unasked::Unauthenticated { challenge })?;
    let document = incoming.parameter("id")?;
    Ok(Question::new(
        ("User", user),
        action,
        ("Document", document),
    ))
}

async fn text(
    State(texts): State<Texts>,
    Path(id): Path<String>,
    Extension(allowed): Extension<Allowed>,
) -> Result<(HeaderMap, String), StatusCode> {
    let texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
    let text = texts.get(&id).cloned().ok_or(StatusCode::NOT_FOUND)?;
    let mut headers = HeaderMap::new();
    for duty in allowed.duties() {
        if let Ok(duty) = duty.parse() {
            headers.append("x-duty", duty);
        }
    }
    Ok((headers, text))
}

async fn replace(State(texts): State<Texts>, Path(id): Path<String>, text: String) -> StatusCode {
    let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
    texts.insert(id, text);
    StatusCode::NO_CONTENT
}

pub(crate) fn point() -> Result<Arc<DecisionPoint>, Box<dyn Error>> {
    let policies = Source::new("policies", POLICIES);
    let bundle = Arc::new(Bundle::new(&Source::new("schema", SCHEMA), &[policies])?);
    let entities = parse_entities(ENTITIES, bundle.shape())?;
    let clock = Arc::new(jiff::Timestamp::now);
    let point = DecisionPoint::new(Point::generic(bundle, entities)?, clock);
    Ok(Arc::new(point))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8090").await?;
    axum::serve(listener, app(point()?)).await?;
    Ok(())
}
