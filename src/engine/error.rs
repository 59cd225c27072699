//! What can go wrong with state and with requests.

use std::error::Error;

/// State that the engine cannot hold.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum EngineError {
    /// A type name that Cedar does not take.
    #[error("`{name}` is not an entity type name; write it as `User` or `Namespace::User`")]
    TypeName {
        /// As given.
        name: String,
    },
    /// An entity id that does not parse.
    #[error("`{text}` is not an entity; write the type and the id: `User::\"ana\"`")]
    Uid {
        /// As given.
        text: String,
    },
    /// An entity that the schema refuses.
    #[error("entity `{uid}`: {message}")]
    Entity {
        /// The entity.
        uid: String,
        /// What is wrong with it.
        message: String,
    },
    /// A link without template, or with the wrong slots.
    #[error("link `{id}`: {message}")]
    Link {
        /// The link.
        id: String,
        /// What is wrong with it.
        message: String,
    },
    /// A standing policy that does not validate.
    #[error("policy `{id}`: {message}")]
    Policy {
        /// The policy.
        id: String,
        /// What is wrong with it.
        message: String,
    },
    /// Anything else that cedar-policy refuses.
    #[error("{message}")]
    Cedar {
        /// In cedar-policy's words.
        message: String,
    },
    /// An entities file that is not what it should be.
    #[error("the entities: {message}")]
    Entities {
        /// What is wrong, and where.
        message: String,
    },
}

impl EngineError {
    pub(super) fn cedar(error: impl Error) -> Self {
        Self::Cedar {
            message: chain(&error),
        }
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

/// Why a request cannot be evaluated. Its decision is deny.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Problem {
    /// No action of that name.
    #[error("the schema has no action `{name}`")]
    UnknownAction {
        /// As asked.
        name: String,
    },
    /// No entity type of that name.
    #[error("the schema has no entity type `{name}`")]
    UnknownType {
        /// As asked.
        name: String,
    },
    /// The action does not go with these types.
    #[error("the action `{action}` does not apply to a `{principal}` acting on a `{resource}`")]
    NotApplicable {
        /// The action.
        action: String,
        /// Type of the principal.
        principal: String,
        /// Type of the resource.
        resource: String,
    },
    /// A required context key is not there.
    #[error("`{place}` is required and missing; it takes {wanted}")]
    Missing {
        /// `context.operation`.
        place: String,
        /// What it takes.
        wanted: String,
    },
    /// A value of another type than declared.
    #[error("`{place}` takes {wanted}, not {got}")]
    Mistyped {
        /// `context.rows`.
        place: String,
        /// What it takes.
        wanted: String,
        /// What was given.
        got: String,
    },
    /// A value of the right type that does not parse as such.
    #[error("`{place}`: {message}")]
    BadValue {
        /// `context.since`.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The evaluator cannot take the request.
    #[error("the request cannot be evaluated: {message}")]
    Refused {
        /// In the evaluator's words.
        message: String,
    },
}

impl Problem {
    /// Whether the schema merely lacks a name that was asked about. Such a
    /// question is data, not a mistake: the answer is a plain deny.
    #[must_use]
    pub fn is_unknown_name(&self) -> bool {
        matches!(
            self,
            Self::UnknownAction { .. } | Self::UnknownType { .. } | Self::NotApplicable { .. }
        )
    }
}
