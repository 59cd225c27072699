//! Policies taken into use while the server runs: who may, what must hold before,
//! and that no answer mixes two bundles.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use aobo::api::BUNDLE_BODY_BYTES_MAX;
use aobo::directory::Profile;
use aobo::log::Memory;
use aobo::node::{
    Actor, Choice, Folded, LedgerError, Moment, Role, Submission, TOLD_MAX, TakenBundle,
    TenantScope, What,
};
use aobo::policy::Source;
use serde_json::{Value, json};

use super::{Desk, FIRST, Reply, SEEDED, facts, open, question, sign_in};
use crate::support;

const BUNDLE: &str = "/v1/bundle";

/// Tailspin delegates nothing to Fabrikam. The announced rules want that.
fn add_profile() -> Value {
    question("AddAutopilotProfile", ("Customer", "tailspin"), json!({}))
}

fn take(desk: &Desk, body: &Value) -> Reply {
    desk.operator("POST", BUNDLE).json(body).send()
}

fn profile(profile: Profile) -> Value {
    json!({ "profile": profile.as_str() })
}

/// The policies of the profile `seed`, each changed as `with` says.
fn policies(with: impl Fn(&Source) -> String) -> Value {
    let sources = Profile::Seed.sources();
    let texts = sources
        .iter()
        .map(|source| json!({"name": *source.name, "text": with(source)}));
    json!({ "policies": texts.collect::<Vec<_>>() })
}

fn hash(desk: &Desk) -> String {
    let point = desk.ledger.point().current();
    point.snapshot().bundle().hash().to_string()
}

fn warnings(desk: &Desk) -> Value {
    let ready = desk.call("GET", "/readyz").send();
    assert_eq!(
        ready.status, 200,
        "a refused bundle is no reason to go: {}",
        ready.json
    );
    ready.json["warnings"].clone()
}

#[test]
fn a_profile_is_taken_into_use() {
    let desk = Desk::start();
    let seed = hash(&desk);
    assert!(desk.allows(&add_profile()));
    let reply = take(&desk, &profile(Profile::AutopilotAnnounced));
    assert_eq!(reply.written(), FIRST + 1);
    assert_eq!(
        (&reply.json["taken"], &reply.json["bundle"]),
        (&json!(true), &json!(hash(&desk)))
    );
    let asked = desk.ask(&add_profile()).send();
    assert!(!asked.decision());
    assert_eq!(asked.header("aobo-bundle"), hash(&desk));
    assert!(desk.allows(&sign_in()), "the facts are what they were");
    let then = desk
        .ask(&add_profile())
        .header("Aobo-As-Of", &FIRST.to_string())
        .send();
    assert!(then.decision(), "the policies of then");
    assert_eq!(then.header("aobo-bundle"), seed);

    // The same again is as good as nothing.
    let before = desk.head();
    let again = take(&desk, &profile(Profile::AutopilotAnnounced));
    assert_eq!((again.status, &again.json["taken"]), (200, &json!(false)));
    desk.wrote_nothing_since(before);

    let shown = desk.get(BUNDLE);
    assert_eq!(shown["profile"], "autopilot-announced");
    assert_eq!(shown["hash"], json!(hash(&desk)));
    assert!(
        shown["schema"]["text"]
            .as_str()
            .unwrap()
            .contains("entity PartnerUser")
    );
    let events = desk.get("/v1/events?kind=bundle.taken");
    let events = events["events"].as_array().unwrap();
    let actor = events[1]["actor"].as_str().unwrap();
    assert!(events.len() == 2 && actor.starts_with("key "), "{actor}");

    // Written after it, and folded again from the log: the same state.
    desk.creates("u1").send().written();
    let log = Arc::clone(desk.ledger.log());
    let again = Desk::over(open(log, Choice::Last, None).unwrap(), desk.master.clone());
    assert_eq!(facts(&again.ledger), facts(&desk.ledger));
    assert_eq!(hash(&again), hash(&desk));
    assert!(!again.allows(&add_profile()));
}

