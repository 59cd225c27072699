//! The history: events as they were written, and what changed between revisions.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::auth::everywhere;
use crate::api::AppState;
use crate::api::caller::Asking;
use crate::api::error::ApiError;
use crate::log::Record;
use crate::node::{BUNDLE_TAKEN, KEY_KINDS, Moment, changed_between};

/// Events in one answer. Our choice.
const EVENTS_MAX: usize = 1_000;
/// Bytes of payloads after which an answer ends. Our choice.
const EVENTS_BYTES: usize = 8 << 20;

/// `GET /v1/events?after=N&limit=N&kind=K&about=ID`: events in order. `about` keeps
/// those that name an id, alone or at the end of a scope: the history of a thing.
/// `next` is the `after` of the next page, if there is one.
///
/// # Errors
/// [`ApiError`] for a caller that is not for all tenants, or for a number that is none.
pub(super) async fn events(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    query: Result<Query<BTreeMap<String, String>>, QueryRejection>,
) -> Result<Response, ApiError> {
    let ledger = state.ledger()?;
    everywhere(&caller)?;
    let Query(query) = query?;
    let after = number(&query, "after")?.unwrap_or(ledger.log().floor().seq);
    let limit = number(&query, "limit")?.map_or(EVENTS_MAX, |n| {
        usize::try_from(n)
            .unwrap_or(EVENTS_MAX)
            .clamp(1, EVENTS_MAX)
    });
    let (kind, about) = (query.get("kind").cloned(), query.get("about").cloned());
    let log = Arc::clone(ledger.log());
    let scanned = tokio::task::spawn_blocking(move || {
        let (mut events, mut bytes) = (Vec::new(), 0);
        // As JSON has it, so that an id is not found within another.
        let about = about.map(|id| {
            let id = Value::String(id).to_string();
            let end = id.strip_prefix('"').map(|rest| format!("/{rest}"));
            (id, end.unwrap_or_default())
        });
        log.scan(after, &mut |record| {
            let named = about.as_ref().is_none_or(|(id, end)| {
                record.payload.contains(id) || record.payload.contains(end)
            });
            if named && kind.as_ref().is_none_or(|kind| *kind == record.kind) {
                bytes += record.payload.len();
                events.push(event(record));
            }
            match events.len() < limit && bytes < EVENTS_BYTES {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        let full = events.len() >= limit || bytes >= EVENTS_BYTES;
        Ok::<_, crate::log::LogError>((events, full))
    });
    let events = scanned.await.map_err(|error| ApiError::Internal {
        detail: error.to_string(),
    })?;
    let (events, full) = events.map_err(crate::node::LedgerError::from)?;
    let last = events
        .last()
        .filter(|_| full)
        .map(|event| event["revision"].clone());
    Ok(Json(json!({ "events": events, "next": last })).into_response())
}

/// `GET /v1/revisions/{from}/diff/{to}`: the facts that differ.
///
/// # Errors
/// [`ApiError`] for a caller that is not for all tenants, or for revisions that the log does
/// not hold.
pub(super) async fn diff(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    path: Result<Path<(u64, u64)>, PathRejection>,
) -> Result<Response, ApiError> {
    let ledger = state.ledger()?;
    everywhere(&caller)?;
    let Path((from, to)) = path?;
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
        "payload": match record.kind.as_str() {
            // What is kept of a key is for nobody's eyes.
            kind if KEY_KINDS.contains(&kind) => json!({ "id": payload.get("id") }),
            // Its text fills pages; the log has it.
            BUNDLE_TAKEN => {
                json!({ "hash": payload.get("hash"), "profile": payload.get("profile") })
            }
            _ => payload,
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
