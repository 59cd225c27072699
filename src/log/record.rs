//! What is given to the log, what it keeps of it, and the hash over that.
//!
//! INVARIANT (encoding): the bytes that are hashed are the same for ever; each
//! text goes in after its length, so that no two records share them. A time is
//! hashed as a number, so that it does not matter how it is printed. The record
//! that `tests/corpus/log/v1` keeps holds this code to it.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Hash, Payload};

/// Bytes of an actor, a kind or an idempotency key. Our choice.
pub const NAME_BYTES_MAX: usize = 1024;

/// Begins what is hashed, so that no other hash of this program is mistaken for
/// a record's.
const TAG: &[u8] = b"aobo event v1\0";

/// An event that is to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When it happened, by the writer's clock.
    pub at: Timestamp,
    /// Who did it: `admin@fabrikam.example`. From 1 to [`NAME_BYTES_MAX`] bytes,
    /// no control characters.
    pub actor: String,
    /// What it is: `relationship.put`. As `actor`.
    pub kind: String,
    /// What it holds. Kept byte for byte.
    pub payload: Payload,
    /// The version of the payload's form, for its readers.
    pub version: u32,
    /// Names this one event, so that it is not appended twice. As `actor`.
    pub idempotency_key: Option<String>,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its position: from 1, without gaps.
    pub seq: u64,
    /// As in [`Draft`].
    pub at: Timestamp,
    /// As in [`Draft`].
    pub actor: String,
    /// As in [`Draft`].
    pub kind: String,
    /// The text of the [`Payload`].
    pub payload: String,
    /// As in [`Draft`].
    pub version: u32,
    /// As in [`Draft`].
    pub idempotency_key: Option<String>,
    /// The hash of the record before it; [`Hash::ZERO`] for the first.
    pub previous: Hash,
    /// The hash over all of the above.
    pub hash: Hash,
}

/// A position in the log: a record's number and hash, and so all that precedes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The record's number; 0 before the first.
    pub seq: u64,
    /// Its hash; [`Hash::ZERO`] before the first.
    pub hash: Hash,
}

impl Head {
    /// Before the first record: the head of an empty log.
    pub const START: Self = Self {
        seq: 0,
        hash: Hash::ZERO,
    };
}

impl Draft {
    /// Whether a log would keep it.
    ///
    /// # Errors
    /// What keeps it out.
    pub fn check(&self) -> Result<(), String> {
        self.problem().map_or(Ok(()), Err)
    }

    /// What keeps it out of the log, if anything does.
    pub(super) fn problem(&self) -> Option<String> {
        let key = self.idempotency_key.as_deref();
        let names = [
            ("actor", Some(self.actor.as_str())),
            ("kind", Some(self.kind.as_str())),
            ("idempotency key", key),
        ];
        let mut problems = names.into_iter().filter_map(|(what, name)| {
            let problem = name_problem(name?)?;
            Some(format!("its {what} {problem}"))
        });
        problems.next()
    }
}

fn name_problem(name: &str) -> Option<String> {
    match name {
        "" => Some("is empty".to_owned()),
        _ if name.len() > NAME_BYTES_MAX => Some(format!(
            "has {} bytes; at most {NAME_BYTES_MAX} are kept",
            name.len()
        )),
        _ if name.contains(char::is_control) => Some("holds a control character".to_owned()),
        _ => None,
    }
}

impl Record {
    /// The record that a draft becomes after `previous`.
    pub(super) fn after(previous: Head, draft: Draft) -> Self {
        let mut record = Self {
            seq: previous.seq.saturating_add(1),
            at: draft.at,
            actor: draft.actor,
            kind: draft.kind,
            payload: draft.payload.into_string(),
            version: draft.version,
            idempotency_key: draft.idempotency_key,
            previous: previous.hash,
            hash: Hash::ZERO,
        };
        record.hash = record.computed_hash();
        record
    }

    /// Of no use but to be read into.
    pub(super) fn blank() -> Self {
        Self {
            seq: 0,
            at: Timestamp::UNIX_EPOCH,
            actor: String::new(),
            kind: String::new(),
            payload: String::new(),
            version: 0,
            idempotency_key: None,
            previous: Hash::ZERO,
            hash: Hash::ZERO,
        }
    }

    /// The position after it.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash,
        }
    }

    /// What its hash must be.
    #[must_use]
    pub fn computed_hash(&self) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(TAG);
        hasher.update(self.seq.to_be_bytes());
        hasher.update(self.at.as_nanosecond().to_be_bytes());
        hasher.update(self.version.to_be_bytes());
        for text in [&self.actor, &self.kind, &self.payload] {
            put(&mut hasher, text);
        }
        match &self.idempotency_key {
            None => hasher.update([0]),
            Some(key) => {
                hasher.update([1]);
                put(&mut hasher, key);
            }
        }
        hasher.update(self.previous.0);
        Hash(hasher.finalize().into())
    }
}

fn put(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_be_bytes());
    hasher.update(text);
}
