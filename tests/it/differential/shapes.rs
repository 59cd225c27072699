//! Shapes of facts and requests that generated worlds must be seen to have, by
//! name.

use std::collections::{BTreeMap, BTreeSet};

use aobo::engine::{EntityUid, Link, Request};

use super::hubs::{ARRAY_MAX, FEW, NARROW_MAX};
use super::requests::request;
use super::world::{Facts, World};
use crate::support::Rng;

/// The names of the shapes seen.
pub(super) type Seen = BTreeSet<&'static str>;

/// All of them.
pub(super) const SHAPES: &[&str] = &[
    "hub",
    "hub below others",
    "as many parents as are handed down",
    "members of a hub",
    "hub in a hub",
    "many parents of a hub in one entity",
    "many hubs in one entity",
    "hundreds of parents",
    "known by edges only",
    "parent that is not stored",
    "diamond",
    "deep",
    "links on one scope",
    "links of nobody",
    "many links: the principal's own",
    "many links: of what the principal is in",
    "many links: over a hub",
    "hundreds of links on one scope",
    "many links without scope",
    "standing policies",
    "unknown principal",
    "unknown resource",
    "one entity as both",
    "own entities",
    "own entity that is stored",
    "own entity that is not",
    "own entity above a party",
];

/// The shapes of a world and of requests on it.
pub(super) fn of(rng: &mut Rng, world: &World, requests: usize) -> Seen {
    let mut seen = Seen::new();
    let facts = &world.facts;
    edges(facts, &mut seen);
    hubs(facts, &mut seen);
    let crowds = links(facts, &mut seen);
    for _ in 0..requests {
        let request = request(rng, world);
        parties(facts, &request, &mut seen);
        crowd(facts, &crowds, &request, &mut seen);
    }
    seen
}

fn edges(facts: &Facts, seen: &mut Seen) {
    let mut note = |name, there: bool| seen.extend(there.then_some(name));
    let stored = |uid: &EntityUid| facts.entities.contains_key(uid);
    for (child, parents) in &facts.edges {
        note("known by edges only", !stored(child));
        note(
            "parent that is not stored",
            parents.keys().any(|p| !stored(p)),
        );
        note("deep", facts.ancestors(child).len() >= 8);
        if parents.len() < 20 {
            let above: Vec<_> = parents.keys().map(|p| facts.ancestors(p)).collect();
            let mut each = above.iter().enumerate();
            note(
                "diamond",
                each.any(|(n, a)| above[..n].iter().any(|b| !a.is_disjoint(b))),
            );
        }
    }
}

fn hubs(facts: &Facts, seen: &mut Seen) {
    let mut note = |name, there: bool| seen.extend(there.then_some(name));
    let wide: BTreeSet<&EntityUid> = facts
        .edges
        .keys()
        .filter(|child| facts.width(child) > NARROW_MAX)
        .collect();
    let mut hubs_of: BTreeMap<&EntityUid, usize> = BTreeMap::new();
    for (child, parents) in &facts.edges {
        let width = facts.width(child);
        note("as many parents as are handed down", width == NARROW_MAX);
        note("members of a hub", parents.keys().any(|p| wide.contains(p)));
        if !wide.contains(child) {
            continue;
        }
        note("hub", true);
        note("hundreds of parents", width > ARRAY_MAX);
        let above = facts.ancestors(child);
        note("hub below others", above.len() > parents.len() + 1);
        let mut others = above.iter().filter(|uid| *uid != child);
        note("hub in a hub", others.any(|uid| wide.contains(uid)));
        let mut below: BTreeMap<&EntityUid, usize> = BTreeMap::new();
        for parent in parents.keys() {
            *hubs_of.entry(parent).or_default() += 1;
            for top in facts.edges.get(parent).into_iter().flat_map(BTreeMap::keys) {
                *below.entry(top).or_default() += 1;
            }
        }
        note(
            "many parents of a hub in one entity",
            below.values().any(|count| *count > FEW),
        );
    }
    note(
        "many hubs in one entity",
        hubs_of.values().any(|count| *count > FEW),
    );
}

/// Scopes with more links than are walked through, and the links.
type Crowds<'a> = BTreeMap<Option<&'a EntityUid>, Vec<&'a Link>>;

fn links<'a>(facts: &'a Facts, seen: &mut Seen) -> Crowds<'a> {
    let mut note = |name, there: bool| seen.extend(there.then_some(name));
    let mut scopes = Crowds::new();
    for link in &facts.links {
        scopes.entry(link.resource.as_ref()).or_default().push(link);
        note("links of nobody", link.id().contains("nobody"));
    }
    for (scope, links) in &scopes {
        note("links on one scope", scope.is_some() && links.len() > 1);
        note(
            "hundreds of links on one scope",
            scope.is_some() && links.len() > ARRAY_MAX,
        );
        note(
            "many links without scope",
            scope.is_none() && links.len() > FEW,
        );
    }
    note("standing policies", !facts.standing.is_empty());
    scopes.retain(|scope, links| scope.is_some() && links.len() > FEW);
    scopes
}

/// How the principal of a request comes to links at a scope with many.
fn crowd(facts: &Facts, crowds: &Crowds<'_>, request: &Request, seen: &mut Seen) {
    if crowds.is_empty() {
        return;
    }
    let mut note = |name, there: bool| seen.extend(there.then_some(name));
    let principal = &request.principal;
    let above = facts.ancestors(principal);
    let narrow = narrowly_above(facts, principal);
    for scope in facts.ancestors(&request.resource) {
        for link in crowds.get(&Some(&scope)).into_iter().flatten() {
            let Some(holder) = &link.principal else {
                continue;
            };
            let within = holder != principal;
            note("many links: the principal's own", !within);
            note(
                "many links: of what the principal is in",
                within && narrow.contains(holder),
            );
            note(
                "many links: over a hub",
                above.contains(holder) && !narrow.contains(holder),
            );
        }
    }
}

/// An entity and what is above it without passing over a hub.
fn narrowly_above(facts: &Facts, of: &EntityUid) -> BTreeSet<EntityUid> {
    let mut found = BTreeSet::new();
    let mut open = vec![of.clone()];
    while let Some(next) = open.pop() {
        if facts.width(&next) <= NARROW_MAX {
            open.extend(facts.parents(&next).into_keys());
        }
        found.insert(next);
    }
    found
}

fn parties(facts: &Facts, request: &Request, seen: &mut Seen) {
    let mut note = |name, there: bool| seen.extend(there.then_some(name));
    let known = |uid: &EntityUid| facts.entities.contains_key(uid);
    let own = &request.entities;
    note("unknown principal", !known(&request.principal));
    note("unknown resource", !known(&request.resource));
    note("one entity as both", request.principal == request.resource);
    note("own entities", !own.is_empty());
    note(
        "own entity that is stored",
        own.iter().any(|e| known(&e.uid)),
    );
    note(
        "own entity that is not",
        own.iter().any(|e| !known(&e.uid) && !e.parents.is_empty()),
    );
    let parties = [&request.principal, &request.resource];
    note(
        "own entity above a party",
        own.iter().any(|e| !parties.contains(&&e.uid)),
    );
}
