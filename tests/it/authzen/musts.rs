//! A test for each MUST and SHOULD of the specification that binds a decision
//! point and is not already a case of the certification scenario. The section is
//! in the doc comment.

use serde_json::{Value, json};

use super::{
    ALICE, ANY_USER, BOB, EVALUATION, EVALUATIONS, METADATA, POSTED, RECORD_1, RECORD_2, SEARCHES,
    SUBJECT, Server, question, with,
};

fn good() -> Value {
    question(ALICE, "read", RECORD_1)
}

/// "API Version": endpoints SHOULD include `v1`.
#[test]
fn endpoints_include_the_version() {
    assert!(POSTED.iter().all(|path| path.starts_with("/access/v1/")));
}

/// "Decision": `decision` is REQUIRED and a boolean; `context` is an object.
#[test]
fn a_decision_is_a_boolean_and_a_context_an_object() {
    let server = Server::scenario();
    for action in ["read", "write", "delete", "fly"] {
        for subject in [ALICE, BOB, ("nobody", "x")] {
            let asked = with(
                question(subject, action, RECORD_2),
                json!({"options": {"explain": true}}),
            );
            let reply = server.post(EVALUATION, &asked);
            assert!(reply.json["decision"].is_boolean(), "{}", reply.json);
            assert!(reply.json["context"].is_object(), "{}", reply.json);
        }
    }
}

/// "Access Evaluations API Request": the top-level keys MAY be omitted if every
/// item has them; without items the request is a single one.
#[test]
fn top_level_keys_may_be_omitted_if_every_item_has_them() {
    let server = Server::scenario();
    assert_eq!(
        server.decisions(&json!({"evaluations": [good(), good()]})),
        [true, true]
    );
    for body in [json!({}), json!({"evaluations": []})] {
        server.post(EVALUATIONS, &body).is_refused(
            400,
            "invalid-request",
            "`subject` must be an object",
        );
    }
}

/// "Default values": what an item omits MUST be given at the top level.
#[test]
fn what_an_item_omits_must_be_at_the_top_level() {
    let server = Server::scenario();
    for name in ["subject", "action", "resource"] {
        let mut item = good();
        item.as_object_mut().unwrap().remove(name);
        let reply = server.post(EVALUATIONS, &json!({"evaluations": [item, good()]}));
        let message = format!(
            "`evaluations[0].{name}` must be an object, here or at the top level, and is missing"
        );
        let error = json!({"error": {"status": 400, "message": message}});
        reply.is(
            &json!({"evaluations": [{"decision": false, "context": error}, {"decision": true}]}),
        );
    }
}

/// "Evaluations options": unknown options are no error, and `execute_all` is the
/// default.
#[test]
fn execute_all_is_the_default_semantic() {
    let server = Server::scenario();
    let items = [
        question(BOB, "write", RECORD_1),
        good(),
        question(BOB, "write", RECORD_1),
    ];
    for options in [json!({}), json!({"another_option": "value"})] {
        let batch = json!({"evaluations": items, "options": options});
        assert_eq!(server.decisions(&batch), [false, true, false]);
    }
}

/// "Access Evaluations API Response": the decisions are in the order of the items,
/// and it is RECOMMENDED that `decision` be omitted beside them.
#[test]
fn decisions_are_in_the_order_of_the_items_and_alone() {
    let items: Vec<Value> = (0..100)
        .map(|n| question(if n % 3 == 0 { ALICE } else { BOB }, "write", RECORD_1))
        .collect();
    let reply = Server::scenario().post(EVALUATIONS, &json!({"evaluations": items}));
    let members: Vec<&String> = reply.json.as_object().unwrap().keys().collect();
    assert_eq!(members, ["evaluations"]);
    let expected: Vec<Value> = (0..100).map(|n| json!({"decision": n % 3 == 0})).collect();
    assert_eq!(reply.json["evaluations"], json!(expected));
}

/// "Semantics" of searches: a result SHOULD be permitted when it is evaluated, and
/// it is RECOMMENDED that a search go through groups.
#[test]
fn a_result_is_permitted_and_found_through_groups() {
    let server = Server::scenario();
    // Alice is a clerk, and it is staff that may read.
    let found = server.results(SUBJECT, &question(ANY_USER, "read", RECORD_1));
    assert!(found.contains(&json!({"type": "user", "id": "alice"})));
    for subject in found {
        assert!(server.allows(&with(good(), json!({"subject": subject}))));
    }
}

/// "Pagination": a paginated response MUST have a `page` with a non-empty
/// `next_token`; the last one has an empty one.
#[test]
fn a_paginated_response_has_a_page_and_a_token() {
    let server = Server::scenario();
    for path in SEARCHES {
        let asked = |page: Value| server.post(path, &with(good(), json!({"page": page})));
        let first = asked(json!({"limit": 1}));
        assert_ne!(first.next_token(), "", "{path}");
        let last = asked(json!({"token": first.next_token(), "limit": 1}));
        assert_eq!(last.next_token(), "", "{path}");
        assert_eq!(asked(json!({})).next_token(), "", "{path}");
    }
}

