//! Raw question to checked [`Request`], once, for any schema.
//!
//! Names are looked up in the schema, values take the declared types, what is
//! not declared is dropped and reported, and time is the decider's. After this
//! nobody looks at raw input again.
//!
//! That is the whole way, and the one that has words for what it leaves; a plain
//! question can go a shorter one ([`direct()`]).

mod direct;
mod extension;
mod placed;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cedar_policy::EntityUid;
use jiff::Timestamp;

use super::compile::Action;
use super::entity::parse_uid;
use super::{EngineError, EntityData, Input, Member, Problem, Query, Request, Snapshot, Value};
use crate::policy::{Attribute, Extension, RecordShape, Shape, Type};
use extension::extension_value;

pub use direct::{direct, direct_batch};
pub use placed::Placed;

/// A question as it was asked.
#[derive(Debug, Clone, Default)]
pub struct Ask<'a> {
    /// Who asks.
    pub principal: Party<'a>,
    /// The action's name, without its type: `ResetPassword`.
    pub action: Cow<'a, str>,
    /// The action's type, if it was given (`Action`, `Namespace::Action`).
    pub action_type: Option<Cow<'a, str>>,
    /// The action's properties; they reach the policies as `context.action`.
    pub action_properties: Vec<Member<'a>>,
    /// On what.
    pub resource: Party<'a>,
    /// The context.
    pub context: Vec<Member<'a>>,
}

/// A principal or resource as it was named.
#[derive(Debug, Clone, Default)]
pub struct Party<'a> {
    /// Full type name.
    pub ty: Cow<'a, str>,
    /// Id.
    pub id: Cow<'a, str>,
    /// Properties; they count for attributes marked `@from_request` only.
    pub properties: Vec<Member<'a>>,
}

impl From<&EntityUid> for Party<'static> {
    /// The party that an entity is, without properties.
    fn from(uid: &EntityUid) -> Self {
        Self {
            ty: Cow::Owned(uid.type_name().to_string()),
            id: Cow::Owned(uid.id().unescaped().to_owned()),
            properties: Vec::new(),
        }
    }
}

/// Reads an action as people write it: `ResetPassword`, or with its type
/// `Action::"ResetPassword"`. Returns the type, if given, and the name.
///
/// # Errors
/// [`EngineError::Uid`] if it has a quote and is no entity.
pub fn parse_action(
    text: &str,
) -> Result<(Option<Cow<'static, str>>, Cow<'static, str>), EngineError> {
    if !text.contains('"') {
        return Ok((None, Cow::Owned(text.to_owned())));
    }
    let Party { ty, id, .. } = Party::from(&parse_uid(text)?);
    Ok((Some(ty), id))
}

/// A checked request, and what of the question did not count.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The request.
    pub request: Request,
    /// What was dropped, each with the reason, in the order it was met.
    pub ignored: Vec<String>,
}

/// The annotation that lets a caller supply an attribute.
pub const FROM_REQUEST: &str = "from_request";
/// The context key that is the decider's clock.
const NOW: &str = "now";
/// The context key that holds the action's properties.
const ACTION: &str = "action";
/// Context keys that the decider fills: what a caller says there does not count.
pub const DECIDERS: [&str; 2] = [NOW, ACTION];
/// 0000-01-01T00:00:00Z, in seconds since 1970.
const DATETIME_SECOND_MIN: i64 = -62_167_219_200;
/// Where those are in a question.
const ACTION_PROPERTIES: Place<'_> = Place::Named("action.properties");

/// Checks a question against the schema. `own` are entities that the domain
/// supplies for this question (scopes that are not stored). `now` counts in
/// whole seconds, UTC.
///
/// # Errors
/// [`Problem`] naming what the schema does not have, what is missing, or what is
/// of the wrong type.
pub fn prepare(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
    own: Vec<EntityData>,
    now: Timestamp,
) -> Result<Prepared, Problem> {
    prepare_at(snapshot, ask, own, &Now::new(now))
}

