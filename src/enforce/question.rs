//! What a service asks before it does something.

use std::borrow::Cow;

use axum::extract::RawPathParams;
use axum::http::Method;
use axum::http::request::Parts;

use super::Unasked;
use crate::engine::intake::{Ask, Party};
use crate::engine::{Input, Member};

/// May this principal do this to that resource?
///
/// Shape: `Question::new(("User", "ana"), "read", ("Document", "plan"))`, with
/// [`with`](Self::with) for what the action's context declares. The clock is not
/// part of it: `now` is the decision point's.
#[derive(Debug, Clone)]
pub struct Question {
    ask: Ask<'static>,
}

impl Question {
    /// A question without context. Principal and resource are full type name and
    /// id; of the action the name, without its type.
    pub fn new(
        principal: (&str, &str),
        action: impl Into<Cow<'static, str>>,
        resource: (&str, &str),
    ) -> Self {
        Self {
            ask: Ask {
                principal: party(principal),
                action: action.into(),
                resource: party(resource),
                ..Ask::default()
            },
        }
    }

    /// Adds a key of the context. A key that the action does not declare does not
    /// count.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: Input<'static>) -> Self {
        let name = key.into();
        self.ask.context.push(Member { name, value });
        self
    }

    /// The question as the engine takes it.
    #[must_use]
    pub fn into_ask(self) -> Ask<'static> {
        self.ask
    }
}

impl From<Ask<'static>> for Question {
    fn from(ask: Ask<'static>) -> Self {
        Self { ask }
    }
}

fn party((ty, id): (&str, &str)) -> Party<'static> {
    Party {
        ty: Cow::Owned(ty.to_owned()),
        id: Cow::Owned(id.to_owned()),
        properties: Vec::new(),
    }
}

/// A request on its way in, as the maker of a question sees it: everything but the
/// body.
#[derive(Debug)]
pub struct Incoming<'r> {
    parts: &'r Parts,
    parameters: Option<&'r RawPathParams>,
}

impl<'r> Incoming<'r> {
    pub(super) fn new(parts: &'r Parts, parameters: Option<&'r RawPathParams>) -> Self {
        Self { parts, parameters }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The path, as it was sent.
    #[must_use]
    pub fn path(&self) -> &str {
        self.parts.uri.path()
    }

    /// The value that a parameter of the axum route has in this path, decoded:
    /// `id` of `/documents/{id}`.
    ///
    /// # Errors
    /// [`Unasked::NotFound`] if the route has no such parameter.
    pub fn parameter(&self, name: &str) -> Result<&'r str, Unasked> {
        let mut all = self.parameters.into_iter().flatten();
        let found = all.find(|(parameter, _)| *parameter == name);
        found.map(|(_, value)| value).ok_or(Unasked::NotFound)
    }

    /// The value of a header, if it is there once and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'r str> {
        let mut given = self.parts.headers.get_all(name).iter();
        let only = given.next().filter(|_| given.next().is_none())?;
        only.to_str().ok()
    }

    /// What an earlier layer found out, such as who is signed in.
    #[must_use]
    pub fn found<T: Send + Sync + 'static>(&self) -> Option<&'r T> {
        self.parts.extensions.get::<T>()
    }
}
