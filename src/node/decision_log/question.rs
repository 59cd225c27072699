//! The members of a question, as a bundle takes them: which it reads, which it only
//! checks, and which it leaves out.

use crate::engine::Member;
use crate::engine::intake::{Ask, DECIDERS, FROM_REQUEST};
use crate::policy::{ActionShape, Attribute, Reads, RecordShape, Shape, Type};

/// Where members of a question stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The principal's properties.
    Principal,
    /// The action's properties.
    Action,
    /// The resource's properties.
    Resource,
    /// The context.
    Context,
}

impl Place {
    /// All of them, by the name that rows and messages give them.
    pub(super) const ALL: [(&'static str, Self); 4] = [
        ("principal", Self::Principal),
        ("action", Self::Action),
        ("resource", Self::Resource),
        ("context", Self::Context),
    ];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Action => "action",
            Self::Resource => "resource",
            Self::Context => "context",
        }
    }

    /// Where problems say that its members stand.
    pub(super) fn in_problems(self) -> &'static str {
        match self {
            Self::Principal => "subject.properties",
            Self::Action => "action.properties",
            Self::Resource => "resource.properties",
            Self::Context => "context",
        }
    }

    /// The members that stand there.
    pub(super) fn members<'q, 'a>(self, ask: &'q Ask<'a>) -> &'q Vec<Member<'a>> {
        match self {
            Self::Principal => &ask.principal.properties,
            Self::Action => &ask.action_properties,
            Self::Resource => &ask.resource.properties,
            Self::Context => &ask.context,
        }
    }

    pub(super) fn members_mut<'q, 'a>(self, ask: &'q mut Ask<'a>) -> &'q mut Vec<Member<'a>> {
        match self {
            Self::Principal => &mut ask.principal.properties,
            Self::Action => &mut ask.action_properties,
            Self::Resource => &mut ask.resource.properties,
            Self::Context => &mut ask.context,
        }
    }
}

/// What a member is to a bundle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Use<'b> {
    /// Intake leaves it out: it changes nothing.
    LeftOut,
    /// Its type is checked, and no policy reads it.
    Checked(&'b Attribute),
    /// A policy may read it.
    Read,
}

/// How a bundle takes the members of one question.
pub(super) struct Taking<'b, 'q> {
    shape: &'b Shape,
    reads: &'b Reads,
    action: Option<&'b ActionShape>,
    ask: &'q Ask<'q>,
}

/// The context key that holds the action's properties.
const ACTION: &str = "action";

impl<'b, 'q> Taking<'b, 'q> {
    pub(super) fn of(shape: &'b Shape, reads: &'b Reads, ask: &'q Ask<'q>) -> Self {
        let action = match &ask.action_type {
            Some(ty) => shape.actions.get(&(ty.to_string(), ask.action.to_string())),
            None => shape.action_named(&ask.action).map(|(_, action)| action),
        };
        Self {
            shape,
            reads,
            action,
            ask,
        }
    }

    /// What a member is.
    pub(super) fn usage(&self, place: Place, name: &str) -> Use<'b> {
        let (declared, read) = match place {
            Place::Context => (self.context(name), self.reads.context_key(name)),
            Place::Action => (
                self.action_properties().and_then(|record| record.get(name)),
                self.reads.action_property(name),
            ),
            Place::Principal => (
                self.property(&self.ask.principal.ty, name),
                self.reads.attribute(name),
            ),
            Place::Resource => (
                self.property(&self.ask.resource.ty, name),
                self.reads.attribute(name),
            ),
        };
        match declared {
            None => Use::LeftOut,
            Some(_) if read => Use::Read,
            Some(attribute) => Use::Checked(attribute),
        }
    }

    fn context(&self, name: &str) -> Option<&'b Attribute> {
        let declared = &self.action?.context;
        // `context.action` is made of the properties where it is declared, and left
        // out where it is not.
        (!DECIDERS.contains(&name))
            .then(|| declared.get(name))
            .flatten()
    }

    fn action_properties(&self) -> Option<&'b RecordShape> {
        match &self.action?.context.get(ACTION)?.ty {
            Type::Record(record) => Some(record),
            _ => None,
        }
    }

    fn property(&self, ty: &str, name: &str) -> Option<&'b Attribute> {
        let declared = self.shape.entities.get(ty)?.attributes.get(name)?;
        declared
            .annotations
            .contains_key(FROM_REQUEST)
            .then_some(declared)
    }
}
