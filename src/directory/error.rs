//! Why a change is refused. Each names the field of the fact that it is about.

/// A change that would leave the world wrong. The world stays as it was.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum DirectoryError {
    /// An id that must not be.
    #[error("{what}: {message}")]
    Id {
        /// The fact.
        what: String,
        /// The field that holds the id; empty if the fact's own.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A reference to something that is not there.
    #[error("{what} names the {to}, which is not there")]
    Dangling {
        /// The fact that refers.
        what: String,
        /// Its field.
        field: &'static str,
        /// What it refers to.
        to: String,
    },
    /// Something that others still refer to.
    #[error("the {what} cannot go: the {by} still names it")]
    InUse {
        /// What should go.
        what: String,
        /// A fact that names it.
        by: String,
    },
    /// Something that is not there to be removed.
    #[error("there is no {what} to remove")]
    Absent {
        /// What should go.
        what: String,
    },
    /// Groups that contain each other.
    #[error("{what} would contain itself through `{through}`")]
    Cycle {
        /// The group.
        what: String,
        /// Its field.
        field: &'static str,
        /// The group through which.
        through: String,
    },
    /// A value that is not among those there are.
    #[error("{what}: there is no {kind} `{value}`")]
    Unknown {
        /// The fact.
        what: String,
        /// Its field.
        field: &'static str,
        /// What kind of name it is: `Azure role`.
        kind: &'static str,
        /// The name.
        value: String,
        /// The nearest name there is, or what there is.
        instead: String,
    },
    /// A combination that makes no sense.
    #[error("{what}: {message}")]
    Inconsistent {
        /// The fact.
        what: String,
        /// The field to look at.
        field: &'static str,
        /// What does not fit, as a sentence.
        message: String,
        /// What to do about it.
        remedy: &'static str,
    },
}

impl DirectoryError {
    /// The field of the fact that it is about; empty for the fact itself.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Id { field, .. }
            | Self::Dangling { field, .. }
            | Self::Cycle { field, .. }
            | Self::Unknown { field, .. }
            | Self::Inconsistent { field, .. } => field,
            Self::InUse { .. } | Self::Absent { .. } => "",
        }
    }

    /// What to do next.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Id { .. } => "give it another id".to_owned(),
            Self::Dangling { to, .. } => format!("add the {to}, or correct the name"),
            Self::InUse { by, .. } => format!("remove the {by} first"),
            Self::Absent { .. } => "check the name".to_owned(),
            Self::Cycle { through, .. } => format!("take it out of `{through}`"),
            Self::Unknown { instead, .. } => instead.clone(),
            Self::Inconsistent { remedy, .. } => (*remedy).to_owned(),
        }
    }
}
