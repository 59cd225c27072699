//! Worlds with hubs: entities in so many parents of one type that the engine
//! keeps those edges apart, with members below them, entities above their
//! parents, hubs within hubs, and scopes with links by the dozen.
//!
//! Numbers lie around what the engine distinguishes: 64 parents of one type, 32
//! links at a scope, 32 hubs of one parent, 256 entries of a list.

use std::collections::{BTreeMap, BTreeSet};

use aobo::engine::{EntityUid, Link, uid};

use super::policies::{Actions, Party, Policy, Who};
use super::schema::Schema;
use super::values::Ids;
use super::world::{Facts, World, entity};
use crate::support::Rng;

/// So many parents of one type are handed down to members; more are not.
pub(super) const NARROW_MAX: usize = 64;
/// So many links at a scope, and so many hubs of a parent, are walked through.
pub(super) const FEW: usize = 32;
/// So many entries of an entity are kept in one array.
pub(super) const ARRAY_MAX: usize = 256;

/// The templates whose links tell all that the principal and the resource are in.
const BOTH: &str = "in both";
const PRINCIPAL: &str = "in principal";

/// The types of a world's hubs and of what they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hub {
    pub(super) uid: EntityUid,
    pub(super) spokes: String,
}

impl Hub {
    /// Picks a hub; its spokes are spoken of in policies and values from then on.
    pub(super) fn random(rng: &mut Rng, schema: &mut Schema) -> Option<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for ty in &schema.types {
            let below = |name: &str| {
                schema
                    .types
                    .iter()
                    .any(|t| t.parents.iter().any(|p| p == name))
            };
            for spokes in &ty.parents {
                let above = schema.entity(spokes).is_some_and(|s| !s.parents.is_empty());
                // Mostly where there can be members below and entities above.
                for _ in 0..1 + 4 * usize::from(below(&ty.name)) + 4 * usize::from(above) {
                    pairs.push((ty.name.clone(), spokes.clone()));
                }
            }
        }
        let (name, spokes) = pairs.get(rng.below(pairs.len().max(1)))?.clone();
        let uid = schema.any(rng, &name);
        let ty = schema.types.iter_mut().find(|ty| ty.name == spokes)?;
        for n in [0, 3, NARROW_MAX, 1 + rng.below(300)] {
            ty.ids.push(format!("spoke {n}"));
        }
        Some(Self { uid, spokes })
    }

    pub(super) fn spoke(&self, n: usize) -> EntityUid {
        uid(&self.spokes, &format!("spoke {n}")).expect("a type name")
    }
}

/// Templates without conditions, so that the answer names all that the parties
/// are in.
pub(super) fn templates() -> [Policy; 2] {
    let template = |id: &str, resource| Policy {
        id: id.to_owned(),
        permits: true,
        principal: Party::In(Who::Slot),
        action: Actions::Any,
        resource,
        clauses: Vec::new(),
    };
    [
        template(BOTH, Party::In(Who::Slot)),
        template(PRINCIPAL, Party::Any),
    ]
}

impl World {
    /// Puts a hub into its parents, and around it what makes a difference.
    pub(super) fn add_hub(&mut self, rng: &mut Rng, hub: &Hub) {
        self.store(rng, &hub.uid);
        let count = rng.pick(&[NARROW_MAX, NARROW_MAX + 1, 90, 150, 260, 300, 400]);
        self.spread(rng, &hub.uid, &hub.spokes, "spoke", count);
        self.add_above(rng, hub, count);
        let name = hub.uid.type_name().to_string();
        let types = self.schema.types.iter();
        let below = types.filter(|ty| ty.parents.contains(&name));
        let below: Vec<String> = below.map(|ty| ty.name.clone()).collect();
        for ty in &below {
            for _ in 0..4 {
                let member = self.schema.any(rng, ty);
                self.try_edge(rng, &member, &hub.uid);
            }
        }
        // A hub within it, of which it is but one parent of many.
        if let Some(ty) = below.get(rng.below(below.len().max(1)))
            && rng.percent(50)
        {
            let inner = self.schema.any(rng, ty);
            self.store(rng, &inner);
            self.spread(rng, &inner, &name, "near", NARROW_MAX + 6);
            self.try_edge(rng, &inner, &hub.uid);
        }
        // A hub around it: one of its parents.
        let above = self.schema.entity(&hub.spokes);
        let above = above.and_then(|ty| ty.parents.first().cloned());
        if let Some(ty) = above.filter(|_| rng.percent(50)) {
            let outer = hub.spoke(rng.below(4));
            self.store(rng, &outer);
            self.spread(rng, &outer, &ty, "far", NARROW_MAX + 6);
        }
        if rng.percent(12) {
            for n in 0..FEW + 2 {
                let twin = uid(&name, &format!("twin {n}")).expect("a type name");
                self.store(rng, &twin);
                self.spread(rng, &twin, &hub.spokes, "spoke", NARROW_MAX + 2);
            }
            let member = below.first().map(|ty| self.schema.any(rng, ty));
            let twin = uid(&name, &format!("twin {FEW}")).expect("a type name");
            if let Some(member) = member {
                self.try_edge(rng, &member, &twin);
            }
        }
    }

