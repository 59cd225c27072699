//! What holds of every world, every question and every policy, tried on many.
//!
//! Worlds, questions and policies are generated from seeds, so that each run
//! tries the same; how many follows `AOBO_TEST_SCALE`. What should hold is
//! computed from the facts, never from the policies.

mod changes;
pub(crate) mod facts;
mod failures;
mod questions;
mod tenants;
mod trees;
