//! One question, one answer.

use std::sync::Arc;

use cedar_policy::Effect as PolicyEffect;

use super::outcome::{Failed, Outcome, PolicyHandle, Rest};
use super::reference::Evaluation;
use super::{Problem, Query, Request, Revision, Snapshot};
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
    let decided = Query::new(snapshot, request)
        .and_then(|query| Ok((Outcome::of(snapshot, &query, mode)?, query)));
    match decided {
        Ok((outcome, query)) => Decision::naming(snapshot, &query, &outcome),
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

    /// Whether nothing went wrong: the question could be evaluated, and no policy
    /// failed on it. What the schema does not know is nothing wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let problem = self.problem.as_ref();
        self.erroring.is_empty() && problem.is_none_or(Problem::is_unknown_name)
    }

    /// Names what an outcome refers to.
    #[must_use]
    pub fn naming(snapshot: &Snapshot, query: &Query, outcome: &Outcome) -> Self {
        let (names, erroring) = match &outcome.rest {
            Some(rest) => (rest.names.as_slice(), rest.erroring.as_slice()),
            None => Default::default(),
        };
        let name = |policy: &PolicyHandle| named((snapshot, query), names, *policy);
        let mut determining: Vec<PolicyRef> = outcome.determining.iter().map(name).collect();
        let mut erroring: Vec<Erroring> = erroring
            .iter()
            .map(|(handle, failure)| Erroring {
                policy: name(handle),
                message: failure.describe(snapshot, query),
            })
            .collect();
        determining.sort_by(|a, b| a.id.cmp(&b.id));
        erroring.sort_by(|a, b| a.policy.id.cmp(&b.policy.id));
        Self {
            effect: outcome.effect,
            determining,
            erroring,
            problem: None,
            revision: snapshot.revision(),
            bundle: snapshot.bundle().hash().clone(),
        }
    }
}

impl Outcome {
    /// Whether a policy that made the effect has one of these annotations. Also true
    /// of a policy that only its name tells, which [`Decision::naming`] looks up.
    #[must_use]
    pub fn may_be_annotated(&self, snapshot: &Snapshot, annotations: &[&str]) -> bool {
        let program = snapshot.program();
        self.determining.iter().any(|policy| {
            let named = match *policy {
                PolicyHandle::Static(n) => program.policies.get(n as usize),
                PolicyHandle::Link(link) => program.templates.get(usize::from(link.template)),
                PolicyHandle::Named(_) => None,
            };
            let has = |name: &&str| named.is_none_or(|known| known.annotations.contains_key(*name));
            annotations.iter().any(has)
        })
    }
}

fn named(
    (snapshot, query): (&Snapshot, &Query),
    names: &[Arc<str>],
    policy: PolicyHandle,
) -> PolicyRef {
    let link = match policy {
        PolicyHandle::Static(n) => {
            let policy = snapshot.program().policies.get(n as usize);
            return policy_ref(snapshot, policy.map_or("", |policy| &policy.id));
        }
        PolicyHandle::Named(n) => {
            let id = names.get(n as usize);
            return policy_ref(snapshot, id.map_or("", |id| id));
        }
        PolicyHandle::Link(link) => link,
    };
    let id = |eid| {
        let uid = query.uid(snapshot.state(), eid);
        uid.map(|uid| uid.id().unescaped().to_owned())
    };
    let template = snapshot.program().templates.get(usize::from(link.template));
    let name = format!(
        "{}|{}|{}",
        template.map_or("", |template| template.id.as_ref()),
        id(link.principal).unwrap_or_default(),
        id(link.resource).unwrap_or_default()
    );
    let info = template.and_then(|template| snapshot.bundle().policy(&template.id));
    of_info(name, info)
}

fn of_info(id: String, info: Option<&crate::policy::PolicyInfo>) -> PolicyRef {
    PolicyRef {
        id,
        permits: info.is_some_and(|info| info.effect == PolicyEffect::Permit),
        annotations: info.map(|i| Arc::clone(&i.annotations)).unwrap_or_default(),
        place: info.map(|info| (Arc::clone(&info.file), info.line)),
    }
}

/// Resolves the id of a policy, a link or a standing policy.
pub(super) fn policy_ref(snapshot: &Snapshot, id: &str) -> PolicyRef {
    if let Some(standing) = snapshot.facts().policy(id) {
        return PolicyRef {
            id: id.to_owned(),
            permits: standing.effect == PolicyEffect::Permit,
            annotations: Arc::new(standing.annotations.clone()),
            place: None,
        };
    }
    let bundle = snapshot.bundle();
    let info = bundle.policy(id).or_else(|| {
        // A link's id begins with its template's, which may hold a `|` itself.
        let ends = id.rmatch_indices('|').map(|(at, _)| at);
        let mut named = ends.filter_map(|at| bundle.policy(id.get(..at)?));
        named.find(|info| info.is_template)
    });
    of_info(id.to_owned(), info)
}

/// The outcome of a question that the reference evaluator answered.
pub(super) fn of_evaluation(evaluation: Evaluation, mode: ErrorMode) -> Outcome {
    let failed = mode == ErrorMode::Strict && !evaluation.erroring.is_empty();
    // Permits do not determine a deny that a failure made.
    let none = failed && evaluation.allow;
    let determining = evaluation.determining.into_iter().filter(|_| !none);
    let mut rest = Box::<Rest>::default();
    let determining = determining.map(|id| rest.named(&id)).collect();
    for (id, message) in evaluation.erroring {
        let policy = rest.named(&id);
        rest.erroring.push((policy, Failed::Told(message.into())));
    }
    Outcome {
        effect: match evaluation.allow && !failed {
            true => Effect::Allow,
            false => Effect::Deny,
        },
        determining,
        rest: Some(rest),
    }
}