#[test]
fn texts_are_taken_into_use_and_the_schema_stays() {
    let desk = Desk::start();
    let closed = policies(|source| match &*source.name {
        "policies/autopilot.cedar" => source.text.replace("permit", "forbid"),
        _ => source.text.to_string(),
    });
    assert!(take(&desk, &closed).written() > SEEDED);
    assert!(!desk.allows(&add_profile()) && desk.allows(&sign_in()));
    assert_eq!(desk.get(BUNDLE)["profile"], Value::Null);
    assert!(take(&desk, &profile(Profile::Seed)).written() > SEEDED);
    assert!(desk.allows(&add_profile()));
}

#[test]
fn what_is_no_bundle_changes_nothing_and_says_why() {
    let desk = Desk::start();
    let before = (desk.head(), hash(&desk));
    let refused = |body: &Value, code: &str| take(&desk, body).refused(400, code).clone();
    for body in [
        json!({}),
        json!({"profile": "seed", "policies": []}),
        json!({"profile": "nonesuch"}),
        json!({"schema": {"name": "s", "text": ""}}),
        json!({"polices": []}),
        json!({"policies": [{"name": "p"}]}),
    ] {
        let message = refused(&body, "invalid-request")["message"].clone();
        assert!(
            message.as_str().unwrap().contains("not a bundle"),
            "{message}"
        );
    }
    assert_eq!(warnings(&desk), Value::Null);

    // One bad file among many.
    let bad = policies(|source| match &*source.name {
        "policies/users.cedar" => format!("{}\npermit (principal, acton, resource);", source.text),
        _ => source.text.to_string(),
    });
    let error = refused(&bad, "policies-refused");
    let finding = &error["findings"][0];
    let lines = support::text("policies/users.cedar").lines().count();
    let place = format!("policies/users.cedar:{}", lines + 1);
    assert!(
        finding["place"]
            .as_str()
            .unwrap()
            .starts_with("policies/users.cedar:"),
        "{place}: {finding}"
    );
    assert!(!finding["message"].as_str().unwrap().is_empty() && finding["help"].is_string());
    assert_eq!(error["more"], 0);
    let told = warnings(&desk);
    assert!(
        told[0]
            .as_str()
            .unwrap()
            .contains("policies were refused at 2020-09-01T"),
        "{told}"
    );

    let open_door = "permit (principal is PartnerUser, action, resource);";
    let open = policies(|source| match &*source.name {
        "policies/users.cedar" => format!("{}\n{open_door}", source.text),
        _ => source.text.to_string(),
    });
    let error = refused(&open, "self-test-failed");
    let said = error["findings"][0]["message"].as_str().unwrap();
    assert!(said.contains("and must be"), "{said}");
    let other = json!({
        "schema": {"name": "s", "text": "entity U; action a appliesTo {principal: U, resource: U};"},
        "policies": [{"name": "p", "text": "permit (principal, action, resource);"}],
    });
    refused(&other, "self-test-failed");
    assert_eq!((desk.head(), hash(&desk)), before);
    assert!(desk.allows(&sign_in()) && desk.allows(&add_profile()));

    // What is taken, or is in use anyway, settles the warning.
    take(&desk, &profile(Profile::Seed));
    assert_eq!(warnings(&desk), Value::Null);
    take(&desk, &profile(Profile::AutopilotAnnounced)).written();
    assert_eq!(warnings(&desk), Value::Null);
}

#[test]
fn a_body_may_be_as_large_as_the_limit() {
    let desk = Desk::start();
    let sized = |bytes: usize| {
        let text = json!({"polices": "x"}).to_string();
        format!("{text}{}", " ".repeat(bytes - text.len()))
    };
    let post = |body: String| desk.operator("POST", BUNDLE).text(body).send();
    post(sized(BUNDLE_BODY_BYTES_MAX)).refused(400, "invalid-request");
    post(sized(BUNDLE_BODY_BYTES_MAX + 1)).refused(413, "body-too-large");
}

