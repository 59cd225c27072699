//! Requests as they stand on the wire, checked into questions.
//!
//! Strings are borrowed from the body where they hold no escape. Members that
//! are not named here are ignored; what properties and context keys mean is for
//! the engine, which knows the schema.
//!
//! A body as they mostly are is read by [`typed`](super::typed) alone. Any other, wrong or
//! only unusual, is read again, member by member.

use std::borrow::Cow;

use super::error::ApiError;
use super::members::{Object, bad};
use super::typed::{Body, Parts};
use crate::engine::intake::{Ask, Party};
use crate::engine::{Input, Member};

/// Items of `evaluations`, at most. Source: contract, section 3.
pub const EVALUATIONS_ITEMS_MAX: usize = 1_000;

/// Bytes that the items of `evaluations` take from the top level, each item's share
/// counted, at most. Our choice: without it a body of 2 MiB could ask for a
/// thousand times as much work.
pub const EVALUATIONS_SHARED_BYTES_MAX: usize = 64 << 20;

/// Bytes that count for a value besides its text.
const VALUE_BYTES: usize = 16;

/// A single evaluation. Source: AuthZEN 1.0, "Access Evaluation API Request".
///
/// Shape: `{"subject": {"type": "PartnerUser", "id": "ada", "properties": {}},
/// "action": {"name": "CreateUser", "properties": {}}, "resource": {"type":
/// "Customer", "id": "contoso", "properties": {}}, "context": {}, "options":
/// {"explain": true}}`; properties, context and options may be left out.
#[derive(Debug)]
pub(super) struct EvaluationRequest<'a> {
    /// The question.
    pub(super) ask: Ask<'a>,
    /// Whether the caller wants to know why. Source: contract, section 2.
    pub(super) explain: bool,
}

/// Several evaluations, or one. Source: AuthZEN 1.0, "Access Evaluations API
/// Request".
///
/// Shape: an evaluation with `"evaluations": [{"resource": {…}}, …]` and
/// `"options": {"evaluations_semantic": "execute_all"}`; what an item lacks is
/// taken whole from the top level.
#[derive(Debug)]
pub(super) struct EvaluationsRequest<'a> {
    /// What is asked.
    pub(super) asked: Asked<'a>,
    /// Where the answer stops.
    pub(super) semantic: Semantic,
    /// Whether the caller wants to know why.
    pub(super) explain: bool,
}

/// What an evaluations request asks.
#[derive(Debug)]
pub(super) enum Asked<'a> {
    /// One question, at the top level.
    One(Box<Ask<'a>>),
    /// The items, in order; an item that is no question says why.
    Many(Vec<Result<Ask<'a>, ApiError>>),
}

/// Where the answer to several evaluations stops. Source: AuthZEN 1.0,
/// "Evaluations semantics".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Semantic {
    /// After the last.
    ExecuteAll,
    /// After the first that is denied.
    DenyOnFirstDeny,
    /// After the first that is permitted.
    PermitOnFirstPermit,
}

impl Semantic {
    /// Whether a decision ends the answer.
    pub(super) fn ends_with(self, allows: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !allows,
            Self::PermitOnFirstPermit => allows,
        }
    }
}

impl<'a> EvaluationRequest<'a> {
    /// Reads the text of a body.
    ///
    /// # Errors
    /// [`ApiError::Json`] if it is not JSON, and [`ApiError::Member`] naming the
    /// first member that is missing or of the wrong type.
    pub(super) fn parse(text: &'a str) -> Result<Self, ApiError> {
        match Body::single(text).and_then(Self::of) {
            Some(request) => Ok(request),
            None => Self::by_members(text),
        }
    }

    fn of(body: Body<'a>) -> Option<Self> {
        Some(Self {
            ask: Defaults::default().complete(body.parts).ok()?,
            explain: explains(body.options).ok()?,
        })
    }

    fn by_members(text: &'a str) -> Result<Self, ApiError> {
        let mut top = Object::body(text)?;
        Ok(Self {
            ask: ask(&mut top)?,
            explain: explain(&mut top)?,
        })
    }
}

