//! The explanation of one decision.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::str::FromStr;

use cedar_policy::pst::{Policy as PstPolicy, Template};
use cedar_policy::{
    ActionConstraint, Entities, EntityUid, EvalResult, Expression, PrincipalConstraint,
    Request as CedarRequest, ResourceConstraint, eval_expression,
};

use super::clause::{Clause, LAYER, Reading, clauses_of};
use super::path::{Hop, above, shortest};
use crate::engine::decide::policy_ref;
use crate::engine::reference::{cedar_request, evaluate};
use crate::engine::{Decision, Link, PolicyRef, Problem, Request, Snapshot};
use crate::policy::{Annotations, Shape, with_room};

/// Permits that are reported as having come close, at most.
const NEAR_MAX: usize = 5;

/// Links that are looked at for those, at most.
const NEAR_LINKS_MAX: usize = 256;

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
/// [`Problem`] if cedar-policy does not take the request; the decision was then
/// refused for the same reason.
pub fn explain(
    snapshot: &Snapshot,
    request: &Request,
    decision: &Decision,
) -> Result<Explanation, Problem> {
    let reference = snapshot.reference().map_err(|error| Problem::Refused {
        message: error.to_string(),
    })?;
    let entities = reference.entities_for(request)?;
    let explainer = Explainer {
        snapshot,
        request,
        cedar: cedar_request(request)?,
        entities,
    };
    Ok(explainer.explain(decision))
}

struct Explainer<'a> {
    snapshot: &'a Snapshot,
    request: &'a Request,
    cedar: CedarRequest,
    entities: Cow<'a, Entities>,
}

