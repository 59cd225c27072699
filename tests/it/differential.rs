//! The engine against cedar-policy, on generated schemas, policies, entities and
//! requests.
//!
//! Both answer every request, in both error modes; the effect, the determining
//! and the erroring policies must be the same. A request on which they differ is
//! cut small and saved under `tests/corpus/differential`, where it stays as a
//! case. What is generated is measured (`coverage.rs`), so that agreement is
//! known to be about something.
//!
//! Not here: whether the policies of this product say what they should.

mod alike;
mod compare;
mod conditions;
mod coverage;
mod engine;
mod expr;
mod incremental;
mod policies;
mod requests;
mod run;
mod saved;
mod schema;
mod shrink;
mod tree;
mod values;
mod wanted;
mod world;

use std::collections::BTreeSet;

use aobo::engine::{ErrorMode, Request, Snapshot};

use self::compare::{Answer, Engine, compare};
use self::coverage::Coverage;
use self::engine::Oracle;
use self::incremental::{Course, Taken};
use self::shrink::{Case, shrink};
use crate::support::{self, scaled, timed};

/// Requests on each generated world; each is decided in both modes.
const REQUESTS: usize = 1_000;
/// Worlds of a run in full; long runs have more of them, not larger ones.
const WORLDS: usize = 1_000;

#[test]
fn the_engine_answers_as_cedar_does() {
    let worlds = scaled(WORLDS);
    let tally = timed("engine against cedar-policy", || {
        run::run(worlds, REQUESTS, &compare::engine)
    });
    let percent = |part| tally.percent(part);
    eprintln!(
        "{tally:?}: {} % allowed, {} % forbidden, {} % with errors",
        percent(tally.allowed),
        percent(tally.forbidden),
        percent(tally.erroring)
    );
    assert!(
        tally.kept * 100 > tally.made * 60,
        "most policies validate: {tally:?}"
    );
    let enough = worlds >= 50;
    for part in [tally.allowed, tally.forbidden, tally.erroring] {
        assert!(
            !enough || percent(part) >= 5,
            "each happens often: {tally:?}"
        );
    }
}

#[test]
fn every_construct_is_generated_and_reached() {
    let mut coverage = Coverage::default();
    let mut shapes = BTreeSet::new();
    timed("what is generated", || {
        for seed in 0..120 {
            coverage.measure(seed, 40);
            coverage::shapes(seed, 200, &mut shapes);
        }
    });
    eprintln!("{}", coverage.table());
    let missing = coverage.missing(wanted::WANTED);
    assert!(missing.is_empty(), "never so: {missing:#?}");
    for shape in coverage::SHAPES {
        assert!(shapes.contains(shape), "no {shape}: {shapes:?}");
    }
}

#[test]
fn changes_give_the_state_of_the_same_facts_built_afresh() {
    let mut sum = Taken::default();
    timed("changes in batches", || {
        for seed in 0..scaled(80) as u64 {
            let mut course = Course::new(seed);
            course.run(12);
            sum.add(course.taken);
        }
    });
    eprintln!("{sum:?}");
    assert!(sum.refused > 0 && sum.moved > 0 && sum.hubs > 0, "{sum:?}");
}

#[test]
fn saved_cases_agree() {
    let folder = std::fs::read_dir(support::at(saved::FOLDER)).expect("the folder of cases");
    let paths = folder.map(|entry| entry.expect("an entry").path());
    let mut texts: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    texts.sort();
    assert!(!texts.is_empty(), "there are cases");
    timed("saved cases", || {
        for path in texts {
            let text = std::fs::read_to_string(&path).expect("a case");
            let (snapshot, request) = saved::read(&text);
            let difference = differs(&snapshot, &request, &compare::engine);
            assert!(!difference, "{}", path.display());
        }
    });
}

fn differs(snapshot: &Snapshot, request: &Request, engine: &Engine) -> bool {
    let oracle = Oracle::of(snapshot).expect("sound facts");
    compare(snapshot, &oracle, request, engine).1.is_some()
}

// -------------------------------------------------------- wrong on purpose

/// Finds what an engine does wrong and cuts it small; what is saved of it still
/// shows the mistake, and the engine proper does not make it.
#[track_caller]
fn check_found(wrong: &Engine, policies_max: usize) -> Case {
    timed("an engine that is wrong on purpose", || {
        let mut seeds = 0..200;
        let found = seeds.find_map(|seed| run::one_world(seed, 200, wrong).err());
        let case = shrink(found.expect("the mistake shows").case, wrong);
        let facts = &case.world.facts;
        let policies = case.world.policies.len() + facts.standing.len();
        assert!(policies <= policies_max, "not cut small: {case:#?}");
        let (snapshot, request) = saved::read(&saved::text(&case));
        assert!(differs(&snapshot, &request, wrong), "it replays");
        assert!(
            !differs(&snapshot, &request, &compare::engine),
            "on the wrong one only"
        );
        case
    })
}

#[test]
fn an_engine_without_forbids_is_found() {
    let wrong = |snapshot: &Snapshot, request: &Request, mode: ErrorMode| {
        let answer = compare::engine(snapshot, request, mode);
        let forbidden = !answer.allows && !answer.determining.is_empty();
        Answer {
            allows: answer.allows || forbidden,
            ..answer
        }
    };
    let case = check_found(&wrong, 1);
    let all = case
        .world
        .policies
        .iter()
        .chain(case.world.facts.standing.values());
    assert!(
        all.into_iter().all(|policy| !policy.permits),
        "the forbid is left"
    );
}

#[test]
fn an_engine_that_loses_links_is_found() {
    let wrong = |snapshot: &Snapshot, request: &Request, mode: ErrorMode| {
        let mut answer = compare::engine(snapshot, request, mode);
        let links = engine::links(snapshot);
        answer
            .determining
            .retain(|id| !links.iter().any(|link| link.id() == *id));
        answer
    };
    let case = check_found(&wrong, 1);
    assert_eq!(case.world.facts.links.len(), 1, "{case:#?}");
}

#[test]
fn an_engine_that_skips_errors_is_found() {
    let wrong = |snapshot: &Snapshot, request: &Request, _: ErrorMode| {
        let answer = compare::engine(snapshot, request, ErrorMode::Cedar);
        Answer {
            erroring: Vec::new(),
            ..answer
        }
    };
    check_found(&wrong, 1);
}

#[test]
fn an_engine_that_panics_is_found() {
    let wrong = |snapshot: &Snapshot, request: &Request, mode: ErrorMode| {
        let answer = compare::engine(snapshot, request, mode);
        match answer.determining.len() < 2 {
            true => answer,
            // A panic that says nothing on stderr.
            false => std::panic::resume_unwind(Box::new("two policies are too many")),
        }
    };
    check_found(&wrong, 2);
}