#[test]
fn only_operators_take_policies_into_use() {
    let desk = Desk::start();
    let before = desk.head();
    let body = profile(Profile::AutopilotAnnounced);
    let by = |key: &str| desk.call("POST", BUNDLE).key(key).json(&body).send();
    desk.call("POST", BUNDLE)
        .json(&body)
        .send()
        .refused(401, "unauthorized");
    by(&desk.key(&[Role::AdminWrite, Role::AdminRead], &[])).refused(403, "forbidden");
    let keys = desk.head();
    assert_eq!(keys.seq, before.seq + 1, "the key, and nothing else");
    let stale = desk
        .operator("POST", BUNDLE)
        .header("If-Match", "\"1\"")
        .json(&body)
        .send();
    stale.refused(412, "precondition-failed");
    desk.wrote_nothing_since(keys);
    let operator = desk.key(&[Role::Operator], &[]);
    assert_eq!(by(&operator).status, 200);
}

/// A world in which so many groups hold the role `Reader`.
fn readers(count: usize) -> String {
    let groups = (0..count).map(|n| (format!("p/G{n:03}"), json!({})));
    let assignments = (0..count).map(|n| {
        json!({"principal": format!("p/G{n:03}"), "role": "Reader", "scope": "/subscriptions/s"})
    });
    let place = json!({"country": "FR", "market": "Europe", "cloud": "public"});
    json!({
        "partners": {"p": place},
        "customers": {"c": place},
        "groups": groups.collect::<BTreeMap<_, _>>(),
        "subscriptions": {"s": {"customer": "c"}},
        "role_assignments": assignments.collect::<Vec<_>>(),
    })
    .to_string()
}

#[test]
fn facts_that_do_not_fit_are_listed_and_block_the_bundle() {
    let count = TOLD_MAX + 10;
    let opened = open(Arc::new(Memory::new()), Choice::Last, Some(&readers(count)));
    let mut desk = Desk::over(opened.unwrap(), String::new());
    desk.master = desk.key(&[Role::Operator, Role::AdminWrite, Role::AdminRead], &[]);
    let (before, was) = (desk.head(), facts(&desk.ledger));
    let without = policies(|source| source.text.replace("@azure_role(\"Reader\")", ""));
    let reply = take(&desk, &without);
    let error = reply.refused(409, "facts-do-not-fit");
    let findings = error["findings"].as_array().unwrap();
    assert_eq!((findings.len(), &error["more"]), (TOLD_MAX, &json!(10)));
    let told: Vec<&str> = findings
        .iter()
        .map(|f| f["place"].as_str().unwrap())
        .collect();
    assert!(
        told[0].contains("p/G000") && told[1].contains("p/G001"),
        "{told:?}"
    );
    assert!(findings[0]["message"].as_str().unwrap().contains("Reader"));
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains(&format!("{count} facts do not fit")),
        "{message}"
    );
    desk.wrote_nothing_since(before);
    assert_eq!(facts(&desk.ledger), was);

    // A start with the same texts is refused alike.
    let texts = Choice::Texts {
        schema: Profile::schema(),
        policies: Profile::Seed
            .sources()
            .iter()
            .map(|s| Source::new(&*s.name, s.text.replace("@azure_role(\"Reader\")", "")))
            .collect(),
    };
    assert!(open(Arc::clone(desk.ledger.log()), texts, None).is_err());
    desk.wrote_nothing_since(before);
}

