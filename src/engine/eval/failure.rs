//! How an evaluation fails.

use crate::engine::state::Eid;

/// The reason of a failed evaluation. Its words are made only when asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// An attribute of an entity, or of a record, that is not there.
    NoAttribute(Option<Eid>),
    /// A tag that is not there.
    NoTag(Eid),
    /// A number past 64 bits, or a moment or span of time past what can be held.
    Overflow,
    /// A value of a type that the operation does not take.
    Type,
}
