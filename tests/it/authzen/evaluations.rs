//! Several evaluations: semantics, one state, and each item answered for itself.

use std::sync::Arc;

use aobo::node::Point;
use aobo::policy::{Bundle, Source};
use serde_json::{Value, json};

use super::{
    ALICE, BOB, EVALUATION, EVALUATIONS, RECORD_1, RECORD_2, Server, fabrikam, question, with,
};
use crate::support::{Rng, scaled};

/// Alice's and Bob's writes: allowed, denied, denied, allowed, an error, allowed.
fn mixed() -> Vec<Value> {
    vec![
        question(ALICE, "write", RECORD_1),
        question(ALICE, "write", RECORD_2),
        question(BOB, "write", RECORD_1),
        question(BOB, "write", RECORD_2),
        json!({"subject": {"type": "user", "id": "bob"}}),
        question(ALICE, "read", RECORD_2),
    ]
}

const DECISIONS: [bool; 6] = [true, false, false, true, false, true];

fn batch(items: &[Value], semantic: Value) -> Value {
    json!({"evaluations": items, "options": {"evaluations_semantic": semantic}})
}

#[track_caller]
fn check(semantic: &str, items: &[Value], expected: &[bool]) {
    let server = Server::scenario();
    let decisions = server.decisions(&batch(items, json!(semantic)));
    assert_eq!(decisions, expected, "{semantic}");
    let told = with(
        batch(items, json!(semantic)),
        json!({"options": {"evaluations_semantic": semantic, "explain": true}}),
    );
    assert_eq!(server.decisions(&told), expected, "{semantic}, explained");
}

#[test]
fn execute_all_answers_every_item() {
    check("execute_all", &mixed(), &DECISIONS);
    check("execute_all", &mixed()[1..2], &DECISIONS[1..2]);
}

#[test]
fn deny_on_first_deny_stops_after_the_first_deny_or_error() {
    let mixed = mixed();
    check("deny_on_first_deny", &mixed, &[true, false]);
    check("deny_on_first_deny", &mixed[1..], &[false]);
    check("deny_on_first_deny", &mixed[3..], &[true, false]);
    check(
        "deny_on_first_deny",
        &[mixed[0].clone(), mixed[3].clone()],
        &[true, true],
    );
}

#[test]
fn permit_on_first_permit_stops_after_the_first_permit() {
    let mixed = mixed();
    check("permit_on_first_permit", &mixed, &[true]);
    check("permit_on_first_permit", &mixed[1..], &[false, false, true]);
    check("permit_on_first_permit", &mixed[4..], &[false, true]);
    check("permit_on_first_permit", &mixed[1..3], &[false, false]);
}

#[test]
fn another_semantic_is_refused_whatever_is_asked() {
    let server = Server::scenario();
    for semantic in ["", "EXECUTE_ALL", "execute-all", "deny_on_first_permit"] {
        for items in [mixed(), Vec::new()] {
            let body = with(
                question(ALICE, "read", RECORD_1),
                batch(&items, json!(semantic)),
            );
            let message = "`options.evaluations_semantic` must be `execute_all`";
            server
                .post(EVALUATIONS, &body)
                .is_refused(400, "invalid-request", message);
        }
    }
    for semantic in [json!(1), json!(null), json!(["execute_all"])] {
        let body = batch(&mixed(), semantic);
        server
            .post(EVALUATIONS, &body)
            .is_refused(400, "invalid-request", "must be a string");
    }
    // Where there is no batch, the option is unknown, and ignored.
    let single = with(
        question(ALICE, "read", RECORD_1),
        batch(&[], json!("whatever")),
    );
    server
        .post(EVALUATION, &single)
        .is(&json!({"decision": true}));
}

