//! What measurements decide on: one synthetic partner channel, of any size,
//! that `aobo bench`, the benches and the tests share.
//!
//! A [`Workload`] is a seed and a number of customers. Everything else follows
//! from them: each customer is planned from its index alone, so that changes,
//! facts and questions come lazily and no list of customers is ever held. What
//! is measured on it, with which clock, is in [`mod@bench`]. Deliberately not here:
//! the directory's projection, which a test compares with this independent way to
//! the same changes.
//!
//! INVARIANT (same world): the changes that a workload yields are the projection
//! of the facts that it yields, plus the scopes below its subscriptions.

mod ahead;
pub mod bench;
mod crowd;
mod facts;
mod ids;
mod model;
mod plan;
mod question;
mod random;
mod state;
mod topic;
mod update;
mod workload;
mod world_file;

pub use crowd::Crowd;
pub use question::{NOW, Question, Questions, Spread};
pub use update::{Update, UpdateKind};
pub use workload::Workload;
