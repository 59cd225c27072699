//! Policies that fail, forbid and permit at once, in both error modes.

use std::collections::BTreeSet;
use std::sync::Arc;

use aobo::engine::{Decision, Effect, ErrorMode, parse_entities};
use aobo::node::Point;
use aobo::policy::{Bundle, Source};

use crate::support::{self, Rng, scaled, timed};

const SCHEMA: &str = "
entity Owner = { suspended: Bool };
entity User = { owner: Owner, level: Long };
action read appliesTo {
  principal: User,
  resource: User,
  context: { a: Bool, b: Bool, n: Long, at: datetime },
};";

/// `lost` has an owner that is not there.
const ENTITIES: &str = r#"[
  {"uid": {"type": "Owner", "id": "kept"}, "attrs": {"suspended": false}},
  {"uid": {"type": "Owner", "id": "banned"}, "attrs": {"suspended": true}},
  {"uid": {"type": "User", "id": "kept"}, "attrs": {"owner": "kept", "level": 2}},
  {"uid": {"type": "User", "id": "banned"}, "attrs": {"owner": "banned", "level": 0}},
  {"uid": {"type": "User", "id": "lost"}, "attrs": {"owner": "gone", "level": 9223372036854775807}}
]"#;

#[track_caller]
fn point(policies: &str) -> Point {
    let bundle = Bundle::new(
        &Source::new("schema", SCHEMA),
        &[Source::new("policies", policies)],
    );
    let bundle = match bundle {
        Ok(bundle) => bundle,
        Err(refused) => panic!("{policies}\n{:?}", refused.findings),
    };
    let entities = parse_entities(ENTITIES, bundle.shape()).expect("entities");
    Point::generic(Arc::new(bundle), entities).expect("entities of the schema")
}

fn decide(point: &Point, resource: &str, context: &str) -> Decision {
    let ask = support::ask(("User", "kept"), "read", ("User", resource), context);
    support::decide(point, ask)
}

/// Whether Cedar fails on a number that it cannot hold.
const OVERFLOW: &str = "context.n + 9223372036854775807 > 0";

// ------------------------------------------------ forbids that fail on something

/// Forbids that fail for some requests, match for others, and leave the rest.
const FAILING: &str = r#"
@id("permit") permit (principal, action, resource);
@id("permit-a") permit (principal, action, resource) when { context.a };
@id("sum") forbid (principal, action, resource) when { context.n + 9223372036854775807 < 0 };
@id("product") forbid (principal, action, resource) when { resource.level * context.n < 0 };
@id("absent") forbid (principal, action, resource) when { resource.owner.suspended };
@id("late") forbid (principal, action, resource)
  when { context.at.offset(duration("106751991167d")) < context.at };
@id("unless") forbid (principal, action, resource) unless { context.b || context.n * 2 != 1 };
"#;

/// What a policy does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Does {
    Match,
    Fail,
    Nothing,
}

fn when(holds: Option<bool>) -> Does {
    match holds {
        None => Does::Fail,
        Some(true) => Does::Match,
        Some(false) => Does::Nothing,
    }
}

