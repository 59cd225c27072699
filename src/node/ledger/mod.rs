//! A decision point whose facts come from a log.
//!
//! A [`Ledger`] owns the log and is the only one that writes it. What is written
//! goes one way: a command is allowed by the policies, planned against the world,
//! taken by the engine, made durable, and only then seen by anybody. Concurrent
//! writers are collected: one commit and one published state a group.
//!
//! A revision is a position in the log. It names facts and policies: every bundle
//! taken into use is an event too.
//!
//! INVARIANT (replay): the state at a revision is what folding the events up to
//! it yields, whoever folds them and when.
//! INVARIANT (durable first): no reader sees a state whose event is not durable.

mod answer;
mod apply;
mod bundle;
mod checkpoint;
mod error;
mod event;
mod floor;
mod folded;
mod group;
mod ids;
mod keys;
mod next;
mod open;
mod past;
mod scan;
mod stand;
mod submit;
mod walk;
mod writer;

pub use answer::Written;
pub use bundle::TakenBundle;
pub use error::LedgerError;
pub use event::{BUNDLE_TAKEN, EventKind, KEY_KINDS, PAYLOAD_VERSION};
pub use floor::{compact, floor_state};
pub use folded::{Built, Folded};
pub use ids::RandomIds;
pub use keys::{ApiKey, KEY_PREFIX, NewKey, Role, Secret, TenantScope};
pub use next::NextBundle;
pub(crate) use open::STARTER;
pub use open::{Choice, Settings};
pub use past::{Moment, PastPoint, changed_between, moment};
pub use submit::{Actor, Ledger, Submission, What};
pub use walk::Walk;
