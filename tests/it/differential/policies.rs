//! Policies: permits and forbids, scopes of every form, templates, and standing
//! policies, which are ordinary ones that come as facts.

use std::collections::BTreeSet;

use aobo::engine::{EntityUid, StandingPolicy, display_uid};
use cedar_policy::PolicyId;

use super::expr::Maker;
use super::schema::{Env, Schema};
use super::tree::{Expr, quoted};
use crate::support::Rng;

/// A policy or template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) id: String,
    pub(super) permits: bool,
    pub(super) principal: Party,
    pub(super) action: Actions,
    pub(super) resource: Party,
    pub(super) clauses: Vec<Clause>,
}

/// What a scope says of the principal or the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Party {
    Any,
    Eq(Who),
    In(Who),
    Is(String),
    IsIn(String, Who),
}

/// An entity, or the slot of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Entity(EntityUid),
    Slot,
}

/// What a scope says of the action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Actions {
    Any,
    Eq(EntityUid),
    In(EntityUid),
    Among(Vec<EntityUid>),
}

/// `when { … }` or `unless { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) when: bool,
    pub(super) body: Expr,
}

/// What kind of policy to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Fixed,
    Template,
}

impl Policy {
    pub(super) fn random(rng: &mut Rng, schema: &Schema, id: String, kind: Kind) -> Self {
        let envs = schema.envs();
        let about = envs[rng.below(envs.len())].clone();
        let slots = match kind {
            Kind::Fixed => (false, false),
            Kind::Template => rng.pick(&[(true, false), (false, true), (true, true), (true, true)]),
        };
        let mut policy = Self {
            id,
            permits: rng.percent(66),
            principal: Party::random(rng, schema, &about.principal, slots.0),
            action: Actions::random(rng, schema, &about.action),
            resource: Party::random(rng, schema, &about.resource, slots.1),
            clauses: Vec::new(),
        };
        let covered = envs.into_iter().filter(|env| policy.covers(schema, env));
        let envs: Vec<Env> = covered.collect();
        let mut maker = Maker {
            rng,
            schema,
            envs,
            known: Vec::new(),
        };
        let count = maker.rng.pick(&[0, 1, 1, 1, 2, 2, 3]);
        policy.clauses = (0..count).map(|_| Clause::random(&mut maker)).collect();
        policy
    }

    /// Whether some request of these types could be within its scope.
    fn covers(&self, schema: &Schema, env: &Env) -> bool {
        let party = |party: &Party, ty: &String| match party {
            Party::Any | Party::Eq(Who::Slot) | Party::In(Who::Slot) => true,
            Party::Is(name) | Party::IsIn(name, _) => name == ty,
            Party::Eq(Who::Entity(uid)) => uid.type_name().to_string() == *ty,
            Party::In(Who::Entity(uid)) => {
                schema.ancestors(ty).contains(&uid.type_name().to_string())
            }
        };
        party(&self.principal, &env.principal)
            && self.action.covers(schema, &env.action)
            && party(&self.resource, &env.resource)
    }

    /// Which slots it has: of the principal, of the resource.
    pub(super) fn slots(&self) -> (bool, bool) {
        let slot = |party: &Party| matches!(party.who(), Some(Who::Slot));
        (slot(&self.principal), slot(&self.resource))
    }

    pub(super) fn is_template(&self) -> bool {
        self.slots() != (false, false)
    }

    /// In Cedar's syntax.
    pub(super) fn text(&self) -> String {
        let effect = if self.permits { "permit" } else { "forbid" };
        let clauses = self.clauses.iter().map(Clause::text);
        format!(
            "@id({}) {effect} ({}, {}, {}){};\n",
            quoted(&self.id),
            self.principal.text("principal"),
            self.action.text(),
            self.resource.text("resource"),
            clauses.collect::<String>(),
        )
    }

    /// As a fact. Every other one takes the way of Cedar's public syntax tree,
    /// as policies that are built from parts do.
    pub(super) fn standing(id: &str, text: &str) -> StandingPolicy {
        let id = id.to_owned();
        let parsed = cedar_policy::Policy::parse(Some(PolicyId::new(&id)), text);
        let mut policy = parsed.expect("it was validated before");
        if id.len().is_multiple_of(2) {
            let tree = policy.to_pst().expect("every policy has a tree");
            policy = cedar_policy::Policy::from_pst(tree).expect("and is made from it");
        }
        let annotations = policy.annotations();
        let annotations = annotations.map(|(name, value)| (name.to_owned(), value.to_owned()));
        StandingPolicy {
            annotations: annotations.collect(),
            effect: policy.effect(),
            policy,
            id,
        }
    }
}

