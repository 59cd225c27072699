//! Random commands: what their events say, folded, is the world they left.

use std::collections::BTreeMap;

use aobo::directory::command::{CommandError, event_changes, event_payload};
use aobo::directory::{AzureRoles, Profile, World, world_file};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use serde_json::{Value, json};

use super::{Made, read};
use crate::laws::facts;
use crate::support::{NOW, Rng, bundle, scaled, timed};

const PARTNERS: [&str; 3] = ["alpha", "beta", "same"];
const CUSTOMERS: [&str; 4] = ["alpha", "one", "same", "two"];
const USERS: [&str; 6] = ["ann@one.example", "cai", "mia", "one", "same", "two"];
const PRODUCTS: [&str; 2] = ["office", "widget"];
const DEVICES: [&str; 3] = ["d1", "d2", "same"];
const PROFILES: [&str; 3] = ["a1", "a2", "same"];
const SUBSCRIPTIONS: [&str; 3] = ["S1", "s2", "same"];
const PORTALS: [&str; 2] = ["office-admin-portal", "microsoft-store-for-business"];
const ROLES: [&str; 3] = ["Global Administrator", "User Administrator", "No Such Role"];

/// A random command; what it names need not be there. Ids of invitations are
/// those that [`Made`] gives.
fn command(rng: &mut Rng) -> Value {
    let invitation = format!("made-{}", 1 + rng.below(6));
    let (partner, customer) = (rng.pick(&PARTNERS), rng.pick(&CUSTOMERS));
    match rng.below(10) {
        0 => {
            json!({"command": "prepare-invitation", "partner": partner, "customer": customer, "include_dap": rng.percent(50)})
        }
        1 => json!({"command": "send-invitation", "invitation": invitation}),
        2 => {
            json!({"command": "accept-invitation", "invitation": invitation, "portal": rng.pick(&PORTALS)})
        }
        3 => {
            let name = rng.pick(&[
                "remove-delegated-admin",
                "remove-relationship",
                "renegotiate-contract",
            ]);
            json!({"command": name, "partner": partner, "customer": customer})
        }
        4 => azure_command(rng, partner, customer),
        5..=7 => user_command(rng, customer),
        8 => device_command(rng, partner, customer),
        _ => {
            let fact = facts::fact(rng);
            match rng.percent(70) {
                true => {
                    json!({"command": "put", "fact": aobo::directory::world_file::fact_to_json(&fact)})
                }
                false => {
                    json!({"command": "remove", "key": aobo::directory::world_file::key_to_json(&fact.key())})
                }
            }
        }
    }
}

fn azure_command(rng: &mut Rng, partner: &str, customer: &str) -> Value {
    let subscription = rng.pick(&SUBSCRIPTIONS);
    let scope = format!("/subscriptions/{subscription}");
    match rng.below(5) {
        0 => {
            json!({"command": "provision-subscription", "partner": partner, "customer": customer, "subscription": subscription})
        }
        1 => {
            json!({"command": rng.pick(&["suspend-subscription", "resume-subscription", "cancel-subscription"]), "subscription": subscription})
        }
        2 => {
            json!({"command": "assign-azure-role", "principal": rng.pick(&USERS), "role": "Reader", "scope": scope})
        }
        3 => {
            json!({"command": "remove-azure-role", "principal": format!("{partner}/AdminAgents"), "role": "Owner", "scope": scope})
        }
        _ => {
            json!({"command": "put-management-group", "management_group": rng.pick(&["m1", "m2", "M3"]), "parent": rng.pick(&["m1", "m2", "m3"])})
        }
    }
}

fn user_command(rng: &mut Rng, customer: &str) -> Value {
    let (user, other) = (rng.pick(&USERS), rng.pick(&USERS));
    let product = rng.pick(&PRODUCTS);
    match rng.below(9) {
        0 => {
            json!({"command": "create-user", "customer": customer, "user": user, "display_name": "N"})
        }
        1 => {
            json!({"command": "import-users", "customer": customer, "csv": "Display name,Email\nAnn,ann@one.example\n"})
        }
        2 => {
            json!({"command": rng.pick(&["assign-directory-role", "remove-directory-role"]), "user": user, "role": rng.pick(&ROLES)})
        }
        3 | 4 => {
            json!({"command": rng.pick(&["assign-license", "remove-license"]), "users": [user], "product": product})
        }
        5 => {
            json!({"command": "set-seats", "customer": customer, "product": product, "free": rng.below(3)})
        }
        6 => json!({"command": "delete-user", "user": user}),
        7 => json!({"command": "restore-users", "users": [user, other]}),
        _ => json!({"command": rng.pick(&["purge-user", "reset-password"]), "user": user}),
    }
}