#[test]
fn an_item_s_object_stands_for_the_whole_default() {
    let server = Server::scenario();
    // Were members merged, Bob would be an administrator, and the record archived.
    let batch = json!({
        "subject": {"type": "user", "id": "alice", "properties": {"role": "admin"}},
        "action": {"name": "delete", "properties": {"soft": true}},
        "resource": {"type": "record", "id": "record-9", "properties": {"status": "archived"}},
        "evaluations": [
            {},
            {"action": {"name": "delete"}},
            {"action": {"name": "write"}},
            {"action": {"name": "write"}, "subject": {"type": "user", "id": "carol"}},
            {"action": {"name": "write"}, "resource": {"type": "record", "id": "record-9"}},
            {"subject": {"id": "bob"}},
            {"subject": null},
        ],
    });
    let expected = [true, false, true, false, false, false, false];
    assert_eq!(server.decisions(&batch), expected);
    let reply = server.post(EVALUATIONS, &batch);
    let error = |n: usize| reply.json["evaluations"][n]["context"]["error"].clone();
    let message = "`evaluations[5].subject.type` must be a string, and is missing";
    assert_eq!(error(5), json!({"status": 400, "message": message}));
    let message = "`evaluations[6].subject` must be an object, not null";
    assert_eq!(error(6), json!({"status": 400, "message": message}));
}

#[test]
fn a_context_is_taken_whole_too() {
    let point = fabrikam();
    let server = Server::over(point);
    let hugo = ("PartnerUser", "hugo@fabrikam.example");
    let mia = ("CustomerUser", "mia@contoso.example");
    let item = |context: Value| json!({"context": context});
    let batch = with(
        question(hugo, "ResetPassword", mia),
        json!({
            "context": {"customer": "tailspin"},
            "evaluations": [{}, item(json!({})), item(json!({"customer": "contoso"}))],
        }),
    );
    assert_eq!(server.decisions(&batch), [false, true, true]);
}

#[test]
fn an_item_tells_its_effect_and_its_errors_and_nothing_else() {
    let server = Server::fabrikam();
    let ada = ("PartnerUser", "ada@fabrikam.example");
    let subscription = ("Subscription", "/subscriptions/tailspin-erp");
    let azure = question(ada, "AzureOperation", subscription);
    let advised = question(ada, "CreateUser", ("Customer", "contoso"));
    assert!(server.post(EVALUATION, &advised).json["context"]["advice"].is_array());
    let batch = json!({"evaluations": [
        advised,
        azure,
        with(azure.clone(), json!({"context": {"operation": 7}})),
        with(azure.clone(), json!({"context": {"operation": "x/write"}})),
        question(ada, "Fly", subscription),
        7,
    ]});
    let reply = server.post(EVALUATIONS, &batch);
    let items = reply.json["evaluations"].as_array().unwrap();
    assert_eq!(
        items[0],
        json!({"decision": true}),
        "no advice unless it is asked for"
    );
    for (n, message) in [
        (
            1,
            "`context.operation` is required and missing; it takes a string",
        ),
        (2, "`context.operation` takes a string, not a whole number"),
        (5, "`evaluations[5]` must be an object, not a whole number"),
    ] {
        let error = json!({"status": 400, "message": message});
        assert_eq!(
            items[n],
            json!({"decision": false, "context": {"error": error}})
        );
    }
    assert_eq!(items[3], json!({"decision": true}));
    assert_eq!(
        items[4],
        json!({"decision": false}),
        "an unknown action is data"
    );
}

/// Duplicates and near-duplicates, in every order, are answered as when they are
/// asked alone.
#[test]
fn look_alikes_are_each_answered_rightly() {
    let server = Server::scenario();
    let mut asked = mixed();
    asked.remove(4);
    let spelled = |id: &str| question(("user", id), "read", RECORD_1);
    asked.extend(
        [
            "alice",
            "Alice",
            "alice ",
            "al\u{131}ce",
            "ali\u{200b}ce",
            "bob",
        ]
        .map(spelled),
    );
    asked.push(question(("team", "alice"), "read", RECORD_1));
    asked.push(question(ALICE, "Read", RECORD_1));
    asked.push(with(
        question(ALICE, "write", RECORD_1),
        json!({"context": {"x": 1}}),
    ));
    let archived =
        json!({"type": "record", "id": "record-1", "properties": {"status": "archived"}});
    asked.push(with(
        question(ALICE, "write", RECORD_1),
        json!({"resource": archived}),
    ));
    let alone: Vec<bool> = asked
        .iter()
        .map(|question| server.allows(question))
        .collect();
    assert!(alone.contains(&true) && alone.contains(&false));
    let mut rng = Rng::new(7);
    for _ in 0..scaled(20) {
        let picked: Vec<usize> = (0..200).map(|_| rng.below(asked.len())).collect();
        let items: Vec<&Value> = picked.iter().map(|n| &asked[*n]).collect();
        let expected: Vec<bool> = picked.iter().map(|n| alone[*n]).collect();
        assert_eq!(server.decisions(&json!({"evaluations": items})), expected);
    }
}