impl Party {
    fn random(rng: &mut Rng, schema: &Schema, ty: &str, slot: bool) -> Self {
        let above: Vec<String> = schema.ancestors(ty).into_iter().collect();
        let above = &above[rng.below(above.len())];
        let who = |rng: &mut Rng, name: &str| match slot {
            true => Who::Slot,
            false => Who::Entity(schema.spelled(rng, name)),
        };
        let form = if slot {
            5 + rng.below(3)
        } else {
            rng.below(13)
        };
        match form {
            5 => Self::Eq(who(rng, ty)),
            6 | 8 => Self::In(who(rng, above)),
            7 | 9 => Self::IsIn(ty.to_owned(), who(rng, above)),
            10 => Self::Is(ty.to_owned()),
            11 => Self::Is(ty.to_owned()),
            _ => Self::Any,
        }
    }

    fn who(&self) -> Option<&Who> {
        match self {
            Self::Any | Self::Is(_) => None,
            Self::Eq(who) | Self::In(who) | Self::IsIn(_, who) => Some(who),
        }
    }

    fn text(&self, var: &str) -> String {
        let who = match self.who() {
            Some(Who::Slot) => format!("?{var}"),
            Some(Who::Entity(uid)) => display_uid(uid),
            None => String::new(),
        };
        match self {
            Self::Any => var.to_owned(),
            Self::Eq(_) => format!("{var} == {who}"),
            Self::In(_) => format!("{var} in {who}"),
            Self::Is(ty) => format!("{var} is {ty}"),
            Self::IsIn(ty, _) => format!("{var} is {ty} in {who}"),
        }
    }

    /// Its form, without what it names.
    pub(super) fn form(&self) -> &'static str {
        match (self, self.who()) {
            (Self::Any, _) => "any",
            (Self::Is(_), _) => "is",
            (Self::Eq(_), Some(Who::Slot)) => "== slot",
            (Self::Eq(_), _) => "==",
            (Self::In(_), Some(Who::Slot)) => "in slot",
            (Self::In(_), _) => "in",
            (Self::IsIn(..), Some(Who::Slot)) => "is in slot",
            (Self::IsIn(..), _) => "is in",
        }
    }

    /// The same as a condition; `slot` fills the slot.
    pub(super) fn condition(&self, var: &str, slot: Option<&EntityUid>) -> String {
        let filled = match (self.clone(), slot) {
            (Self::Eq(Who::Slot), Some(uid)) => Self::Eq(Who::Entity(uid.clone())),
            (Self::In(Who::Slot), Some(uid)) => Self::In(Who::Entity(uid.clone())),
            (Self::IsIn(ty, Who::Slot), Some(uid)) => Self::IsIn(ty, Who::Entity(uid.clone())),
            (other, _) => other,
        };
        match filled {
            Self::Any => "true".to_owned(),
            other => other.text(var),
        }
    }
}

impl Actions {
    fn random(rng: &mut Rng, schema: &Schema, action: &EntityUid) -> Self {
        let all = schema.actions.iter().map(|action| &action.uid);
        let above: Vec<&EntityUid> = all.filter(|g| schema.action_in(action, g)).collect();
        let group = above[rng.below(above.len())].clone();
        match rng.below(8) {
            0 | 1 => Self::Eq(action.clone()),
            2 | 3 => Self::In(group),
            4 => {
                // A set is of one type: actions of one namespace.
                let all = schema.actions.iter().map(|action| &action.uid);
                let fitting = all.filter(|a| a.type_name() == group.type_name());
                let fitting: Vec<EntityUid> = fitting.cloned().collect();
                let mut among = BTreeSet::from([group]);
                for _ in 0..rng.below(3) {
                    among.insert(fitting[rng.below(fitting.len())].clone());
                }
                Self::Among(among.into_iter().collect())
            }
            _ => Self::Any,
        }
    }

    fn covers(&self, schema: &Schema, action: &EntityUid) -> bool {
        match self {
            Self::Any => true,
            Self::Eq(uid) => uid == action,
            Self::In(group) => schema.action_in(action, group),
            Self::Among(groups) => groups.iter().any(|g| schema.action_in(action, g)),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Any => "action".to_owned(),
            Self::Eq(uid) => format!("action == {}", display_uid(uid)),
            Self::In(uid) => format!("action in {}", display_uid(uid)),
            Self::Among(uids) => {
                let uids: Vec<String> = uids.iter().map(display_uid).collect();
                format!("action in [{}]", uids.join(", "))
            }
        }
    }

    pub(super) fn form(&self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Eq(_) => "==",
            Self::In(_) => "in",
            Self::Among(_) => "in [..]",
        }
    }

    pub(super) fn condition(&self) -> String {
        match self {
            Self::Any => "true".to_owned(),
            other => other.text(),
        }
    }
}

impl Clause {
    /// What a `when` finds out is known to the clauses after it.
    fn random(maker: &mut Maker<'_>) -> Self {
        let when = maker.rng.percent(72);
        if when
            && maker.rng.percent(15)
            && let Some(body) = maker.guard()
        {
            return Self { when, body };
        }
        let depth = maker.rng.pick(&[0, 1, 1, 2, 2, 3, 4]);
        let body = maker.bool(depth);
        Self { when, body }
    }

    fn text(&self) -> String {
        let word = if self.when { "when" } else { "unless" };
        format!("\n  {word} {{ {} }}", self.body.spelled())
    }
}