    /// Makes an entity known, if it must be stored for that.
    fn store(&mut self, rng: &mut Rng, uid: &EntityUid) {
        if !self.facts.entities.contains_key(uid) {
            let stored = entity(rng, &self.schema, uid);
            self.facts.entities.insert(uid.clone(), stored);
        }
    }

    /// Puts an entity into so many parents of a type.
    fn spread(&mut self, rng: &mut Rng, child: &EntityUid, ty: &str, ids: &str, count: usize) {
        for n in 0..count {
            let parent = uid(ty, &format!("{ids} {n}")).expect("a type name");
            self.try_edge(rng, child, &parent);
        }
    }

    /// Stores some of the spokes, and puts many of them below one entity.
    fn add_above(&mut self, rng: &mut Rng, hub: &Hub, count: usize) {
        let World { schema, facts, .. } = &*self;
        let top = facts.random_parent(rng, schema, &hub.spoke(0));
        let share = rng.pick(&[5, 50, 90]);
        for n in 0..count {
            let spoke = hub.spoke(n);
            if rng.percent(60) {
                self.store(rng, &spoke);
            }
            let World { schema, facts, .. } = &*self;
            let above = match rng.percent(share) {
                true => top.clone(),
                false if rng.percent(10) => facts.random_parent(rng, schema, &spoke),
                false => None,
            };
            if let Some(above) = above {
                self.try_edge(rng, &spoke, &above);
            }
        }
    }

    /// Adds an edge unless it closes a cycle or the schema has no such.
    pub(super) fn try_edge(&mut self, rng: &mut Rng, child: &EntityUid, parent: &EntityUid) {
        let ty = self.schema.entity(&child.type_name().to_string());
        let parents = ty.map_or(&[][..], |ty| &ty.parents);
        let fits = parents.contains(&parent.type_name().to_string());
        if fits && !self.facts.ancestors(parent).contains(child) {
            self.add_edge(rng, child.clone(), parent.clone());
        }
    }

    /// Links by the dozen at one scope, to entities, to what they are in, and to
    /// strangers, so that the answer names all that a principal is in.
    pub(super) fn add_link_crowd(&mut self, rng: &mut Rng, hub: Option<&Hub>) {
        let envs = self.schema.envs();
        let env = &envs[rng.below(envs.len())];
        let scope = self.random_slot(rng, &env.resource);
        let template = match rng.percent(80) {
            true => BOTH,
            false => PRINCIPAL,
        };
        let slot = (template == BOTH).then_some(scope);
        let above = self.schema.ancestors(&env.principal);
        let mut principals: BTreeSet<EntityUid> = BTreeSet::new();
        let count = match rng.percent(10) {
            true => 2 * ARRAY_MAX,
            false => rng.pick(&[FEW, FEW + 1, 40, 60]),
        };
        for n in 0..count {
            let spoke = hub.filter(|hub| above.contains(&hub.spokes));
            principals.insert(match (rng.below(4), spoke) {
                (0, Some(hub)) => hub.spoke(n),
                (0 | 1, _) => self.random_slot(rng, &env.principal),
                _ => uid(&env.principal, &format!("stranger {n}")).expect("a type name"),
            });
        }
        let mut ids: BTreeSet<String> = self.facts.links.iter().map(Link::id).collect();
        for principal in principals {
            let link = Link {
                template: template.to_owned(),
                principal: Some(principal),
                resource: slot.clone(),
            };
            if ids.insert(link.id()) {
                self.facts.links.insert(link);
            }
        }
    }
}

impl Facts {
    /// How many parents of one type an entity has, of whichever it has most.
    pub(super) fn width(&self, child: &EntityUid) -> usize {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for parent in self.edges.get(child).into_iter().flat_map(BTreeMap::keys) {
            *counts.entry(parent.type_name().to_string()).or_default() += 1;
        }
        counts.into_values().max().unwrap_or_default()
    }
}