#[test]
fn all_items_are_decided_on_one_state() {
    let server = Server::fabrikam();
    let ada = ("PartnerUser", "ada@fabrikam.example");
    let asked = question(ada, "SignInToCustomerTenant", ("Customer", "contoso"));
    let batch = json!({"evaluations": vec![asked; 50]});
    let reply = server.post(EVALUATIONS, &batch);
    assert_eq!(reply.header("aobo-revision"), Some("0"));
    let put = r#"{"relationships": [{"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "removed"}]}"#;
    let nothing = serde_json::from_str("{}").unwrap();
    let now = server
        .state
        .point()
        .current()
        .changed(serde_json::from_str(put).unwrap(), nothing);
    let writer = {
        let state = std::sync::Arc::clone(&server.state);
        let (one, other) = (state.point().current().as_ref().clone(), now.unwrap());
        std::thread::spawn(move || {
            for n in 0..200 {
                state.point().replace(if n % 2 == 0 {
                    other.clone()
                } else {
                    one.clone()
                });
            }
        })
    };
    for _ in 0..scaled(20) {
        let reply = server.post(EVALUATIONS, &batch);
        let signs_in = reply.header("aobo-revision") == Some("0");
        let items = reply.json["evaluations"].as_array().unwrap();
        assert!(
            items.iter().all(|item| item["decision"] == signs_in),
            "{items:?}"
        );
    }
    writer.join().unwrap();
}

/// Who counts beyond 64 bits makes a policy fail.
fn counting() -> Server {
    let schema = "entity User; entity Album;
        action count appliesTo { principal: User, resource: Album, context: { by: Long } };";
    let policies = "@id(\"open\") @advice(\"a word\") permit (principal, action, resource);
        @id(\"guard\") forbid (principal, action, resource) when { context.by + 1 > 99 };";
    let source = |name: &str, text: &str| Source::new(name, text);
    let bundle = Bundle::new(&source("s", schema), &[source("p.cedar", policies)]);
    Server::over(Point::generic(Arc::new(bundle.unwrap()), Vec::new()).unwrap())
}

#[test]
fn an_item_says_no_more_than_its_decision_and_error_unless_it_is_asked() {
    let server = counting();
    let item = |by: Value| json!({"context": {"by": by}});
    let items = [
        item(json!(1)),
        item(json!(i64::MAX)),
        item(json!(200)),
        item(json!("x")),
    ];
    let asked = |options: Value| {
        let question = question(("User", "ana"), "count", ("Album", "a"));
        let more = json!({"evaluations": items, "options": options});
        server.post(EVALUATIONS, &with(question, more)).json["evaluations"].clone()
    };
    let error =
        json!({"status": 400, "message": "`context.by` takes a whole number, not a string"});
    let (allow, deny) = (json!({"decision": true}), json!({"decision": false}));
    let wrong = json!({"decision": false, "context": {"error": error}});
    // Both ways in which items are decided.
    assert_eq!(asked(json!({})), json!([allow, deny, deny, wrong]));
    let first = json!({"evaluations_semantic": "permit_on_first_permit"});
    assert_eq!(asked(first), json!([allow]));
    let first = json!({"evaluations_semantic": "deny_on_first_deny"});
    assert_eq!(asked(first), json!([allow, deny]));
    let told = asked(json!({"explain": true}));
    assert_eq!(told[0]["context"]["advice"], json!(["a word"]));
    assert_eq!(told[1]["context"]["erroring"][0]["policy"], "guard");
    assert!(told[2]["context"]["reason"].is_object(), "{told}");
    assert_eq!(told[3]["context"]["error"], error);
    // One question by itself says it unasked.
    let one = with(
        question(("User", "ana"), "count", ("Album", "a")),
        item(json!(i64::MAX)),
    );
    let told = server.post(EVALUATION, &one).json;
    assert_eq!(told["context"]["erroring"][0]["policy"], "guard");
}
