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
use super::wanted::Wanted;
use crate::api::AppState;
use crate::api::caller::Asking;
use crate::api::error::ApiError;
use crate::log::{Log, LogError, Record};
use crate::node::{BUNDLE_TAKEN, KEY_KINDS, Moment, changed_between};

/// Events in one answer. Our choice.
const EVENTS_MAX: usize = 1_000;
/// Bytes of payloads after which an answer ends. Our choice.
const EVENTS_BYTES: usize = 8 << 20;
/// Events that are looked at for one answer. Our choice: some tenths of a second.
const LOOKED_AT_MAX: usize = 100_000;
/// Bytes of their payloads after which an answer ends. Our choice: as long.
const LOOKED_AT_BYTES: usize = 64 << 20;

/// `GET /v1/events?after=N&limit=N&kind=K&actor=A&about=ID`, or with
/// `partner=P&customer=C`: events in order, those that are all that is asked for.
/// `about` is the history of a thing, the two parties that of their relationship.
/// `next` is the `after` of the next page, if there is more to look at; a page may be
/// empty before that.
///
/// # Errors
/// [`ApiError`] for a caller that is not for all tenants, for a number that is none, or
/// one party of a relationship.
pub(super) async fn events(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    query: Result<Query<BTreeMap<String, String>>, QueryRejection>,
) -> Result<Response, ApiError> {
    let ledger = state.ledger()?;
    everywhere(&caller)?;
    let Query(query) = query?;
    let after = number(&query, "after")?.unwrap_or(ledger.log().floor().seq);
    let events = number(&query, "limit")?.map_or(EVENTS_MAX, |n| {
        usize::try_from(n)
            .unwrap_or(EVENTS_MAX)
            .clamp(1, EVENTS_MAX)
    });
    let wanted = Wanted::of(&query)?;
    let log = Arc::clone(ledger.log());
    let room = Room {
        events,
        events_bytes: EVENTS_BYTES,
        looked_at: LOOKED_AT_MAX,
        looked_at_bytes: LOOKED_AT_BYTES,
    };
    let scanned = tokio::task::spawn_blocking(move || page(&*log, after, &wanted, room));
    let page = scanned.await.map_err(|error| ApiError::Internal {
        detail: error.to_string(),
    })?;
    let (events, next) = page.map_err(crate::node::LedgerError::from)?;
    Ok(Json(json!({ "events": events, "next": next })).into_response())
}

/// What is left of a page.
struct Room {
    events: usize,
    events_bytes: usize,
    looked_at: usize,
    looked_at_bytes: usize,
}

impl Room {
    fn is_left(&self) -> bool {
        let left = [
            self.events,
            self.events_bytes,
            self.looked_at,
            self.looked_at_bytes,
        ];
        left.iter().all(|left| *left > 0)
    }
}

/// The events after a revision that are wanted, as far as there is room, and the last
/// revision that was looked at if there was no more.
fn page(
    log: &dyn Log,
    after: u64,
    wanted: &Wanted,
    mut room: Room,
) -> Result<(Vec<Value>, Option<u64>), LogError> {
    let (mut events, mut next) = (Vec::new(), None);
    log.scan(after, &mut |record| {
        let bytes = record.payload.len().max(1);
        room.looked_at -= 1;
        room.looked_at_bytes = room.looked_at_bytes.saturating_sub(bytes);
        if wanted.may_be(record) {
            let shown = shown(record);
            if wanted.is_in(&shown) {
                room.events -= 1;
                room.events_bytes = room.events_bytes.saturating_sub(bytes);
                events.push(event(record, shown));
            }
        }
        match room.is_left() {
            true => ControlFlow::Continue(()),
            false => {
                next = Some(record.seq);
                ControlFlow::Break(())
            }
        }
    })?;
    Ok((events, next))
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

/// What an answer shows of a payload.
fn shown(record: &Record) -> Value {
    let payload = serde_json::from_str::<Value>(&record.payload).unwrap_or_default();
    match record.kind.as_str() {
        // What is kept of a key is for nobody's eyes.
        kind if KEY_KINDS.contains(&kind) => json!({ "id": payload.get("id") }),
        // Its text fills pages; the log has it.
        BUNDLE_TAKEN => {
            json!({ "hash": payload.get("hash"), "profile": payload.get("profile") })
        }
        _ => payload,
    }
}

fn event(record: &Record, shown: Value) -> Value {
    json!({
        "revision": record.seq,
        "at": record.at.to_string(),
        "actor": record.actor,
        "kind": record.kind,
        "hash": record.hash.to_string(),
        "payload": shown,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Draft, Memory, Payload};

    /// The revisions of a page, and its `next`.
    fn asked(log: &Memory, after: u64, room: Room) -> (Vec<u64>, Option<u64>) {
        let query = BTreeMap::from([("about".to_owned(), "mia".to_owned())]);
        let (events, next) = page(log, after, &Wanted::of(&query).unwrap(), room).unwrap();
        let revisions = events
            .iter()
            .map(|event| event["revision"].as_u64().unwrap());
        (revisions.collect(), next)
    }

    #[test]
    fn a_page_ends_where_its_room_does_and_the_next_goes_on_there() {
        let log = Memory::new();
        for n in 1..=9 {
            let user = if n % 4 == 0 { "mia" } else { "rex" };
            let draft = Draft {
                at: jiff::Timestamp::UNIX_EPOCH,
                actor: "the test".to_owned(),
                kind: "user.put".to_owned(),
                payload: Payload::of(&json!({ "user": user })).unwrap(),
                version: 1,
                idempotency_key: None,
            };
            log.append(log.head(), &[draft]).unwrap();
        }
        let room = || Room {
            events: 5,
            events_bytes: 1_000,
            looked_at: 100,
            looked_at_bytes: 1_000,
        };
        assert_eq!(asked(&log, 0, room()), (vec![4, 8], None));
        let one = |events| Room { events, ..room() };
        assert_eq!(asked(&log, 0, one(1)), (vec![4], Some(4)));
        assert_eq!(asked(&log, 4, one(1)), (vec![8], Some(8)));
        assert_eq!(asked(&log, 8, one(1)), (vec![], None));
        let looked_at = |looked_at| Room {
            looked_at,
            ..room()
        };
        assert_eq!(asked(&log, 0, looked_at(3)), (vec![], Some(3)));
        assert_eq!(asked(&log, 3, looked_at(3)), (vec![4], Some(6)));
        let bytes = json!({"user": "mia"}).to_string().len();
        let looked_at_bytes = Room {
            looked_at_bytes: 2 * bytes,
            ..room()
        };
        assert_eq!(asked(&log, 0, looked_at_bytes), (vec![], Some(2)));
        let events_bytes = Room {
            events_bytes: bytes,
            ..room()
        };
        assert_eq!(asked(&log, 0, events_bytes), (vec![4], Some(4)));
    }
}
