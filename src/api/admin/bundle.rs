//! The policies in use, and others in their place.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::{actor, everywhere};
use super::commands::{expected, idempotency_key};
use crate::api::AppState;
use crate::api::body::json_object;
use crate::api::caller::Asking;
use crate::api::error::ApiError;
use crate::api::position::REVISION;
use crate::directory::Profile;
use crate::node::{
    Actor, Ledger, LedgerError, NextBundle, Refusal, Submission, TakenBundle, What, aside,
    tell_refused, tell_taken,
};
use crate::policy::{Bundle, Source};

/// Bytes of the body that offers a bundle. Our choice: many times the built-in one,
/// and well within what the log keeps in one event.
pub const BUNDLE_BODY_BYTES_MAX: usize = 4 << 20;

/// A bundle as it is offered.
///
/// Shape: `{"profile": "seed"}`, or `{"policies": [{"name": "p.cedar", "text":
/// "permit (…);"}], "schema": {"name": "s.cedarschema", "text": "entity …"}}`;
/// without `schema`, the one in use stays.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offered {
    profile: Option<String>,
    schema: Option<Text>,
    policies: Option<Vec<Text>>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: String,
    text: String,
}

impl Text {
    fn source(self) -> Source {
        Source::new(self.name, self.text)
    }
}

/// `GET /v1/bundle`: the bundle in use, with its texts.
///
/// # Errors
/// [`ApiError`] without a key that may read, for all tenants.
pub(super) async fn in_use(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
) -> Result<Response, ApiError> {
    let ledger = state.ledger()?;
    everywhere(&caller)?;
    let folded = ledger.folded();
    let taken = folded.bundle.as_ref().map(|(taken, _)| taken.as_ref());
    let mut answer = json!(taken);
    if let Value::Object(members) = &mut answer {
        members.insert("revision".to_owned(), folded.head.seq.into());
    }
    let revision = HeaderValue::from(folded.head.seq);
    Ok(([(REVISION, revision)], Json(answer)).into_response())
}

/// `POST /v1/bundle`: takes another bundle into use, or says why not.
///
/// Answers `{"revision", "bundle", "taken", "repeated"}`; `taken` is false if the
/// bundle was in use already, and nothing is written then.
///
/// # Errors
/// [`ApiError`] for a caller that is no operator, a body that is no bundle, and
/// whatever stands against the bundle; the one in use stays.
pub(super) async fn take(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let (ledger, actor) = actor(&state, &caller, &headers)?;
    let body = json_object(&headers, &body)?;
    let offered: Offered = serde_json::from_value(Value::Object(body))
        .map_err(|error| ApiError::Member(format!("this is not a bundle: {error}")))?;
    let asked = (idempotency_key(&headers)?, expected(&headers)?);
    let taken = take_into_use(&ledger, offered, actor, asked).await;
    if let Err(Failed::Ledger(error @ LedgerError::Bundle(_))) = &taken {
        tell_refused(ledger.point(), error);
    }
    let (revision, answer) = taken?;
    Ok(([(REVISION, HeaderValue::from(revision))], Json(answer)).into_response())
}

/// Why nothing was taken.
enum Failed {
    Api(ApiError),
    Ledger(LedgerError),
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl<E: Into<LedgerError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<Failed> for ApiError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Api(error) => error,
            Failed::Ledger(error) => error.into(),
        }
    }
}

async fn take_into_use(
    ledger: &Arc<Ledger>,
    offered: Offered,
    actor: Actor,
    (idempotency_key, expected): (Option<String>, Option<u64>),
) -> Result<(u64, Value), Failed> {
    let of = Arc::clone(ledger);
    // Compiling takes long, and would hold up those who are to be answered.
    let made =
        tokio::task::spawn_blocking(move || aside(move || ready(&of, offered.clone()))).await;
    let internal = |error: &dyn std::fmt::Display| ApiError::Internal {
        detail: error.to_string(),
    };
    let made = made.map_err(|error| internal(&error))?;
    let made = made.map_err(|error| internal(&error))??;
    let (hash, next) = made;
    let Some(next) = next else {
        ledger.point().warn(None);
        let revision = ledger.folded().head.seq;
        if let Some(expected) = expected.filter(|expected| *expected != revision) {
            let current = revision;
            return Err(LedgerError::Precondition { expected, current }.into());
        }
        let answer =
            json!({ "revision": revision, "bundle": hash, "taken": false, "repeated": false });
        return Ok((revision, answer));
    };
    let written = ledger
        .submit(Submission {
            actor,
            what: What::TakeBundle(next),
            idempotency_key,
            expected,
        })
        .await?;
    let revision = written.revision;
    if !written.repeated {
        tell_taken(ledger.point(), revision, &hash);
    }
    let answer = json!({
        "revision": revision,
        "bundle": hash,
        "taken": !written.repeated,
        "repeated": written.repeated,
    });
    Ok((revision, answer))
}

/// The bundle's hash, and the bundle ready to be taken; none if it is in use.
type Ready = (String, Option<Arc<NextBundle>>);

fn ready(ledger: &Ledger, offered: Offered) -> Result<Ready, Failed> {
    let made = made(ledger, offered)?;
    let hash = made.0.hash.clone();
    Ok((hash, ledger.make_ready(made)?))
}

fn made(ledger: &Ledger, offered: Offered) -> Result<(TakenBundle, Arc<Bundle>), Failed> {
    let bad = |message: &str| ApiError::Member(format!("this is not a bundle: {message}"));
    match offered {
        Offered {
            profile: Some(name),
            schema: None,
            policies: None,
        } => {
            let profile: Profile = name.parse().map_err(|error: String| bad(&error))?;
            Ok(TakenBundle::of_profile(profile)?)
        }
        Offered {
            profile: None,
            schema,
            policies: Some(policies),
        } => {
            let schema = schema.map(Text::source).or_else(|| ledger.schema());
            let schema = schema.unwrap_or_else(Profile::schema);
            let policies: Vec<Source> = policies.into_iter().map(Text::source).collect();
            let made = TakenBundle::of_texts(&schema, &policies);
            Ok(made.map_err(Refusal::from)?)
        }
        _ => {
            let message = "write either `profile`, or `policies` and perhaps `schema`";
            Err(bad(message).into())
        }
    }
}