impl<'a> EvaluationsRequest<'a> {
    /// Reads the text of a body.
    ///
    /// # Errors
    /// As [`EvaluationRequest::parse`], for the top level; what is wrong with an
    /// item is the item's. [`ApiError::TooManyItems`] and [`ApiError::TooMuchShared`]
    /// for more than [`EVALUATIONS_ITEMS_MAX`] and [`EVALUATIONS_SHARED_BYTES_MAX`].
    pub(super) fn parse(text: &'a str) -> Result<Self, ApiError> {
        match Body::several(text).and_then(Self::of) {
            Some(request) => Ok(request),
            None => Self::by_members(text),
        }
    }

    fn of(body: Body<'a>) -> Option<Self> {
        let mut options = body.options;
        let semantic = options.as_mut().map_or(Ok(Semantic::ExecuteAll), semantic);
        let (semantic, explain) = (semantic.ok()?, explains(options).ok()?);
        let mut defaults = Defaults::of(body.parts);
        let items = body.items.unwrap_or_default();
        let asked = match items.len() {
            0 => Asked::One(Box::new(Defaults::default().complete(defaults.parts).ok()?)),
            count => {
                let mut asks = Vec::with_capacity(count);
                for item in items {
                    asks.push(Ok(defaults.complete(item).ok()?));
                    defaults.check().ok()?;
                }
                Asked::Many(asks)
            }
        };
        Some(Self {
            asked,
            semantic,
            explain,
        })
    }

    fn by_members(text: &'a str) -> Result<Self, ApiError> {
        let mut top = Object::body(text)?;
        let items = match top.take("evaluations") {
            None => Vec::new(),
            Some(Input::List(items)) => items,
            Some(other) => return Err(top.mistyped("evaluations", "an array", Some(&other))),
        };
        let mut options = top.optional_object("options")?;
        let semantic = options
            .as_mut()
            .map_or(Ok(Semantic::ExecuteAll), semantic)?;
        let explain = explains(options)?;
        let asked = match items.len() {
            0 => Asked::One(Box::new(ask(&mut top)?)),
            count if count > EVALUATIONS_ITEMS_MAX => {
                return Err(ApiError::TooManyItems { count });
            }
            _ => Asked::Many(many(&mut top, items)?),
        };
        Ok(Self {
            asked,
            semantic,
            explain,
        })
    }
}

/// What stands at the top level for the items that lack it.
#[derive(Default)]
struct Defaults<'a> {
    parts: Parts<'a>,
    /// Bytes that items have taken of it, so far.
    taken_bytes: usize,
}

/// Name and properties.
pub(super) type Action<'a> = (Cow<'a, str>, Vec<Member<'a>>);

fn many<'a>(
    top: &mut Object<'a>,
    items: Vec<Input<'a>>,
) -> Result<Vec<Result<Ask<'a>, ApiError>>, ApiError> {
    let mut defaults = Defaults::of(parts(top)?);
    let mut asks = Vec::with_capacity(items.len());
    for (n, item) in items.into_iter().enumerate() {
        asks.push(Object::item(n, item).and_then(|mut item| {
            let ask = defaults.complete(parts(&mut item)?);
            let wanted = "an object, here or at the top level";
            ask.map_err(|missing| item.mistyped(missing, wanted, None))
        }));
        defaults.check()?;
    }
    Ok(asks)
}

/// What an object has of a question.
fn parts<'a>(object: &mut Object<'a>) -> Result<Parts<'a>, ApiError> {
    Ok(Parts {
        subject: object.optional_object("subject")?.map(party).transpose()?,
        action: object.optional_object("action")?.map(action).transpose()?,
        resource: object.optional_object("resource")?.map(party).transpose()?,
        context: context(object)?,
    })
}

impl<'a> Defaults<'a> {
    fn of(parts: Parts<'a>) -> Self {
        Self {
            parts,
            taken_bytes: 0,
        }
    }

