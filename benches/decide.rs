//! How long a decision, an explanation and a refusal take.
//!
//! Ids are `decide/<workload>/<size>/<engine|cedar>`. Each answer is asserted, so
//! that a wrong one cannot look fast. Today the engine's evaluator is
//! cedar-policy itself: `cedar` is the bare authorizer on the prebuilt request,
//! `engine` is the whole way from the question as asked, and the ratio is what
//! taking it in costs.

#![expect(clippy::unwrap_used, reason = "a bench is no product code")]

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;

use aobo::directory::{AzureRoles, Profile, world_file};
use aobo::engine::intake::{Ask, Party, prepare};
use aobo::engine::{ErrorMode, decide};
use aobo::node::{Point, files};
use aobo::policy::{Bundle, Source};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;

const WORLD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/corpus/worlds/fabrikam.json"
);
/// 2020-09-01T09:00:00Z.
const NOW: Timestamp = Timestamp::constant(1_598_950_800, 0);

fn point() -> Point {
    let bundle = Arc::new(Profile::Seed.bundle().unwrap());
    let source = files::read_world(WORLD.as_ref()).unwrap();
    let (world, changes) = world_file::load(&source, AzureRoles::of(&bundle)).unwrap();
    Point::directory(bundle, world, changes).unwrap()
}

fn party(ty: &'static str, id: &'static str) -> Party<'static> {
    Party {
        ty: Cow::Borrowed(ty),
        id: Cow::Borrowed(id),
        properties: Vec::new(),
    }
}

fn questions() -> [(&'static str, Ask<'static>, bool); 2] {
    let ask = |principal, action: &'static str| Ask {
        principal: party("PartnerUser", principal),
        action: Cow::Borrowed(action),
        resource: party("CustomerUser", "mia@contoso.example"),
        ..Ask::default()
    };
    [
        ("allow", ask("hugo@fabrikam.example", "ResetPassword"), true),
        ("deny", ask("hugo@fabrikam.example", "DeleteUser"), false),
    ]
}

fn decisions(c: &mut Criterion) {
    let point = point();
    for (name, ask, allowed) in questions() {
        let mut group = c.benchmark_group(format!("decide/{name}/fabrikam"));
        let prepared = prepare(point.snapshot(), &ask, Vec::new(), NOW).unwrap();
        group.bench_function("cedar", |b| {
            b.iter(|| {
                let answer = decide(
                    point.snapshot(),
                    black_box(&prepared.request),
                    ErrorMode::Strict,
                );
                assert_eq!(answer.allows(), allowed);
            });
        });
        group.bench_function("engine", |b| {
            b.iter(|| {
                let answer = point.decide(black_box(ask.clone()), NOW);
                assert_eq!(answer.decision.allows(), allowed);
            });
        });
        group.finish();
        c.bench_function(&format!("explain/{name}/fabrikam/engine"), |b| {
            b.iter(|| {
                let (answer, explanation) = point.explain(black_box(ask.clone()), NOW);
                assert_eq!(answer.decision.allows(), allowed);
                assert!(explanation.is_some());
            });
        });
    }
}

fn texts(c: &mut Criterion) {
    c.bench_function("bundle/seed", |b| {
        b.iter(|| Profile::Seed.bundle().unwrap());
    });
    let schema = Profile::schema();
    let hostile = |condition: String| {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        [Source::new("hostile", text)]
    };
    let nested = hostile(format!("{}true{}", "(".repeat(5_000), ")".repeat(5_000)));
    let chained = hostile(vec!["true"; 5_000].join(" && "));
    for (name, sources) in [("nested", nested), ("chained", chained)] {
        c.bench_function(&format!("refuse/{name}"), |b| {
            b.iter(|| assert!(Bundle::new(&schema, black_box(&sources)).is_err()));
        });
    }
}

criterion_group!(benches, decisions, texts);
criterion_main!(benches);