fn device_command(rng: &mut Rng, partner: &str, customer: &str) -> Value {
    let (profile, device) = (rng.pick(&PROFILES), rng.pick(&DEVICES));
    match rng.below(5) {
        0 => {
            json!({"command": "add-devices", "customer": customer, "partner": partner, "channel": "partner-center", "devices": [device]})
        }
        1 => {
            json!({"command": "add-autopilot-profile", "customer": customer, "partner": partner, "profile": profile})
        }
        2 => {
            json!({"command": rng.pick(&["apply-autopilot-profile", "remove-autopilot-profile"]), "profile": profile, "device": device})
        }
        3 => json!({"command": "delete-autopilot-profile", "profile": profile}),
        _ => json!({"command": "delete-device", "device": device}),
    }
}

fn ground() -> World {
    let mut world = facts::empty();
    for fact in facts::ground() {
        let put = aobo::directory::Change::Put(fact);
        world.apply(put).expect("nothing is missing");
    }
    for product in PRODUCTS {
        let fact =
            json!({"command": "put", "fact": {"products": {product: {"kind": "microsoft"}}}});
        let planned = read(fact).plan(&world, NOW, &mut Made::default());
        for change in planned.expect("a product").changes {
            world.apply(change).expect("as planned");
        }
    }
    world
}

/// Commands by name, and how each came out.
type Outcomes = Vec<(String, Result<(), CommandError>)>;

/// Runs the commands; returns what happened to each, by its name.
fn run(seeds: &[u64]) -> Result<Outcomes, TestCaseError> {
    let (mut world, mut replayed) = (ground(), ground());
    let (mut made, mut at) = (Made::default(), NOW);
    let mut told = Vec::new();
    for seed in seeds {
        let mut rng = Rng::new(*seed);
        let json = command(&mut rng);
        let name = json["command"].as_str().unwrap_or_default().to_owned();
        at = Timestamp::from_second(at.as_second() + 86_400 * 2).expect("a time");
        let command = read(json);
        let before = world.clone();
        let planned = match command.plan(&world, at, &mut made) {
            Ok(planned) => planned,
            Err(error) => {
                prop_assert_eq!(&world, &before);
                told.push((name, Err(error)));
                continue;
            }
        };
        prop_assert_eq!(&world, &before, "a plan changes nothing");
        for change in &planned.changes {
            let applied = world.apply(change.clone());
            prop_assert!(applied.is_ok(), "{:?} was planned: {:?}", change, applied);
        }
        let text = event_payload(&command, &planned).to_string();
        let payload: Value = serde_json::from_str(&text).expect("JSON");
        for change in event_changes(&payload).expect("changes") {
            replayed.apply(change).expect("what the world took");
        }
        prop_assert_eq!(&world, &replayed);
        told.push((name, Ok(())));
    }
    // A start folds the facts anew, each after those that it names.
    let refolded = world_file::refold(&world, AzureRoles::of(&bundle(Profile::Seed)));
    prop_assert_eq!(refolded.map(|(world, _)| world), Ok(world));
    Ok(told)
}

#[test]
fn events_folded_are_the_world_that_the_commands_left() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: u32::try_from(scaled(300)).expect("some cases"),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(41),
        ..ProptestConfig::default()
    });
    let seeds = vec(any::<u64>().no_shrink(), 1..100);
    timed("sequences of commands", || {
        let law = |seeds: Vec<u64>| run(&seeds).map(|_| ());
        if let Err(error) = runner.run(&seeds, law) {
            panic!("{error}");
        }
    });
}

/// Random commands are carried out often enough for the law to say something.
#[test]
fn random_commands_are_carried_out_and_refused() {
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    let mut refused: BTreeMap<&'static str, usize> = BTreeMap::new();
    for first in 0..40 {
        let seeds: Vec<u64> = (first * 1_000..first * 1_000 + 100).collect();
        for (name, outcome) in run(&seeds).expect("no law is broken") {
            match outcome {
                Ok(()) => *done.entry(name).or_default() += 1,
                Err(error) => *refused.entry(error.code()).or_default() += 1,
            }
        }
    }
    assert!(done.len() >= 25, "{done:?}");
    for code in [
        "not-found",
        "exists",
        "illegal",
        "refused",
        "directory",
        "import",
    ] {
        assert!(refused.contains_key(code), "{code}: {refused:?}");
    }
}
