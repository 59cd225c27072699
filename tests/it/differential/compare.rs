//! One request, answered by the engine under test and by cedar-policy.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use aobo::engine::reference::Evaluation;
use aobo::engine::{Decision, ErrorMode, Request, Snapshot, decide};

use super::engine::Oracle;

/// What is compared of an answer. Ids in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) allows: bool,
    pub(super) determining: Vec<String>,
    pub(super) erroring: Vec<String>,
    /// Why there is no proper answer: a problem, or a panic.
    pub(super) failed: Option<String>,
}

/// The engine under test: the real one, or one that is wrong on purpose.
pub(super) type Engine = dyn Fn(&Snapshot, &Request, ErrorMode) -> Answer + Sync;

/// What is decided by the engine proper.
pub(super) fn engine(snapshot: &Snapshot, request: &Request, mode: ErrorMode) -> Answer {
    Answer::of(&decide(snapshot, request, mode))
}

/// Where the two disagree.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    pub(super) mode: ErrorMode,
    pub(super) engine: Answer,
    pub(super) reference: Answer,
}

impl Difference {
    /// What stays the same of it while a case is cut small: a wrong answer does not
    /// become a refusal.
    pub(super) fn kind(&self) -> [Option<String>; 2] {
        [self.engine.failed.clone(), self.reference.failed.clone()]
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mode,
            engine,
            reference,
        } = self;
        write!(f, "{mode:?}: {engine:?}\nis to be {reference:?}")
    }
}

/// Asks both, in both modes. Returns what cedar-policy said and the first
/// difference.
pub(super) fn compare(
    snapshot: &Snapshot,
    oracle: &Oracle,
    request: &Request,
    engine: &Engine,
) -> (Answer, Option<Difference>) {
    let evaluation = oracle
        .evaluate(request)
        .map_err(|problem| problem.to_string());
    let wanted = |mode| match &evaluation {
        Ok(evaluation) => Answer::wanted(evaluation, mode),
        Err(_) => Answer::failed("a problem"),
    };
    let mut difference = None;
    for mode in [ErrorMode::Cedar, ErrorMode::Strict] {
        let got = catch_unwind(AssertUnwindSafe(|| engine(snapshot, request, mode)));
        let got = got.unwrap_or_else(|_| Answer::failed("a panic"));
        let wanted = wanted(mode);
        if got != wanted && difference.is_none() {
            difference = Some(Difference {
                mode,
                engine: got,
                reference: wanted,
            });
        }
    }
    (wanted(ErrorMode::Cedar), difference)
}

impl Answer {
    pub(super) fn of(decision: &Decision) -> Self {
        if decision.problem.is_some() {
            return Self::failed("a problem");
        }
        let determining = decision.determining.iter().map(|p| p.id.clone());
        let erroring = decision.erroring.iter().map(|e| e.policy.id.clone());
        Self {
            allows: decision.allows(),
            determining: sorted(determining),
            erroring: sorted(erroring),
            failed: None,
        }
    }

    pub(super) fn failed(how: &str) -> Self {
        Self {
            allows: false,
            determining: Vec::new(),
            erroring: Vec::new(),
            failed: Some(how.to_owned()),
        }
    }

    /// What the engine is to say where cedar-policy says this. In strict mode an
    /// erroring policy denies, and what determines a deny is the forbids that
    /// match: those are what determined if cedar-policy denied, and there are
    /// none if it allowed.
    fn wanted(evaluation: &Evaluation, mode: ErrorMode) -> Self {
        let denies = mode == ErrorMode::Strict && !evaluation.erroring.is_empty();
        let determining = match denies && evaluation.allow {
            true => Vec::new(),
            false => evaluation.determining.clone(),
        };
        Self {
            allows: evaluation.allow && !denies,
            determining: sorted(determining),
            erroring: sorted(evaluation.erroring.iter().map(|(id, _)| id.clone())),
            failed: None,
        }
    }
}

fn sorted(ids: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().collect();
    ids.sort();
    ids
}
