//! The facts that a question stands on: what its clauses can look at, and no more.
//!
//! Clauses are evaluated by cedar-policy, whose form of a whole world takes seconds and
//! gigabytes. A clause cannot go far, though: it begins at principal, resource, the
//! context and the entities that it names, and each attribute that it reads takes it one
//! entity on. So the entities within as many steps as it reads attributes are all that it
//! can look at, and the entities that those or the question mention all that it can ask
//! whether they are in.
//!
//! INVARIANT (same clauses): a clause comes out on these entities as on all.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Entities, EntityUid};

use super::clause::Clause;
use crate::engine::reference::cedar_entities;
use crate::engine::state::{Eid, LinkRef, State};
use crate::engine::{EdgeKind, EntityData, Link, Problem, Query, Request, Snapshot, Value};

/// A question among the facts. Entities that it brings count with their parents.
pub(super) struct Ground<'a> {
    snapshot: &'a Snapshot,
    request: &'a Request,
    query: &'a Query,
}

impl<'a> Ground<'a> {
    /// `query` is that of the request.
    pub(super) fn new(snapshot: &'a Snapshot, request: &'a Request, query: &'a Query) -> Self {
        Self {
            snapshot,
            request,
            query,
        }
    }

    fn state(&self) -> &'a State {
        self.snapshot.state()
    }

    pub(super) fn eid(&self, uid: &EntityUid) -> Option<Eid> {
        self.query.find(self.state(), uid)
    }

    pub(super) fn uid(&self, eid: Eid) -> Option<EntityUid> {
        self.query.uid(self.state(), eid)
    }

    fn own(&self, uid: &EntityUid) -> Option<&'a EntityData> {
        let mut own = self.request.entities.iter();
        own.find(|entity| entity.uid == *uid)
    }

    /// Whether one is the other or in it; or may be, where the question itself moves
    /// stored entities.
    pub(super) fn may_be_in(&self, lower: Eid, upper: Eid) -> bool {
        self.query.by_reference() || self.query.is_in(self.state(), lower, upper)
    }

    /// Direct parents, in no order.
    pub(super) fn parents(&self, eid: Eid) -> Vec<(Eid, EdgeKind)> {
        let brings = !self.request.entities.is_empty();
        let uid = brings.then(|| self.uid(eid)).flatten();
        match uid.and_then(|uid| self.own(&uid)) {
            Some(own) => {
                let parents = own.parents.iter();
                let parents = parents.map(|(uid, kind)| Some((self.eid(uid)?, *kind)));
                parents.flatten().collect()
            }
            None => self.state().parents_of(eid).collect(),
        }
    }

    /// An entity and everything that it is in.
    fn with_above(&self, uid: &EntityUid) -> BTreeSet<Eid> {
        let mut open: Vec<Eid> = self.eid(uid).into_iter().collect();
        let mut found: BTreeSet<Eid> = open.iter().copied().collect();
        while let Some(here) = open.pop() {
            let parents = self.parents(here).into_iter().map(|(parent, _)| parent);
            open.extend(parents.filter(|parent| found.insert(*parent)));
        }
        found
    }

    /// Links at or above the resource, or held by the principal; those that are both come
    /// first.
    pub(super) fn links(&self) -> Vec<Link> {
        let principal = self.with_above(&self.request.principal);
        let resource = self.with_above(&self.request.resource);
        let state = self.state();
        let of = principal.iter().flat_map(|eid| state.links_of(*eid));
        let at = resource.iter().flat_map(|eid| state.links_at(*eid));
        let found: BTreeSet<LinkRef> = at.chain(of).collect();
        let within = |above: &BTreeSet<Eid>, eid: Eid| eid == Eid::NONE || above.contains(&eid);
        let links = found.into_iter().filter_map(|link| {
            let sides = usize::from(within(&resource, link.resource))
                + usize::from(within(&principal, link.principal));
            Some((sides, state.link_of(link)?))
        });
        let mut links: Vec<(usize, Link)> = links.collect();
        links.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.cmp(other)));
        links.into_iter().map(|(_, link)| link).collect()
    }

    /// All that these clauses can look at, as cedar-policy takes it.
    ///
    /// # Errors
    /// [`Problem::Refused`] if cedar-policy does not take an entity.
    pub(super) fn entities<'c>(
        &self,
        clauses: impl Iterator<Item = &'c Clause>,
    ) -> Result<Entities, Problem> {
        let mut named = BTreeSet::new();
        let mut steps = 0;
        for clause in clauses {
            steps = steps.max(clause.steps());
            named.extend(clause.named());
        }
        let context = self.request.context.values();
        context.for_each(|value| {
            each_entity(value, Sets::In, &mut |uid| {
                named.insert(uid.clone());
            })
        });
        named.extend([&self.request.principal, &self.request.resource].map(Clone::clone));
        let mut found = self.within(steps, named.clone());
        for entity in found.values() {
            let values = entity.attrs.values().chain(entity.tags.values());
            named.insert(entity.uid.clone());
            values.for_each(|value| {
                each_entity(value, Sets::In, &mut |uid| {
                    named.insert(uid.clone());
                })
            });
        }
        let uppers = named.iter().filter_map(|uid| Some((self.eid(uid)?, uid)));
        let uppers: Vec<(Eid, &EntityUid)> = uppers.collect();
        for entity in found.values_mut() {
            let lower = self.eid(&entity.uid);
            let above = uppers.iter().filter(|(upper, _)| {
                let state = self.state();
                lower.is_some_and(|lower| lower != *upper && self.query.is_in(state, lower, *upper))
            });
            entity.parents = above
                .map(|(_, uid)| ((*uid).clone(), EdgeKind::Implicit))
                .collect();
        }
        cedar_entities(self.snapshot.bundle(), found.into_values()).map_err(|error| {
            Problem::Refused {
                message: error.to_string(),
            }
        })
    }

    /// Those of some entities that there are, and what is as many attributes away.
    fn within(&self, steps: usize, from: BTreeSet<EntityUid>) -> BTreeMap<EntityUid, EntityData> {
        let mut found = BTreeMap::new();
        let mut open = from;
        for _ in 0..=steps {
            let mut next = BTreeSet::new();
            for uid in open {
                let stored = || self.snapshot.facts().entity_alone(&uid);
                let Some(entity) = self.own(&uid).cloned().or_else(stored) else {
                    continue;
                };
                let values = entity.attrs.values().chain(entity.tags.values());
                values.for_each(|value| {
                    each_entity(value, Sets::Out, &mut |uid| {
                        next.insert(uid.clone());
                    })
                });
                found.insert(uid, entity);
            }
            next.retain(|uid| !found.contains_key(uid));
            open = next;
        }
        found
    }
}

/// Whether elements of sets count. No clause can read an attribute of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sets {
    In,
    Out,
}

/// Gives the entities that a value holds. Values are as deep as the schema.
fn each_entity<'v>(value: &'v Value, sets: Sets, each: &mut dyn FnMut(&'v EntityUid)) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Entity(uid) => each(uid),
            Value::Record(fields) => open.extend(fields.values()),
            Value::Set(items) if sets == Sets::In => open.extend(items),
            _ => {}
        }
    }
}
