//! Changes in batches: the snapshot after them is the one that the same facts
//! give when they are built afresh, batches that must be refused are, and older
//! snapshots stay what they were.
//!
//! The facts are kept here as plain maps, apart from the engine. Each change of
//! a batch is sound after the ones before it, so that it does not matter whether
//! a batch is judged as a whole or change by change.

use std::collections::BTreeMap;
use std::sync::Arc;

use aobo::engine::{
    Change, EdgeKind, EntityData, EntityUid, ErrorMode, Link, Request, Snapshot, Value, uid,
};
use aobo::policy::Bundle;

use super::alike;
use super::compare::{Answer, Engine, compare, engine};
use super::engine::{self as made, Oracle, build};
use super::hubs::{Hub, NARROW_MAX};
use super::policies::Policy;
use super::requests::request;
use super::saved;
use super::search::{self, Looked};
use super::shrink::{Case, Stage, shrink};
use super::world::{Facts, World, entity};
use crate::support::Rng;

/// A world whose facts change, and the engine's state beside it.
pub(super) struct Course {
    rng: Rng,
    world: World,
    bundle: Arc<Bundle>,
    snapshot: Snapshot,
    /// The world as it was, and what changed since.
    start: World,
    stages: Vec<Stage>,
    /// Standing policies that validate, to be put and taken away.
    standing: Vec<Policy>,
    /// Snapshots of before, each with what it answered.
    older: Vec<(Snapshot, Request, Answer)>,
    pub(super) taken: Taken,
}

/// What a course did, so that it is known to have done something.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    pub(super) batches: usize,
    pub(super) changes: usize,
    pub(super) refused: usize,
    pub(super) moved: usize,
    pub(super) hubs: usize,
    /// Hubs that came to have more parents than are handed down, or lost them.
    pub(super) widened: usize,
    pub(super) narrowed: usize,
    pub(super) compared: usize,
    pub(super) looked: Looked,
}

impl Taken {
    pub(super) fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.changes += other.changes;
        self.refused += other.refused;
        self.moved += other.moved;
        self.hubs += other.hubs;
        self.widened += other.widened;
        self.narrowed += other.narrowed;
        self.compared += other.compared;
        self.looked.add(other.looked);
    }
}

