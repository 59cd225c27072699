//! Why a question was answered so: which clauses held, which did not, and the
//! path of facts behind those that did.
//!
//! The decision is taken as it is; nothing here decides. Each clause of a policy
//! is evaluated by itself with the reference evaluator, so that an explanation
//! cannot disagree with the policy's text, over the few entities that it can look at
//! (`explain/ground.rs`), so that the size of the world is nothing to it. The layers (`@layer`) and the words
//! for what is missing (`@lacking`) come from the schema: a clause belongs to
//! the declaration that it reads.

mod asking;
mod clause;
mod ground;
mod path;
mod report;

pub use path::Hop;
pub use report::{ClauseReport, Explanation, Outcome, PolicyReport, Unlinked, explain};
