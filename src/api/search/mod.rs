//! Searches: who may, on what, and which actions; page by page.
//!
//! A page token carries where its page begins, and what the whole search was: its
//! question, its revision, its time. The state of that revision is pinned for as
//! long as a token for it lives, so that a write between two pages changes
//! neither. Deliberately not here: how things are found, which is the engine's.
//!
//! INVARIANT (one search): the pages that follow a first one are, put together,
//! exactly what the same search without pages would have answered then.

mod answer;
mod pins;
mod problem;
mod request;
mod routes;
mod token;

pub(super) use pins::Pins;
pub use pins::{PINNED_PAST_POINTS_MAX, PINNED_POINTS_MAX};
pub(super) use problem::PageProblem;
pub use request::{SEARCH_RESULTS_MAX, Sought};
pub(super) use routes::{search_action, search_resource, search_subject};
pub use token::PAGE_TOKEN_SECONDS;
pub(super) use token::Tokens;
