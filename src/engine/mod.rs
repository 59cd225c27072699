//! Decisions over any Cedar schema: policies compiled, facts interned.
//!
//! A [`Snapshot`] holds a bundle, what was compiled from it, and facts at one
//! revision, and never changes; [`decide`] answers one [`Request`] from it. Where
//! raw input becomes a checked request is [`intake`]; why it was answered so,
//! [`explain`]. Deliberately not here: any domain, any I/O, any clock.
//!
//! # The way of a question
//!
//! ```text
//! Bundle ──compile──▶ Program: for each principal type × action × resource type,
//!                     the policies that can apply, as graphs of tests
//! Changes ──────────▶ State: rows of cells, memberships, links, by dense numbers
//!
//! Request ──▶ Query (two look-ups of ids) ──▶ Outcome (handles) ──▶ Decision (names)
//!                                    │
//!                                    ├─ the static policies of the environment
//!                                    ├─ links at the resource and the scopes above it
//!                                    └─ standing policies at those scopes
//! ```
//!
//! [`decide`] goes the whole way. A plain question has a shorter one, from how it was
//! asked to its query with no request between ([`intake::direct()`]). Who decides often
//! interns once ([`Query`]) and stays with [`Outcome`]s; [`decide_batch`] does so for many
//! at a time.
//!
//! # Why it is fast, and what keeps it right
//!
//! * **Compiled per environment.** The types of principal and resource and the
//!   action settle most of a policy before any question comes: scopes, `is`,
//!   `action in`, branches that cannot be come to. What is left is lowered from
//!   Cedar's public syntax tree to a small typed form and then to a graph of tests
//!   (`compile/graph.rs`), each with the node to go on at; what is no simple test is
//!   code with jumps over a stack whose depth is known. Nothing recurses, so an
//!   answer never depends on a thread's stack. A test that several policies of an
//!   environment ask is asked once a question; the patterns of one text are one
//!   test.
//! * **Rows.** Entities of a type stand in segments of 16,384 rows; an attribute
//!   is a cell at a place that the schema settles (`state/layout.rs`). An entity's
//!   number is its segment and row, so a look at an attribute is one look into
//!   memory. What is many at an entity (members, links, elements of sets) is one
//!   sorted list of 64-bit entries (`state/lists.rs`), and the row says where.
//! * **Memory is asked for ahead.** In a large world a decision waits for memory more
//!   than it computes. Which rows and lists a question comes to, its environment
//!   knows; they are asked for together, and in a batch for the questions that come
//!   next (`ahead.rs`).
//! * **Links are data.** A link stands at its resource and at its principal. A
//!   decision looks only at the scopes above its own resource, from the side where
//!   there is less: links elsewhere cost it nothing. What a template asks besides
//!   its slots is run once a question.
//! * **Membership is kept, not searched.** Every row has all its ancestors, kept
//!   as edges come and go; very many parents of one type are not handed down but
//!   found from above (`state/hierarchy.rs`).
//! * **Snapshots share.** A write copies the rows it touches and a short path to
//!   them; readers of older snapshots take no lock and see no change. The
//!   writes of a group copy them once ([`Snapshot::advanced`]), and a state that is
//!   built from nothing is written in place and packed at the end
//!   (`state/open.rs`).
//! * **Searches are an index, then a check** (`search.rs`): each candidate is
//!   decided like any other question.
//!
//! INVARIANT (same as Cedar): effect, determining and erroring policies are those
//! of `cedar_policy::Authorizer` on the same facts, but for the declared
//! difference of [`ErrorMode::Strict`]. [`mod@reference`] is cedar-policy itself,
//! the oracle; `tests/it/differential` compares the two on generated schemas,
//! policies, facts and requests, and `aobo test` on Cedar's own corpus.
//! INVARIANT (nothing half-taken): [`Snapshot::next`] takes changes whole or not at
//! all, and the snapshot it was called on stays as it is.
//! INVARIANT (incremental): the state after any changes is that of the same facts
//! taken in afresh.
//!
//! # What is left to cedar-policy
//!
//! All of Cedar is lowered. A policy that is not (one without a public syntax
//! tree, say a call with a wrong number of arguments in a branch that is never
//! come to) goes through the reference evaluator alone, and
//! [`Snapshot::not_lowered`] names it. So does a question that brings a stored
//! entity along with other parents than the stored ones. [`explain`] evaluates
//! clauses with cedar-policy, over the few entities that they can look at.
//!
//! # Where to look
//!
//! | | |
//! |---|---|
//! | `state/` | rows, ids, lists, memberships, links; checking values as they go in |
//! | `compile/` | syntax tree to typed form to graph and code; where a search begins |
//! | `eval/` | walking graphs, running code |
//! | `query.rs`, `outcome.rs`, `decide.rs` | from a request to a decision |
//! | `ahead.rs`, `state/ahead.rs` | memory that is asked for before it is needed |
//! | `search.rs`, `batch.rs` | many at a time |
//! | `snapshot.rs` | revisions |
//! | `intake.rs`, `intake/extension.rs`, `input.rs` | raw questions to requests |
//! | `intake/direct.rs`, `intake/placed.rs` | plain questions to queries; about what nobody stores |

mod ahead;
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

pub(crate) use batch::AHEAD;
pub use batch::{decide_batch, intern_batch};
pub use cedar_policy::EntityUid;
pub use change::{Change, Link, StandingPolicy};
pub use decide::{Decision, Effect, ErrorMode, Erroring, PolicyRef, decide};
pub use entities_json::{each_entity, parse_entities};
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
