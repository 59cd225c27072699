//! The history: events as they were written, and what changed between revisions.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::auth::{reader, within};
use crate::api::AppState;
use crate::api::error::ApiError;
use crate::log::Record;
use crate::node::{KEY_KINDS, Moment, changed_between};

/// Events in one answer. Our choice.
const EVENTS_MAX: usize = 1_000;

/// `GET /v1/events?after=N&limit=N&kind=K&about=TEXT`: events in order. `about`
/// keeps those whose payload names an id: the history of a thing.
///
/// # Errors
/// [`ApiError`] without a key for all tenants, or for a number that is none.
pub(super) async fn events(
    State(state): State<Arc<AppState>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (ledger, key) = reader(&state, &headers)?;
    within(&key, "")?;
    let after = number(&query, "after")?.unwrap_or(ledger.log().floor().seq);
    let limit = number(&query, "limit")?.map_or(EVENTS_MAX, |n| {
        usize::try_from(n)
            .unwrap_or(EVENTS_MAX)
            .clamp(1, EVENTS_MAX)
    });
    let (kind, about) = (query.get("kind").cloned(), query.get("about").cloned());
    let log = Arc::clone(ledger.log());
    let scanned = tokio::task::spawn_blocking(move || {
        let mut events = Vec::new();
        // As JSON has it, so that an id is not found within another.
        let about = about.map(|id| Value::String(id).to_string());
        log.scan(after, &mut |record| {
            let named = about.as_ref().is_none_or(|id| record.payload.contains(id));
            if named && kind.as_ref().is_none_or(|kind| *kind == record.kind) {
                events.push(event(record));
            }
            match events.len() < limit {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        Ok::<_, crate::log::LogError>(events)
    });
    let events = scanned.await.map_err(|error| ApiError::Internal {
        detail: error.to_string(),
    })?;
    let events = events.map_err(crate::node::LedgerError::from)?;
    Ok(Json(json!({ "events": events })).into_response())
}

/// `GET /v1/revisions/{from}/diff/{to}`: the facts that differ.
///
/// # Errors
/// [`ApiError`] without a key for all tenants, or for revisions that the log does
/// not hold.
pub(super) async fn diff(
    State(state): State<Arc<AppState>>,
    Path((from, to)): Path<(u64, u64)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (ledger, key) = reader(&state, &headers)?;
    within(&key, "")?;
    let compared = tokio::task::spawn_blocking(move || {
        let from = ledger.at(Moment::Revision(from))?;
        let to = ledger.at(Moment::Revision(to))?;
        Ok::<_, crate::node::LedgerError>(changed_between(&from.point, &to.point))
    });
    let changes = compared.await.map_err(|error| ApiError::Internal {
        detail: error.to_string(),
    })??;
    Ok(Json(json!({ "from": from, "to": to, "changes": changes })).into_response())
}

fn event(record: &Record) -> Value {
    let payload = serde_json::from_str::<Value>(&record.payload).unwrap_or_default();
    json!({
        "revision": record.seq,
        "at": record.at.to_string(),
        "actor": record.actor,
        "kind": record.kind,
        "hash": record.hash.to_string(),
        // What is kept of a key is for nobody's eyes.
        "payload": match KEY_KINDS.contains(&record.kind.as_str()) {
            true => json!({ "id": payload.get("id") }),
            false => payload,
        },
    })
}

fn number(query: &BTreeMap<String, String>, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    let number = text.parse();
    number
        .map(Some)
        .map_err(|_| ApiError::Member(format!("`{name}` must be a whole number")))
}
