//! The events of the log, and the forms of those that no command makes.
//!
//! A command's event holds the changes that it made (see
//! [`crate::directory::event_payload`]), so that folding it runs no command again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ApiKey, LedgerError, TakenBundle};
use crate::directory::Change;
use crate::directory::command::event_changes;
use crate::log::{Payload, Record};

/// The version of the payloads that are written now. Older ones stay readable:
/// `tests/corpus/log` has a recorded file of each.
pub const PAYLOAD_VERSION: u32 = 1;

/// What an event is, told by its kind.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// A bundle was taken into use.
    BundleTaken(Box<TakenBundle>),
    /// Facts of a world file came into an empty log.
    WorldSeeded(Seed),
    /// An API key was made.
    KeyCreated(ApiKey),
    /// An API key was revoked, by id.
    KeyRevoked(String),
    /// A command was carried out.
    Changed(Vec<Change>),
}

/// What a world file brought; a large one in several events.
#[derive(Debug, Clone)]
pub struct Seed {
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Its facts, or some of them.
    pub changes: Vec<Change>,
}

#[derive(Serialize, Deserialize)]
struct Revoked {
    id: String,
}

/// The kind of the event by which policies come into use.
pub const BUNDLE_TAKEN: &str = "bundle.taken";
pub(super) const WORLD_SEEDED: &str = "world.seeded";
pub(super) const KEY_CREATED: &str = "key.created";
pub(super) const KEY_REVOKED: &str = "key.revoked";
/// Kinds of events about API keys, whose payloads hold hashes of keys.
pub const KEY_KINDS: [&str; 2] = [KEY_CREATED, KEY_REVOKED];

impl EventKind {
    /// Reads a record.
    ///
    /// # Errors
    /// [`LedgerError::Event`] if its payload is not of its kind's form, or of a
    /// version that this program does not know.
    pub fn of(record: &Record) -> Result<Self, LedgerError> {
        let bad = |what: String| LedgerError::Event {
            seq: record.seq,
            kind: record.kind.clone(),
            what,
        };
        if record.version > PAYLOAD_VERSION {
            return Err(bad(format!(
                "its form is version {}, and this program reads up to {PAYLOAD_VERSION}; use a newer one",
                record.version
            )));
        }
        let json = |error: serde_json::Error| bad(error.to_string());
        let payload = record.payload.as_str();
        let value = || serde_json::from_str::<Value>(payload).map_err(json);
        let changes = |value: &Value| event_changes(value).map_err(|e| bad(e.to_string()));
        Ok(match record.kind.as_str() {
            BUNDLE_TAKEN => Self::BundleTaken(serde_json::from_str(payload).map_err(json)?),
            KEY_CREATED => Self::KeyCreated(serde_json::from_str(payload).map_err(json)?),
            KEY_REVOKED => {
                let Revoked { id } = serde_json::from_str(payload).map_err(json)?;
                Self::KeyRevoked(id)
            }
            WORLD_SEEDED => {
                let value = value()?;
                let sha256 = value.get("sha256").and_then(Value::as_str);
                let sha256 = sha256.ok_or_else(|| bad("it names no `sha256`".to_owned()))?;
                Self::WorldSeeded(Seed {
                    sha256: sha256.to_owned(),
                    changes: changes(&value)?,
                })
            }
            _ => Self::Changed(changes(&value()?)?),
        })
    }
}

/// The payload of a key that is revoked.
pub(super) fn revoked(id: &str) -> Result<Payload, String> {
    Payload::of(&Revoked { id: id.to_owned() })
}
