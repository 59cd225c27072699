//! Worlds: a schema, policies that validate against it, and facts: entities in
//! hierarchies with diamonds, a hub with hundreds of parents at times, entities
//! that only edges know, links by the dozen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aobo::engine::{Change, EdgeKind, EntityData, EntityUid, Link, uid};
use aobo::policy::{Bundle, Refused, Source};

use super::hubs::{self, Hub};
use super::policies::{Kind, Policy};
use super::schema::{EntityType, Schema};
use super::values::{self, Field, Ids};
use crate::support::Rng;

/// Everything that a snapshot is made of, as plain data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct World {
    pub(super) schema: Schema,
    pub(super) policies: Vec<Policy>,
    pub(super) facts: Facts,
    /// What many parents were made for.
    pub(super) hub: Option<Hub>,
}

/// What changes between revisions.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts {
    /// Stored entities. INVARIANT (edges apart): none has parents here.
    pub(super) entities: BTreeMap<EntityUid, EntityData>,
    /// Parents by child. INVARIANT (no empty): every child here has some.
    pub(super) edges: BTreeMap<EntityUid, BTreeMap<EntityUid, EdgeKind>>,
    pub(super) links: BTreeSet<Link>,
    pub(super) standing: BTreeMap<String, Policy>,
}

/// How many policies were made, and how many validated strictly.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Survival {
    pub(super) made: usize,
    pub(super) kept: usize,
}

impl World {
    /// A world of a seed; some have a hub and are larger than most.
    pub(super) fn random(rng: &mut Rng) -> (Self, Survival) {
        let hub = rng.percent(8);
        Self::make(rng, hub)
    }

    /// A world with a hub, where the schema has room for one.
    pub(super) fn with_hub(rng: &mut Rng) -> Self {
        Self::make(rng, true).0
    }

    fn make(rng: &mut Rng, hub: bool) -> (Self, Survival) {
        let mut schema = Schema::random(rng);
        let hub = match hub {
            true => Hub::random(rng, &mut schema),
            false => None,
        };
        let policies = policies(rng, &schema);
        let mut world = Self {
            schema,
            policies,
            facts: Facts::default(),
            hub,
        };
        let made = world.policies.len();
        world.keep_valid();
        let survival = Survival {
            made,
            kept: world.policies.len(),
        };
        let (standing, policies) = std::mem::take(&mut world.policies)
            .into_iter()
            .partition(|policy| policy.id.starts_with("standing"));
        world.policies = policies;
        let standing: Vec<Policy> = standing;
        let standing = standing
            .into_iter()
            .map(|policy| (policy.id.clone(), policy));
        world.facts.standing = standing.collect();
        world.add_entities(rng);
        for _ in 0..rng.pick(&[0, 5, 20, 40]) {
            let link = world.random_link(rng);
            world.facts.links.extend(link);
        }
        let hub = world.hub.clone();
        if rng.percent(if hub.is_some() { 80 } else { 4 }) {
            world.policies.extend(hubs::templates());
            for _ in 0..1 + rng.below(2) {
                world.add_link_crowd(rng, hub.as_ref());
            }
        }
        (world, survival)
    }

    /// Takes out the policies that do not validate strictly.
    fn keep_valid(&mut self) {
        while let Err(refused) = self.bundle() {
            let bad: BTreeSet<String> = refused
                .findings
                .iter()
                .filter(|finding| finding.is_error())
                .filter_map(|finding| Some(finding.place()?.split(':').next()?.to_owned()))
                .collect();
            let before = self.policies.len();
            self.policies.retain(|policy| !bad.contains(&policy.id));
            let text = self.schema.text();
            assert!(
                self.policies.len() < before,
                "the schema is sound: {:?}\n{text}",
                refused.findings
            );
        }
    }

    /// Validates the policies, each of them under its id as the name of a file.
    pub(super) fn bundle(&self) -> Result<Arc<Bundle>, Refused> {
        let schema = Source::new("schema", self.schema.text());
        let policies = self.policies.iter();
        let policies: Vec<Source> = policies
            .map(|policy| Source::new(policy.id.as_str(), policy.text()))
            .collect();
        Bundle::new(&schema, &policies).map(Arc::new)
    }