impl Explainer<'_> {
    fn explain(&self, decision: &Decision) -> Explanation {
        let mut explanation = Explanation {
            unknown: self.unknown(),
            ..Explanation::default()
        };
        for policy in &decision.determining {
            explanation.determining.extend(self.report(&policy.id));
        }
        if !decision.allows() && decision.determining.is_empty() && decision.erroring.is_empty() {
            explanation.near = self.near();
            explanation.unlinked = self.unlinked();
        }
        explanation
    }

    /// An entity is unknown if nothing is stored of it, its type could hold
    /// something, and the question did not bring it along.
    fn unknown(&self) -> Vec<EntityUid> {
        let named = [&self.request.principal, &self.request.resource];
        let known = |uid: &EntityUid| {
            let shape = self.shape().entities.get(&uid.type_name().to_string());
            let plain = shape.is_some_and(|s| s.ids.is_some());
            let own = self
                .request
                .entities
                .iter()
                .any(|entity| entity.uid == *uid);
            plain || own || self.snapshot.facts().knows(uid)
        };
        let unknown = named.into_iter().filter(|uid| !known(uid));
        unknown.cloned().collect()
    }

    fn shape(&self) -> &Shape {
        self.snapshot.bundle().shape()
    }

    /// The clauses of one static policy, standing policy or link.
    fn report(&self, id: &str) -> Option<PolicyReport> {
        let facts = self.snapshot.facts();
        if let Some(standing) = facts.policy(id) {
            let PstPolicy::Static(fixed) = standing.policy.to_pst().ok()? else {
                return None;
            };
            return Some(self.report_of(id, fixed.body(), None));
        }
        if let Some(link) = self.links().iter().find(|link| link.id() == id) {
            return self.report_link(link);
        }
        let policy = self
            .snapshot
            .bundle()
            .policies()
            .policy(&id.parse().ok()?)?;
        let PstPolicy::Static(fixed) = policy.to_pst().ok()? else {
            return None;
        };
        Some(self.report_of(id, fixed.body(), None))
    }

    fn report_link(&self, link: &Link) -> Option<PolicyReport> {
        let templates = self.snapshot.bundle().policies();
        let template = templates.template(&link.template.parse().ok()?)?;
        Some(self.report_of(&link.id(), &template.to_pst().ok()?, Some(link)))
    }

    fn report_of(&self, id: &str, template: &Template, link: Option<&Link>) -> PolicyReport {
        let filled = link.into_iter().flat_map(|link| self.filled(link));
        let clauses = clauses_of(template);
        let clauses = clauses.iter().map(|clause| self.clause(clause));
        PolicyReport {
            policy: policy_ref(self.snapshot, id),
            clauses: filled.chain(clauses).collect(),
        }
    }

    /// What a link's slots ask for.
    fn filled(&self, link: &Link) -> Vec<ClauseReport> {
        let declared = self.resource_annotations();
        let slots = [
            ("principal", &self.request.principal, &link.principal),
            ("resource", &self.request.resource, &link.resource),
        ];
        let filled = slots.into_iter().filter_map(|(name, uid, slot)| {
            let slot = slot.as_ref()?;
            let path = shortest(
                self.snapshot.facts(),
                self.request,
                uid,
                std::slice::from_ref(slot),
            );
            let held = path.is_some();
            let lacking = match name {
                "principal" => {
                    format!("it was given to {slot}, which the principal is not in")
                }
                _ => format!("it was given on {slot}, which the resource is not in"),
            };
            Some(ClauseReport {
                layer: declared.and_then(|a| a.get(LAYER)).cloned(),
                text: format!("{name} in {slot}"),
                outcome: if held {
                    Outcome::Held
                } else {
                    Outcome::NotHeld
                },
                lacking: (!held).then_some(lacking),
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
        shortest(self.snapshot.facts(), self.request, from, &to).unwrap_or_default()
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

    fn reading(&self) -> Option<Reading<'_>> {
        let action = &self.request.action;
        let key = (
            action.type_name().to_string(),
            action.id().unescaped().to_owned(),
        );
        Some(Reading {
            shape: self.shape(),
            action: self.shape().actions.get(&key)?,
            principal: self.type_name(&self.request.principal)?,
            resource: self.type_name(&self.request.resource)?,
        })
    }

    fn type_name(&self, uid: &EntityUid) -> Option<&str> {
        let name = uid.type_name().to_string();
        let (name, _) = self.shape().entities.get_key_value(&name)?;
        Some(name)
    }

    fn resource_annotations(&self) -> Option<&Annotations> {
        let name = self.type_name(&self.request.resource)?;
        Some(&self.shape().entities.get(name)?.annotations)
    }

    /// The permits that lacked least, nearest first.
    fn near(&self) -> Vec<PolicyReport> {
        let bundle = self.snapshot.bundle();
        let fixed = bundle.policies().policies();
        let fixed = fixed.filter(|policy| {
            policy.effect() == cedar_policy::Effect::Permit
                && self.applies(
                    &policy.action_constraint(),
                    &policy.principal_constraint(),
                    &policy.resource_constraint(),
                )
        });
        let mut reports: Vec<PolicyReport> = fixed
            .filter_map(|policy| self.report(policy.id().as_ref()))
            .collect();
        let links = self.near_links().into_iter();
        reports.extend(links.filter_map(|link| self.report_link(&link)));
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

    /// Links at or above the resource, or held by the principal; those that are
    /// both come first.
    fn links(&self) -> Vec<Link> {
        let facts = self.snapshot.facts();
        let principal = above(facts, self.request, &self.request.principal);
        let resource = above(facts, self.request, &self.request.resource);
        let within = |above: &BTreeSet<EntityUid>, slot: &Option<EntityUid>| {
            slot.as_ref().is_none_or(|uid| above.contains(uid))
        };
        let sides = |link: &Link| {
            let resource = within(&resource, &link.resource);
            usize::from(resource) + usize::from(within(&principal, &link.principal))
        };
        let all = |uids: &BTreeSet<EntityUid>| uids.iter().cloned().collect::<Vec<_>>();
        let mut near = facts.links_near(&all(&principal), &all(&resource));
        near.sort_by_key(|link| std::cmp::Reverse(sides(link)));
        near
    }

    /// Those of them that permit.
    fn near_links(&self) -> Vec<Link> {
        let links = self.links().into_iter();
        let permitting = links.filter(|link| self.permitting_template(&link.template));
        permitting.take(NEAR_LINKS_MAX).collect()
    }

    fn permitting_template(&self, id: &str) -> bool {
        let policies = self.snapshot.bundle().policies();
        let template = id.parse().ok().and_then(|id| policies.template(&id));
        template.is_some_and(|template| {
            template.effect() == cedar_policy::Effect::Permit
                && self.action_matches(&template.action_constraint())
        })
    }

    fn unlinked(&self) -> Option<Unlinked> {
        if !self.near_links().is_empty() {
            return None;
        }
        let infos = self.snapshot.bundle().infos();
        let templates = infos.filter(|info| info.is_template && self.permitting_template(&info.id));
        let templates: Vec<String> = templates.map(|info| info.id.clone()).collect();
        let declared = self.resource_annotations();
        let said = |name: &str| declared.and_then(|a| a.get(name)).cloned();
        (!templates.is_empty()).then(|| Unlinked {
            templates,
            layer: said(LAYER),
            lacking: said("lacking"),
        })
    }

    fn applies(
        &self,
        action: &ActionConstraint,
        principal: &PrincipalConstraint,
        resource: &ResourceConstraint,
    ) -> bool {
        let of_type =
            |uid: &EntityUid, name: &cedar_policy::EntityTypeName| uid.type_name() == name;
        let principal_fits = match principal {
            PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => {
                of_type(&self.request.principal, name)
            }
            _ => true,
        };
        let resource_fits = match resource {
            ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => {
                of_type(&self.request.resource, name)
            }
            _ => true,
        };
        principal_fits && resource_fits && self.action_matches(action)
    }

    fn action_matches(&self, action: &ActionConstraint) -> bool {
        let within = |group: &EntityUid| {
            *group == self.request.action
                || self.entities.is_ancestor_of(group, &self.request.action)
        };
        match action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => *uid == self.request.action,
            ActionConstraint::In(groups) => groups.iter().any(within),
        }
    }
}
