//! Changes to the engine's state: what a domain projects its facts into.

use cedar_policy::{Effect, EntityUid, Policy};

use super::{EdgeKind, EntityData};
use crate::policy::Annotations;

/// One change of the engine's state.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds an entity or replaces its attributes and tags; its parents are what
    /// the edges say, those given here included.
    PutEntity(EntityData),
    /// Removes an entity with its attributes. Edges are removed one by one.
    RemoveEntity(EntityUid),
    /// Makes `child` a member of `parent`. Either may be unknown.
    AddEdge {
        /// The member.
        child: EntityUid,
        /// What it becomes a member of.
        parent: EntityUid,
        /// How the edge came to be.
        kind: EdgeKind,
    },
    /// Ends a membership.
    RemoveEdge {
        /// The member.
        child: EntityUid,
        /// What it was a member of.
        parent: EntityUid,
    },
    /// Links a template.
    AddLink(Link),
    /// Takes a link away.
    RemoveLink(Link),
    /// Adds or replaces a policy that stands for a fact.
    PutPolicy(Box<StandingPolicy>),
    /// Takes such a policy away, by id.
    RemovePolicy(String),
}

/// A template link: one assignment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link {
    /// Id of the template in the bundle.
    pub template: String,
    /// What fills `?principal`, if the template has it.
    pub principal: Option<EntityUid>,
    /// What fills `?resource`, if the template has it.
    pub resource: Option<EntityUid>,
}

impl Link {
    /// `<template id>|<principal id>|<scope id>`. Source: contract, section 3.
    #[must_use]
    pub fn id(&self) -> String {
        let id =
            |uid: &Option<EntityUid>| uid.as_ref().map_or("", |u| u.id().unescaped()).to_owned();
        format!(
            "{}|{}|{}",
            self.template,
            id(&self.principal),
            id(&self.resource)
        )
    }
}

/// A policy that is data: it stands for a fact that no template can express
/// (a deny assignment with exclusions), and changes as facts do.
#[derive(Debug, Clone, PartialEq)]
pub struct StandingPolicy {
    /// Its id, unique among all policies and links.
    pub id: String,
    /// Permit or forbid.
    pub effect: Effect,
    /// Its annotations.
    pub annotations: Annotations,
    /// The policy, built from parts, never from spliced text.
    pub policy: Policy,
}