/// The same at a time that many questions share.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_at(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
    own: Vec<EntityData>,
    now: &Now,
) -> Result<Prepared, Problem> {
    let action = snapshot
        .program()
        .action(ask.action_type.as_deref(), &ask.action);
    let action = action.ok_or_else(|| Problem::UnknownAction {
        name: ask.action.to_string(),
    })?;
    let [principal, resource] = parties(snapshot, action, ask)?;
    let mut taker = Taker {
        shape: snapshot.bundle().shape(),
        ignored: Vec::new(),
    };
    let context = taker.context(&action.context_shape, ask, now)?;
    let mut entities = own;
    for (uid, party, place) in [
        (&principal, &ask.principal, "subject"),
        (&resource, &ask.resource, "resource"),
    ] {
        if !party.properties.is_empty() {
            taker.properties(snapshot, uid, party, place, &mut entities)?;
        }
    }
    Ok(Prepared {
        request: Request {
            principal,
            action: action.uid.clone(),
            resource,
            context,
            entities,
        },
        ignored: taker.ignored,
    })
}

/// A question, and where its resource stands if the domain tells that from its id.
pub type Posed<'q> = (&'q Ask<'q>, Option<&'q Placed>);

/// A question on the ids of a snapshot, and what of it did not count.
#[derive(Debug)]
pub struct Interned {
    /// The query, or why the question cannot be evaluated.
    pub query: Result<Query, Problem>,
    /// As [`Prepared::ignored`].
    pub ignored: Vec<String>,
}

impl Interned {
    /// By the direct way if the question is plain, else as [`prepare`] and
    /// [`Query::new`] make it, with the entities that the domain then supplies. Where the
    /// resource is placed, those say the same; where it is not, there are none.
    #[must_use]
    pub fn of(
        snapshot: &Snapshot,
        (ask, placed): Posed<'_>,
        own: impl FnOnce() -> Vec<EntityData>,
        now: &Now,
    ) -> Self {
        let (query, ignored) = match direct(snapshot, (ask, placed), now) {
            Some(query) => (Ok(query), Vec::new()),
            None => {
                // Not looked at on the direct way, so not here either.
                let own = placed.map_or_else(Vec::new, |_| own());
                match prepare_at(snapshot, ask, own, now) {
                    Ok(Prepared { request, ignored }) => (Query::new(snapshot, &request), ignored),
                    Err(problem) => (Err(problem), Vec::new()),
                }
            }
        };
        Self { query, ignored }
    }
}

/// The decider's clock, read once for some questions.
#[derive(Debug, Clone)]
pub struct Now {
    time: Timestamp,
    /// As a datetime's text, once a question needs it.
    text: OnceCell<Arc<str>>,
}

impl Now {
    /// The time of a clock; whole seconds of it count.
    #[must_use]
    pub fn new(time: Timestamp) -> Self {
        Self {
            time,
            text: OnceCell::new(),
        }
    }

    /// In whole seconds since 1970.
    fn second(&self) -> i64 {
        self.time.as_second()
    }

    /// As a datetime: in milliseconds since 1970, but of whole seconds. None before the
    /// year 0, which the text of no datetime reaches.
    fn milliseconds(&self) -> Option<i64> {
        let second = self.second();
        (second >= DATETIME_SECOND_MIN).then(|| second.saturating_mul(1_000))
    }

    /// In the form that the schema declares.
    fn value(&self, ty: &Type) -> Option<Value> {
        match ty {
            Type::Extension(Extension::Datetime) => {
                let text = self.text.get_or_init(|| {
                    let whole = Timestamp::from_second(self.second());
                    whole.unwrap_or(self.time).to_string().into()
                });
                Some(Value::Extension(Extension::Datetime, Arc::clone(text)))
            }
            Type::Long => Some(Value::Long(self.second())),
            _ => None,
        }
    }
}

/// Reads one declared value. `place` names it in errors: `context.rows`.
///
/// # Errors
/// [`Problem::Mistyped`], [`Problem::BadValue`] or [`Problem::Missing`].
pub fn read_value(
    shape: &Shape,
    ty: &Type,
    input: &Input<'_>,
    place: &str,
) -> Result<Value, Problem> {
    let mut taker = Taker {
        shape,
        ignored: Vec::new(),
    };
    let value = taker.value(ty, input, Place::Named(place))?;
    match taker.ignored.into_iter().next() {
        None => Ok(value),
        Some(message) => Err(Problem::BadValue {
            place: place.to_owned(),
            message,
        }),
    }
}

