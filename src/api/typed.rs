//! Bodies of evaluations as nearly all of them are, read straight into their parts.
//!
//! No tree of values is made but of properties, context and options. What is not as it
//! must be ends the reading without a word: [`wire`](super::wire) then reads the same
//! text member by member, which takes twice as long and has words for everything.
//! Members of other names are passed over, and must be JSON as we take it all the same.
//!
//! INVARIANT (same parts): a body that is read here, [`Input::parse`] takes as well, and
//! its members are those parts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::members::Object;
use super::wire::{Action, EVALUATIONS_ITEMS_MAX};
use crate::engine::intake::Party;
use crate::engine::{Input, InputSeed, Member, TextSeed};

/// Members of other names in one object, at most. Our choice: each is compared with
/// those before it.
const OTHERS_MAX: usize = 16;

/// What an object has of a question.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts<'a> {
    pub(super) subject: Option<Party<'a>>,
    pub(super) action: Option<Action<'a>>,
    pub(super) resource: Option<Party<'a>>,
    pub(super) context: Option<Vec<Member<'a>>>,
}

/// A body by its parts.
#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    /// What stands at the top level.
    pub(super) parts: Parts<'a>,
    pub(super) options: Option<Object<'a>>,
    /// Those of the items of `evaluations`.
    pub(super) items: Option<Vec<Parts<'a>>>,
    /// Whether `evaluations` is a member like any other here.
    single: bool,
}

impl<'a> Body<'a> {
    /// A body that asks one question.
    pub(super) fn single(text: &'a str) -> Option<Self> {
        Self::read(text, true)
    }

    /// A body that may have items.
    pub(super) fn several(text: &'a str) -> Option<Self> {
        Self::read(text, false)
    }

    fn read(text: &'a str, single: bool) -> Option<Self> {
        let mut from = serde_json::Deserializer::from_str(text);
        let read = Self {
            single,
            ..Self::default()
        };
        let body = ObjectSeed { depth: 0, read }.deserialize(&mut from).ok()?;
        from.end().ok()?;
        Some(body)
    }
}

/// Something that takes the members of an object one by one.
trait Taking<'de> {
    /// Takes a member's value if it has a place for this name; whether it has.
    /// `depth` is how deep the value stands.
    fn take<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        depth: usize,
        map: &mut A,
    ) -> Result<bool, A::Error>;
}

impl<'de> Taking<'de> for Body<'de> {
    fn take<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        depth: usize,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        match name {
            "options" => {
                let options = Object::in_body("options", members(depth, map)?);
                once(&mut self.options, options)?;
            }
            "evaluations" if !self.single => {
                once(&mut self.items, map.next_value_seed(ItemsSeed { depth })?)?;
            }
            name => return self.parts.take(name, depth, map),
        }
        Ok(true)
    }
}

impl<'de> Taking<'de> for Parts<'de> {
    fn take<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        depth: usize,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        match name {
            "subject" => once(&mut self.subject, party(depth, map)?)?,
            "action" => once(&mut self.action, action(depth, map)?)?,
            "resource" => once(&mut self.resource, party(depth, map)?)?,
            "context" => once(&mut self.context, members(depth, map)?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// What there is of a subject, a resource or an action: its names, by what they are
/// called in it, and its properties.
struct Named<'a, const N: usize> {
    called: [&'static str; N],
    names: [Option<Cow<'a, str>>; N],
    properties: Option<Vec<Member<'a>>>,
}

impl<'a, const N: usize> Named<'a, N> {
    fn new(called: [&'static str; N]) -> Self {
        Self {
            called,
            names: [const { None }; N],
            properties: None,
        }
    }
}

impl<'de, const N: usize> Taking<'de> for Named<'de, N> {
    fn take<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        depth: usize,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        let mut places = self.called.into_iter().zip(&mut self.names);
        if let Some((_, place)) = places.find(|(called, _)| *called == name) {
            once(place, map.next_value_seed(TextSeed)?)?;
            return Ok(true);
        }
        if name == "properties" {
            once(&mut self.properties, members(depth, map)?)?;
            return Ok(true);
        }
        Ok(false)
    }
}

fn party<'de, A: MapAccess<'de>>(depth: usize, map: &mut A) -> Result<Party<'de>, A::Error> {
    let read = Named::new(["type", "id"]);
    let read = map.next_value_seed(ObjectSeed { depth, read })?;
    let [Some(ty), Some(id)] = read.names else {
        return Err(unusual());
    };
    Ok(Party {
        ty,
        id,
        properties: read.properties.unwrap_or_default(),
    })
}

fn action<'de, A: MapAccess<'de>>(depth: usize, map: &mut A) -> Result<Action<'de>, A::Error> {
    let read = Named::new(["name"]);
    let read = map.next_value_seed(ObjectSeed { depth, read })?;
    let [Some(name)] = read.names else {
        return Err(unusual());
    };
    Ok((name, read.properties.unwrap_or_default()))
}

/// The members of an object.
fn members<'de, A: MapAccess<'de>>(
    depth: usize,
    map: &mut A,
) -> Result<Vec<Member<'de>>, A::Error> {
    match map.next_value_seed(InputSeed::at(depth))? {
        Input::Map(members) => Ok(members),
        _ => Err(unusual()),
    }
}

/// Keeps a value where there is none yet.
fn once<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(unusual()),
    }
}

/// Ends the reading; nobody is told.
#[cold]
fn unusual<E: Error>() -> E {
    E::custom("it is not as it mostly is")
}

/// Reads an object at a depth.
struct ObjectSeed<T> {
    depth: usize,
    read: T,
}

impl<'de, T: Taking<'de>> DeserializeSeed<'de> for ObjectSeed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, T: Taking<'de>> Visitor<'de> for ObjectSeed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let (mut read, depth) = (self.read, self.depth + 1);
        let mut others: Vec<Cow<'de, str>> = Vec::new();
        while let Some(name) = map.next_key_seed(TextSeed)? {
            if read.take(&name, depth, &mut map)? {
                continue;
            }
            if others.len() == OTHERS_MAX || others.contains(&name) {
                return Err(unusual());
            }
            others.push(name);
            map.next_value_seed(InputSeed::at(depth))?;
        }
        Ok(read)
    }
}

/// Reads the items of `evaluations` at a depth.
struct ItemsSeed {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ItemsSeed {
    type Value = Vec<Parts<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed {
    type Value = Vec<Parts<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let depth = self.depth + 1;
        let seed = || ObjectSeed {
            depth,
            read: Parts::default(),
        };
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(seed())? {
            if read.len() == EVALUATIONS_ITEMS_MAX {
                return Err(unusual());
            }
            read.push(item);
        }
        Ok(read)
    }
}
