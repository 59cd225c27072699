//! Questions that are decided without a request between, alone and in batches, against
//! the whole way: over every case of the corpus, the synthetic workload, and every
//! kind of clock.

use std::sync::Arc;

use aobo::directory::{AzureRoles, Profile, normalize, placed};
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
    let (ask, placed) = match point.facts() {
        Facts::Generic => (ask.clone(), None),
        Facts::Directory(_) => {
            let ask = normalize(ask.clone());
            let placed = placed(&ask);
            (ask, placed)
        }
    };
    direct(point.snapshot(), (&ask, placed.as_ref()), &Now::new(now)).is_some()
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
    assert!(went > 800, "{went} of 1000");
}

/// Facts at scopes of every depth, some of them named by nothing else.
const AT_SCOPES: &str = r#"{
  "management_groups": {
    "deep-1": { "parent": "contoso-network" }, "deep-2": { "parent": "deep-1" },
    "deep-3": { "parent": "deep-2" }, "deep-4": { "parent": "deep-3" }
  },
  "subscriptions": {
    "contoso-deep": { "customer": "contoso", "provisioned_by": "fabrikam",
      "created": "2020-03-01T08:00:00Z", "status": "active", "management_group": "deep-4" }
  },
  "role_assignments": [
    { "principal": "nadia@fabrikam.example", "role": "Reader", "scope": "/subscriptions/contoso-web/resourceGroups/rg-a/providers/A.B/c/d" },
    { "principal": "otto@contoso.example", "role": "Owner", "scope": "/subscriptions/contoso-web/resourceGroups/rg-a/providers/A.B/c/d/e/f" },
    { "principal": "orla@contoso.example", "role": "Contributor", "scope": "/subscriptions/contoso-deep/resourceGroups/rg-a" },
    { "principal": "fabrikam/AzureManagers", "role": "Contributor", "scope": "/subscriptions/contoso-core/providers/A.B/c/d" }
  ],
  "deny_assignments": [
    { "scope": "/subscriptions/contoso-web/resourceGroups/rg-a", "principals": ["*"], "exclude": [],
      "actions": ["*/write"], "notActions": [], "do_not_apply_to_child_scopes": true },
    { "scope": "/subscriptions/contoso-core/providers/A.B/c/d", "principals": ["otto@contoso.example"], "exclude": [],
      "actions": ["*"], "notActions": [], "do_not_apply_to_child_scopes": false }
  ]
}"#;

/// What stands below a subscription: groups and resources, named by facts and by nobody.
const BELOW: [(&str, &str); 9] = [
    ("", "Subscription"),
    ("/resourceGroups/rg-a", "ResourceGroup"),
    ("/resourceGroups/rg-a/providers/A.B/c/d", "AzureResource"),
    (
        "/resourceGroups/rg-a/providers/A.B/c/d/e/f",
        "AzureResource",
    ),
    (
        "/resourceGroups/rg-a/providers/A.B/c/d/e/f/providers/G.H/i/j",
        "AzureResource",
    ),
    ("/resourceGroups/rg-locked", "ResourceGroup"),
    (
        "/resourceGroups/rg-locked/providers/A.B/c/d",
        "AzureResource",
    ),
    (
        "/resourceGroups/rg-unheard/providers/A.B/c/d",
        "AzureResource",
    ),
    ("/providers/A.B/c/d", "AzureResource"),
];

#[test]
fn scopes_that_nobody_stores_are_answered_as_on_the_whole_way() {
    let world = text("tests/corpus/worlds/fabrikam.json");
    let point = point(Profile::Seed, &world);
    let put = serde_json::from_str(AT_SCOPES).unwrap();
    let point = point.changed(put, Default::default()).unwrap();
    let subscriptions = [
        "contoso-web",
        "contoso-core",
        "contoso-data",
        "contoso-deep",
    ];
    let scopes = subscriptions.iter().flat_map(|subscription| {
        BELOW.map(|(below, ty)| (ty, format!("/subscriptions/{subscription}{below}")))
    });
    let scopes: Vec<(&str, String)> = scopes.collect();
    let mut asks = Vec::new();
    for (ty, id) in &scopes {
        for who in [
            ("PartnerUser", "ada@fabrikam.example"),
            ("PartnerUser", "nadia@fabrikam.example"),
            ("CustomerUser", "otto@contoso.example"),
            ("CustomerUser", "orla@contoso.example"),
        ] {
            for context in [
                r#"{"operation": "A.B/c/read"}"#,
                r#"{"operation": "A.B/c/write"}"#,
                r#"{"operation": "A.B/c/delete", "data": false}"#,
            ] {
                asks.push(ask(who, "AzureOperation", (ty, id), context));
            }
        }
    }
    let went = check(&point, &asks, NOW);
    let allowed = asks
        .iter()
        .filter(|ask| point.decide((*ask).clone(), NOW).decision.allows());
    let allowed = allowed.count();
    assert_eq!(went, asks.len(), "all of them are plain");
    assert!((100..332).contains(&allowed), "{allowed} of {}", asks.len());
    // By the same ids, what is no scope of that type, or below no known subscription.
    let web = "/subscriptions/contoso-web/resourceGroups/rg-a";
    for (ty, id) in [
        ("AzureResource", web),
        ("ResourceGroup", "/subscriptions/nobody/resourceGroups/rg-a"),
        (
            "ResourceGroup",
            "/subscriptions/contoso-web/resourceGroups/",
        ),
        ("ResourceGroup", "rg-a"),
    ] {
        let ada = ("PartnerUser", "ada@fabrikam.example");
        let asked = ask(
            ada,
            "AzureOperation",
            (ty, id),
            r#"{"operation": "A.B/c/read"}"#,
        );
        assert!(!point.decide(asked.clone(), NOW).decision.allows(), "{id}");
        assert_eq!(check(&point, &[asked], NOW), 0, "{id}");
    }
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
