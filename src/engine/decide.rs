//! One question, one answer: the seam behind which evaluators change.

use std::sync::Arc;

use cedar_policy::Effect as PolicyEffect;

use super::reference::Evaluation;
use super::{Problem, Request, Revision, Snapshot};
use crate::policy::{Annotations, BundleHash};

/// Allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// Some permit matched, no forbid did, and nothing failed.
    Allow,
    /// Everything else.
    Deny,
}

impl Effect {
    /// `allow` or `deny`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// What an erroring policy does to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorMode {
    /// Any erroring policy denies: a forbid that fails must not open what it
    /// guards. Source: contract, section 3; Cedar issue 2428.
    #[default]
    Strict,
    /// An erroring policy is skipped, as Cedar itself does.
    Cedar,
}

/// The whole answer.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Allow or deny.
    pub effect: Effect,
    /// The policies that made the effect, by id; none for a deny by default.
    pub determining: Vec<PolicyRef>,
    /// The policies that failed, by id.
    pub erroring: Vec<Erroring>,
    /// Why the request could not be evaluated at all; the effect is then deny.
    pub problem: Option<Problem>,
    /// The revision at which it was made.
    pub revision: Revision,
    /// The hash of the bundle by which it was made.
    pub bundle: BundleHash,
}

/// A policy, link or standing policy, named in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRef {
    /// Its id.
    pub id: String,
    /// Whether it permits (else it forbids).
    pub permits: bool,
    /// Its annotations; of a link, its template's.
    pub annotations: Arc<Annotations>,
    /// File and line of its text; none for a policy that stands for a fact.
    pub place: Option<(Arc<str>, usize)>,
}

impl PolicyRef {
    /// An annotation's value.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }
}

/// A policy that failed on this question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erroring {
    /// The policy.
    pub policy: PolicyRef,
    /// How it failed.
    pub message: String,
}

/// Decides a question on a snapshot.
///
/// INVARIANT (closed): a failure of any kind is a deny.
#[must_use]
pub fn decide(snapshot: &Snapshot, request: &Request, mode: ErrorMode) -> Decision {
    match snapshot.reference().evaluate(request) {
        Ok(evaluation) => Decision::from_evaluation(snapshot, evaluation, mode),
        Err(problem) => Decision::refusing(snapshot, problem),
    }
}

impl Decision {
    /// The deny of a request that could not be evaluated.
    #[must_use]
    pub fn refusing(snapshot: &Snapshot, problem: Problem) -> Self {
        Self {
            effect: Effect::Deny,
            determining: Vec::new(),
            erroring: Vec::new(),
            problem: Some(problem),
            revision: snapshot.revision(),
            bundle: snapshot.bundle().hash().clone(),
        }
    }

    /// Whether it allows.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.effect == Effect::Allow
    }

    fn from_evaluation(snapshot: &Snapshot, evaluation: Evaluation, mode: ErrorMode) -> Self {
        let failed = mode == ErrorMode::Strict && !evaluation.erroring.is_empty();
        let effect = match evaluation.allow && !failed {
            true => Effect::Allow,
            false => Effect::Deny,
        };
        let resolve = |id: &str| policy_ref(snapshot, id);
        let named = evaluation.determining.iter().map(|id| resolve(id));
        Self {
            effect,
            // Permits do not determine a deny that a failure made.
            determining: named.filter(|policy| !failed || !policy.permits).collect(),
            erroring: evaluation
                .erroring
                .into_iter()
                .map(|(id, message)| Erroring {
                    policy: resolve(&id),
                    message,
                })
                .collect(),
            problem: None,
            revision: snapshot.revision(),
            bundle: snapshot.bundle().hash().clone(),
        }
    }
}

/// Resolves the id of a policy, a link or a standing policy.
pub(super) fn policy_ref(snapshot: &Snapshot, id: &str) -> PolicyRef {
    // A link's id begins with its template's; no other id holds a `|` but those
    // that were given one by an author, which are found first.
    let bundle = snapshot.bundle();
    let template = id
        .split_once('|')
        .and_then(|(template, _)| bundle.policy(template));
    if let Some(standing) = snapshot.store().policy(id) {
        return PolicyRef {
            id: id.to_owned(),
            permits: standing.effect == PolicyEffect::Permit,
            annotations: Arc::new(standing.annotations.clone()),
            place: None,
        };
    }
    let info = bundle.policy(id).or(template);
    PolicyRef {
        id: id.to_owned(),
        permits: info.is_some_and(|info| info.effect == PolicyEffect::Permit),
        annotations: info.map(|i| Arc::clone(&i.annotations)).unwrap_or_default(),
        place: info.map(|info| (Arc::clone(&info.file), info.line)),
    }
}
