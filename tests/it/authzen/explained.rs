//! Explanations of batch items and of searches.

use serde_json::{Value, json};

use super::{
    ALICE, ANY_RECORD, ANY_USER, BOB, EVALUATION, EVALUATIONS, RECORD_1, RECORD_2, RESOURCE,
    SUBJECT, Server, question, with,
};

fn explained(value: Value) -> Value {
    with(value, json!({"options": {"explain": true}}))
}

#[test]
fn an_explained_item_says_what_the_same_question_alone_is_told() {
    let server = Server::scenario();
    let asked = [
        question(ALICE, "write", RECORD_1),
        question(ALICE, "write", RECORD_2),
        question(BOB, "fly", RECORD_2),
        with(
            question(BOB, "read", RECORD_1),
            json!({"context": {"now": 1, "ip": "::1"}}),
        ),
        with(
            question(BOB, "write", RECORD_1),
            json!({"subject": {"type": "user", "id": "bob", "properties": {"role": 1}}}),
        ),
    ];
    let reply = server.post(EVALUATIONS, &explained(json!({"evaluations": asked})));
    for (n, question) in asked.into_iter().enumerate() {
        let alone = server.post(EVALUATION, &explained(question));
        assert_eq!(reply.json["evaluations"][n], alone.json);
    }
    let of = |n: usize| &reply.json["evaluations"][n]["context"];
    assert_eq!(
        of(0)["reason"]["determining"][0]["policy"],
        "clerks-write-what-is-current"
    );
    assert!(of(1)["reason"]["near"].is_array(), "{}", of(1));
    assert_eq!(of(2)["reason"]["message"], "the schema has no action `fly`");
    let ignored = json!([
        "context.now: time is the decider's clock",
        "context.now: it is not declared in the schema",
        "context.ip: it is not declared in the schema"
    ]);
    let told = of(3)["ignored"].as_array().unwrap();
    assert!(
        told.iter()
            .all(|one| ignored.as_array().unwrap().contains(one)),
        "{told:?}"
    );
    assert!(told.len() >= 2);
    assert_eq!(of(4)["error"]["status"], 400);
}

#[test]
fn an_explained_batch_says_what_is_wrong_with_an_item() {
    let batch = explained(json!({"evaluations": [question(ALICE, "read", RECORD_1), {}]}));
    let reply = Server::scenario().post(EVALUATIONS, &batch);
    let message =
        "`evaluations[1].action` must be an object, here or at the top level, and is missing";
    let error = json!({"status": 400, "message": message});
    assert_eq!(
        reply.json["evaluations"][1],
        json!({"decision": false, "context": {"error": error}})
    );
}

#[test]
fn an_explained_search_says_what_did_not_count() {
    let server = Server::scenario();
    let told = |path: &str, search: Value| {
        let reply = server.post(path, &explained(search.clone()));
        assert_eq!(
            reply.json["results"],
            server.post(path, &search).json["results"]
        );
        reply.json["context"]["ignored"].clone()
    };
    let search = with(
        question(ANY_USER, "read", RECORD_1),
        json!({"context": {"ip": "::1"}}),
    );
    assert_eq!(
        told(SUBJECT, search),
        json!(["context.ip: it is not declared in the schema"])
    );
    let properties = json!({"subject": {"type": "user", "id": "bob", "properties": {"shoe": 43}}});
    let search = with(question(BOB, "read", ANY_RECORD), properties);
    let ignored = json!(["subject.properties.shoe: the schema declares no such attribute"]);
    assert_eq!(told(RESOURCE, search), ignored);
}

#[test]
fn a_search_that_no_entity_can_answer_says_why() {
    let server = Server::fabrikam();
    let ada = ("PartnerUser", "ada@fabrikam.example");
    let search = question(ada, "AzureOperation", ("Subscription", ""));
    server.post(RESOURCE, &search).is(&json!({
        "context": {"error": {
            "status": 400,
            "message": "`context.operation` is required and missing; it takes a string",
        }},
        "results": [],
    }));
}