/// "Search API Response": it is RECOMMENDED that `page` come first, and `results`
/// MUST hold only what is sought.
#[test]
fn a_page_comes_first_and_results_are_of_the_type_that_is_sought() {
    let server = Server::scenario();
    for path in SEARCHES {
        let reply = server.post(path, &with(good(), json!({"page": {"limit": 1}})));
        assert!(
            reply.text.starts_with(r#"{"page":{"next_token":""#),
            "{}",
            reply.text
        );
        let result = &reply.json["results"][0];
        let members: Vec<&String> = result.as_object().unwrap().keys().collect();
        match path {
            SUBJECT => assert_eq!(result["type"], "user"),
            super::RESOURCE => assert_eq!(result["type"], "record"),
            _ => assert_eq!(members, ["name"]),
        }
    }
}

/// "Policy Decision Point Metadata Response": 200, `application/json`, an object;
/// parameters without a value MUST be omitted.
#[test]
fn metadata_is_an_object_without_empty_members() {
    let server = Server::scenario();
    server
        .state
        .publish("https://pdp.example.com".parse().unwrap());
    let reply = server.get(METADATA);
    assert_eq!(reply.status, 200);
    let members = reply.json.as_object().unwrap();
    assert!(
        members
            .values()
            .all(|value| value.as_str().is_some_and(|text| !text.is_empty()))
    );
    assert!(!members.contains_key("signed_metadata") && !members.contains_key("capabilities"));
}

/// The members of a value that are null, wherever they stand.
fn nulls(value: &Value) -> Vec<String> {
    match value {
        Value::Null => vec![String::new()],
        Value::Array(items) => items.iter().flat_map(nulls).collect(),
        Value::Object(members) => {
            let within = members.iter().flat_map(|(name, value)| {
                let below = nulls(value).into_iter();
                below.map(move |rest| format!(".{name}{rest}"))
            });
            within.collect()
        }
        _ => Vec::new(),
    }
}

/// "JSON Serialization": members whose value is null SHOULD be omitted.
#[test]
fn null_members_are_omitted_in_answers() {
    assert_eq!(nulls(&json!({"a": [{"b": null}], "c": 1})), [".a.b"]);
    let (scenario, world) = (Server::scenario(), Server::fabrikam());
    scenario
        .state
        .publish("https://pdp.example.com".parse().unwrap());
    let told = json!({"options": {"explain": true}, "page": {"limit": 1}});
    let hugo = ("PartnerUser", "hugo@fabrikam.example");
    let customer = ("Customer", "contoso");
    let mut answers = vec![scenario.get(METADATA).json, scenario.get("/readyz").json];
    for path in POSTED {
        for (server, asked) in [
            (&scenario, good()),
            (&scenario, question(BOB, "write", RECORD_1)),
            (&scenario, question(("nobody", "x"), "fly", RECORD_1)),
            (&scenario, with(good(), json!({"subject": null}))),
            (&world, question(hugo, "CreateUser", customer)),
            (
                &world,
                question(hugo, "AzureOperation", ("Subscription", "/subscriptions/x")),
            ),
            (&world, question(hugo, "SignInToCustomerTenant", customer)),
        ] {
            let items = json!({"evaluations": [{}, {"subject": null}, good()]});
            for more in [json!({}), told.clone(), with(told.clone(), items)] {
                answers.push(server.post(path, &with(asked.clone(), more)).json);
            }
        }
    }
    for answer in answers {
        assert_eq!(nulls(&answer), [""; 0], "{answer:#}");
    }
}

/// "JSON Serialization": unknown members MUST be ignored, at every level, and no
/// order of members assumed.
#[test]
fn unknown_members_are_ignored_and_order_does_not_count() {
    let server = Server::scenario();
    let odd = r#"{"zz": {"a": [null]}, "page": {"zz": 1}, "options": {"zz": 1}, "context": {"zz": 1},
        "resource": {"zz": 1, "properties": {"zz": null}, "id": "record-1", "type": "record"},
        "action": {"zz": 1, "properties": {"zz": [1]}, "name": "read"},
        "subject": {"zz": 1, "properties": {"zz": {}}, "id": "alice", "type": "user"}}"#;
    for path in POSTED {
        let plain = server.post(path, &with(good(), json!({"page": {}})));
        assert_eq!(server.send(path, &[], odd).json, plain.json, "{path}");
    }
}

/// "Error Responses": an error is an HTTP status, and a deny is none.
#[test]
fn a_deny_is_no_error() {
    let server = Server::scenario();
    server
        .post(EVALUATION, &question(BOB, "write", RECORD_1))
        .is(&json!({"decision": false}));
    server
        .post(EVALUATION, &json!({}))
        .is_refused(400, "invalid-request", "");
}

/// "Request Identification": an identifier that is given MUST come back the same.
#[test]
fn a_request_identifier_comes_back_the_same() {
    let server = Server::scenario();
    let long = "x".repeat(4_000);
    for path in POSTED {
        for id in [
            "bfe9eb29-ab87-4ca3-be83-a1d5d8305716",
            "two words",
            "7",
            &long,
        ] {
            for body in [good().to_string(), "not JSON".to_owned()] {
                let reply = server.send(path, &[("X-Request-ID", id)], body);
                assert_eq!(reply.header("x-request-id"), Some(id), "{path}");
            }
        }
    }
}

/// "JSON Payload Considerations": UTF-8, no unpaired surrogates, unique names after
/// escapes.
#[test]
fn bodies_are_i_json() {
    let server = Server::scenario();
    let body = good().to_string();
    for path in POSTED {
        for (from, to) in [
            ("\"alice\"", "\"\\ud800\""),
            ("\"alice\"", "\"\\udc00alice\""),
            ("\"id\":\"alice\"", "\"id\":\"alice\",\"\\u0069d\":\"bob\""),
        ] {
            assert!(body.contains(from));
            let reply = server.send(path, &[], body.replacen(from, to, 1));
            reply.is_refused(400, "invalid-json", "");
        }
    }
}
