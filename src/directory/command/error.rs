//! Why a command is not carried out. Each says what to do next.

use super::machine::Illegal;
use crate::directory::{DirectoryError, Key};

/// A command that changes nothing.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum CommandError {
    /// Something that the command names is not there.
    #[error("there is no {what}")]
    NotFound {
        /// What is missing: `customer user `mia``.
        what: String,
    },
    /// Something that the command would make is already there.
    #[error("there is already a {what}")]
    Exists {
        /// What is there.
        what: String,
        /// What to do instead.
        remedy: &'static str,
    },
    /// A step that the state does not allow.
    #[error("`{step}` is not legal for the {what}, which is {state}")]
    Illegal {
        /// The thing.
        what: String,
        /// The state it is in.
        state: &'static str,
        /// The step that was wanted.
        step: &'static str,
        /// The steps that are legal in this state.
        legal: Vec<&'static str>,
    },
    /// A field of the command that makes no sense.
    #[error("`{field}`: {message}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A limit of the domain.
    #[error("{message}")]
    Refused {
        /// The rules that set the limit, by id.
        rules: &'static [&'static str],
        /// What stands in the way.
        message: String,
        /// What to do instead.
        remedy: &'static str,
    },
    /// The caller would act for a partner that it does not work for.
    #[error("{message}")]
    NotYours {
        /// For whom.
        message: String,
    },
    /// A file of users of which no row is taken; every bad one is listed.
    #[error("{} cells of the file cannot be taken; nothing was imported", .0.len())]
    Import(Vec<BadCell>),
    /// The directory does not take what follows from the command.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// A cell of an imported file that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BadCell {
    /// Its line, from 1; the header is line 1.
    pub line: usize,
    /// Its column by name; empty for the whole row.
    pub column: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl CommandError {
    pub(super) fn not_found(key: &Key) -> Self {
        Self::NotFound {
            what: key.describe(),
        }
    }

    pub(super) fn illegal(what: String, illegal: Illegal) -> Self {
        Self::Illegal {
            what,
            state: illegal.state,
            step: illegal.step,
            legal: illegal.legal,
        }
    }

    /// A code that a client can act on, stable: `illegal`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::Exists { .. } => "exists",
            Self::Illegal { .. } => "illegal",
            Self::Invalid { .. } => "invalid",
            Self::Refused { .. } => "refused",
            Self::NotYours { .. } => "not-yours",
            Self::Import(_) => "import",
            Self::Directory(_) => "directory",
        }
    }

    /// The rules of the domain behind it, by id.
    #[must_use]
    pub fn rules(&self) -> &'static [&'static str] {
        match self {
            Self::Refused { rules, .. } => rules,
            Self::NotYours { .. } => &["A-REL-07"],
            Self::Import(_) => &["A-USR-06"],
            _ => &[],
        }
    }

    /// What to do next.
    #[must_use]
    pub fn next_step(&self) -> String {
        match self {
            Self::NotFound { .. } => "check the name".to_owned(),
            Self::Exists { remedy, .. }
            | Self::Invalid { remedy, .. }
            | Self::Refused { remedy, .. } => (*remedy).to_owned(),
            Self::Illegal { legal, .. } if legal.is_empty() => {
                "nothing more can be done with it".to_owned()
            }
            Self::Illegal { legal, .. } => format!("legal now: {}", legal.join(", ")),
            Self::NotYours { .. } => "act for your own partner".to_owned(),
            Self::Import(_) => "correct the cells and import the whole file again".to_owned(),
            Self::Directory(error) => error.remedy(),
        }
    }
}
