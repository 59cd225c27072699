//! Values while they are computed with: scalars as they are, the rest borrowed.

use crate::engine::canonical::Canonical;
use crate::engine::state::{Eid, Kind};

/// A value on the stack.
#[derive(Debug, Clone)]
pub(crate) enum V<'a> {
    Bool(bool),
    Long(i64),
    Entity(Eid),
    /// Number of a text, of the state or of the query.
    Text(u32),
    Decimal(i64),
    Datetime(i64),
    Duration(i64),
    /// The elements that an entity has under a kind of entry.
    Set(Eid, Kind),
    Ref(&'a Canonical),
    Own(Box<Canonical>),
}

impl<'a> V<'a> {
    /// A stored value; scalars come out of their wrapping.
    pub(crate) fn of(value: &'a Canonical) -> Self {
        match value {
            Canonical::Bool(value) => Self::Bool(*value),
            Canonical::Long(value) => Self::Long(*value),
            Canonical::Entity(eid) => Self::Entity(*eid),
            Canonical::Decimal(value) => Self::Decimal(*value),
            Canonical::Datetime(value) => Self::Datetime(*value),
            Canonical::Duration(value) => Self::Duration(*value),
            other => Self::Ref(other),
        }
    }

    /// A value that nobody else holds.
    pub(crate) fn own(value: Canonical) -> Self {
        match value {
            Canonical::Bool(value) => Self::Bool(value),
            Canonical::Long(value) => Self::Long(value),
            Canonical::Entity(eid) => Self::Entity(eid),
            Canonical::Decimal(value) => Self::Decimal(value),
            Canonical::Datetime(value) => Self::Datetime(value),
            Canonical::Duration(value) => Self::Duration(value),
            other => Self::Own(Box::new(other)),
        }
    }

    /// The value behind a reference.
    pub(crate) fn compound(&self) -> Option<&Canonical> {
        match self {
            Self::Ref(value) => Some(value),
            Self::Own(value) => Some(value),
            _ => None,
        }
    }
}
