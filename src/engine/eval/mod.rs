//! Running code over rows.
//!
//! INVARIANT (Cedar's meaning): a code yields what cedar-policy's evaluator
//! yields for the condition it was lowered from, failure included; the
//! differential tests hold it to that. It takes no more stack for a deep policy
//! than for a flat one.

mod above;
mod failure;
mod machine;
mod operate;
mod test;
mod value;

pub(crate) use above::Above;
pub(crate) use failure::Failure;
pub(crate) use machine::Machine;
pub(crate) use value::V;
