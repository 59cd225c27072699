//! Questions that are decided without a request between, alone and in batches, against
//! the whole way: over every case of the corpus, the synthetic workload, and every
//! kind of clock.

use std::sync::Arc;

use aobo::directory::{AzureRoles, Profile, normalize, own_entities};
use aobo::engine::intake::{Ask, Now, Party, direct};
use aobo::engine::{EntityData, Member, uid};
use aobo::measure::{NOW as ASKED_AT, Spread, Workload};
use aobo::node::{Answer, Facts, Point};
use aobo::policy::{Bundle, Source};
use aobo::suite::{Base, Stage};
use jiff::Timestamp;

use crate::support::{NOW, ask, bundle, point, text};

/// What is told of an answer.
fn told(answer: &Answer) -> impl PartialEq + std::fmt::Debug + use<> {
    let decision = &answer.decision;
    (
        decision.effect,
        decision.determining.clone(),
        decision.erroring.clone(),
        decision.problem.clone(),
        answer.ignored.clone(),
    )
}

/// Asks alone and together; fails unless all are answered as on the whole way.
/// Returns how many went the direct one.
#[track_caller]
fn check(point: &Point, asks: &[Ask<'_>], now: Timestamp) -> usize {
    let together = point.decide_many(asks.iter().cloned(), now);
    assert_eq!(together.len(), asks.len());
    let mut went = 0;
    for (ask, in_batch) in asks.iter().zip(together) {
        let whole = point.decide(ask.clone(), now);
        let alone = point.decided(ask.clone(), now);
        for decided in [alone, in_batch] {
            assert_eq!(decided.allows(), whole.decision.allows(), "{ask:?}");
            let answer = decided.answer(point.snapshot());
            assert_eq!(told(&answer), told(&whole), "{ask:?}");
        }
        went += usize::from(goes_direct(point, ask, now));
    }
    went
}

fn goes_direct(point: &Point, ask: &Ask<'_>, now: Timestamp) -> bool {
    let (ask, own) = match point.facts() {
        Facts::Generic => (ask.clone(), Vec::new()),
        Facts::Directory(world) => {
            let ask = normalize(ask.clone());
            let own = own_entities(world, &ask);
            (ask, own)
        }
    };
    own.is_empty() && direct(point.snapshot(), &ask, &Now::new(now)).is_some()
}

#[test]
fn every_case_is_answered_as_on_the_whole_way() {
    let (mut cases, mut went) = (0, 0);
    for suite in super::suites() {
        let mut point = match &suite.base {
            Base::World { world, profile } => point(*profile, &world.text),
            Base::Generic {
                bundle, entities, ..
            } => Point::generic(Arc::clone(bundle), entities.clone()).unwrap(),
            Base::Unavailable { why } => panic!("{why}"),
        };
        for Stage {
            name,
            put,
            remove,
            cases: of_stage,
        } in &suite.stages
        {
            if name.is_some() {
                point = point.changed(put.clone(), remove.clone()).unwrap();
            }
            cases += of_stage.len();
            for case in of_stage {
                went += check(&point, std::slice::from_ref(&case.ask), case.now);
            }
            let asks: Vec<Ask<'_>> = of_stage.iter().map(|case| case.ask.clone()).collect();
            check(&point, &asks, NOW);
        }
    }
    assert!(went * 100 > cases * 60, "{went} of {cases}");
}

#[test]
fn the_workload_is_answered_as_on_the_whole_way() {
    let workload = Workload::new(7, 40);
    let bundle = bundle(Profile::Seed);
    let (world, changes) = workload.world(AzureRoles::of(&bundle)).unwrap();
    let point = Point::directory(bundle, world, changes).unwrap();
    let questions = workload.questions(1, Spread::Uniform).take(1_000);
    let asks: Vec<Ask<'_>> = questions.map(|question| question.ask()).collect();
    let went = check(&point, &asks, ASKED_AT);
    assert!(went > 300, "{went} of 1000");
}

#[test]
fn what_is_not_plain_goes_the_whole_way() {
    let world = text("tests/corpus/worlds/fabrikam.json");
    let point = point(Profile::Seed, &world);
    let ada = ("PartnerUser", "ada@fabrikam.example");
    let erp = ("Subscription", "/subscriptions/tailspin-erp");
    let plain = || ask(ada, "AzureOperation", erp, r#"{"operation": "A/read"}"#);
    assert_eq!(check(&point, &[plain()], NOW), 1);
    let member = |name: &'static str, value: &'static str| Member {
        name: name.into(),
        value: aobo::engine::Input::String(value.into()),
    };
    let changes: [&dyn Fn(&mut Ask<'static>); 12] = [
        &|ask| ask.action = "Nothing".into(),
        &|ask| ask.action_type = Some("Nothing".into()),
        &|ask| ask.principal.id = "nobody".into(),
        &|ask| ask.principal.ty = "Nobody".into(),
        &|ask| ask.resource.ty = "Customer".into(),
        &|ask| ask.principal.properties = vec![member("name", "Ada")],
        &|ask| ask.action_properties = vec![member("hard", "yes")],
        &|ask| ask.context.clear(),
        &|ask| ask.context.push(member("operation", "B/read")),
        &|ask| ask.context.push(member("now", "2020-09-01T09:00:00Z")),
        &|ask| ask.context.push(member("customer", "nobody")),
        &|ask| ask.context.push(member("undeclared", "")),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut asked = ask(ada, "AzureOperation", erp, r#"{"operation": "A/read"}"#);
        change(&mut asked);
        assert_eq!(check(&point, &[asked, plain()], NOW), 1, "change {at}");
    }
}

/// Asks with a context of this type, at a time; whether it went the direct way.
#[track_caller]
fn clock(declared: &str, wanted: &str, now: Timestamp) -> bool {
    let schema = format!(
        "entity User; action \"see\" appliesTo {{ principal: User, resource: User, \
         context: {{ {declared} }} }};"
    );
    let policy = format!("permit(principal, action, resource) when {{ {wanted} }};");
    let policies = [Source::new("policies", policy)];
    let bundle = Bundle::new(&Source::new("schema", schema), &policies);
    let bundle = bundle.unwrap_or_else(|error| panic!("{declared} {wanted}: {error:?}"));
    let ana = EntityData::new(uid("User", "ana").unwrap());
    let point = Point::generic(Arc::new(bundle), vec![ana]).unwrap();
    let party = || Party {
        ty: "User".into(),
        id: "ana".into(),
        properties: Vec::new(),
    };
    let ask = Ask {
        principal: party(),
        action: "see".into(),
        resource: party(),
        ..Ask::default()
    };
    check(&point, &[ask], now) == 1
}

#[test]
fn the_clock_is_the_same_on_both_ways() {
    let times = [
        "2020-09-01T09:00:00Z",
        "2020-09-01T09:00:00.999Z",
        "1969-12-31T23:59:59.5Z",
        "0000-01-01T00:00:00Z",
        "-000001-12-31T23:59:59Z",
    ];
    for (at, time) in times.into_iter().enumerate() {
        let now: Timestamp = time.parse().unwrap();
        let (ms, second) = (now.as_second() * 1_000, now.as_second());
        let moment = format!(
            "context.now.toTime() >= duration(\"0ms\") && \
            context.now.durationSince(datetime(\"1970-01-01\")).toMilliseconds() == {ms}"
        );
        // What no datetime's text reaches is refused, on the whole way.
        let reached = at < 4;
        assert_eq!(clock("now: datetime", &moment, now), reached, "{time}");
        assert!(clock("now: Long", &format!("context.now == {second}"), now));
        assert!(clock("now?: Long", "context has now", now));
        assert!(clock("now?: String", "!(context has now)", now));
        assert!(!clock("now: String", "true", now));
        assert!(!clock("action?: { a?: Long }", "context has action", now));
        assert!(!clock("other: Long", "true", now));
        assert!(clock("other?: Long", "true", now));
    }
}