    /// The question of an item. What it has stands for the whole of what the top
    /// level has; nothing is merged.
    ///
    /// # Errors
    /// The name of the member that both lack.
    fn complete(&mut self, item: Parts<'a>) -> Result<Ask<'a>, &'static str> {
        let (top, taken) = (&self.parts, &mut self.taken_bytes);
        let of_party = |party: &Party<'_>| weight(&party.properties);
        let of_action = |(_, properties): &Action<'_>| weight(properties);
        let principal = or_default(item.subject, top.subject.as_ref(), of_party, taken);
        let action = or_default(item.action, top.action.as_ref(), of_action, taken);
        let resource = or_default(item.resource, top.resource.as_ref(), of_party, taken);
        let context = or_default(item.context, top.context.as_ref(), |c| weight(c), taken);
        let (action, action_properties) = action.ok_or("action")?;
        Ok(Ask {
            principal: principal.ok_or("subject")?,
            action,
            action_type: None,
            action_properties,
            resource: resource.ok_or("resource")?,
            context: context.unwrap_or_default(),
        })
    }

    /// Whether the items have taken no more than they may.
    fn check(&self) -> Result<(), ApiError> {
        match self.taken_bytes > EVALUATIONS_SHARED_BYTES_MAX {
            true => Err(ApiError::TooMuchShared),
            false => Ok(()),
        }
    }
}

/// What an item has, or a copy of the default, which is counted.
fn or_default<T: Clone>(
    own: Option<T>,
    default: Option<&T>,
    bytes: impl Fn(&T) -> usize,
    taken: &mut usize,
) -> Option<T> {
    own.or_else(|| {
        let default = default?;
        *taken = taken.saturating_add(bytes(default));
        Some(default.clone())
    })
}

/// About how many bytes members take.
fn weight(members: &[Member<'_>]) -> usize {
    let each = members
        .iter()
        .map(|member| member.name.len() + of_value(&member.value));
    each.sum()
}

fn of_value(value: &Input<'_>) -> usize {
    VALUE_BYTES
        + match value {
            Input::String(text) => text.len(),
            Input::List(items) => items.iter().map(of_value).sum(),
            Input::Map(members) => weight(members),
            Input::Null | Input::Bool(_) | Input::Long(_) | Input::Number(_) => 0,
        }
}

fn ask<'a>(top: &mut Object<'a>) -> Result<Ask<'a>, ApiError> {
    let principal = party(top.object("subject")?)?;
    let (action, action_properties) = action(top.object("action")?)?;
    Ok(Ask {
        principal,
        action,
        action_type: None,
        action_properties,
        resource: party(top.object("resource")?)?,
        context: top.members("context")?,
    })
}

/// A subject or resource.
pub(super) fn party(mut object: Object<'_>) -> Result<Party<'_>, ApiError> {
    Ok(Party {
        ty: object.string("type")?,
        id: object.string("id")?,
        properties: object.members("properties")?,
    })
}

/// An action.
pub(super) fn action(mut object: Object<'_>) -> Result<Action<'_>, ApiError> {
    Ok((object.string("name")?, object.members("properties")?))
}

fn context<'a>(object: &mut Object<'a>) -> Result<Option<Vec<Member<'a>>>, ApiError> {
    match object.take("context") {
        None => Ok(None),
        Some(Input::Map(members)) => Ok(Some(members)),
        Some(other) => Err(object.mistyped("context", "an object", Some(&other))),
    }
}

/// `options.explain`.
pub(super) fn explain(top: &mut Object<'_>) -> Result<bool, ApiError> {
    explains(top.optional_object("options")?)
}

fn explains(options: Option<Object<'_>>) -> Result<bool, ApiError> {
    options.map_or(Ok(false), |mut options| options.flag("explain"))
}

fn semantic(options: &mut Object<'_>) -> Result<Semantic, ApiError> {
    match options.optional_string("evaluations_semantic")?.as_deref() {
        None | Some("execute_all") => Ok(Semantic::ExecuteAll),
        Some("deny_on_first_deny") => Ok(Semantic::DenyOnFirstDeny),
        Some("permit_on_first_permit") => Ok(Semantic::PermitOnFirstPermit),
        Some(other) => Err(bad(format!(
            "`options.evaluations_semantic` must be `execute_all`, `deny_on_first_deny` or \
             `permit_on_first_permit`, not `{other}`"
        ))),
    }
}

#[cfg(test)]
mod tests;
