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
mod direct;
mod engine;
mod explained;
mod expr;
mod hubs;
mod incremental;
mod policies;
mod requests;
mod run;
mod saved;
mod schema;
mod search;
mod shapes;
mod shrink;
mod tree;
mod values;
mod wanted;
mod world;

use aobo::engine::{ErrorMode, Request, Snapshot};

use self::compare::{Answer, Engine, compare};
use self::coverage::Coverage;
use self::engine::Oracle;
use self::incremental::{Course, Taken};
use self::shrink::{Case, shrink};
use self::world::World;
use crate::support::{self, Rng, first_world, scaled, timed};

/// Requests on each generated world; each is decided in both modes.
const REQUESTS: usize = 1_000;
/// Worlds of a run in full; long runs have more of them, not larger ones.
const WORLDS: usize = 1_000;

#[test]
fn the_engine_answers_as_cedar_does() {
    // A long run may be done in parts.
    let worlds = first_world()..scaled(WORLDS);
    let enough = worlds.len() >= 50;
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
    timed("what is generated", || {
        let one = |seed| {
            let mut rng = Rng::new(seed);
            let (world, _) = World::random(&mut rng);
            Coverage::measured(&mut rng, &world, 30)
        };
        run::for_each(0..300, one, |more| coverage.add(more));
    });
    eprintln!("{}", coverage.table());
    let missing = coverage.missing(wanted::WANTED);
    assert!(missing.is_empty(), "never so: {missing:#?}");
}

#[test]
fn every_shape_is_generated() {
    let mut seen = shapes::Seen::new();
    timed("shapes that are generated", || {
        let one = |seed| {
            let mut rng = Rng::new(seed);
            let world = match seed % 2 {
                0 => World::with_hub(&mut rng),
                _ => World::random(&mut rng).0,
            };
            shapes::of(&mut rng, &world, 150)
        };
        run::for_each(0..100, one, |more| seen.extend(more));
    });
    for shape in shapes::SHAPES {
        assert!(seen.contains(shape), "no {shape}: {seen:?}");
    }
}

#[test]
fn searches_find_what_decisions_allow() {
    let worlds = scaled(150);
    let looked = timed("searches and batches", || run::run_searches(worlds, 25));
    eprintln!("{looked:?}");
    assert!(worlds < 50 || looked.found > looked.searches, "{looked:?}");
}

#[test]
fn the_direct_way_decides_as_the_whole_way() {
    // Never fewer, so that the shares below always count.
    let (worlds, mut ways) = (scaled(300).max(300), direct::Ways::default());
    timed("the direct way against the whole way", || {
        let one = |seed| direct::one_world(seed, 100);
        run::for_each(0..worlds, one, |more| ways.add(more));
    });
    eprintln!("{ways:?}");
    let percent = |part: usize| part * 100 / ways.asked;
    // Most generated contexts have sets, records or extension values.
    assert!(percent(ways.direct) >= 10, "a share: {ways:?}");
    assert!(percent(ways.allowed) >= 3, "both ways: {ways:?}");
    assert!(ways.direct_of_altered > 0, "{ways:?}");
}

#[test]
fn explanations_tell_what_cedar_says_over_all_facts() {
    let (worlds, mut told) = (scaled(300).max(100), explained::Told::default());
    timed("explanations against cedar-policy", || {
        let one = |seed| explained::one_world(seed, 30);
        run::for_each(0..worlds, one, |more| told.add(more));
    });
    eprintln!("{told:?}");
    let parts = [told.held, told.not_held, told.failed, told.far, told.paths];
    assert!(
        parts.iter().all(|part| *part > worlds),
        "each happens often: {told:?}"
    );
}

#[test]
fn changes_give_the_state_of_the_same_facts_built_afresh() {
    let mut sum = Taken::default();
    timed("changes in batches", || {
        let one = |seed| {
            let mut course = Course::new(seed);
            course.run(12);
            course.taken
        };
        run::for_each(0..scaled(80), one, |taken| sum.add(taken));
    });
    eprintln!("{sum:?}");
    assert!(sum.refused > 0 && sum.moved > 0 && sum.hubs > 0, "{sum:?}");
    let enough = sum.batches >= 200;
    for crossings in [sum.widened, sum.narrowed] {
        assert!(!enough || crossings >= 10, "both ways: {sum:?}");
    }
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
            let oracle = Oracle::of(&snapshot).expect("sound facts");
            let engines: [&Engine; 3] = [&compare::engine, &search::engine, &search::batch];
            for engine in engines {
                let (answer, difference) = compare(&snapshot, &oracle, &request, engine);
                let at = path.display();
                if let Some(difference) = difference {
                    panic!("{at}: {difference}");
                }
                let said = saved::answer(&text).unwrap_or_else(|| answer.clone());
                assert_eq!(answer, said, "{at}");
            }
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