    fn add_entities(&mut self, rng: &mut Rng) {
        let mut all: Vec<EntityUid> = Vec::new();
        for ty in self.schema.types.iter().filter(|ty| !ty.enumerated) {
            let stored = rng.pick(&[40, 70, 90]);
            for id in &ty.ids {
                let uid = uid(&ty.name, id).expect("a type name");
                all.push(uid.clone());
                if rng.percent(stored) {
                    let entity = entity(rng, &self.schema, &uid);
                    self.facts.entities.insert(uid, entity);
                }
            }
        }
        let density = rng.pick(&[1, 2, 2, 3]);
        for _ in 0..all.len() * density {
            let child = all[rng.below(all.len())].clone();
            if let Some(parent) = self.facts.random_parent(rng, &self.schema, &child) {
                self.add_edge(rng, child, parent);
            }
        }
        if let Some(hub) = self.hub.clone() {
            self.add_hub(rng, &hub);
        }
    }

    /// Adds an edge if the child may be known by its edges alone, or is stored.
    pub(super) fn add_edge(&mut self, rng: &mut Rng, child: EntityUid, parent: EntityUid) {
        let ty = self.schema.entity(&child.type_name().to_string());
        if self.facts.entities.contains_key(&child) || ty.is_some_and(EntityType::is_bare) {
            let kind = rng.pick(&[EdgeKind::Explicit, EdgeKind::Implicit]);
            self.facts.add_edge(child, parent, kind);
        }
    }

    /// A link of one of the templates, of an id that no other one has.
    pub(super) fn random_link(&self, rng: &mut Rng) -> Option<Link> {
        let templates = self.policies.iter().filter(|policy| policy.is_template());
        let templates: Vec<&Policy> = templates.collect();
        let template = templates.get(rng.below(templates.len().max(1)))?;
        let envs = self.schema.envs();
        let env = &envs[rng.below(envs.len())];
        let slots = template.slots();
        let link = Link {
            template: template.id.clone(),
            principal: slots.0.then(|| self.random_slot(rng, &env.principal)),
            resource: slots.1.then(|| self.random_slot(rng, &env.resource)),
        };
        let id = link.id();
        (!self.facts.links.iter().any(|other| other.id() == id)).then_some(link)
    }

    /// What a scope of a template may stand for: mostly what a party of a type is
    /// or is within, spokes of a hub and what nobody knows included.
    pub(super) fn random_slot(&self, rng: &mut Rng, ty: &str) -> EntityUid {
        let party = self.schema.any(rng, ty);
        let enumerated = self.schema.entity(ty).is_some_and(|ty| ty.enumerated);
        if rng.percent(8) && !enumerated {
            return uid(ty, "nobody").expect("a type name");
        }
        let above: Vec<EntityUid> = self.facts.ancestors(&party).into_iter().collect();
        match rng.percent(60) {
            true => above[rng.below(above.len())].clone(),
            false => {
                let names: Vec<String> = self.schema.ancestors(ty).into_iter().collect();
                let name = &names[rng.below(names.len())];
                self.schema.any(rng, name)
            }
        }
    }
}

/// Ordinary policies, templates and those that will stand for facts.
fn policies(rng: &mut Rng, schema: &Schema) -> Vec<Policy> {
    let mut policies = Vec::new();
    for n in 0..8 + rng.below(18) {
        policies.push(Policy::random(rng, schema, format!("p{n}"), Kind::Fixed));
    }
    for n in 0..2 + rng.below(7) {
        // An author's id may hold what link ids are put together with.
        let id = match n {
            1 => "t|1".to_owned(),
            n => format!("t{n}"),
        };
        policies.push(Policy::random(rng, schema, id, Kind::Template));
    }
    for n in 0..rng.below(5) {
        let id = format!("standing {n}");
        policies.push(Policy::random(rng, schema, id, Kind::Fixed));
    }
    policies
}

