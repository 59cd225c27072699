//! Which policies an explanation tells of: those that made the decision, or for a deny
//! those that could have permitted.

use std::cell::OnceCell;

use cedar_policy::pst::{self, Policy as PstPolicy, Template};
use cedar_policy::{
    ActionConstraint, Effect, Entities, EntityTypeName, EntityUid, PrincipalConstraint,
    ResourceConstraint, TemplatePrincipalConstraint, TemplateResourceConstraint,
};

use super::Unlinked;
use super::clause::{Clause, LAYER, Reading, clauses_of};
use super::ground::Ground;
use crate::engine::{Decision, Link, Request, Snapshot};
use crate::policy::{Annotations, Shape};

/// Links that are looked at for permits that came close, at most.
const NEAR_LINKS_MAX: usize = 256;

/// A policy that is to be told of.
pub(super) struct Candidate {
    pub(super) id: String,
    /// Of a template, with what its slots are filled.
    pub(super) link: Option<Link>,
    pub(super) clauses: Vec<Clause>,
    /// Whether principal and resource must be what stands in the template's slot, and
    /// not only be in it.
    pub(super) exact: [bool; 2],
}

/// A question and the policies there are.
pub(super) struct Asking<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) request: &'a Request,
    pub(super) ground: Ground<'a>,
    /// The schema's.
    pub(super) actions: Entities,
    /// Links near the question, once somebody has asked for them.
    pub(super) links: OnceCell<Vec<Link>>,
}

impl Candidate {
    fn new(id: &str, template: &Template, link: Option<Link>) -> Self {
        Self {
            id: id.to_owned(),
            link,
            clauses: clauses_of(template),
            exact: [
                matches!(template.principal, pst::PrincipalConstraint::Eq(_)),
                matches!(template.resource, pst::ResourceConstraint::Eq(_)),
            ],
        }
    }
}

impl Asking<'_> {
    /// The policies that made the decision; for a deny that no policy made, those that
    /// could have permitted, and `true`.
    pub(super) fn candidates(&self, decision: &Decision) -> (Vec<Candidate>, bool) {
        let made = &decision.determining;
        match !decision.allows() && made.is_empty() && decision.erroring.is_empty() {
            true => (self.permits(), true),
            false => {
                let made = made.iter().filter_map(|policy| self.candidate(&policy.id));
                (made.collect(), false)
            }
        }
    }

    /// A static policy, a standing policy, or a link.
    fn candidate(&self, id: &str) -> Option<Candidate> {
        if let Some(standing) = self.snapshot.facts().policy(id) {
            return fixed(id, &standing.policy);
        }
        match self.snapshot.bundle().policies().policy(&id.parse().ok()?) {
            Some(policy) => fixed(id, policy),
            None => {
                let mut links = self.links().iter();
                self.linked(links.find(|link| link.id() == id)?)
            }
        }
    }

    fn links(&self) -> &[Link] {
        self.links.get_or_init(|| self.ground.links())
    }

    fn linked(&self, link: &Link) -> Option<Candidate> {
        let templates = self.snapshot.bundle().policies();
        let template = templates.template(&link.template.parse().ok()?)?;
        Some(Candidate::new(
            &link.id(),
            &template.to_pst().ok()?,
            Some(link.clone()),
        ))
    }

    /// Static policies that permit such a question, and links near it.
    fn permits(&self) -> Vec<Candidate> {
        let fixed = self.snapshot.bundle().policies().policies();
        let fixed = fixed.filter(|policy| {
            policy.effect() == Effect::Permit
                && self.applies(
                    &policy.action_constraint(),
                    &policy.principal_constraint(),
                    &policy.resource_constraint(),
                )
        });
        let fixed = fixed.filter_map(|policy| self.candidate(policy.id().as_ref()));
        let links = self.near_links().filter_map(|link| self.linked(link));
        fixed.chain(links).collect()
    }

    /// Links near the question that permit.
    fn near_links(&self) -> impl Iterator<Item = &Link> {
        let links = self.links().iter();
        let permitting = links.filter(|link| self.permitting_template(&link.template));
        permitting.take(NEAR_LINKS_MAX)
    }

    /// An entity is unknown if nothing is stored of it, its type could hold
    /// something, and the question did not bring it along.
    pub(super) fn unknown(&self) -> Vec<EntityUid> {
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

    pub(super) fn reading(&self) -> Option<Reading<'_>> {
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

    pub(super) fn resource_annotations(&self) -> Option<&Annotations> {
        let name = self.type_name(&self.request.resource)?;
        Some(&self.shape().entities.get(name)?.annotations)
    }

    /// Whether a link of a template may permit such a question.
    fn permitting_template(&self, id: &str) -> bool {
        use TemplatePrincipalConstraint as Principal;
        use TemplateResourceConstraint as Resource;
        let policies = self.snapshot.bundle().policies();
        let template = id.parse().ok().and_then(|id| policies.template(&id));
        template.is_some_and(|template| {
            let principal = match template.principal_constraint() {
                Principal::Is(name) | Principal::IsIn(name, _) => Some(name),
                Principal::Any | Principal::In(_) | Principal::Eq(_) => None,
            };
            let resource = match template.resource_constraint() {
                Resource::Is(name) | Resource::IsIn(name, _) => Some(name),
                Resource::Any | Resource::In(_) | Resource::Eq(_) => None,
            };
            template.effect() == Effect::Permit
                && self.are_of(principal.as_ref(), resource.as_ref())
                && self.action_matches(&template.action_constraint())
        })
    }

    pub(super) fn unlinked(&self) -> Option<Unlinked> {
        if self.near_links().next().is_some() {
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
        let principal = match principal {
            PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => Some(name),
            _ => None,
        };
        let resource = match resource {
            ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => Some(name),
            _ => None,
        };
        self.are_of(principal, resource) && self.action_matches(action)
    }

    /// Whether principal and resource are of these types, where one is asked for.
    fn are_of(
        &self,
        principal: Option<&EntityTypeName>,
        resource: Option<&EntityTypeName>,
    ) -> bool {
        let Request {
            principal: who,
            resource: what,
            ..
        } = self.request;
        principal.is_none_or(|ty| who.type_name() == ty)
            && resource.is_none_or(|ty| what.type_name() == ty)
    }

    fn action_matches(&self, action: &ActionConstraint) -> bool {
        let within = |group: &EntityUid| {
            *group == self.request.action
                || self.actions.is_ancestor_of(group, &self.request.action)
        };
        match action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => *uid == self.request.action,
            ActionConstraint::In(groups) => groups.iter().any(within),
        }
    }
}

fn fixed(id: &str, policy: &cedar_policy::Policy) -> Option<Candidate> {
    match policy.to_pst().ok()? {
        PstPolicy::Static(fixed) => Some(Candidate::new(id, fixed.body(), None)),
        _ => None,
    }
}
