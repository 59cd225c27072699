//! Facts change one by one, and the engine's state with them: it must be the one
//! that the same facts give when they are folded afresh.

use std::sync::{Arc, OnceLock};

use aobo::directory::{Change, Fact, Profile, World};
use aobo::engine::{Revision, Snapshot};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};

use super::facts;
use crate::support::{self, Rng, scaled, timed};

/// A random step: facts come oftener than they go.
fn change(seed: u64) -> Change {
    let mut rng = Rng::new(seed);
    let fact = facts::fact(&mut rng);
    match rng.percent(70) {
        true => Change::Put(fact),
        false => Change::Remove(fact.key()),
    }
}

/// Applies a change to both; an error must leave the world as it was.
fn step(world: &mut World, snapshot: &mut Snapshot, change: Change) -> Result<bool, TestCaseError> {
    let before = world.clone();
    match world.apply(change) {
        Ok(changes) => {
            *snapshot = snapshot.next(changes).expect("facts fit the schema");
            Ok(true)
        }
        Err(error) => {
            prop_assert_eq!(&*world, &before, "changed by what it refused: {}", error);
            Ok(false)
        }
    }
}

/// The built-in policies over no facts.
fn bare() -> Snapshot {
    static BARE: OnceLock<Snapshot> = OnceLock::new();
    let bare = BARE.get_or_init(|| {
        let bundle = Arc::clone(&support::bundle(Profile::Seed));
        Snapshot::build(bundle, [], Revision(0)).expect("a valid bundle")
    });
    bare.clone()
}

/// The same facts folded afresh, in whatever order their references allow.
fn afresh(facts: Vec<Fact>) -> Result<(World, Snapshot), TestCaseError> {
    let (mut world, mut snapshot) = (facts::empty(), bare());
    let mut open = facts;
    while !open.is_empty() {
        let before = open.len();
        let mut refused = Vec::new();
        for fact in open {
            match step(&mut world, &mut snapshot, Change::Put(fact.clone()))? {
                true => {}
                false => refused.push(fact),
            }
        }
        prop_assert!(
            refused.len() < before,
            "not to be folded again: {:#?}",
            refused
        );
        open = refused;
    }
    Ok((world, snapshot))
}

fn states_agree(seeds: Vec<u64>) -> Result<(), TestCaseError> {
    let (mut world, mut snapshot) = (facts::empty(), bare());
    for fact in facts::ground() {
        step(&mut world, &mut snapshot, Change::Put(fact))?;
    }
    for seed in seeds {
        step(&mut world, &mut snapshot, change(seed))?;
    }
    let (again, rebuilt) = afresh(world.facts().collect())?;
    prop_assert_eq!(&world, &again);
    prop_assert_eq!(snapshot.facts(), rebuilt.facts());
    // So must be what a start makes of facts that were taken before.
    let mut restored = facts::empty();
    world.facts().for_each(|fact| restored.restore(fact));
    prop_assert_eq!(&world, &restored);
    prop_assert_eq!(world.facts_count(), world.facts().count());
    let projection = restored.projection();
    let projection = projection.flat_map(|changes| changes.expect("facts that were taken"));
    let projected = bare().rebuilt(projection, Revision(0));
    let projected = projected.expect("facts fit the schema");
    prop_assert_eq!(snapshot.facts(), projected.facts());
    Ok(())
}

#[test]
fn the_state_is_that_of_the_same_facts_folded_afresh() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: u32::try_from(scaled(1_000)).expect("some cases"),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20),
        ..ProptestConfig::default()
    });
    let seeds = vec(any::<u64>().no_shrink(), 1..120);
    timed("sequences of changes", || {
        if let Err(error) = runner.run(&seeds, states_agree) {
            let TestError::Fail(reason, seeds) = &error else {
                panic!("{error}");
            };
            let steps: Vec<Change> = seeds.iter().map(|seed| change(*seed)).collect();
            panic!("{reason}\nafter {steps:#?}");
        }
    });
}

/// Groups of changes as a ledger takes them: each group begins at a snapshot that
/// others hold, and goes on from there in place. `next`, which copies, is the judge.
fn groups_agree(seeds: Vec<u64>) -> Result<(), TestCaseError> {
    let (mut world, mut copied) = (facts::empty(), bare());
    let mut held = vec![(bare(), copied.clone())];
    let ground = facts::ground().into_iter().map(Change::Put);
    let steps: Vec<Change> = ground.chain(seeds.into_iter().map(change)).collect();
    for group in steps.chunks(16) {
        let mut written = held.last().map_or_else(bare, |(last, _)| last.clone());
        for change in group {
            let Ok(changes) = world.apply(change.clone()) else {
                continue;
            };
            copied = copied.next(changes.clone()).expect("facts fit the schema");
            written = written.advanced(changes).expect("facts fit the schema");
            prop_assert_eq!(written.revision(), copied.revision());
        }
        held.push((written, copied.clone()));
    }
    for (written, copied) in &held {
        prop_assert_eq!(written.facts(), copied.facts());
    }
    Ok(())
}

#[test]
fn changes_in_place_give_the_same_states_and_leave_what_is_held() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: u32::try_from(scaled(200)).expect("some cases"),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(21),
        ..ProptestConfig::default()
    });
    let seeds = vec(any::<u64>().no_shrink(), 1..200);
    timed("groups of changes", || runner.run(&seeds, groups_agree)).expect("the law");
}

/// Steps are taken and refused alike often enough for the law to say something.
#[test]
fn random_steps_are_taken_and_refused() {
    let (mut world, mut snapshot) = (facts::empty(), bare());
    for fact in facts::ground() {
        world.apply(Change::Put(fact)).expect("nothing is missing");
    }
    let (mut taken, mut kinds) = (0, std::collections::BTreeSet::new());
    for seed in 0..2_000 {
        let change = change(seed);
        let key = match &change {
            Change::Put(fact) => fact.key(),
            Change::Remove(key) => key.clone(),
        };
        if step(&mut world, &mut snapshot, change).expect("no law is broken") {
            taken += 1;
            let name = format!("{key:?}");
            kinds.insert(name.split([' ', '(']).next().map(str::to_owned));
        }
    }
    assert!((500..1_900).contains(&taken), "{taken}");
    assert_eq!(kinds.len(), 17, "every kind of fact: {kinds:?}");
}
