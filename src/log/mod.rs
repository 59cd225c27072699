//! Ordered durable events: the log that a decision point's facts are folded from.
//!
//! A [`Log`] holds records numbered from 1 without gaps, each carrying the hash
//! of the one before it. Acknowledged means durable: when [`Log::append`] has
//! returned, the records survive the process and the power. What was acknowledged
//! reads back byte for byte, or reading fails and says where.
//!
//! Backends: [`Sqlite`], embedded, one process that writes; [`Memory`], for tests
//! and for servers that are to forget. A shared backend goes beside them, as
//! `postgres/`, behind the same trait; `tests/it/log/conformance.rs` is what each
//! must pass. On top of the trait, for any backend: [`export`], [`import`],
//! [`compact`].
//!
//! Deliberately not here: what the payloads mean, the clock (a draft brings its
//! time), and the collecting of concurrent writers into one append.

mod backend;
mod chain;
mod compact;
mod error;
mod floor;
mod hash;
mod json_lines;
mod memory;
mod payload;
mod record;
mod sqlite;

pub use backend::{
    CHECKPOINT_PART_BYTES_MAX, CHECKPOINTS_KEPT, Checkpoint, FloorState, Log, Verified,
};
pub use compact::{compact, compactable};
pub use error::LogError;
pub use floor::Entry;
pub use hash::Hash;
pub use json_lines::{LINE_BYTES_MAX, export, import};
pub use memory::Memory;
pub use payload::{Json, PAYLOAD_BYTES_MAX, Payload};
pub use record::{Draft, Head, NAME_BYTES_MAX, Record};
pub use sqlite::{Faults, Sqlite, Step};
