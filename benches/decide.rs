//! How long a decision, an explanation and a refusal take.
//!
//! Ids are `decide/<workload>/<size>/<engine|cedar>`. Each answer is asserted, so
//! that a wrong one cannot look fast. On the small world of fabrikam, `cedar` is
//! the reference evaluator on the prepared request and `engine` the whole way
//! from the question as asked. On a channel of so many customers both get what
//! suits them best: the engine interned ids, cedar-policy a prebuilt request and
//! only the links on the question's path; each turn asks the next of many
//! questions. `aobo bench` measures more, and larger worlds.

#![expect(clippy::unwrap_used, reason = "a bench is no product code")]

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;

use aobo::api::{AppState, router};
use aobo::directory::{AzureRoles, Profile, world_file};
use aobo::engine::intake::{Ask, Party, prepare};
use aobo::engine::{Effect, ErrorMode, Outcome, Query, Revision, Snapshot};
use aobo::measure::bench::{Asked, Baseline};
use aobo::measure::{Question, Spread, Workload};
use aobo::node::{DecisionPoint, Point, files};
use aobo::policy::{Bundle, Source};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use cedar_policy::Decision;
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use tower::ServiceExt;

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
        let reference = point.snapshot().reference().unwrap();
        group.bench_function("cedar", |b| {
            b.iter(|| {
                let answer = reference.evaluate(black_box(&prepared.request)).unwrap();
                assert_eq!(answer.allow, allowed);
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

/// Customers of the channels, and how many questions each evaluator goes round.
const SIZES: [u32; 2] = [1_000, 10_000];
const ENGINE_QUESTIONS: usize = 20_000;
const CEDAR_QUESTIONS: usize = 400;

fn channels(c: &mut Criterion) {
    for customers in SIZES {
        let workload = Workload::new(1, customers);
        let bundle = Arc::new(Profile::Seed.bundle().unwrap());
        let snapshot = Snapshot::build(bundle, workload.changes(), Revision(0)).unwrap();
        let snapshot = snapshot.settled();
        let questions = workload.questions(1, Spread::Uniform);
        let questions: Vec<Question> = questions.take(ENGINE_QUESTIONS).collect();
        let mut group = c.benchmark_group(format!("decide/channel/{customers}"));
        let asked = questions.iter().map(|question| {
            let query = Query::new(&snapshot, &question.request).unwrap();
            (query, question.expected)
        });
        let asked: Vec<(Query, Effect)> = asked.collect();
        group.bench_function("engine", |b| {
            let mut next = asked.iter().cycle();
            b.iter(|| {
                let (query, expected) = next.next().unwrap();
                let outcome = Outcome::of(&snapshot, query, ErrorMode::Strict).unwrap();
                assert_eq!(outcome.effect, *expected);
            });
        });
        let baseline = Baseline::new(&workload, &snapshot).unwrap();
        let few = questions.iter().take(CEDAR_QUESTIONS);
        let asked = few.map(|question| {
            let links = workload.links_on_path(question);
            let asked = baseline.ask(&question.request, links).unwrap();
            (asked, question.expected)
        });
        let asked: Vec<(Asked, Effect)> = asked.collect();
        let entities = baseline
            .entities(&questions.first().unwrap().request)
            .unwrap();
        group.bench_function("cedar", |b| {
            let mut next = asked.iter().cycle();
            b.iter(|| {
                let (asked, expected) = next.next().unwrap();
                let allows = asked.decide(entities).decision() == Decision::Allow;
                assert_eq!(allows, *expected == Effect::Allow);
            });
        });
        group.finish();
    }
}

/// Items of a batch, as many as one request may hold.
const BATCH: usize = aobo::api::EVALUATIONS_ITEMS_MAX;

fn batches(c: &mut Criterion) {
    let point = point();
    let asks = || questions().into_iter().cycle().take(BATCH);
    let mut group = c.benchmark_group(format!("batch/fabrikam/{BATCH}"));
    group.throughput(criterion::Throughput::Elements(BATCH as u64));
    group.bench_function("engine", |b| {
        b.iter(|| {
            let decided = point.decide_many(asks().map(|(_, ask, _)| ask), NOW);
            let allowed = decided.iter().filter(|decided| decided.allows()).count();
            assert_eq!(allowed, BATCH / 2);
        });
    });
    let items = asks().map(|(_, ask, _)| serde_json::json!({"action": {"name": ask.action}}));
    let body = serde_json::json!({
        "subject": {"type": "PartnerUser", "id": "hugo@fabrikam.example"},
        "resource": {"type": "CustomerUser", "id": "mia@contoso.example"},
        "evaluations": items.collect::<Vec<_>>(),
    });
    let body = body.to_string();
    let clock = Arc::new(|| NOW);
    let state = AppState::new(DecisionPoint::new(point.clone(), clock));
    let router = router(Arc::new(state));
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    group.bench_function("http", |b| {
        b.iter(|| {
            let request = Request::post("/access/v1/evaluations")
                .header("Content-Type", "application/json")
                .body(Body::from(body.clone()))
                .unwrap();
            let answered = runtime.block_on(async {
                let response = router.clone().oneshot(request).await.unwrap();
                to_bytes(response.into_body(), usize::MAX).await.unwrap()
            });
            let text = std::str::from_utf8(&answered).unwrap();
            assert_eq!(text.matches("true").count(), BATCH / 2);
        });
    });
    group.finish();
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

criterion_group!(benches, decisions, channels, batches, texts);
criterion_main!(benches);
