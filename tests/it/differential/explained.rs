//! Explanations against cedar-policy over the whole world: each clause that is told of
//! comes out as it does over all facts, though explaining looks at few of them.

use std::str::FromStr;

use aobo::engine::explain::{Explanation, Outcome, explain};
use aobo::engine::{ErrorMode, Request, Snapshot, decide};
use cedar_policy::{Authorizer, Entities, PolicySet};

use super::coverage::cedar_request;
use super::engine::{Oracle, build};
use super::requests::request;
use super::world::World;
use crate::support::Rng;

/// What explanations told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) requests: usize,
    pub(super) held: usize,
    pub(super) not_held: usize,
    pub(super) failed: usize,
    /// Clauses that read an attribute of what another attribute names.
    pub(super) far: usize,
    pub(super) paths: usize,
}

impl Told {
    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.held += other.held;
        self.not_held += other.not_held;
        self.failed += other.failed;
        self.far += other.far;
        self.paths += other.paths;
    }
}

/// Makes the world of a seed, asks about it, and has the answers explained.
pub(super) fn one_world(seed: u64, requests: usize) -> Told {
    let mut rng = Rng::new(seed ^ 0x71D0_33B8_1C5E_92AF);
    let world = match seed % 4 {
        0 => World::with_hub(&mut rng),
        _ => World::random(&mut rng).0,
    };
    let bundle = world.bundle().expect("only valid policies are left");
    let snapshot = build(&bundle, world.facts.changes(seed)).expect("sound facts");
    let oracle = Oracle::of(&snapshot).expect("cedar-policy takes the facts");
    let mut told = Told {
        requests,
        ..Told::default()
    };
    for _ in 0..requests {
        let request = request(&mut rng, &world);
        told.add(check(&snapshot, &request, &oracle.entities(&request)));
    }
    told
}

#[track_caller]
fn check(snapshot: &Snapshot, request: &Request, entities: &Entities) -> Told {
    let mut told = Told::default();
    let decision = decide(snapshot, request, ErrorMode::Cedar);
    let explained = match (&decision.problem, explain(snapshot, request, &decision)) {
        (None, Ok(explained)) => explained,
        (Some(_), Err(_)) => return told,
        (problem, explained) => panic!("{problem:?} {explained:?} {request:#?}"),
    };
    let Explanation {
        determining, near, ..
    } = explained;
    let ids = determining.iter().map(|report| &report.policy.id);
    assert!(ids.eq(decision.determining.iter().map(|policy| &policy.id)));
    for clause in determining.iter().flat_map(|report| &report.clauses) {
        assert_eq!(clause.outcome, Outcome::Held, "{clause:?} {request:#?}");
    }
    for report in &near {
        assert!(
            report.lacking().next().is_some(),
            "{report:#?} {request:#?}"
        );
    }
    for clause in determining
        .iter()
        .chain(&near)
        .flat_map(|report| &report.clauses)
    {
        let text = format!(
            "permit(principal, action, resource) when {{ {} }};",
            clause.text
        );
        let policy = PolicySet::from_str(&text);
        let policy = policy.unwrap_or_else(|error| panic!("{error}: {text}"));
        let whole = Authorizer::new().is_authorized(&cedar_request(request), &policy, entities);
        let failed = whole.diagnostics().errors().next().is_some();
        let held = whole.decision() == cedar_policy::Decision::Allow;
        let wanted = (held, failed);
        let got = match clause.outcome {
            Outcome::Held => (true, false),
            Outcome::NotHeld => (false, false),
            Outcome::Failed(_) => (false, true),
        };
        assert_eq!(got, wanted, "{clause:?} {request:#?}");
        told.held += usize::from(held);
        told.failed += usize::from(failed);
        told.not_held += usize::from(!held && !failed);
        told.far += usize::from(clause.text.matches('.').count() > 1);
        told.paths += usize::from(clause.path.len() > 1);
    }
    told
}
