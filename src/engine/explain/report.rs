//! The explanation of one decision.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::str::FromStr;

use cedar_policy::{
    Entities, EntityUid, EvalResult, Expression, Request as CedarRequest, eval_expression,
};

use super::asking::{Asking, Candidate};
use super::clause::{Clause, LAYER};
use super::ground::Ground;
use super::path::Hop;
use crate::engine::decide::policy_ref;
use crate::engine::error::chain;
use crate::engine::reference::{cedar_request, evaluate};
use crate::engine::{Decision, Link, PolicyRef, Problem, Query, Request, Snapshot};
use crate::policy::with_room;

/// Permits that are reported as having come close, at most.
const NEAR_MAX: usize = 5;

/// Why a decision is what it is.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// Principal or resource of which nothing is known.
    pub unknown: Vec<EntityUid>,
    /// The determining policies, and what held in each.
    pub determining: Vec<PolicyReport>,
    /// For a deny that no forbid made: the permits that came closest, and what
    /// each lacked.
    pub near: Vec<PolicyReport>,
    /// For such a deny: templates that could permit, had they a link here.
    pub unlinked: Option<Unlinked>,
}

/// One policy, clause by clause.
#[derive(Debug, Clone)]
pub struct PolicyReport {
    /// The policy.
    pub policy: PolicyRef,
    /// Its clauses, in the order of its text.
    pub clauses: Vec<ClauseReport>,
}

/// One clause of a policy on this question.
#[derive(Debug, Clone)]
pub struct ClauseReport {
    /// The layer of the decision that it belongs to (`@layer` in the schema).
    pub layer: Option<String>,
    /// The clause, as it would be written in Cedar.
    pub text: String,
    /// Whether it held.
    pub outcome: Outcome,
    /// What is missing, in words (`@lacking` in the schema), if it did not hold.
    pub lacking: Option<String>,
    /// The path of memberships that made it hold, if it asks for one.
    pub path: Vec<Hop>,
}

/// How a clause came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// True.
    Held,
    /// False.
    NotHeld,
    /// It could not be evaluated; the message says why.
    Failed(String),
}

/// Templates that apply to the action, with no link near the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlinked {
    /// Ids of the templates.
    pub templates: Vec<String>,
    /// The layer of what is missing.
    pub layer: Option<String>,
    /// What is missing, in words.
    pub lacking: Option<String>,
}

impl PolicyReport {
    /// Clauses that did not hold.
    pub fn lacking(&self) -> impl Iterator<Item = &ClauseReport> {
        self.clauses
            .iter()
            .filter(|clause| clause.outcome != Outcome::Held)
    }
}

/// Explains a decision that was made on this snapshot for this request.
///
/// # Errors
/// [`Problem`] if the engine or cedar-policy does not take the request; the decision was
/// then refused for the same reason.
pub fn explain(
    snapshot: &Snapshot,
    request: &Request,
    decision: &Decision,
) -> Result<Explanation, Problem> {
    let query = Query::new(snapshot, request)?;
    let asking = Asking {
        snapshot,
        request,
        ground: Ground::new(snapshot, request, &query),
        actions: snapshot
            .bundle()
            .schema()
            .action_entities()
            .map_err(refused)?,
        links: OnceCell::new(),
    };
    let (candidates, denied) = asking.candidates(decision);
    // What the engine leaves to the reference evaluator as a whole, so does this.
    let reference = query.by_reference().then(|| snapshot.reference());
    let reference = reference.transpose().map_err(refused)?;
    let entities = match &reference {
        Some(reference) => reference.entities_for(request)?,
        None => {
            let clauses = candidates.iter().flat_map(|candidate| &candidate.clauses);
            Cow::Owned(asking.ground.entities(clauses)?)
        }
    };
    let explainer = Explainer {
        asking: &asking,
        cedar: cedar_request(request)?,
        entities,
    };
    let reports = candidates.iter().map(|it| explainer.report(it)).collect();
    let unknown = asking.unknown();
    Ok(match denied {
        false => Explanation {
            unknown,
            determining: reports,
            ..Explanation::default()
        },
        true => Explanation {
            unknown,
            near: nearest(reports),
            unlinked: asking.unlinked(),
            ..Explanation::default()
        },
    })
}

fn refused(error: impl std::error::Error) -> Problem {
    Problem::Refused {
        message: chain(&error),
    }
}
struct Explainer<'a> {
    asking: &'a Asking<'a>,
    cedar: CedarRequest,
    entities: Cow<'a, Entities>,
}

