//! What archived events add up to, in the form that every later version reads: a
//! compacted log begins there.
//!
//! Not a checkpoint, which is a cache in whatever form this program is fastest
//! with. The parts of a state, in order, each one JSON object:
//!
//! ```json
//! {"version":1,"at":"2026-01-01T00:00:00Z","seed":"5f…"}
//! {"bundle":{"hash":"9a…","profile":"seed","schema":{…},"policies":[…]}}
//! {"key":{"id":"3f2a91…","sha256":"…","roles":["decide"],…}}
//! {"put":{"partners":{"fabrikam":{…}}}}
//! ```
//!
//! `at` is when the last of the events was written; `seed` is the SHA-256 of the
//! world file that the log began with, or null. There is a `bundle` if policies
//! were in use, a `key` for each API key and a `put` for each fact. What they hold
//! has the form that it has in events (`bundle.taken`, `key.created`, changes), so
//! that one reader serves both.
//!
//! INVARIANT (form): a part that was written in a version stays readable;
//! `tests/corpus/log` has a recorded file. Another form gets another `version`.
//! INVARIANT (vouched): the facts were those of a world that took each of them, and
//! the log verifies that they are what was written. They are not checked again.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ApiKey, Folded, LedgerError, TakenBundle};
use crate::directory::Change;
use crate::directory::world_file::{change_form, change_from_json};
use crate::log::{self, FloorState, Json, Log, LogError, Payload, Verified};

/// The version of the form, that of what the parts hold included: it goes up with
/// [`super::PAYLOAD_VERSION`], and this program then reads both.
const VERSION: u32 = 1;

/// The first part.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beginning {
    version: u32,
    at: Timestamp,
    seed: Option<String>,
}

/// Moves the records before a revision from a log into a new file, and leaves in
/// their place what they add up to. Answers what was archived. See
/// [`crate::log::compact`].
///
/// # Errors
/// [`LedgerError::Log`] as [`crate::log::compact`]; whatever keeps the records from
/// being folded, and then nothing was touched.
pub fn compact(log: &dyn Log, before: u64, archive: &Path) -> Result<Verified, LedgerError> {
    let last = log::compactable(log, before)?;
    log.writable()?;
    let folded = Folded::replay(log, last)?;
    Ok(log::compact(log, archive, floor_state(&folded))?)
}

/// A state as a log keeps it at its floor.
#[must_use]
pub fn floor_state(folded: &Folded) -> FloorState<'_> {
    let beginning = Payload::of(&Beginning {
        version: VERSION,
        at: folded.at,
        seed: folded.seed.clone(),
    });
    let bundle = folded.bundle.as_ref();
    let bundle = bundle.map(|(taken, _)| member("bundle", taken.as_ref()));
    let keys = folded.keys.values().map(|key| member("key", key));
    let facts = folded.world.facts();
    let facts = facts.map(|fact| Payload::of(&change_form(&Change::Put(fact))));
    let parts = std::iter::once(beginning).chain(bundle).chain(keys);
    let parts = parts.chain(facts).map(|part| {
        part.map_err(|what| LogError::NotCompactable {
            what: format!("a part of its state {what}"),
        })
    });
    FloorState {
        at: folded.head,
        parts: Box::new(parts),
    }
}

fn member(name: &'static str, value: &impl Serialize) -> Result<Payload, String> {
    Payload::object([(name, &Json::of(value)?)])
}

/// The state at a log's floor; `None` if there is none to begin at.
///
/// # Errors
/// [`LedgerError::Log`] if it is damaged, [`LedgerError::Floor`] if a part has a
/// form that this program does not know.
pub(super) fn read(log: &dyn Log) -> Result<Option<Folded>, LedgerError> {
    let Some(FloorState { at, mut parts }) = log.floor_state()? else {
        return Ok(None);
    };
    let bad = |what: String| LedgerError::Floor { seq: at.seq, what };
    let first = parts
        .next()
        .ok_or_else(|| bad("it is empty".to_owned()))??;
    let first = serde_json::from_str(&first).map_err(|error| bad(error.to_string()))?;
    let mut folded = begin(first).map_err(bad)?;
    for part in parts {
        put(&mut folded, &part?).map_err(bad)?;
    }
    folded.head = at;
    Ok(Some(folded))
}

fn begin(first: Value) -> Result<Folded, String> {
    // The version first: whatever else a newer form has, that is what it says.
    let version = first.get("version").and_then(Value::as_u64);
    if version != Some(VERSION.into()) {
        let found = version.map_or("unknown".to_owned(), |version| version.to_string());
        return Err(format!(
            "its form is version {found}, and this program reads {VERSION}; use a newer one"
        ));
    }
    let first: Beginning = serde_json::from_value(first).map_err(|error| error.to_string())?;
    let mut folded = Folded::empty();
    folded.at = first.at;
    folded.seed = first.seed;
    Ok(folded)
}

fn put(folded: &mut Folded, part: &Payload) -> Result<(), String> {
    let value: Value = serde_json::from_str(part).map_err(|error| error.to_string())?;
    let members = value.as_object().filter(|members| members.len() == 1);
    let member = members.and_then(|members| members.iter().next());
    match member.map(|(name, value)| (name.as_str(), value)) {
        Some(("bundle", taken)) => {
            let taken = TakenBundle::deserialize(taken).map_err(|error| error.to_string())?;
            folded.take(Box::new(taken));
        }
        Some(("key", key)) => {
            let key = ApiKey::deserialize(key).map_err(|error| error.to_string())?;
            Arc::make_mut(&mut folded.keys).insert(key.sha256.clone(), key);
        }
        Some(("put", _)) => match change_from_json(&value).map_err(|error| error.to_string())? {
            Change::Put(fact) => folded.world.restore(fact),
            Change::Remove(_) => return Err("a state takes nothing away".to_owned()),
        },
        _ => return Err("it holds a part of a kind that is not known".to_owned()),
    }
    Ok(())
}
