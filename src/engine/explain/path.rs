//! The path of memberships from one entity to another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cedar_policy::EntityUid;

use crate::engine::{EdgeKind, Facts, Request};

/// One entity on a path, and how it was come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The entity.
    pub entity: EntityUid,
    /// Whether the edge that leads here is implicit; `false` for the first.
    pub implicit: bool,
}

/// The shortest path of parents from `from` to any of `to`, both ends included.
/// A request's own entities count with their parents.
pub(super) fn shortest(
    facts: Facts<'_>,
    request: &Request,
    from: &EntityUid,
    to: &[EntityUid],
) -> Option<Vec<Hop>> {
    let mut came: BTreeMap<EntityUid, Option<(EntityUid, EdgeKind)>> = BTreeMap::new();
    came.insert(from.clone(), None);
    let mut open = VecDeque::from([from.clone()]);
    while let Some(here) = open.pop_front() {
        if to.contains(&here) {
            return Some(back(&came, here));
        }
        for (parent, kind) in parents(facts, request, &here) {
            if !came.contains_key(&parent) {
                came.insert(parent.clone(), Some((here.clone(), kind)));
                open.push_back(parent);
            }
        }
    }
    None
}

/// An entity and everything that it is in.
pub(super) fn above(facts: Facts<'_>, request: &Request, uid: &EntityUid) -> BTreeSet<EntityUid> {
    let mut found = BTreeSet::from([uid.clone()]);
    let mut open = vec![uid.clone()];
    while let Some(here) = open.pop() {
        for (parent, _) in parents(facts, request, &here) {
            if found.insert(parent.clone()) {
                open.push(parent);
            }
        }
    }
    found
}

fn parents(facts: Facts<'_>, request: &Request, uid: &EntityUid) -> Vec<(EntityUid, EdgeKind)> {
    match request.entities.iter().find(|entity| entity.uid == *uid) {
        Some(own) => own
            .parents
            .iter()
            .map(|(p, kind)| (p.clone(), *kind))
            .collect(),
        None => facts.parents(uid).collect(),
    }
}

fn back(
    came: &BTreeMap<EntityUid, Option<(EntityUid, EdgeKind)>>,
    mut here: EntityUid,
) -> Vec<Hop> {
    let mut path = Vec::new();
    loop {
        let edge = came.get(&here).cloned().flatten();
        path.push(Hop {
            entity: here,
            implicit: matches!(edge, Some((_, EdgeKind::Implicit))),
        });
        match edge {
            Some((before, _)) => here = before,
            None => break,
        }
    }
    path.reverse();
    path
}
