//! Requests on a world: known and unknown parties, contexts with and without
//! their optional keys, entities that come with the request.

use aobo::engine::{EdgeKind, EntityUid, Request, uid};

use super::values::{self, Ids};
use super::world::{Facts, World, entity};
use crate::support::Rng;

/// A request that the schema allows.
pub(super) fn request(rng: &mut Rng, world: &World) -> Request {
    let envs = world.schema.envs();
    let env = &envs[rng.below(envs.len())];
    let principal = party(rng, world, &env.principal);
    let resource = match env.principal == env.resource && rng.percent(20) {
        true => principal.clone(),
        false => party(rng, world, &env.resource),
    };
    let action = world.schema.action(&env.action);
    let applies = action.and_then(|action| action.applies.as_ref());
    let context = &applies.expect("an action that applies").context;
    let mut request = Request {
        context: values::record(rng, context, &world.schema),
        principal,
        action: env.action.clone(),
        resource,
        entities: Vec::new(),
    };
    if rng.percent(2) {
        bring_entities(rng, world, &mut request);
    }
    request
}

fn party(rng: &mut Rng, world: &World, ty: &str) -> EntityUid {
    let enumerated = world.schema.entity(ty).is_some_and(|ty| ty.enumerated);
    match rng.percent(4) && !enumerated {
        true => uid(ty, rng.pick(&["nobody", "spoke 3", "x\u{0}y"])).expect("a type name"),
        false => world.schema.any(rng, ty),
    }
}

/// Adds entities that count for this request only: the parties with other
/// attributes or parents, and what is above them.
fn bring_entities(rng: &mut Rng, world: &World, request: &mut Request) {
    let mut own: Vec<EntityUid> = Vec::new();
    for party in [&request.principal, &request.resource] {
        if rng.percent(60) {
            own.push(party.clone());
        }
        let above: Vec<EntityUid> = world.facts.ancestors(party).into_iter().collect();
        if rng.percent(15) {
            own.push(above[rng.below(above.len())].clone());
        }
    }
    own.sort();
    own.dedup();
    let ty = |uid: &EntityUid| uid.type_name().to_string();
    own.retain(|uid| {
        world
            .schema
            .entity(&ty(uid))
            .is_some_and(|ty| !ty.enumerated)
    });
    // Edges of the request are tried on a copy, so that they close no cycle.
    let mut tried = Facts {
        edges: world.facts.edges.clone(),
        ..Facts::default()
    };
    for uid in own {
        let mut brought = entity(rng, &world.schema, &uid);
        tried.edges.remove(&uid);
        match rng.below(3) {
            0 => {}
            1 => brought.parents = world.facts.parents(&uid),
            _ => {
                for _ in 0..rng.below(4) {
                    let parent = tried.random_parent(rng, &world.schema, &uid);
                    brought
                        .parents
                        .extend(parent.map(|parent| (parent, EdgeKind::Explicit)));
                }
            }
        }
        // The stored parents may be below what was brought before.
        brought
            .parents
            .retain(|parent, _| !tried.ancestors(parent).contains(&uid));
        if !brought.parents.is_empty() {
            tried.edges.insert(uid, brought.parents.clone());
        }
        request.entities.push(brought);
    }
}
