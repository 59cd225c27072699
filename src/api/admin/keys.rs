//! API keys over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::{actor, everywhere};
use super::commands::{expected, idempotency_key};
use crate::api::AppState;
use crate::api::body::json_object;
use crate::api::caller::Asking;
use crate::api::error::ApiError;
use crate::node::{Actor, ApiKey, NewKey, Role, Secret, Submission, TenantScope, What};

/// Shape: `{"roles": ["admin-write"], "tenants": ["fabrikam"], "principal":
/// "PartnerUser::\"ada\""}`; without `tenants`, every tenant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    roles: BTreeSet<Role>,
    tenants: Option<BTreeSet<String>>,
    principal: Option<String>,
}

/// `GET /v1/keys`: without their hashes.
///
/// # Errors
/// [`ApiError`] for a caller that is not for all tenants.
pub(super) async fn list(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
) -> Result<Response, ApiError> {
    let ledger = state.ledger()?;
    everywhere(&caller)?;
    let folded = ledger.folded();
    let keys: Vec<Value> = folded.keys.values().map(shown).collect();
    Ok(Json(json!({ "keys": keys })).into_response())
}

/// `POST /v1/keys`: the secret is in the answer, and nowhere else.
///
/// # Errors
/// [`ApiError`] for a caller that is no operator, a body that is no key, or an
/// `Idempotency-Key` that was used: the secret is not told twice.
pub(super) async fn create(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let (ledger, actor) = actor(&state, &caller, &headers)?;
    let body = json_object(&headers, &body)?;
    let wanted: Wanted = serde_json::from_value(Value::Object(body))
        .map_err(|error| ApiError::Member(format!("this is not a key: {error}")))?;
    let secret = Secret::draw().map_err(|error| ApiError::Internal {
        detail: error.to_string(),
    })?;
    let what = What::CreateKey {
        key: NewKey {
            roles: wanted.roles,
            tenants: wanted.tenants.map_or(TenantScope::All, TenantScope::Of),
            principal: wanted.principal,
        },
        id: secret.id(),
        sha256: secret.sha256(),
    };
    let written = ledger.submit(submission(actor, what, &headers)?).await?;
    let answer = json!({
        "id": secret.id(),
        "key": secret.reveal(),
        "revision": written.revision,
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// `DELETE /v1/keys/{id}`.
///
/// # Errors
/// [`ApiError`] for a caller that is no operator, or a key that is not there.
pub(super) async fn revoke(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (ledger, actor) = actor(&state, &caller, &headers)?;
    let Path(id) = path?;
    let submission = submission(actor, What::RevokeKey { id }, &headers)?;
    let written = ledger.submit(submission).await?;
    let answer = json!({ "revision": written.revision, "repeated": written.repeated });
    Ok(Json(answer).into_response())
}

fn submission(actor: Actor, what: What, headers: &HeaderMap) -> Result<Submission, ApiError> {
    Ok(Submission {
        actor,
        what,
        idempotency_key: idempotency_key(headers)?,
        expected: expected(headers)?,
    })
}

fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "roles": key.roles,
        "tenants": match &key.tenants {
            TenantScope::All => Value::Null,
            TenantScope::Of(tenants) => json!(tenants),
        },
        "principal": key.principal,
        "created": key.created.to_string(),
    })
}
