//! The certification scenario of the working group, case by case, over the fixture
//! in `tests/corpus/authzen`. A number is the section of the scenario.

use serde_json::{Value, json};

use super::{
    ACTION, ALICE, ANY_RECORD, ANY_USER, BOB, EVALUATION, EVALUATIONS, METADATA, RECORD_1,
    RECORD_2, RESOURCE, SUBJECT, Server, question, with,
};

fn archived() -> Value {
    json!({"type": "record", "id": "record-2", "properties": {"status": "archived"}})
}

fn admin() -> Value {
    json!({"type": "user", "id": "bob", "properties": {"role": "admin"}})
}

fn context() -> Value {
    json!({"context": {"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}})
}

fn delete(soft: bool) -> Value {
    let action = json!({"action": {"name": "delete", "properties": {"soft": soft}}});
    with(question(ALICE, "delete", RECORD_1), action)
}

/// 2.2: the eight decisions of the fixture (1.4), and requests with more in them.
#[test]
fn basic_decisions() {
    let server = Server::scenario();
    let write = |members: Value| with(question(ALICE, "write", RECORD_2), members);
    let more = json!({
        "subject": {"type": "user", "id": "alice", "properties": {"department": "Sales", "role": "manager"}},
        "action": {"name": "read", "properties": {"method": "GET"}},
        "resource": {"type": "record", "id": "record-1", "properties": {"status": "active", "owner": "bob"}},
    });
    let unknown = json!({"foo": "bar", "futureField": {"nested": true}});
    for (asked, decision) in [
        (question(ALICE, "read", RECORD_1), true),
        (question(ALICE, "write", RECORD_1), true),
        (question(BOB, "read", RECORD_1), true),
        (question(BOB, "write", RECORD_1), false),
        (write(json!({"resource": archived()})), false),
        (
            write(json!({"subject": admin(), "resource": archived()})),
            true,
        ),
        (delete(true), true),
        (delete(false), false),
        (with(question(ALICE, "read", RECORD_1), context()), true),
        (more, true),
        (with(question(ALICE, "read", RECORD_1), unknown), true),
    ] {
        let reply = server.post(EVALUATION, &asked);
        reply.is(&json!({"decision": decision}));
        // 2.6: the same request, the same decision.
        server
            .post(EVALUATION, &asked)
            .is(&json!({"decision": decision}));
    }
}

/// 2.4: what is no request is a 400.
#[test]
fn basic_errors() {
    let server = Server::scenario();
    let good = question(ALICE, "read", RECORD_1);
    for (outer, name) in [
        ("", "subject"),
        ("", "action"),
        ("", "resource"),
        ("/subject", "type"),
        ("/subject", "id"),
        ("/action", "name"),
        ("/resource", "type"),
        ("/resource", "id"),
    ] {
        let mut body = good.clone();
        let members = body.pointer_mut(outer).unwrap().as_object_mut().unwrap();
        members.remove(name).unwrap();
        let reply = server.post(EVALUATION, &body);
        reply.is_refused(400, "invalid-request", "is missing");
    }
    for members in [
        json!({"subject": "alice"}),
        json!({"action": {"name": 123}}),
    ] {
        let reply = server.post(EVALUATION, &with(good.clone(), members));
        reply.is_refused(400, "invalid-request", "must be");
    }
}

/// 3.2: batches, their order, their defaults.
#[test]
fn batch_decisions() {
    let server = Server::scenario();
    let active = json!({"type": "record", "id": "record-1", "properties": {"status": "active"}});
    let alice = json!({"type": "user", "id": "alice"});
    let write = json!({"name": "write"});
    for (batch, decisions) in [
        (
            json!({"subject": {"type": "user", "id": "bob"}, "resource": {"type": "record", "id": "record-1"},
                "evaluations": [{"action": {"name": "read"}}, {"action": {"name": "write"}}]}),
            [true, false],
        ),
        (
            json!({"subject": alice, "action": write,
                "evaluations": [{"resource": active}, {"resource": archived()}]}),
            [true, false],
        ),
        (
            json!({"action": write, "resource": archived(),
                "evaluations": [{"subject": alice}, {"subject": admin()}]}),
            [false, true],
        ),
        (
            json!({"evaluations": [question(ALICE, "read", RECORD_1), question(BOB, "write", RECORD_1)]}),
            [true, false],
        ),
        (
            json!({"subject": alice, "action": {"name": "read"}, "context": {"time": "2025-06-27T18:03-07:00"},
                "evaluations": [
                    {"resource": {"type": "record", "id": "record-1"}},
                    {"resource": {"type": "record", "id": "record-2"},
                     "context": {"time": "2025-06-27T19:00-07:00", "source": "batch-override"}}]}),
            [true, true],
        ),
        (
            json!({"subject": alice, "action": write, "resource": active,
                "evaluations": [{}, {"resource": archived()}]}),
            [true, false],
        ),
    ] {
        let items = decisions.map(|decision| json!({"decision": decision}));
        let reply = server.post(EVALUATIONS, &batch);
        reply.is(&json!({"evaluations": items}));
    }
}

/// 3.4: one item without a resource, no items, an empty list of them.
#[test]
fn batch_errors_and_the_single_form() {
    let server = Server::scenario();
    let batch = json!({
        "subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
        "options": {"evaluations_semantic": "execute_all"},
        "evaluations": [{"resource": {"type": "record", "id": "record-1"}}, {}],
    });
    assert_eq!(server.decisions(&batch), [true, false]);
    let single = question(ALICE, "read", RECORD_1);
    server
        .post(EVALUATIONS, &single)
        .is(&json!({"decision": true}));
    let empty = with(single, json!({"evaluations": []}));
    server
        .post(EVALUATIONS, &empty)
        .is(&json!({"decision": true}));
}

/// 4.2 to 4.4: what the fixture's searches find (1.5), with and without a context,
/// and with an id that does not count.
#[test]
fn searches() {
    let server = Server::scenario();
    let user = |id: &str| json!({"type": "user", "id": id});
    let record = |id: &str| json!({"type": "record", "id": id});
    let check = |path: &str, search: Value, results: Value| {
        server.post(path, &search).is(&json!({"results": results}));
        server
            .post(path, &with(search, context()))
            .is(&json!({"results": results}));
    };
    let both = json!([user("alice"), user("bob")]);
    check(SUBJECT, question(ANY_USER, "read", RECORD_1), both.clone());
    check(SUBJECT, question(ALICE, "read", RECORD_1), both);
    let to_archived = with(
        question(ANY_USER, "write", RECORD_2),
        json!({"resource": archived()}),
    );
    check(SUBJECT, to_archived, json!([user("bob")]));
    let records = json!([record("record-1"), record("record-2")]);
    check(
        RESOURCE,
        question(ALICE, "read", ANY_RECORD),
        records.clone(),
    );
    check(RESOURCE, question(ALICE, "read", RECORD_1), records);
    let by_admin = with(
        question(BOB, "write", ANY_RECORD),
        json!({"subject": admin()}),
    );
    check(RESOURCE, by_admin, json!([record("record-2")]));
    let names = json!([{"name": "read"}, {"name": "write"}]);
    check(ACTION, question(ALICE, "", RECORD_1), names.clone());
    let both_told = json!({"subject": admin(), "resource": archived()});
    check(ACTION, with(question(BOB, "", RECORD_2), both_told), names);
}

/// 4.5: a limit, a token, and what comes with them.
#[test]
fn search_pages() {
    let server = Server::scenario();
    let search = question(ANY_USER, "read", RECORD_1);
    let limited = with(search.clone(), json!({"page": {"limit": 1}}));
    let first = server.post(SUBJECT, &limited);
    assert_eq!(
        first.json["results"],
        json!([{"type": "user", "id": "alice"}])
    );
    assert_eq!(first.json["page"]["count"], 1);
    assert_eq!(first.json["page"]["total"], 2);
    let token = json!({"page": {"token": first.next_token()}});
    server.post(SUBJECT, &with(search, token)).is(&json!({
        "page": {"next_token": "", "count": 1, "total": 2},
        "results": [{"type": "user", "id": "bob"}],
    }));
}

/// 4.6 and 4.7: nothing is found of what is unknown; what is missing is a 400.
#[test]
fn search_empty_and_errors() {
    let server = Server::scenario();
    let nobody = ("user", "nonexistent-user");
    let ship = ("spaceship", "");
    for (path, search) in [
        (ACTION, question(nobody, "", RECORD_1)),
        (RESOURCE, question(nobody, "read", ANY_RECORD)),
        (SUBJECT, question(ANY_USER, "write", ("record", "nowhere"))),
        (SUBJECT, question(ship, "read", RECORD_1)),
        (RESOURCE, question(ALICE, "read", ship)),
        (RESOURCE, question(("spaceship", "x"), "read", ANY_RECORD)),
        (RESOURCE, question(ALICE, "fly", ANY_RECORD)),
        (ACTION, question(("spaceship", "x"), "", RECORD_1)),
        (ACTION, question(ALICE, "", ("spaceship", "x"))),
    ] {
        server.post(path, &search).is(&json!({"results": []}));
    }
    for (path, search) in [
        (SUBJECT, question(ANY_USER, "", RECORD_1)),
        (
            RESOURCE,
            json!({"action": {"name": "read"}, "resource": {"type": "record"}}),
        ),
        (ACTION, json!({"subject": {"type": "user", "id": "alice"}})),
        (SUBJECT, question(ANY_USER, "read", ANY_RECORD)),
        (RESOURCE, question(ANY_USER, "read", ANY_RECORD)),
        (ACTION, question(ANY_USER, "", RECORD_1)),
        (ACTION, question(ALICE, "", ANY_RECORD)),
    ] {
        let reply = server.post(path, &search);
        reply.is_refused(400, "invalid-request", "is missing");
    }
}

/// 6: the metadata document.
#[test]
fn discovery() {
    let server = Server::scenario();
    server
        .state
        .publish("https://pdp.example.com".parse().unwrap());
    server.get(METADATA).is(&json!({
        "policy_decision_point": "https://pdp.example.com",
        "access_evaluation_endpoint": "https://pdp.example.com/access/v1/evaluation",
        "access_evaluations_endpoint": "https://pdp.example.com/access/v1/evaluations",
        "search_subject_endpoint": "https://pdp.example.com/access/v1/search/subject",
        "search_resource_endpoint": "https://pdp.example.com/access/v1/search/resource",
        "search_action_endpoint": "https://pdp.example.com/access/v1/search/action",
    }));
}
