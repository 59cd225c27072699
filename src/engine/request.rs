//! A checked question.

use std::collections::BTreeMap;

use cedar_policy::EntityUid;

use super::{EntityData, Value};

/// A question that the schema allows: the action exists and applies to these
/// types, and the context is of the declared type. Made by [`super::intake`].
#[derive(Debug, Clone)]
pub struct Request {
    /// Who asks.
    pub principal: EntityUid,
    /// What for.
    pub action: EntityUid,
    /// On what.
    pub resource: EntityUid,
    /// The context, of the type that the action declares.
    pub context: BTreeMap<String, Value>,
    /// Entities that count for this question only; each takes the place of the
    /// stored one of the same id.
    pub entities: Vec<EntityData>,
}
