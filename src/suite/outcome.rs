//! What came out of a case, held against what was expected.
//!
//! One comparison for every form of test and every evaluator, so that all of
//! them fail in the same words.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Expected;
use crate::engine::{Decision, Effect};

/// An answer, whoever gave it.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    /// Allow or deny.
    pub(super) effect: Effect,
    /// Ids of the determining policies.
    pub(super) determining: BTreeSet<String>,
    /// Ids of the erroring policies, each with its message.
    pub(super) erroring: BTreeMap<String, String>,
    /// Why there was nothing to evaluate.
    pub(super) problem: Option<String>,
}

impl From<&Decision> for Outcome {
    fn from(decision: &Decision) -> Self {
        let determining = decision.determining.iter().map(|policy| policy.id.clone());
        let erroring = decision.erroring.iter();
        let erroring = erroring.map(|error| (error.policy.id.clone(), error.message.clone()));
        Self {
            effect: decision.effect,
            determining: determining.collect(),
            erroring: erroring.collect(),
            problem: decision.problem.as_ref().map(ToString::to_string),
        }
    }
}

impl Outcome {
    /// What is different from what was expected, each as a sentence.
    pub(super) fn difference(&self, expected: &Expected) -> Vec<String> {
        let erroring: BTreeSet<String> = self.erroring.keys().cloned().collect();
        let mut wrong = Vec::new();
        if self.effect != expected.effect {
            let mut text = format!(
                "it must be {}, and is {}",
                expected.effect.as_str(),
                self.effect.as_str()
            );
            if let Some(problem) = &self.problem {
                text = format!("{text}: {problem}");
            }
            wrong.push(text);
        }
        let exactly = |wanted: &&BTreeSet<String>| **wanted != self.determining;
        if let Some(wanted) = expected.determining.as_ref().filter(exactly) {
            wrong.push(sets("determining", wanted, &self.determining));
        }
        if !expected.among.is_subset(&self.determining) {
            wrong.push(sets("determining", &expected.among, &self.determining));
        }
        if let Some(wanted) = expected.erroring.as_ref().filter(|w| **w != erroring) {
            wrong.push(sets("erroring", wanted, &erroring));
        }
        let counted = |count: &usize| *count != erroring.len();
        if let Some(count) = expected.erroring_count.filter(counted) {
            wrong.push(format!(
                "{count} policies must fail, and {} do",
                erroring.len()
            ));
        }
        wrong
    }

    /// For people: ``allow by policy0; `policy1` failed: …``.
    pub(super) fn text(&self) -> String {
        let mut text = by(self.effect, self.determining.iter());
        for (id, message) in &self.erroring {
            text = format!("{text}; `{id}` failed: {message}");
        }
        text
    }
}

/// For people: ``allow by policy0; `policy1` fails``.
pub(super) fn expected_text(expected: &Expected) -> String {
    let determining = expected.determining.iter().flatten();
    let mut text = by(expected.effect, determining.chain(&expected.among));
    for id in expected.erroring.iter().flatten() {
        text = format!("{text}; `{id}` fails");
    }
    text
}

fn by<'a>(effect: Effect, ids: impl Iterator<Item = &'a String>) -> String {
    let ids: Vec<&str> = ids.map(String::as_str).collect();
    match ids.is_empty() {
        true => effect.as_str().to_owned(),
        false => format!("{} by {}", effect.as_str(), ids.join(", ")),
    }
}

fn sets(what: &str, wanted: &BTreeSet<String>, got: &BTreeSet<String>) -> String {
    let list = |set: BTreeSet<&String>| {
        let ids: Vec<&str> = set.into_iter().map(String::as_str).collect();
        ids.join(", ")
    };
    let (missing, extra) = (
        wanted.difference(got).collect(),
        got.difference(wanted).collect(),
    );
    match (list(missing), list(extra)) {
        (missing, extra) if extra.is_empty() => format!("{what} lacks {missing}"),
        (missing, extra) if missing.is_empty() => format!("{what} has {extra} besides"),
        (missing, extra) => format!("{what} lacks {missing} and has {extra}"),
    }
}
