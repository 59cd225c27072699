//! Why a bundle is not taken into use.
//!
//! The one before it stays, whole. What is told is bounded, and says how much more
//! there is.

use miette::Diagnostic;

use super::NodeError;
use crate::engine::EngineError;
use crate::policy::{Finding, Refused};

/// Findings or facts that a refusal tells, at most. Our choice: more than anybody
/// mends in one go.
pub const TOLD_MAX: usize = 50;

/// A bundle that was offered and is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A file of it cannot be read.
    #[error("a file cannot be read: {0}")]
    Unreadable(#[from] Box<Finding>),
    /// Its texts are refused.
    #[error(transparent)]
    Policies(#[from] Refused),
    /// Its policies cannot be made ready to decide.
    #[error("the policies are refused: {0}")]
    Engine(#[from] EngineError),
    /// It answers known questions wrongly, or not at all.
    #[error("the bundle fails the self-test: {0}")]
    SelfTest(Box<NodeError>),
    /// There are facts that do not fit it.
    #[error("{} the new bundle; correct them first, or keep the schema wide enough for them", many(.0))]
    Facts(Vec<Misfit>),
}

/// A fact that does not fit a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The fact.
    pub fact: String,
    /// What is wrong with it.
    pub message: String,
}

/// One thing that stands against a bundle, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `file:line`, or the fact; none for what has no place.
    pub place: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl Refusal {
    /// What stands against the bundle, [`TOLD_MAX`] at most, and how many more there
    /// are.
    #[must_use]
    pub fn told(&self) -> (Vec<Told>, usize) {
        let mut all: Vec<Told> = match self {
            Self::Unreadable(finding) => vec![Told::of(finding)],
            Self::Policies(refused) => refused
                .findings
                .iter()
                .filter(|finding| finding.is_error())
                .map(Told::of)
                .collect(),
            Self::Engine(error) => vec![Told::plain(error.to_string())],
            Self::SelfTest(error) => vec![Told {
                help: Some(SELF_TEST_HELP.to_owned()),
                ..Told::plain(said(error))
            }],
            Self::Facts(misfits) => misfits.iter().map(Told::misfit).collect(),
        };
        let more = all.len().saturating_sub(TOLD_MAX);
        all.truncate(TOLD_MAX);
        (all, more)
    }
}

const SELF_TEST_HELP: &str = "every bundle of the directory answers the known questions alike; \
     correct the policies";

impl Told {
    fn of(finding: &Finding) -> Self {
        Self {
            place: finding.place(),
            message: finding.to_string(),
            help: finding.help().map(|help| help.to_string()),
        }
    }

    fn plain(message: String) -> Self {
        Self {
            place: None,
            message,
            help: None,
        }
    }

    fn misfit(misfit: &Misfit) -> Self {
        Self {
            place: Some(misfit.fact.clone()),
            ..Self::plain(misfit.message.clone())
        }
    }
}

/// What went wrong, with its cause.
fn said(error: &NodeError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn many(misfits: &[Misfit]) -> String {
    match misfits.len() {
        1 => "1 fact does not fit".to_owned(),
        n => format!("{n} facts do not fit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(facts: usize, told: usize, more: usize) {
        let misfit = |n| Misfit {
            fact: format!("fact {n}"),
            message: "does not fit".to_owned(),
        };
        let refusal = Refusal::Facts((0..facts).map(misfit).collect());
        let (listed, rest) = refusal.told();
        assert_eq!((listed.len(), rest), (told, more));
        assert!(refusal.to_string().contains("the new bundle"));
    }

    #[test]
    fn what_is_told_is_bounded_and_says_how_much_more_there_is() {
        check(1, 1, 0);
        check(TOLD_MAX, TOLD_MAX, 0);
        check(TOLD_MAX + 1, TOLD_MAX, 1);
        check(TOLD_MAX + 1_000, TOLD_MAX, 1_000);
    }
}