/// Principal and resource, of types that the action applies to.
fn parties(snapshot: &Snapshot, action: &Action, ask: &Ask<'_>) -> Result<[EntityUid; 2], Problem> {
    let layouts = snapshot.state().layouts();
    let found = action
        .applied(&ask.principal.ty, &ask.resource.ty)
        .and_then(|asked| {
            let [principal, resource] = asked.types;
            Some([
                layouts.uid(principal, &ask.principal.id)?,
                layouts.uid(resource, &ask.resource.id)?,
            ])
        });
    found.ok_or_else(|| {
        let declared = &snapshot.bundle().shape().entities;
        let parties = [&ask.principal, &ask.resource];
        let unknown = |party: &&Party<'_>| !declared.contains_key(party.ty.as_ref());
        match parties.into_iter().find(unknown) {
            Some(party) => Problem::UnknownType {
                name: party.ty.to_string(),
            },
            None => Problem::NotApplicable {
                action: ask.action.to_string(),
                principal: ask.principal.ty.to_string(),
                resource: ask.resource.ty.to_string(),
            },
        }
    })
}

/// Where a value stands in a question; in words only if somebody must be told.
#[derive(Debug, Clone, Copy)]
enum Place<'p> {
    Named(&'p str),
    Member(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Member(of, name) => write!(f, "{of}.{name}"),
            Self::Item(of, number) => write!(f, "{of}[{number}]"),
        }
    }
}

/// Takes values by their declared types and notes what it leaves.
struct Taker<'s> {
    shape: &'s Shape,
    ignored: Vec<String>,
}

