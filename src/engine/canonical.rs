//! Values in the form the engine compares: entities and extension values as
//! numbers, sets sorted, repetition gone.
//!
//! INVARIANT (canonical): two Cedar values are equal exactly if their canonical
//! forms are.

use std::sync::Arc;

use super::extension::IpRange;
use super::state::Eid;

/// A value. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Canonical {
    Bool(bool),
    Long(i64),
    String(Arc<str>),
    Entity(Eid),
    /// Ten-thousandths.
    Decimal(i64),
    /// Milliseconds since 1970.
    Datetime(i64),
    /// Milliseconds.
    Duration(i64),
    Ip(IpRange),
    /// Sorted, each element once.
    Set(Arc<[Canonical]>),
    /// Sorted by name.
    Record(Arc<[(Arc<str>, Canonical)]>),
}

impl Canonical {
    pub(crate) fn set(mut items: Vec<Self>) -> Self {
        items.sort_unstable();
        items.dedup();
        Self::Set(items.into())
    }

    pub(crate) fn record(mut fields: Vec<(Arc<str>, Self)>) -> Self {
        fields.sort_unstable();
        Self::Record(fields.into())
    }

    /// A field of a record.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        let Self::Record(fields) = self else {
            return None;
        };
        let at = fields.binary_search_by(|(field, _)| field.as_ref().cmp(name));
        at.ok()
            .and_then(|at| fields.get(at))
            .map(|(_, value)| value)
    }

    /// The elements of a set.
    pub(crate) fn items(&self) -> Option<&[Self]> {
        match self {
            Self::Set(items) => Some(items),
            _ => None,
        }
    }
}