impl Course {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x1357_9BDF_0246_8ACE);
        let world = match seed % 2 {
            0 => World::with_hub(&mut rng),
            _ => World::random(&mut rng).0,
        };
        let bundle = world.bundle().expect("only valid policies are left");
        let snapshot = build(&bundle, world.facts.changes(seed)).expect("sound facts");
        let standing = world.facts.standing.values().cloned().collect();
        Self {
            rng,
            start: world.clone(),
            stages: Vec::new(),
            world,
            bundle,
            snapshot,
            standing,
            older: Vec::new(),
            taken: Taken::default(),
        }
    }

    /// Takes so many batches, comparing every few of them.
    pub(super) fn run(&mut self, batches: usize) {
        for n in 0..batches {
            if self.rng.percent(35) {
                self.refused_batch();
            }
            self.batch();
            if self.rng.percent(30) || n + 1 == batches {
                self.compare();
            }
        }
        for (snapshot, request, answer) in &self.older {
            let again = engine(snapshot, request, ErrorMode::Cedar);
            assert_eq!(again, *answer, "an older snapshot answers as it did");
        }
    }

    fn batch(&mut self) {
        let mut changes = Vec::new();
        for _ in 0..self.rng.pick(&[1, 1, 2, 5, 12, 40]) {
            self.step(&mut changes);
        }
        self.taken.batches += 1;
        self.taken.changes += changes.len();
        // Half of them go on in place, over what nobody else holds.
        let next = match self.rng.percent(50) {
            true => {
                let empty = made::rebuilt(&self.snapshot, Vec::new()).expect("no facts");
                let before = std::mem::replace(&mut self.snapshot, empty);
                made::advanced(before, changes.clone())
            }
            false => made::next(&self.snapshot, changes.clone()),
        };
        self.snapshot = match next {
            Ok(next) => next,
            Err(error) => panic!("{error}\nrefused, and every change is sound: {changes:#?}"),
        };
        assert_eq!(self.snapshot.revision().0 as usize, self.taken.batches);
        let settled = self.rng.percent(15);
        if settled {
            self.snapshot = made::settled(&self.snapshot);
        }
        self.stages.push(Stage { changes, settled });
    }

    /// One step of whatever kind, as changes, and the same on the facts.
    fn step(&mut self, changes: &mut Vec<Change>) {
        match self.rng.below(20) {
            0..=3 => self.put_entity(changes),
            4 | 5 => self.remove_entity(changes),
            6..=8 => self.add_edge(changes),
            9 | 10 => self.remove_edge(changes),
            11 => self.put_again(changes),
            12 | 13 => self.change_links(changes),
            14 => self.change_policies(changes),
            15 | 16 => self.move_subtree(changes),
            17 if self.world.hub.is_some() || self.rng.percent(30) => self.change_hub(changes),
            _ => self.repeat(changes),
        }
    }

    fn apply(&mut self, change: Change, changes: &mut Vec<Change>) {
        let facts = &mut self.world.facts;
        match change.clone() {
            Change::PutEntity(mut entity) => {
                for (parent, kind) in std::mem::take(&mut entity.parents) {
                    facts.add_edge(entity.uid.clone(), parent, kind);
                }
                facts.entities.insert(entity.uid.clone(), entity);
            }
            Change::RemoveEntity(uid) => drop(facts.entities.remove(&uid)),
            Change::AddEdge {
                child,
                parent,
                kind,
            } => facts.add_edge(child, parent, kind),
            Change::RemoveEdge { child, parent } => facts.remove_edge(&child, &parent),
            Change::AddLink(link) => drop(facts.links.insert(link)),
            Change::RemoveLink(link) => drop(facts.links.remove(&link)),
            Change::RemovePolicy(id) => drop(facts.standing.remove(&id)),
            Change::PutPolicy(_) => panic!("it is put where its text is known"),
        }
        changes.push(change);
    }

    /// An entity that the schema knows, stored or not; never an enumerated one.
    fn any_entity(&mut self) -> EntityUid {
        let types = self.world.schema.types.iter().filter(|ty| !ty.enumerated);
        let types: Vec<_> = types.collect();
        let ty = types[self.rng.below(types.len())];
        let id = &ty.ids[self.rng.below(ty.ids.len())];
        uid(&ty.name, id).expect("a type name")
    }

    fn put_entity(&mut self, changes: &mut Vec<Change>) {
        let uid = self.any_entity();
        let mut entity = entity(&mut self.rng, &self.world.schema, &uid);
        if self.rng.percent(30) {
            let World { schema, facts, .. } = &self.world;
            let parent = facts.random_parent(&mut self.rng, schema, &uid);
            entity
                .parents
                .extend(parent.map(|parent| (parent, EdgeKind::Explicit)));
        }
        self.apply(Change::PutEntity(entity), changes);
    }

    /// Removes an entity; without its edges first, if it cannot do with those
    /// alone.
    fn remove_entity(&mut self, changes: &mut Vec<Change>) {
        let uid = self.any_entity();
        let ty = self.world.schema.entity(&uid.type_name().to_string());
        if !ty.is_some_and(super::schema::EntityType::is_bare) || self.rng.percent(40) {
            self.detach(&uid, changes);
        }
        self.apply(Change::RemoveEntity(uid), changes);
    }

    fn detach(&mut self, child: &EntityUid, changes: &mut Vec<Change>) {
        for parent in self.world.facts.parents(child).into_keys() {
            let child = child.clone();
            self.apply(Change::RemoveEdge { child, parent }, changes);
        }
    }

    fn add_edge(&mut self, changes: &mut Vec<Change>) {
        let child = self.any_entity();
        let World { schema, facts, .. } = &self.world;
        let parent = facts.random_parent(&mut self.rng, schema, &child);
        if let Some(parent) = parent {
            self.attach(child, parent, changes);
        }
    }

    fn attach(&mut self, child: EntityUid, parent: EntityUid, changes: &mut Vec<Change>) {
        let World { schema, facts, .. } = &self.world;
        let ty = schema.entity(&child.type_name().to_string());
        let bare = ty.is_some_and(super::schema::EntityType::is_bare);
        if bare || facts.entities.contains_key(&child) {
            let kind = self.rng.pick(&[EdgeKind::Explicit, EdgeKind::Implicit]);
            self.apply(
                Change::AddEdge {
                    child,
                    parent,
                    kind,
                },
                changes,
            );
        }
    }

    fn remove_edge(&mut self, changes: &mut Vec<Change>) {
        let children: Vec<&EntityUid> = self.world.facts.edges.keys().collect();
        if children.is_empty() {
            return;
        }
        let child = children[self.rng.below(children.len())].clone();
        let parents: Vec<EntityUid> = self.world.facts.parents(&child).into_keys().collect();
        let parent = parents[self.rng.below(parents.len())].clone();
        self.apply(Change::RemoveEdge { child, parent }, changes);
    }

    /// Takes an entity away with its edges and brings it back, changed or not.
    fn put_again(&mut self, changes: &mut Vec<Change>) {
        let uid = self.any_entity();
        let Some(mut stored) = self.world.facts.entities.get(&uid).cloned() else {
            return;
        };
        let parents = self.world.facts.parents(&uid);
        self.detach(&uid, changes);
        self.apply(Change::RemoveEntity(uid.clone()), changes);
        if self.rng.percent(30) {
            stored = entity(&mut self.rng, &self.world.schema, &uid);
        }
        stored.parents = parents;
        self.apply(Change::PutEntity(stored), changes);
    }

    fn change_links(&mut self, changes: &mut Vec<Change>) {
        let links: Vec<Link> = self.world.facts.links.iter().cloned().collect();
        if !links.is_empty() && self.rng.percent(45) {
            let link = links[self.rng.below(links.len())].clone();
            return self.apply(Change::RemoveLink(link), changes);
        }
        if let Some(link) = self.world.random_link(&mut self.rng) {
            self.apply(Change::AddLink(link), changes);
        }
    }

    fn change_policies(&mut self, changes: &mut Vec<Change>) {
        let at = self.rng.below(self.standing.len().max(1));
        let Some(policy) = self.standing.get(at).cloned() else {
            return;
        };
        // The id of one may come to stand for another.
        let id = self.standing[self.rng.below(self.standing.len())]
            .id
            .clone();
        if self.rng.percent(40) {
            return self.apply(Change::RemovePolicy(id), changes);
        }
        let standing = Policy::standing(&id, &policy.text());
        changes.push(Change::PutPolicy(Box::new(standing)));
        self.world.facts.standing.insert(id, policy);
    }

    /// Gives something that has members other parents than it had.
    fn move_subtree(&mut self, changes: &mut Vec<Change>) {
        let mut above: Vec<EntityUid> = Vec::new();
        for parents in self.world.facts.edges.values() {
            above.extend(parents.keys().cloned());
        }
        if above.is_empty() {
            return;
        }
        let moved = above[self.rng.below(above.len())].clone();
        self.detach(&moved, changes);
        for _ in 0..1 + self.rng.below(2) {
            let World { schema, facts, .. } = &self.world;
            if let Some(parent) = facts.random_parent(&mut self.rng, schema, &moved) {
                self.taken.moved += 1;
                self.attach(moved.clone(), parent, changes);
            }
        }
    }

    /// Takes the hub across the number of parents that makes its edges wide, up or
    /// down. Its members and what is above its parents stay.
    fn change_hub(&mut self, changes: &mut Vec<Change>) {
        let hub = match self.world.hub.clone() {
            Some(hub) if self.rng.percent(80) => hub,
            _ => match self.some_hub() {
                Some(hub) => hub,
                None => return,
            },
        };
        let parents = self.world.facts.parents(&hub.uid);
        let of_type = |uid: &EntityUid| uid.type_name().to_string() == hub.spokes;
        let there: Vec<EntityUid> = parents.into_keys().filter(of_type).collect();
        self.taken.hubs += 1;
        if there.len() > NARROW_MAX {
            let left = self
                .rng
                .pick(&[0, 1, NARROW_MAX - 1, NARROW_MAX, there.len() - 1]);
            for parent in there.into_iter().skip(left) {
                let child = hub.uid.clone();
                self.apply(Change::RemoveEdge { child, parent }, changes);
            }
            self.taken.narrowed += 1;
            return;
        }
        for n in 0..self.rng.pick(&[10, NARROW_MAX, NARROW_MAX + 1, 120]) {
            let parent = hub.spoke(n);
            if !self.world.facts.ancestors(&parent).contains(&hub.uid) {
                self.attach(hub.uid.clone(), parent, changes);
            }
        }
        self.taken.widened += usize::from(self.world.facts.width(&hub.uid) > NARROW_MAX);
    }

    /// Any entity with any type that it can be in.
    fn some_hub(&mut self) -> Option<Hub> {
        let uid = self.any_entity();
        let ty = self.world.schema.entity(&uid.type_name().to_string())?;
        let spokes = ty.parents.get(self.rng.below(ty.parents.len().max(1)))?;
        let spokes = spokes.clone();
        Some(Hub { uid, spokes })
    }

    /// Adds what is there and removes what is not: nothing comes of it.
    fn repeat(&mut self, changes: &mut Vec<Change>) {
        let facts = &self.world.facts;
        let there = facts.entities.values().next_back().cloned();
        let link = facts.links.first().cloned();
        let absent = uid("Nobody", "knows").expect("a type name");
        let more = [
            there.map(Change::PutEntity),
            link.map(Change::AddLink),
            Some(Change::RemovePolicy("nobody's".to_owned())),
            Some(Change::RemoveEntity(absent)),
        ];
        for change in more.into_iter().flatten() {
            self.apply(change, changes);
        }
    }

    // ------------------------------------------------------------- refusals

    /// A batch with one change that no state can take: it is refused, afresh as
    /// well, and the snapshot stays.
    fn refused_batch(&mut self) {
        let Some(bad) = self.bad_change() else {
            return;
        };
        let (kept, rng) = (self.world.facts.clone(), Rng::new(self.rng.next()));
        let mut changes = Vec::new();
        for _ in 0..self.rng.below(4) {
            self.put_entity(&mut changes);
        }
        changes.push(bad.clone());
        let all = self.world.facts.changes(1).into_iter().chain([bad.clone()]);
        assert!(
            build(&self.bundle, all).is_err(),
            "to be refused afresh: {bad:?}"
        );
        let before = self.state(&self.snapshot);
        let next = made::next(&self.snapshot, changes.clone());
        assert!(next.is_err(), "to be refused: {bad:?}");
        let next = made::advanced(self.snapshot.clone(), changes);
        assert!(next.is_err(), "to be refused in place: {bad:?}");
        assert_eq!(
            self.state(&self.snapshot),
            before,
            "as it was before {bad:?}"
        );
        (self.world.facts, self.rng) = (kept, rng);
        self.taken.refused += 1;
    }

    fn bad_change(&mut self) -> Option<Change> {
        let uid = self.any_entity();
        let facts = &self.world.facts;
        let ty = self.world.schema.entity(&uid.type_name().to_string())?;
        let stored = || EntityData {
            attrs: facts
                .entities
                .get(&uid)
                .map(|e| e.attrs.clone())
                .unwrap_or_default(),
            ..EntityData::new(uid.clone())
        };
        match self.rng.below(7) {
            0 => self.closing_edge(),
            1 => Some(Change::PutEntity(
                stored().with("undeclared", Value::Bool(true)),
            )),
            2 => {
                // A record of this shape is nobody's type.
                let odd = BTreeMap::from([("undeclared".to_owned(), Value::Long(1))]);
                let name = ty.attrs.keys().next()?;
                Some(Change::PutEntity(stored().with(name, Value::Record(odd))))
            }
            3 => (!ty.is_bare()).then(|| Change::PutEntity(EntityData::new(uid.clone()))),
            4 => Some(Change::PutEntity(EntityData::new(
                aobo::engine::uid("Stranger", "a").ok()?,
            ))),
            5 => Some(Change::AddLink(Link {
                template: "no such template".to_owned(),
                principal: Some(uid.clone()),
                resource: None,
            })),
            _ => {
                let template = self.world.policies.iter().find(|p| p.is_template())?;
                Some(Change::AddLink(Link {
                    template: template.id.clone(),
                    principal: None,
                    resource: None,
                }))
            }
        }
    }

    /// An edge from something to what is below it, where the schema allows it.
    fn closing_edge(&mut self) -> Option<Change> {
        let World { schema, facts, .. } = &self.world;
        for below in facts.edges.keys() {
            for above in facts.ancestors(below) {
                let ty = schema.entity(&above.type_name().to_string())?;
                let known = facts.entities.contains_key(&above) || ty.is_bare();
                if known && above != *below && ty.parents.contains(&below.type_name().to_string()) {
                    return Some(Change::AddEdge {
                        child: above,
                        parent: below.clone(),
                        kind: EdgeKind::Explicit,
                    });
                }
            }
        }
        None
    }

    // ----------------------------------------------------------- comparison

    /// All that a snapshot says of itself.
    fn state(&self, snapshot: &Snapshot) -> (Vec<EntityData>, Vec<Link>, Vec<String>) {
        (
            made::entities(snapshot),
            made::links(snapshot),
            made::standing(snapshot),
        )
    }

    fn compare(&mut self) {
        let seed = self.rng.next();
        let changes = self.world.facts.changes(seed);
        let afresh = match self.rng.percent(50) {
            true => build(&self.bundle, changes),
            false => made::rebuilt(&self.snapshot, changes),
        };
        let afresh = afresh.expect("sound facts");
        let (state, rebuilt) = (self.state(&self.snapshot), self.state(&afresh));
        assert_eq!(state, rebuilt, "the same facts, the same state");
        let known = known(&self.world.facts);
        assert_eq!(known.len(), state.0.len(), "and all of them");
        for (put, got) in known.iter().zip(&state.0) {
            alike::entities(put, got);
        }
        let oracle = Oracle::of(&afresh).expect("sound facts");
        for _ in 0..40 {
            let request = request(&mut self.rng, &self.world);
            for (n, snapshot) in [&afresh, &self.snapshot].into_iter().enumerate() {
                let (answer, difference) = compare(snapshot, &oracle, &request, &engine);
                if difference.is_some() {
                    self.report(request, n == 0, &engine);
                }
                if self.rng.percent(2) {
                    self.older.push((snapshot.clone(), request.clone(), answer));
                }
            }
        }
        for _ in 0..4 {
            let request = request(&mut self.rng, &self.world);
            let (rng, looked) = (&mut self.rng, &mut self.taken.looked);
            if let Some(odd) = search::differing(rng, &self.snapshot, &request, looked) {
                self.report(odd, false, &search::engine);
            }
        }
        self.taken.compared += 1;
    }
}

impl Course {
    /// Cuts a difference small, saves it and fails.
    fn report(&self, request: Request, afresh: bool, engine: &Engine) -> ! {
        let mut case = Case::of(self.world.clone(), request);
        if !afresh {
            case.world = self.start.clone();
            case.stages = self.stages.clone();
        }
        let Some(difference) = case.difference(engine) else {
            panic!(
                "differs here, and not when it is replayed: {:#?}",
                case.request
            );
        };
        let path = saved::save(&shrink(case, engine));
        panic!("{difference}\ncut small and saved as {path}");
    }
}

/// All entities of the facts, in order of their ids.
fn known(facts: &Facts) -> Vec<EntityData> {
    let mut ids: Vec<&EntityUid> = facts.entities.keys().chain(facts.edges.keys()).collect();
    ids.sort();
    ids.dedup();
    ids.into_iter()
        .filter_map(|uid| facts.entity(uid))
        .collect()
}