impl Taker<'_> {
    fn context(
        &mut self,
        declared: &RecordShape,
        ask: &Ask<'_>,
        now: &Now,
    ) -> Result<BTreeMap<String, Value>, Problem> {
        let own = |key| declared.get(key);
        for member in &ask.context {
            match member.name.as_ref() {
                NOW => self.note(Place::Named("context.now"), "time is the decider's clock"),
                ACTION if own(ACTION).is_some() => self.note(
                    Place::Named("context.action"),
                    "it comes from action.properties only",
                ),
                _ => {}
            }
        }
        let given = ask.context.iter();
        let given = given.filter(|m| m.name != NOW && !(m.name == ACTION && own(ACTION).is_some()));
        let place = Place::Named("context");
        let mut context = self.record(declared, &[NOW, ACTION], given, place)?;
        if let Some(clock) = own(NOW).and_then(|attribute| now.value(&attribute.ty)) {
            context.insert(NOW.to_owned(), clock);
        }
        match own(ACTION) {
            Some(attribute) => {
                let given = Input::Map(ask.action_properties.clone());
                let value = self.value(&attribute.ty, &given, ACTION_PROPERTIES)?;
                context.insert(ACTION.to_owned(), value);
            }
            None => {
                for member in &ask.action_properties {
                    let place = Place::Member(&ACTION_PROPERTIES, &member.name);
                    self.note(place, "the action's context declares no `action`");
                }
            }
        }
        Ok(context)
    }

    /// Lays properties over the stored entity, where the schema lets a caller.
    fn properties(
        &mut self,
        snapshot: &Snapshot,
        uid: &EntityUid,
        party: &Party<'_>,
        place: &str,
        entities: &mut Vec<EntityData>,
    ) -> Result<(), Problem> {
        let declared = self.shape.entities.get(party.ty.as_ref());
        let mut taken = BTreeMap::new();
        let of = Place::Named(place);
        let of = Place::Member(&of, "properties");
        for member in &party.properties {
            let place = Place::Member(&of, &member.name);
            let attribute = declared.and_then(|e| e.attributes.get(member.name.as_ref()));
            match attribute {
                Some(attribute) if attribute.annotations.contains_key(FROM_REQUEST) => {
                    let value = self.value(&attribute.ty, &member.value, place)?;
                    taken.insert(member.name.to_string(), value);
                }
                Some(_) => self.note(place, "the stored fact wins; it is not @from_request"),
                None => self.note(place, "the schema declares no such attribute"),
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let at = entities.iter().position(|entity| entity.uid == *uid);
        let mut entity = match at {
            Some(at) => entities.swap_remove(at),
            None => snapshot
                .facts()
                .entity(uid)
                .unwrap_or_else(|| EntityData::new(uid.clone())),
        };
        entity.attrs.extend(taken);
        entities.push(entity);
        Ok(())
    }

    /// The declared members, but for those that the caller does not give.
    fn record<'i, 'a: 'i>(
        &mut self,
        declared: &RecordShape,
        not_given: &[&str],
        given: impl Iterator<Item = &'i Member<'a>>,
        place: Place<'_>,
    ) -> Result<BTreeMap<String, Value>, Problem> {
        let mut record = BTreeMap::new();
        for member in given {
            let place = Place::Member(&place, &member.name);
            match declared.get(member.name.as_ref()) {
                Some(attribute) => {
                    let value = self.value(&attribute.ty, &member.value, place)?;
                    record.insert(member.name.to_string(), value);
                }
                None => self.note(place, "it is not declared in the schema"),
            }
        }
        let missing = declared.iter().find(|(name, attribute)| {
            attribute.required && !record.contains_key(*name) && !not_given.contains(&name.as_str())
        });
        match missing {
            None => Ok(record),
            Some((name, Attribute { ty, .. })) => Err(Problem::Missing {
                place: format!("{place}.{name}"),
                wanted: wanted(ty),
            }),
        }
    }

    fn value(&mut self, ty: &Type, input: &Input<'_>, place: Place<'_>) -> Result<Value, Problem> {
        let mistyped = || Problem::Mistyped {
            place: place.to_string(),
            wanted: wanted(ty),
            got: input.kind().to_owned(),
        };
        Ok(match (ty, input) {
            (Type::Bool, Input::Bool(value)) => Value::Bool(*value),
            (Type::Long, Input::Long(value)) => Value::Long(*value),
            (Type::String, Input::String(text)) => Value::string(text.as_ref()),
            (Type::Entity(name), _) => self.entity(name, input, place)?.ok_or_else(mistyped)?,
            (Type::Extension(extension), _) => {
                extension_value(*extension, input, place)?.ok_or_else(mistyped)?
            }
            (Type::Set(element), Input::List(items)) => {
                let items = items.iter().enumerate();
                let items: Result<Vec<_>, _> = items
                    .map(|(n, item)| self.value(element, item, Place::Item(&place, n)))
                    .collect();
                Value::Set(items?)
            }
            (Type::Record(declared), Input::Map(members)) => {
                Value::Record(self.record(declared, &[], members.iter(), place)?)
            }
            _ => return Err(mistyped()),
        })
    }

    /// An entity: its id, `{"type","id"}`, or `{"__entity": {"type","id"}}`.
    fn entity(
        &self,
        name: &str,
        input: &Input<'_>,
        place: Place<'_>,
    ) -> Result<Option<Value>, Problem> {
        let input = input.get("__entity").unwrap_or(input);
        let id = match input {
            Input::String(id) => id.as_ref(),
            Input::Map(members) if members.len() == 2 => {
                let (ty, id) = (input.get("type"), input.get("id"));
                match (ty.and_then(Input::as_str), id.and_then(Input::as_str)) {
                    (Some(ty), Some(id)) if ty == name => id,
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let bad = |message: String| Problem::BadValue {
            place: place.to_string(),
            message,
        };
        let ids = self.shape.entities.get(name).and_then(|e| e.ids.as_ref());
        if let Some(ids) = ids.filter(|ids| !ids.iter().any(|known| known == id)) {
            let known = ids.join(", ");
            return Err(bad(format!(
                "there is no {name} `{id}`; there are: {known}"
            )));
        }
        let uid = self.shape.uid(name, id);
        let uid = uid.ok_or_else(|| bad(format!("the schema has no entity type `{name}`")))?;
        Ok(Some(Value::Entity(uid)))
    }

    fn note(&mut self, place: Place<'_>, why: &str) {
        self.ignored.push(format!("{place}: {why}"));
    }
}

fn wanted(ty: &Type) -> String {
    match ty {
        Type::Bool => "a boolean".to_owned(),
        Type::Long => "a whole number".to_owned(),
        Type::String => "a string".to_owned(),
        Type::Entity(name) => format!("the id of a {name}"),
        Type::Set(element) => format!("an array, each item {}", wanted(element)),
        Type::Record(_) => "an object".to_owned(),
        Type::Extension(extension) => format!("a {} as a string", extension.constructor()),
    }
}