#[test]
fn what_was_written_meanwhile_is_in_the_new_state() {
    let desk = Desk::start();
    let ready = TakenBundle::of_profile(Profile::AutopilotAnnounced).unwrap();
    let next = desk.ledger.make_ready(ready).unwrap().unwrap();
    let made = desk.creates("u1").send().written();
    let actor = Actor {
        name: "the test".to_owned(),
        principal: None,
        operator: true,
        key: None,
        tenants: TenantScope::All,
    };
    let submission = |actor: &Actor| Submission {
        actor: actor.clone(),
        what: What::TakeBundle(Arc::clone(&next)),
        idempotency_key: None,
        expected: None,
    };
    let nobody = Actor {
        operator: false,
        ..actor.clone()
    };
    let refused = desk
        .ledger
        .submit_blocking(submission(&nobody))
        .unwrap_err();
    assert!(
        matches!(refused, LedgerError::Forbidden { .. }),
        "{refused}"
    );
    let written = desk.ledger.submit_blocking(submission(&actor)).unwrap();
    assert_eq!(written.revision, made + 1);
    let users = desk.get(super::USERS);
    let users = users["users"].as_array().unwrap();
    assert!(users.iter().any(|user| user["user"] == "u1"));
    assert!(!desk.allows(&add_profile()) && desk.allows(&sign_in()));
    desk.creates("u2").send().written();
    // What was taken in event by event is what is made from all of them.
    let log = desk.ledger.log();
    let (_, anew) = Folded::at(log.as_ref(), Moment::Revision(log.head().seq)).unwrap();
    let point = desk.ledger.point().current();
    assert_eq!(point.snapshot().revision(), anew.snapshot().revision());
    assert!(point.snapshot().facts() == anew.snapshot().facts());
}

#[test]
fn a_start_with_texts_takes_them_by_an_event() {
    let desk = Desk::start();
    let texts = |text: &str| Choice::Texts {
        schema: Profile::schema(),
        policies: Profile::Seed
            .sources()
            .into_iter()
            .chain([Source::new("more.cedar", text)])
            .collect(),
    };
    let more =
        "@id(\"nobody\") forbid (principal, action == Action::\"AddAutopilotProfile\", resource);";
    let log = || Arc::clone(desk.ledger.log());
    for expected in [FIRST + 1, FIRST + 1] {
        let (ledger, _) = open(log(), texts(more), None).unwrap();
        assert_eq!(
            ledger.log().head().seq,
            expected,
            "the same again is no event"
        );
        let again = Desk::over((ledger, Arc::default()), desk.master.clone());
        assert!(!again.allows(&add_profile()));
    }
    let (ledger, _) = open(log(), Choice::Last, None).unwrap();
    let again = Desk::over((ledger, Arc::default()), desk.master.clone());
    assert!(
        !again.allows(&add_profile()),
        "a start goes on with the last"
    );
    let error = open(log(), texts("permit"), None).unwrap_err();
    let named = matches!(&error, LedgerError::Policies(_));
    assert!(named, "{error}");
    assert_eq!(desk.head().seq, FIRST + 1);
}

#[test]
fn the_answer_of_a_reader_is_of_one_bundle() {
    let desk = Desk::start();
    let hashes = Profile::ALL.map(|profile| support::bundle(profile).hash().to_string());
    let [seed, announced] = &hashes;
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let reader = || {
            let mut seen = [0_u64; 2];
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let reply = desk.ask(&add_profile()).send();
                let (bundle, allows) = (reply.header("aobo-bundle"), reply.decision());
                assert_eq!(bundle, if allows { seed } else { announced });
                seen[usize::from(allows)] += 1;
                let revision: u64 = reply.header("aobo-revision").parse().unwrap();
                assert!(revision >= last, "time does not go back");
                last = revision;
            }
            seen
        };
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(reader)).collect();
        for turn in 0..support::scaled(8) {
            let next = Profile::ALL[(turn + 1) % 2];
            take(&desk, &profile(next)).written();
            desk.creates(&format!("u{turn}")).send().written();
        }
        done.store(true, Ordering::Relaxed);
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert!(seen.iter().flatten().sum::<u64>() > 0, "{seen:?}");
}
