//! Writes over HTTP: what is no command, what does not come about, and what is
//! done once however often it is asked.

use aobo::api::BODY_BYTES_MAX;
use aobo::node::Role;
use serde_json::{Value, json};

use super::{ADA, Desk, FIRST, GINA, NORA, PRIVILEGES, USERS};

const ACCEPT: &str = "/v1/invitations/i1/accept";
const FACTS: &str = "/v1/facts";
const COMMANDS: &str = "/v1/commands";

/// A body that is refused, with a part of what is said.
#[track_caller]
fn check(desk: &Desk, path: &str, body: impl Into<String>, refused: (u16, &str), said: &str) {
    let before = desk.head();
    let method = if path == FACTS { "PUT" } else { "POST" };
    let body = body.into();
    let reply = desk.by(ADA, method, path).text(body.clone()).send();
    let error = reply.refused(refused.0, refused.1);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(said), "{body}: {message}");
    desk.wrote_nothing_since(before);
}

#[test]
fn what_is_no_command_writes_nothing() {
    let desk = Desk::start();
    let check = |path, body: &str, code, said| check(&desk, path, body, (400, code), said);
    check(USERS, "{bad", "invalid-json", "not valid JSON");
    check(USERS, " ", "empty-body", "empty");
    let twice = r#"{"user": "u1", "user": "u2", "display_name": "U"}"#;
    check(USERS, twice, "invalid-json", "`user` comes twice");
    let deep = r#"{"fact": {"partners": {"p": {"country": "FR", "country": "DE", "market": "Europe", "cloud": "public"}}}}"#;
    check(FACTS, deep, "invalid-json", "`country` comes twice");
    let more = r#"{"user": "u1", "display_name": "U", "shoe_size": 42}"#;
    check(USERS, more, "invalid-request", "`shoe_size`");
    let less = r#"{"user": "u1"}"#;
    check(USERS, less, "invalid-request", "`display_name`");
    let both = r#"{"customer": "contoso", "user": "u1", "display_name": "U"}"#;
    check(USERS, both, "invalid-request", "`customer` is in the path");
    let named = r#"{"command": "create-user", "user": "u1", "display_name": "U"}"#;
    check(USERS, named, "invalid-request", "leave `command` out");
    check(
        USERS,
        r#"{"user": 1, "display_name": "U"}"#,
        "invalid-request",
        "integer `1`",
    );
    check(COMMANDS, "{}", "invalid-request", "`command`");
    check(
        COMMANDS,
        r#"{"command": "format-disk"}"#,
        "invalid-request",
        "`format-disk`",
    );
    check(
        COMMANDS,
        r#"{"command": ["put"]}"#,
        "invalid-request",
        "not a command",
    );
    // Serde would take a list for a tagged enum.
    check(
        COMMANDS,
        r#"["purge-user", "mia"]"#,
        "invalid-request",
        "an object",
    );
    check(
        COMMANDS,
        r#"["purge-user", {"user": "mia"}]"#,
        "invalid-request",
        "an object",
    );
    check(
        USERS,
        r#"["contoso", "u1", null, null, "U"]"#,
        "invalid-request",
        "an object",
    );
    check(COMMANDS, r#""purge-user""#, "invalid-request", "an object");
    check(COMMANDS, "null", "invalid-request", "an object");
    check(FACTS, r#"{"fact": []}"#, "invalid-request", "one fact");
    check(FACTS, r#"{"fact": {}}"#, "invalid-request", "one fact");
}

#[test]
fn a_body_has_a_limit_and_a_media_type() {
    let desk = Desk::start();
    let sized = |text: &str| json!({"command": "no-such-thing", "text": text}).to_string();
    let at_limit = sized(&"a".repeat(BODY_BYTES_MAX - sized("").len()));
    assert_eq!(at_limit.len(), BODY_BYTES_MAX);
    check(
        &desk,
        COMMANDS,
        at_limit.clone(),
        (400, "invalid-request"),
        "`no-such-thing`",
    );
    check(
        &desk,
        COMMANDS,
        at_limit + " ",
        (413, "body-too-large"),
        "262144 bytes",
    );
    let before = desk.head();
    let mut call = desk
        .by(ADA, "POST", USERS)
        .header("Content-Type", "text/plain");
    call.body = r#"{"user": "u1", "display_name": "U"}"#.into();
    call.send().refused(400, "content-type");
    desk.wrote_nothing_since(before);
}

#[test]
fn what_does_not_come_about_says_what_would() {
    let desk = Desk::start();
    let suspend = |id: &str| desk.operator("POST", &format!("/v1/subscriptions/{id}/suspend"));
    assert_eq!(suspend("s1").send().written(), FIRST + 1);
    let before = desk.head();
    let reply = suspend("s1").send();
    let error = reply.refused(409, "illegal");
    assert_eq!(error["state"], "suspended");
    let legal = json!(["resume-subscription", "cancel-subscription"]);
    assert_eq!(error["legal"], legal);
    assert_ne!(error["nextStep"], "");

    suspend("s9").send().refused(404, "not-found");
    let draft = desk.by(ADA, "POST", "/v1/invitations/i1/send").send();
    draft.refused(403, "not-yours");
    let body = json!({"user": "u1", "display_name": "U"});
    let by_nora = desk.by(NORA, "POST", USERS).json(&body).send();
    by_nora.refused(403, "forbidden");
    let by_nobody = desk.operator("POST", USERS).json(&body).send();
    by_nobody.refused(403, "forbidden");
    let portal = json!({"portal": "office-admin-portal"});
    let accepted = desk.by(GINA, "POST", ACCEPT).json(&portal).send();
    accepted.refused(403, "forbidden");
    let writer = desk.key(&[Role::AdminWrite], &[]);
    let after_key = desk.head();
    assert_eq!(after_key.seq, before.seq + 1);
    let call = desk
        .call("POST", "/v1/subscriptions/s1/resume")
        .key(&writer);
    let operators_only = call.header("Aobo-Principal", GINA).send();
    operators_only.refused(403, "forbidden");
    desk.wrote_nothing_since(after_key);
}

/// Who could accept it is told that it was accepted; all others learn what they did
/// before: nothing.
#[test]
fn a_step_that_was_taken_is_told_to_those_who_could_take_it() {
    let desk = Desk::start();
    let accept = |principal: &str, invitation: &str, portal: &str| {
        let path = format!("/v1/invitations/{invitation}/accept");
        let call = desk.by(principal, "POST", &path);
        call.json(&json!({ "portal": portal })).send()
    };
    let store = "microsoft-store-for-business";
    let strangers = || {
        for principal in [ADA, NORA, r#"CustomerUser::"mia""#] {
            accept(principal, "i1", store).refused(403, "forbidden");
        }
        accept(GINA, "i1", "office-admin-portal").refused(403, "forbidden");
        accept(GINA, "i9", store).refused(403, "forbidden");
    };
    strangers();
    accept(GINA, "i1", store).written();
    let before = desk.head();
    let reply = accept(GINA, "i1", store);
    let error = reply.refused(409, "illegal");
    assert_eq!(
        (&error["state"], &error["legal"]),
        (&json!("accepted"), &json!([]))
    );
    strangers();
    desk.wrote_nothing_since(before);
    // That the relationship has ended since is told, too.
    let ended = json!({"relationships": [{"partner": "northwind", "customer": "contoso", "status": "removed", "dap": "removed"}]});
    desk.operator("PUT", FACTS)
        .json(&json!({"fact": ended}))
        .send()
        .written();
    let reply = accept(GINA, "i1", store);
    assert_eq!(reply.refused(409, "illegal")["state"], "accepted");
    let sent = json!({"invitations": {"i1": {"partner": "northwind", "customer": "contoso", "sent_at": "2020-08-31T00:00:00Z", "include_dap": true, "status": "sent"}}});
    desk.operator("PUT", FACTS)
        .json(&json!({"fact": sent}))
        .send()
        .written();
    let before = desk.head();
    let reply = accept(GINA, "i1", store);
    let error = reply.refused(409, "illegal");
    assert_eq!(
        (&error["state"], &error["legal"]),
        (&json!("removed"), &json!(["send-invitation"]))
    );
    strangers();
    desk.wrote_nothing_since(before);
}

/// Nothing is taken where nothing was given; the customer's own Global Administrators
/// are told how it stands, and nobody else is.
#[test]
fn privileges_that_are_not_there_are_told_to_those_who_could_take_them() {
    let desk = Desk::start();
    let take = |principal: &str, partner: &str| {
        let path = format!("/v1/customers/contoso/partners/{partner}/delegatedAdmin");
        desk.by(principal, "DELETE", &path).send()
    };
    let strangers = || {
        for principal in [ADA, NORA, r#"CustomerUser::"mia""#] {
            for partner in ["fabrikam", "northwind", "nobody"] {
                take(principal, partner).refused(403, "forbidden");
            }
        }
        take(GINA, "nobody").refused(403, "forbidden");
    };
    strangers();
    take(GINA, "northwind").refused(404, "not-found");
    take(GINA, "fabrikam").written();
    let before = desk.head();
    let reply = take(GINA, "fabrikam");
    let error = reply.refused(409, "illegal");
    assert_eq!(error["state"], "removed");
    strangers();
    desk.wrote_nothing_since(before);
}

#[test]
fn a_condition_holds_or_nothing_is_written() {
    let desk = Desk::start();
    let given = |user: &str, revision: &str| desk.creates(user).header("If-Match", revision).send();
    let before = desk.head();
    given("u1", "\"2\"").refused(412, "precondition-failed");
    given("u1", "\"4\"").refused(412, "precondition-failed");
    for bad in ["three", "\"-1\"", "W/\"3\""] {
        given("u1", bad).refused(400, "invalid-header");
    }
    desk.wrote_nothing_since(before);
    assert_eq!(given("u1", "\"3\"").written(), FIRST + 1);
    assert_eq!(given("u2", "4").written(), FIRST + 2);
    assert_eq!(given("u3", "*").written(), FIRST + 3);
}

#[test]
fn the_same_key_does_it_once() {
    let desk = Desk::start();
    let keyed = |user: &str| desk.creates(user).header("Idempotency-Key", "order-1");
    let first = keyed("u1").send();
    assert_eq!(first.written(), FIRST + 1);
    let after = desk.head();
    let again = keyed("u1").send();
    assert_eq!((again.status, &again.json["repeated"]), (200, &json!(true)));
    let without = |mut answer: Value| {
        answer
            .as_object_mut()
            .unwrap()
            .remove("repeated")
            .map(|_| answer)
    };
    assert_eq!(without(again.json), without(first.json), "the same answer");
    // It was done: whether it still could be is not asked.
    let stale = keyed("u1").header("If-Match", "\"1\"").send();
    assert_eq!(stale.json["repeated"], true, "{}", stale.json);

    keyed("u2").send().refused(409, "idempotency-key-reused");
    let body = json!({"user": "u1", "display_name": "u1"});
    let by_gina = desk.by(GINA, "POST", USERS).json(&body);
    let by_gina = by_gina.header("Idempotency-Key", "order-1").send();
    by_gina.refused(409, "idempotency-key-reused");
    let other = desk
        .operator("DELETE", "/v1/users/mia")
        .header("Idempotency-Key", "order-1");
    other.send().refused(409, "idempotency-key-reused");
    desk.wrote_nothing_since(after);

    // The log remembers, whoever opens it.
    let (log, master) = (desk.ledger.log().clone(), desk.master.clone());
    drop(desk);
    let desk = Desk::over(
        super::open(log, aobo::node::Choice::Last, None).unwrap(),
        master,
    );
    let again = desk
        .creates("u1")
        .header("Idempotency-Key", "order-1")
        .send();
    assert_eq!(again.json["repeated"], true, "{}", again.json);
    desk.wrote_nothing_since(after);
}

#[test]
fn a_key_of_idempotency_has_a_length() {
    let desk = Desk::start();
    let keyed = |user: &str, key: &str| desk.creates(user).header("Idempotency-Key", key).send();
    let before = desk.head();
    keyed("u1", "").refused(400, "invalid-header");
    keyed("u1", &"k".repeat(256)).refused(400, "invalid-header");
    desk.wrote_nothing_since(before);
    keyed("u1", &"k".repeat(255)).written();
}

#[test]
fn duties_come_with_the_answer() {
    let desk = Desk::start();
    let removed = desk.by(GINA, "DELETE", PRIVILEGES).send();
    removed.written();
    let duties = removed.json["duties"].as_array().unwrap();
    let rules: Vec<&str> = duties
        .iter()
        .filter_map(|duty| duty["rule"].as_str())
        .collect();
    assert_eq!(rules, ["A-SUP-01", "A-SUP-02", "A-AZ-07", "A-REL-06"]);
    let events = desk.get("/v1/events?kind=privileges.removed");
    let payload = &events["events"][0]["payload"];
    assert_eq!(payload["answer"]["duties"], removed.json["duties"]);
    assert_eq!(payload["command"]["command"], "remove-delegated-admin");
}
