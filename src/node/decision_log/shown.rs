//! Values of a question as they stand in a row: as JSON, in the order in which they
//! came, with a mask in the place of every member that names a secret.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{MaskKey, is_secret};
use crate::engine::{Input, Member};

/// A value.
struct Shown<'v, 'a> {
    value: &'v Input<'a>,
    key: &'v MaskKey,
}

impl<'v, 'a> Shown<'v, 'a> {
    fn member<M: SerializeMap>(&self, map: &mut M, member: &'v Member<'a>) -> Result<(), M::Error> {
        let Member { name, value } = member;
        let key = self.key;
        match is_secret(name) {
            true => map.serialize_entry(name, &key.mask(value)),
            false => map.serialize_entry(name, &Shown { value, key }),
        }
    }
}

impl Serialize for Shown<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let key = self.key;
        match self.value {
            Input::List(items) => to.collect_seq(items.iter().map(|value| Shown { value, key })),
            Input::Map(members) => {
                let mut map = to.serialize_map(Some(members.len()))?;
                for member in members {
                    self.member(&mut map, member)?;
                }
                map.end()
            }
            plain => plain.serialize(to),
        }
    }
}

/// Some members of an object.
pub(super) struct Members<'v, 'a> {
    pub(super) members: Vec<&'v Member<'a>>,
    pub(super) key: &'v MaskKey,
}

impl Members<'_, '_> {
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl Serialize for Members<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.members.len()))?;
        for member in &self.members {
            let (value, key) = (&member.value, self.key);
            map.serialize_entry(&member.name, &Shown { value, key })?;
        }
        map.end()
    }
}

/// Whether a member within a value names a secret.
pub(super) fn holds_secret(value: &Input<'_>) -> bool {
    match value {
        Input::List(items) => items.iter().any(holds_secret),
        Input::Map(members) => members
            .iter()
            .any(|member| is_secret(&member.name) || holds_secret(&member.value)),
        _ => false,
    }
}

/// Bytes that a value takes, about; counting ends when there are more than `most`.
pub(super) fn bytes(value: &Input<'_>, most: usize) -> usize {
    match value {
        Input::String(text) => text.len() + 2,
        Input::List(items) => sum(items.iter().map(|item| (0, item)), most),
        Input::Map(members) => bytes_of(members, most),
        _ => 8,
    }
}

/// The same of the members of an object.
pub(super) fn bytes_of(members: &[Member<'_>], most: usize) -> usize {
    sum(members.iter().map(|m| (m.name.len() + 3, &m.value)), most)
}

fn sum<'v, 'a: 'v>(values: impl Iterator<Item = (usize, &'v Input<'a>)>, most: usize) -> usize {
    let mut total: usize = 2;
    for (name, value) in values {
        if total > most {
            break;
        }
        total += 1 + name + bytes(value, most - total.min(most));
    }
    total
}
