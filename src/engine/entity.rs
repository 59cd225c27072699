//! Entities as data, and the spelling of their ids.

use std::collections::BTreeMap;
use std::str::FromStr;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};

use super::{EngineError, Value};

/// One entity: attributes, tags and direct parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityData {
    /// Its type and id.
    pub uid: EntityUid,
    /// Attributes by name.
    pub attrs: BTreeMap<String, Value>,
    /// Tags by name.
    pub tags: BTreeMap<String, Value>,
    /// Direct parents, and how each edge came to be.
    pub parents: BTreeMap<EntityUid, EdgeKind>,
}

/// How an edge to a parent came to be. Deciding uses all edges alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeKind {
    /// Somebody put the child there; listing the parent's members shows it.
    Explicit,
    /// Another fact entails it; listing members does not show it (A-DAP-06).
    Implicit,
}

impl EntityData {
    /// An entity without attributes, tags and parents.
    #[must_use]
    pub fn new(uid: EntityUid) -> Self {
        Self {
            uid,
            attrs: BTreeMap::new(),
            tags: BTreeMap::new(),
            parents: BTreeMap::new(),
        }
    }

    /// Adds or replaces an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.attrs.insert(name.to_owned(), value);
        self
    }

    /// Adds or replaces an attribute if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds an explicit parent.
    #[must_use]
    pub fn in_parent(mut self, parent: EntityUid) -> Self {
        self.parents.insert(parent, EdgeKind::Explicit);
        self
    }

    /// The form that cedar-policy takes.
    pub(super) fn to_cedar(&self) -> Result<Entity, EngineError> {
        let all = |values: &BTreeMap<String, Value>| {
            values
                .iter()
                .map(|(name, value)| Ok((name.clone(), value.to_cedar()?)))
                .collect::<Result<Vec<(String, RestrictedExpression)>, EngineError>>()
        };
        let parents = self.parents.keys().cloned().collect::<Vec<_>>();
        let (attrs, tags) = (all(&self.attrs)?, all(&self.tags)?);
        Entity::new_with_tags(self.uid.clone(), attrs, parents, tags).map_err(|error| {
            EngineError::Entity {
                uid: display_uid(&self.uid),
                message: super::error::chain(&error),
            }
        })
    }
}

/// An entity id from a type name and an id, by construction, never by parsing
/// text that holds the id.
///
/// # Errors
/// [`EngineError::TypeName`] if the type is not a Cedar type name.
pub fn uid(type_name: &str, id: &str) -> Result<EntityUid, EngineError> {
    let name = EntityTypeName::from_str(type_name).map_err(|_| EngineError::TypeName {
        name: type_name.to_owned(),
    })?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}

/// Reads `User::"ana"` as it is written in Cedar.
///
/// # Errors
/// [`EngineError::Uid`] with the form that is wanted.
pub fn parse_uid(text: &str) -> Result<EntityUid, EngineError> {
    EntityUid::from_str(text).map_err(|_| EngineError::Uid {
        text: text.to_owned(),
    })
}

/// `User::"ana"`, with the id escaped as Cedar escapes it.
#[must_use]
pub fn display_uid(uid: &EntityUid) -> String {
    uid.to_string()
}
