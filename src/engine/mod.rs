//! Decisions over any Cedar schema.
//!
//! A [`Snapshot`] holds a bundle, entities, links and standing policies at one
//! revision and never changes; [`decide`] answers one [`Request`] from it. Where
//! raw input becomes a checked request is [`intake`]. Why it was answered so is
//! [`explain`].
//!
//! Deliberately not here: any domain, any I/O, any clock. Today [`decide`] goes
//! to [`mod@reference`], which is cedar-policy itself; a compiled core takes its
//! place behind the same function and keeps the reference as its oracle.

mod change;
mod decide;
mod entities_json;
mod entity;
mod error;
pub mod explain;
mod input;
pub mod intake;
pub mod reference;
mod request;
mod snapshot;
mod store;
mod value;

pub use cedar_policy::EntityUid;
pub use change::{Change, Link, StandingPolicy};
pub use decide::{Decision, Effect, ErrorMode, Erroring, PolicyRef, decide};
pub use entities_json::parse_entities;
pub use entity::{EdgeKind, EntityData, display_uid, parse_uid, uid};
pub use error::{EngineError, Problem};
pub use input::{Input, InputError, JSON_DEPTH_MAX, Member};
pub use request::Request;
pub use snapshot::{Revision, Snapshot};
pub use store::Store;
pub use value::Value;
