//! What a log adds up to, written down, so that a start need not fold all of it.
//!
//! A checkpoint is a matter of speed: one that cannot be read is passed over, and
//! folding the log again gives the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiKey, Built, Folded, TakenBundle};
use crate::directory::world_file::{change_from_json, change_to_json, facts_in_order};
use crate::directory::{AzureRoles, Change, World};
use crate::log::Head;

/// The version of the form. One of another is passed over.
const VERSION: u32 = 1;

/// A checkpoint as it is read.
#[derive(Deserialize)]
struct Written {
    version: u32,
    at: Timestamp,
    seed: Option<String>,
    bundle: Option<TakenBundle>,
    keys: Vec<ApiKey>,
    changes: Vec<Value>,
}

/// Writes a state down.
pub(super) fn write(folded: &Folded) -> String {
    let facts = facts_in_order(&folded.world).into_iter();
    let changes = facts.map(|fact| change_to_json(&Change::Put(fact)));
    json!({
        "version": VERSION,
        "at": folded.at,
        "seed": folded.seed,
        "bundle": folded.bundle.as_ref().map(|(taken, _)| taken.as_ref()),
        "keys": folded.keys.values().collect::<Vec<_>>(),
        "changes": changes.collect::<Vec<_>>(),
    })
    .to_string()
}

/// Reads a state; none if it is of another version, or does not read.
pub(super) fn read(head: Head, bytes: &[u8]) -> Option<Folded> {
    let written: Written = serde_json::from_slice(bytes).ok()?;
    if written.version != VERSION {
        return None;
    }
    let bundle = match written.bundle {
        None => None,
        Some(taken) => {
            let built = taken.build().ok()?;
            Some((Arc::new(taken), Ok(built)))
        }
    };
    let built = bundle
        .as_ref()
        .and_then(|(_, built): &(_, Built)| built.as_ref().ok());
    let roles = built.map(|built| AzureRoles::of(built));
    let mut world = World::new(roles.unwrap_or_default());
    for change in &written.changes {
        world.replay(change_from_json(change).ok()?).ok()?;
    }
    let keys = written.keys.into_iter();
    let keys: BTreeMap<String, ApiKey> = keys.map(|key| (key.sha256.clone(), key)).collect();
    Some(Folded {
        head,
        at: written.at,
        world,
        bundle,
        seed: written.seed,
        keys: Arc::new(keys),
    })
}
