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

mod batch;
mod canonical;
mod change;
mod compile;
mod decide;
mod entities_json;
mod entity;
mod error;
mod eval;
pub mod explain;
mod extension;
mod input;
pub mod intake;
mod outcome;
mod query;
pub mod reference;
mod request;
mod search;
mod snapshot;
mod standing;
mod state;
mod value;

pub use batch::{decide_batch, intern_batch};
pub use cedar_policy::EntityUid;
pub use change::{Change, Link, StandingPolicy};
pub use decide::{Decision, Effect, ErrorMode, Erroring, PolicyRef, decide};
pub use entities_json::parse_entities;
pub use entity::{EdgeKind, EntityData, display_uid, parse_uid, uid};
pub use error::{EngineError, Problem};
pub use input::{Input, InputError, JSON_DEPTH_MAX, Member};
pub use outcome::Outcome;
pub use query::Query;
pub use request::Request;
pub use search::{Found, Page, Searched, search};
pub use snapshot::{Revision, Snapshot};
pub use state::Facts;
pub use value::Value;