impl EntityType {
    /// Whether an entity of the type needs no attributes.
    pub(super) fn is_bare(&self) -> bool {
        !self.enumerated && !self.attrs.values().any(|field| field.required)
    }
}

impl Facts {
    /// An entity and all that it is within.
    pub(super) fn ancestors(&self, of: &EntityUid) -> BTreeSet<EntityUid> {
        let mut found = BTreeSet::new();
        let mut open = vec![of.clone()];
        while let Some(next) = open.pop() {
            if found.insert(next.clone()) {
                open.extend(
                    self.edges
                        .get(&next)
                        .into_iter()
                        .flat_map(BTreeMap::keys)
                        .cloned(),
                );
            }
        }
        found
    }

    /// A parent that the schema allows and that is not below the child.
    pub(super) fn random_parent(
        &self,
        rng: &mut Rng,
        schema: &Schema,
        child: &EntityUid,
    ) -> Option<EntityUid> {
        let ty = schema.entity(&child.type_name().to_string())?;
        let name = ty.parents.get(rng.below(ty.parents.len().max(1)))?;
        let parent = schema.any(rng, name);
        (!self.ancestors(&parent).contains(child)).then_some(parent)
    }

    pub(super) fn add_edge(&mut self, child: EntityUid, parent: EntityUid, kind: EdgeKind) {
        self.edges.entry(child).or_default().insert(parent, kind);
    }

    pub(super) fn remove_edge(&mut self, child: &EntityUid, parent: &EntityUid) {
        if let Some(parents) = self.edges.get_mut(child) {
            parents.remove(parent);
            if parents.is_empty() {
                self.edges.remove(child);
            }
        }
    }

    /// The parents of an entity.
    pub(super) fn parents(&self, child: &EntityUid) -> BTreeMap<EntityUid, EdgeKind> {
        self.edges.get(child).cloned().unwrap_or_default()
    }

    /// An entity with its parents, if anything is known of it.
    pub(super) fn entity(&self, uid: &EntityUid) -> Option<EntityData> {
        let parents = self.parents(uid);
        let mut entity = match (self.entities.get(uid), parents.is_empty()) {
            (Some(stored), _) => stored.clone(),
            (None, false) => EntityData::new(uid.clone()),
            (None, true) => return None,
        };
        entity.parents = parents;
        Some(entity)
    }

    /// What makes a state of nothing into this one, in an order of the seed.
    pub(super) fn changes(&self, seed: u64) -> Vec<Change> {
        let mut rng = Rng::new(seed);
        let mut changes: Vec<Change> = Vec::new();
        for entity in self.entities.values() {
            let mut entity = entity.clone();
            if rng.percent(50) {
                entity.parents = self.parents(&entity.uid);
            }
            changes.push(Change::PutEntity(entity));
        }
        let edges = self.edges.iter();
        let edges = edges.flat_map(|(child, parents)| parents.iter().map(move |p| (child, p)));
        for (child, (parent, kind)) in edges {
            changes.push(Change::AddEdge {
                child: child.clone(),
                parent: parent.clone(),
                kind: *kind,
            });
        }
        changes.extend(self.links.iter().cloned().map(Change::AddLink));
        for (id, policy) in &self.standing {
            let policy = Policy::standing(id, &policy.text());
            changes.push(Change::PutPolicy(Box::new(policy)));
        }
        for at in (1..changes.len()).rev() {
            changes.swap(at, rng.below(at + 1));
        }
        changes
    }
}

/// An entity of its type, without parents.
pub(super) fn entity(rng: &mut Rng, schema: &Schema, uid: &EntityUid) -> EntityData {
    let mut entity = EntityData::new(uid.clone());
    let Some(ty) = schema.entity(&uid.type_name().to_string()) else {
        return entity;
    };
    entity.attrs = values::record(rng, &ty.attrs, schema);
    if let Some(tags) = &ty.tags {
        let field = Field {
            ty: tags.clone(),
            required: false,
        };
        let keys = values::KEYS
            .iter()
            .map(|key| ((*key).to_owned(), field.clone()));
        entity.tags = values::record(rng, &keys.collect(), schema);
    }
    entity
}