/// A question, and what each of the forbids above does on it.
struct Failing {
    resource: &'static str,
    context: String,
    permits: Vec<&'static str>,
    forbids: [(&'static str, Does); 5],
}

impl Failing {
    fn random(rng: &mut Rng) -> Self {
        let n = rng.pick(&[i64::MIN, -1, 0, 0, 0, 1, 2, i64::MAX]);
        let (a, b) = (rng.percent(50), rng.percent(50));
        // The days just fit behind the first instant of 1970.
        let (at, fits) = rng.pick(&[
            ("1970-01-01", true),
            ("1970-01-01", true),
            ("2020-09-01", false),
        ]);
        let (resource, level, suspended) = rng.pick(&[
            ("kept", Some(2_i64), Some(false)),
            ("kept", Some(2), Some(false)),
            ("banned", Some(0), Some(true)),
            ("lost", Some(i64::MAX), None),
            ("unknown", None, None),
        ]);
        let product = level.and_then(|level| level.checked_mul(n));
        let unless = match b {
            true => Does::Nothing,
            false => when(n.checked_mul(2).map(|double| double == 1)),
        };
        Self {
            resource,
            context: format!(r#"{{"a": {a}, "b": {b}, "n": {n}, "at": "{at}"}}"#),
            permits: match a {
                true => vec!["permit", "permit-a"],
                false => vec!["permit"],
            },
            forbids: [
                ("absent", when(suspended)),
                ("late", when(fits.then_some(false))),
                ("product", when(product.map(|product| product < 0))),
                ("sum", when(n.checked_add(i64::MAX).map(|sum| sum < 0))),
                ("unless", unless),
            ],
        }
    }

    /// The forbids that do this, in order of their ids.
    fn those(&self, does: Does) -> Vec<&'static str> {
        let found = self.forbids.iter().filter(|(_, d)| *d == does);
        found.map(|(id, _)| *id).collect()
    }
}

#[test]
fn a_failing_forbid_never_allows() {
    let strict = point(FAILING);
    let cedar = strict.clone().in_mode(ErrorMode::Cedar);
    let mut rng = Rng::new(7);
    let (mut failed, mut opened) = (0, 0);
    timed("failing forbids", || {
        for _ in 0..scaled(50_000) {
            let asked = Failing::random(&mut rng);
            let (matching, failing) = (asked.those(Does::Match), asked.those(Does::Fail));
            for (point, safe) in [(&cedar, true), (&strict, failing.is_empty())] {
                let open = safe && matching.is_empty();
                let determining = if open { &asked.permits } else { &matching };
                let answer = decide(point, asked.resource, &asked.context);
                check(&answer, open, determining, &failing);
            }
            failed += usize::from(!failing.is_empty());
            opened += usize::from(matching.is_empty() && !failing.is_empty());
        }
    });
    eprintln!("{failed} requests with failing forbids; Cedar itself would have allowed {opened}");
    assert!(failed > 0 && opened > 0);
}

#[track_caller]
fn check(decision: &Decision, allows: bool, determining: &[&str], erroring: &[&str]) {
    let named: Vec<&str> = decision.determining.iter().map(|p| p.id.as_str()).collect();
    let failed: Vec<&str> = decision
        .erroring
        .iter()
        .map(|e| e.policy.id.as_str())
        .collect();
    let wanted = if allows { Effect::Allow } else { Effect::Deny };
    assert_eq!(
        (decision.effect, &*named, &*failed),
        (wanted, determining, erroring),
        "{decision:#?}"
    );
}

// ------------------------------------------------------ a set made by hand

/// Policies by what they do on the question below.
const PERMIT: &str = "@id(\"permit\") permit (principal, action, resource) when { context.a };\n";
const FORBID: &str = "@id(\"forbid\") forbid (principal, action, resource) when { context.a };\n";
const BAD_PERMIT: &str = "@id(\"bad-permit\") permit (principal, action, resource) when { context.n + 9223372036854775807 > 0 };\n";
const BAD_FORBID: &str = "@id(\"bad-forbid\") forbid (principal, action, resource) when { context.n + 9223372036854775807 > 0 };\n";
const IDLE_PERMIT: &str =
    "@id(\"idle\") permit (principal, action, resource) when { context.b };\n";
const GUARDED: &str = "@id(\"guarded\") forbid (principal, action, resource) when { context.b && context.n + 9223372036854775807 > 0 };\n";

/// Strict and Cedar's own answer, each with its determining policies.
#[track_caller]
fn check_modes(
    policies: &[&str],
    strict: (bool, &[&str]),
    cedar: (bool, &[&str]),
    erroring: &[&str],
) {
    let point = point(&policies.concat());
    let context = r#"{"a": true, "b": false, "n": 1, "at": "2020-09-01"}"#;
    check(
        &decide(&point, "kept", context),
        strict.0,
        strict.1,
        erroring,
    );
    let point = point.in_mode(ErrorMode::Cedar);
    check(&decide(&point, "kept", context), cedar.0, cedar.1, erroring);
}

#[test]
fn strict_and_cedar_mode_differ_on_failures_only() {
    check_modes(&[], (false, &[]), (false, &[]), &[]);
    check_modes(&[IDLE_PERMIT], (false, &[]), (false, &[]), &[]);
    check_modes(&[PERMIT], (true, &["permit"]), (true, &["permit"]), &[]);
    check_modes(
        &[PERMIT, FORBID],
        (false, &["forbid"]),
        (false, &["forbid"]),
        &[],
    );
    check_modes(
        &[PERMIT, GUARDED],
        (true, &["permit"]),
        (true, &["permit"]),
        &[],
    );
    check_modes(&[FORBID], (false, &["forbid"]), (false, &["forbid"]), &[]);
    check_modes(&[BAD_PERMIT], (false, &[]), (false, &[]), &["bad-permit"]);
    check_modes(&[BAD_FORBID], (false, &[]), (false, &[]), &["bad-forbid"]);
    check_modes(
        &[PERMIT, BAD_FORBID],
        (false, &[]),
        (true, &["permit"]),
        &["bad-forbid"],
    );
    check_modes(
        &[PERMIT, BAD_PERMIT],
        (false, &[]),
        (true, &["permit"]),
        &["bad-permit"],
    );
    check_modes(
        &[FORBID, BAD_PERMIT],
        (false, &["forbid"]),
        (false, &["forbid"]),
        &["bad-permit"],
    );
    check_modes(
        &[PERMIT, FORBID, BAD_FORBID, BAD_PERMIT],
        (false, &["forbid"]),
        (false, &["forbid"]),
        &["bad-forbid", "bad-permit"],
    );
}

// ------------------------------------------------------- policies by the hundred

/// Conditions, and whether they hold; `None` fails.
fn atoms(a: bool, b: bool, n: i64) -> [(&'static str, Option<bool>); 6] {
    [
        ("context.a", Some(a)),
        ("!context.a", Some(!a)),
        ("context.b", Some(b)),
        ("true", Some(true)),
        (OVERFLOW, n.checked_add(i64::MAX).map(|sum| sum > 0)),
        ("resource.level == 2", Some(true)),
    ]
}

/// A policy as the places of its atoms, in order, all of which must hold.
struct Made {
    id: String,
    permits: bool,
    atoms: Vec<usize>,
}

impl Made {
    fn random(rng: &mut Rng, n: usize) -> Self {
        Self {
            id: format!("p{n}"),
            permits: rng.percent(60),
            atoms: (0..rng.below(4)).map(|_| rng.below(6)).collect(),
        }
    }

    fn text(&self) -> String {
        let effect = if self.permits { "permit" } else { "forbid" };
        let all = atoms(true, true, 0);
        let conditions = self.atoms.iter().map(|at| format!("({})", all[*at].0));
        let condition = conditions.collect::<Vec<_>>().join(" && ");
        let clause = match condition.is_empty() {
            true => String::new(),
            false => format!(" when {{ {condition} }}"),
        };
        format!(
            "@id(\"{}\") {effect} (principal, action, resource){clause};\n",
            self.id
        )
    }

    fn does(&self, atoms: &[(&str, Option<bool>)]) -> Does {
        for at in &self.atoms {
            match atoms[*at].1 {
                Some(true) => {}
                Some(false) => return Does::Nothing,
                None => return Does::Fail,
            }
        }
        Does::Match
    }
}

#[test]
fn a_forbid_wins_and_a_failure_denies() {
    let mut seen = BTreeSet::new();
    timed("generated policies", || {
        for seed in 0..scaled(1_000) as u64 {
            let mut rng = Rng::new(seed);
            let policies: Vec<Made> = (0..rng.below(8))
                .map(|n| Made::random(&mut rng, n))
                .collect();
            let text: String = policies.iter().map(Made::text).collect();
            let strict = point(&text);
            let cedar = strict.clone().in_mode(ErrorMode::Cedar);
            for case in 0..8 {
                let (a, b, n) = (case & 1 == 1, case & 2 == 2, i64::from(case & 4 == 4));
                let context = format!(r#"{{"a": {a}, "b": {b}, "n": {n}, "at": "2020-09-01"}}"#);
                let atoms = atoms(a, b, n);
                let ids = |does: Does, permits: Option<bool>| -> Vec<&str> {
                    let found = policies.iter().filter(|p| p.does(&atoms) == does);
                    let found =
                        found.filter(|p| permits.is_none_or(|permits| p.permits == permits));
                    found.map(|p| p.id.as_str()).collect()
                };
                let (permits, forbids) =
                    (ids(Does::Match, Some(true)), ids(Does::Match, Some(false)));
                let failing = ids(Does::Fail, None);
                let open = !permits.is_empty() && forbids.is_empty();
                let determining = if open { &permits } else { &forbids };
                check(
                    &decide(&cedar, "kept", &context),
                    open,
                    determining,
                    &failing,
                );
                let safe = open && failing.is_empty();
                let determining = if safe { &permits } else { &forbids };
                check(
                    &decide(&strict, "kept", &context),
                    safe,
                    determining,
                    &failing,
                );
                seen.insert((
                    open,
                    safe,
                    permits.is_empty(),
                    forbids.is_empty(),
                    failing.is_empty(),
                ));
            }
        }
    });
    // Every combination there is: two of them open, one of those failing.
    assert!(seen.len() == 8 || scaled(1_000) < 100, "{seen:?}");
}
