//! Changes against facts, sizes, order, updates.

use std::collections::BTreeSet;

use aobo::directory::{AzureRoles, Fact, Profile, own_entities, world_file};
use aobo::engine::intake::{Ask, Party};
use aobo::engine::{Change, EntityUid};
use aobo::measure::{Update, UpdateKind, Workload};
use aobo::policy::Source;

use super::{State, is_of, workload};
use crate::support;

/// The scopes that the directory does not store.
const BELOW: [&str; 2] = ["ResourceGroup", "AzureResource"];

fn azure_roles() -> AzureRoles {
    AzureRoles::of(&support::bundle(Profile::Seed))
}

#[test]
fn the_changes_are_the_projection_of_the_facts() {
    let workload = workload();
    let (world, projection) = workload.world(azure_roles()).expect("sound facts");
    let mut projected = State::default();
    for change in projection {
        projected.apply(change);
    }
    let mut generated = State::of(workload.changes());
    // Scopes below a subscription are what the directory supplies for a question.
    let below = generated.entities.keys().filter(|uid| is_of(uid, &BELOW));
    let below: Vec<EntityUid> = below.cloned().collect();
    assert!(below.len() > 1_000);
    for uid in below {
        let ask = Ask {
            resource: Party::from(&uid),
            ..Ask::default()
        };
        let own = own_entities(&world, &ask).into_iter();
        let own = own.map(Change::PutEntity).collect::<Vec<_>>();
        let supplied = State::of(own);
        assert_eq!(generated.entities.get(&uid), supplied.entities.get(&uid));
        assert_eq!(generated.edges.get(&uid), supplied.edges.get(&uid));
        generated.entities.remove(&uid);
        generated.edges.remove(&uid);
    }
    assert_eq!(generated.entities, projected.entities);
    assert_eq!(generated.edges, projected.edges);
    assert_eq!(generated.links, projected.links);
}

#[test]
fn the_world_file_holds_the_same_world() {
    let workload = Workload::new(2, 60);
    let (world, _) = workload.world(azure_roles()).expect("sound facts");
    let mut text = Vec::new();
    workload.write_world_file(&mut text).expect("memory");
    let text = String::from_utf8(text).expect("text");
    let (read, changes) = match world_file::load(&Source::new("world", text), azure_roles()) {
        Ok(loaded) => loaded,
        Err(finding) => panic!("{finding}"),
    };
    assert_eq!(read, world);
    assert!(!changes.is_empty());
}

#[test]
fn a_seed_is_a_world() {
    let changes = |seed| Workload::new(seed, 20).changes().collect::<Vec<_>>();
    assert_eq!(changes(5), changes(5));
    assert_ne!(changes(5), changes(6));
    // A part by itself is the same as within the whole.
    let workload = workload();
    let whole: Vec<Change> = workload.changes().collect();
    let part = workload.changes_of_customer(77);
    assert!(whole.windows(part.len()).any(|window| window == part));
}

/// What reports say of a workload: about ten entities and seven links a customer,
/// half of the customers with delegated admin privileges.
#[test]
fn a_customer_is_as_large_as_it_should_be() {
    let workload = Workload::new(3, 2_000);
    let (mut entities, mut links, mut partner_side) = (0, 0, 0);
    for change in workload.changes() {
        match change {
            Change::PutEntity(e) if is_of(&e.uid, &["Partner", "PartnerUser", "SecurityGroup"]) => {
                partner_side += 1;
            }
            Change::PutEntity(_) => entities += 1,
            Change::AddLink(_) => links += 1,
            _ => {}
        }
    }
    let delegating = workload.facts().filter(|fact| match fact {
        Fact::Relationship(r) => r.delegates(),
        _ => false,
    });
    let delegating = delegating.count();
    assert!((20_000..24_000).contains(&entities), "{entities}");
    assert!((13_800..14_200).contains(&links), "{links}");
    assert!((500..1_000).contains(&partner_side), "{partner_side}");
    assert!((950..1_100).contains(&delegating), "{delegating}");
}

#[test]
fn parents_come_before_children() {
    let mut known: BTreeSet<EntityUid> = BTreeSet::new();
    // Roles are no stored entities, or not before somebody holds them.
    let free = ["PartnerRole", "TenantRole"];
    for change in workload().changes() {
        match change {
            Change::PutEntity(entity) => {
                let parents = entity.parents.keys();
                assert!(parents.into_iter().all(|parent| known.contains(parent)));
                assert!(known.insert(entity.uid), "every entity comes once");
            }
            Change::AddEdge { child, parent, .. } => {
                assert!(known.contains(&child));
                assert!(known.contains(&parent) || is_of(&parent, &free), "{parent}");
            }
            Change::AddLink(link) => {
                for uid in [link.principal, link.resource].into_iter().flatten() {
                    assert!(known.contains(&uid), "{uid}");
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

fn sorted(changes: &[Change]) -> Vec<String> {
    let mut changes: Vec<String> = changes.iter().map(|change| format!("{change:?}")).collect();
    changes.sort();
    changes
}

#[test]
fn an_update_is_what_the_directory_makes_of_its_fact_and_goes_back() {
    let workload = workload();
    let (mut world, _) = workload.world(azure_roles()).expect("sound facts");
    let built = State::of(workload.changes());
    for kind in UpdateKind::ALL {
        let mut seen = BTreeSet::new();
        for number in 0..20 {
            let update = workload.update(kind, number).expect("one can be made");
            let Update {
                apply,
                revert,
                directory,
            } = update;
            seen.insert(sorted(&apply));
            let mut state = built.clone();
            apply.iter().cloned().for_each(|change| state.apply(change));
            assert_ne!(state, built);
            revert
                .iter()
                .cloned()
                .for_each(|change| state.apply(change));
            assert_eq!(state, built, "{kind:?} {number}");
            match directory {
                None => assert_eq!(kind, UpdateKind::Resource),
                Some((there, back)) => {
                    let changes = world.apply(there).expect("it is taken");
                    assert_eq!(sorted(&changes), sorted(&apply), "{kind:?} {number}");
                    let changes = world.apply(back).expect("it is taken");
                    assert_eq!(sorted(&changes), sorted(&revert), "{kind:?} {number}");
                }
            }
        }
        assert!(seen.len() > 10, "{kind:?}: updates differ");
    }
}

#[test]
fn updates_of_privileges_are_about_the_largest_partner() {
    let workload = workload();
    for number in 0..5 {
        let update = workload
            .update(UpdateKind::Privileges, number)
            .expect("one can be made");
        let edges = update.apply.iter().chain(&update.revert);
        let groups = edges.filter_map(|change| match change {
            Change::AddEdge { child, .. } if is_of(child, &["SecurityGroup"]) => Some(child),
            _ => None,
        });
        let groups: BTreeSet<String> = groups.map(|g| g.id().unescaped().to_owned()).collect();
        let names = groups
            .iter()
            .map(|id| id.split_once('/').expect("P/Name").1);
        assert_eq!(names.collect::<Vec<_>>(), ["AdminAgents", "HelpdeskAgents"]);
    }
}