impl Explainer<'_> {
    /// One policy, clause by clause.
    fn report(&self, candidate: &Candidate) -> PolicyReport {
        let link = candidate.link.iter();
        let filled = link.flat_map(|link| self.filled(link, candidate.exact));
        let clauses = candidate.clauses.iter().map(|clause| self.clause(clause));
        PolicyReport {
            policy: policy_ref(self.asking.snapshot, &candidate.id),
            clauses: filled.chain(clauses).collect(),
        }
    }

    /// What a link's slots ask for.
    fn filled(&self, link: &Link, exact: [bool; 2]) -> Vec<ClauseReport> {
        let Asking {
            request, ground, ..
        } = self.asking;
        let declared = self.asking.resource_annotations();
        let [exact_principal, exact_resource] = exact;
        let slots = [
            (
                "principal",
                "to",
                &request.principal,
                &link.principal,
                exact_principal,
            ),
            (
                "resource",
                "on",
                &request.resource,
                &link.resource,
                exact_resource,
            ),
        ];
        let filled = slots
            .into_iter()
            .filter_map(|(name, to, uid, slot, exact)| {
                let slot = slot.as_ref()?;
                let path = ground.shortest(uid, std::slice::from_ref(slot));
                let path = path.filter(|_| !exact || uid == slot);
                let (operator, is) = if exact {
                    ("==", "is not")
                } else {
                    ("in", "is not in")
                };
                let lacking = || format!("it was given {to} {slot}, which the {name} {is}");
                Some(ClauseReport {
                    layer: declared.and_then(|a| a.get(LAYER)).cloned(),
                    text: format!("{name} {operator} {slot}"),
                    outcome: match path {
                        Some(_) => Outcome::Held,
                        None => Outcome::NotHeld,
                    },
                    lacking: path.is_none().then(lacking),
                    path: path.unwrap_or_default(),
                })
            });
        filled.collect()
    }

    fn clause(&self, clause: &Clause) -> ClauseReport {
        let outcome = match clause.as_policy() {
            None => Outcome::Failed("the clause cannot be evaluated by itself".to_owned()),
            Some(policies) => {
                let evaluation = evaluate(&self.cedar, &policies, &self.entities);
                match (evaluation.allow, evaluation.erroring.into_iter().next()) {
                    (true, _) => Outcome::Held,
                    (false, Some((_, message))) => Outcome::Failed(message),
                    (false, None) => Outcome::NotHeld,
                }
            }
        };
        let declared = self
            .asking
            .reading()
            .and_then(|reading| reading.declaration(clause));
        let lacking = match outcome {
            Outcome::Held => None,
            _ => declared.and_then(|a| a.get("lacking")).cloned(),
        };
        ClauseReport {
            layer: declared.and_then(|a| a.get(LAYER)).cloned(),
            text: clause.text(),
            path: match outcome {
                Outcome::Held => self.path_of(clause),
                _ => Vec::new(),
            },
            outcome,
            lacking,
        }
    }

    /// The path behind an `in` that held.
    fn path_of(&self, clause: &Clause) -> Vec<Hop> {
        let Some((left, right)) = clause.membership() else {
            return Vec::new();
        };
        let (from, to) = (self.entities_in(&left), self.entities_in(&right));
        let Some(from) = from.first() else {
            return Vec::new();
        };
        self.asking.ground.shortest(from, &to).unwrap_or_default()
    }

    /// What an expression evaluates to: an entity, or a set of them.
    fn entities_in(&self, text: &str) -> Vec<EntityUid> {
        let Ok(expression) = Expression::from_str(text) else {
            return Vec::new();
        };
        let value = with_room(|| eval_expression(&self.cedar, &self.entities, &expression).ok());
        match value {
            Some(EvalResult::EntityUid(uid)) => vec![uid],
            Some(EvalResult::Set(items)) => {
                let items = items.iter().filter_map(|item| match item {
                    EvalResult::EntityUid(uid) => Some(uid.clone()),
                    _ => None,
                });
                items.collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The permits that lacked least, nearest first.
fn nearest(mut reports: Vec<PolicyReport>) -> Vec<PolicyReport> {
    // A guard (`resource has customer`) and the clause behind it fail together:
    // what counts is how many layers are lacking, then how many clauses.
    let lacks = |report: &PolicyReport| {
        let layers = report
            .lacking()
            .filter_map(|clause| clause.layer.as_deref());
        let layers: Vec<&str> = layers.collect();
        (layers.iter().collect::<BTreeSet<_>>().len(), layers.len())
    };
    reports.sort_by(|a, b| (lacks(a), &a.policy.id).cmp(&(lacks(b), &b.policy.id)));
    let least = reports.first().map(lacks);
    reports.retain(|report| Some(lacks(report)) == least);
    reports.truncate(NEAR_MAX);
    reports
}
