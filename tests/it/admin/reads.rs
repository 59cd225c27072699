//! Each read once, with what the world has to say there.

use aobo::api::reads;
use serde_json::{Value, json};

use super::{ADA, Desk, FIRST, GINA, NORA, SEEDED};

/// Answers that were checked, by the path of their read.
struct Checked {
    desk: Desk,
    paths: Vec<&'static str>,
}

impl Checked {
    /// One member of an answer, in full.
    #[track_caller]
    fn check(&mut self, read: &'static str, asked: &str, member: &str, expected: Value) {
        let steps = |path: &str| path.split('/').count();
        let path = asked.split('?').next().unwrap();
        assert_eq!(steps(read), steps(path), "{asked} is a {read}");
        let reply = self.desk.operator("GET", asked).send();
        assert_eq!(reply.status, 200, "{asked}: {}", reply.json);
        assert_eq!(reply.json[member], expected, "{asked}");
        let revision = reply.header("aobo-revision");
        if !revision.is_empty() {
            assert_eq!(revision, reply.json["revision"].to_string());
            assert_eq!(revision, self.desk.head().seq.to_string());
        }
        self.paths.push(read);
    }
}

const PARTNERS_OF: &str = "/v1/customers/{customer}/partners";
const USERS_OF: &str = "/v1/customers/{customer}/users";
const ROLES_OF: &str = "/v1/customers/{customer}/effectiveRoles";
const DIFF: &str = "/v1/revisions/{from}/diff/{to}";

#[test]
fn every_read_answers() {
    let desk = Desk::start();
    desk.operator("POST", "/v1/subscriptions/s1/suspend")
        .send()
        .written();
    let paths = Vec::new();
    let mut all = Checked { desk, paths };
    relations(&mut all);
    people(&mut all);
    azure_and_facts(&mut all);
    history(&mut all);
    let unread: Vec<_> = reads().filter(|path| !all.paths.contains(path)).collect();
    assert!(unread.is_empty(), "no answer of {unread:?} was checked");
    assert!(
        all.paths
            .iter()
            .all(|path| reads().any(|read| read == *path))
    );
}

fn relations(all: &mut Checked) {
    let customers = json!([
        {"customer": "contoso", "delegatedAdmin": true},
        {"customer": "tailspin", "delegatedAdmin": false},
    ]);
    let read = "/v1/partners/{partner}/customers";
    all.check(
        read,
        "/v1/partners/fabrikam/customers",
        "customers",
        customers,
    );
    all.check(
        read,
        "/v1/partners/northwind/customers",
        "customers",
        json!([]),
    );
    let partners =
        json!([{"partner": "fabrikam", "delegatedAdmin": true, "contractInForce": true}]);
    all.check(
        PARTNERS_OF,
        "/v1/customers/contoso/partners",
        "partners",
        partners,
    );
    let waiting = json!([{
        "invitation": "i1", "partner": "northwind", "customer": "contoso",
        "includeDap": true, "sentAt": "2020-08-31T00:00:00Z",
    }]);
    let read = "/v1/partners/{partner}/invitations";
    all.check(
        read,
        "/v1/partners/northwind/invitations",
        "invitations",
        waiting.clone(),
    );
    all.check(
        read,
        "/v1/partners/fabrikam/invitations",
        "invitations",
        json!([]),
    );
    let read = "/v1/customers/{customer}/invitations";
    all.check(
        read,
        "/v1/customers/contoso/invitations",
        "invitations",
        waiting,
    );
}

fn people(all: &mut Checked) {
    let gina = json!({"user": "gina", "directoryRoles": ["Global Administrator"], "licenses": []});
    let mia = json!({"user": "mia", "directoryRoles": [], "licenses": ["office"]});
    let users = "/v1/customers/contoso/users";
    all.check(USERS_OF, users, "users", json!([gina, mia]));
    let unlicensed = format!("{users}?licensed=false");
    all.check(USERS_OF, &unlicensed, "users", json!([gina]));
    let deleted = json!([{
        "user": "rex", "deletedAt": "2020-08-31T09:00:00Z", "daysLeft": 29,
        "licenses": ["office"], "missingLicenses": [],
    }]);
    let read = "/v1/customers/{customer}/deletedUsers";
    all.check(read, "/v1/customers/contoso/deletedUsers", "users", deleted);
    // Delegation shows in no list of members.
    let read = "/v1/customers/{customer}/directoryRoles/{role}/members";
    let members = "/v1/customers/contoso/directoryRoles/Global%20Administrator/members";
    all.check(read, members, "members", json!(["gina"]));
    let held = json!([
        {"role": "Directory Readers", "holding": "included", "by": "Global Administrator"},
        {"role": "Global Administrator", "holding": "delegated", "group": "fabrikam/AdminAgents"},
    ]);
    let of = "/v1/customers/contoso/effectiveRoles";
    all.check(
        ROLES_OF,
        &format!("{of}?partnerUser=ada"),
        "roles",
        held.clone(),
    );
    all.check(
        ROLES_OF,
        &format!("{of}?group=fabrikam/AdminAgents"),
        "roles",
        held,
    );
    all.check(
        ROLES_OF,
        &format!("{of}?partnerUser=nora"),
        "roles",
        json!([]),
    );
    let held = json!([
        {"role": "Directory Readers", "holding": "included", "by": "Global Administrator"},
        {"role": "Global Administrator", "holding": "explicit"},
    ]);
    all.check(ROLES_OF, &format!("{of}?customerUser=gina"), "roles", held);
}

fn azure_and_facts(all: &mut Checked) {
    let owner = json!([{
        "principal": "fabrikam/AdminAgents", "role": "Owner", "scope": "/subscriptions/s1",
    }]);
    let read = "/v1/roleAssignments";
    let below = "/v1/roleAssignments?scope=%2FSubscriptions%2FS1%2FresourceGroups%2Fweb";
    all.check(read, below, "roleAssignments", owner);
    let elsewhere = "/v1/roleAssignments?scope=%2Fsubscriptions%2Fs2";
    all.check(read, elsewhere, "roleAssignments", json!([]));

    let world = all.desk.ledger.folded().world.clone();
    let facts = world.facts();
    let facts: Vec<Value> = facts
        .map(|fact| aobo::directory::world_file::fact_to_json(&fact))
        .collect();
    let suspended =
        json!({"subscriptions": {"s1": {"customer": "contoso", "status": "suspended"}}});
    assert!(facts.contains(&suspended), "{facts:?}");
    assert_eq!(facts.len(), 16);
    all.check("/v1/facts", "/v1/facts", "facts", Value::Array(facts));
}

fn history(all: &mut Checked) {
    all.check("/v1/bundle", "/v1/bundle", "profile", json!("seed"));
    let put =
        json!({"put": {"subscriptions": {"s1": {"customer": "contoso", "status": "suspended"}}}});
    let (from, to) = (SEEDED, FIRST + 1);
    let there = format!("/v1/revisions/{from}/diff/{to}");
    all.check(DIFF, &there, "changes", json!([put]));
    let back = format!("/v1/revisions/{to}/diff/{from}");
    let put =
        json!({"put": {"subscriptions": {"s1": {"customer": "contoso", "status": "active"}}}});
    all.check(DIFF, &back, "changes", json!([put]));
    all.check(
        DIFF,
        &format!("/v1/revisions/{to}/diff/{to}"),
        "changes",
        json!([]),
    );

    let records = all.desk.ledger.log().read(0, 10).unwrap();
    let last = records.last().unwrap();
    let event = json!([{
        "revision": FIRST + 1,
        "at": "2020-09-01T09:00:00Z",
        "actor": last.actor,
        "kind": "subscription.suspended",
        "hash": last.hash.to_string(),
        "payload": serde_json::from_str::<Value>(&last.payload).unwrap(),
    }]);
    assert!(last.actor.starts_with("key "), "{}", last.actor);
    let read = "/v1/events";
    all.check(read, "/v1/events?after=3", "events", event.clone());
    all.check(
        read,
        "/v1/events?kind=subscription.suspended",
        "events",
        event.clone(),
    );
    all.check(read, "/v1/events?after=2&about=s1", "events", event);
    all.check(read, "/v1/events?after=2&about=s", "events", json!([]));
    all.check(read, "/v1/events?after=4", "events", json!([]));
    let one = all.desk.get("/v1/events?after=1&limit=1");
    let one = one["events"].as_array().unwrap();
    assert!(one.len() == 1 && one[0]["revision"] == SEEDED);
    assert_eq!(one[0]["kind"], "world.seeded");

    let folded = all.desk.ledger.folded();
    let key = folded.keys.values().next().unwrap();
    let keys = json!([{
        "id": key.id,
        "roles": ["admin-read", "admin-write", "operator"],
        "tenants": null,
        "principal": null,
        "created": "2020-09-01T09:00:00Z",
    }]);
    all.check("/v1/keys", "/v1/keys", "keys", keys);
}

#[test]
fn a_read_that_makes_no_sense_is_refused() {
    let desk = Desk::start();
    let refused = |path: &str, code| {
        let reply = desk.operator("GET", path).send();
        reply.refused(400, code);
    };
    refused(
        "/v1/customers/contoso/users?licensed=true",
        "invalid-request",
    );
    refused("/v1/customers/contoso/effectiveRoles", "invalid-request");
    let two = "/v1/customers/contoso/effectiveRoles?partnerUser=ada&group=x";
    refused(two, "invalid-request");
    refused("/v1/roleAssignments", "invalid-request");
    refused("/v1/roleAssignments?scope=s1", "invalid-request");
    refused("/v1/events?after=yesterday", "invalid-request");
    refused("/v1/events?limit=-1", "invalid-request");
    refused("/v1/revisions/0/diff/1", "revision-out-of-range");
    refused("/v1/revisions/1/diff/4", "revision-out-of-range");
    desk.operator("GET", "/v1/nothing")
        .send()
        .refused(404, "not-found");
    let deleted = desk.operator("DELETE", "/v1/events").send();
    deleted.refused(405, "method-not-allowed");
}

#[test]
fn a_principal_reads_what_the_policies_let_it() {
    let desk = Desk::start();
    let mia = r#"CustomerUser::"mia""#;
    let scope = "/v1/roleAssignments?scope=/subscriptions/s1";
    let members = "/v1/customers/contoso/directoryRoles/Global%20Administrator/members";
    for (who, path, status) in [
        (GINA, "/v1/customers/contoso/partners", 200),
        (ADA, "/v1/customers/contoso/partners", 403),
        (mia, "/v1/customers/contoso/partners", 403),
        (ADA, "/v1/customers/contoso/users", 200),
        (NORA, "/v1/customers/contoso/users", 403),
        (ADA, "/v1/customers/tailspin/users", 403),
        (ADA, "/v1/customers/contoso/deletedUsers", 200),
        (NORA, "/v1/customers/contoso/deletedUsers", 403),
        (ADA, members, 200),
        (NORA, members, 403),
        (NORA, "/v1/partners/fabrikam/customers", 200),
        (NORA, "/v1/partners/northwind/customers", 403),
        (GINA, "/v1/partners/fabrikam/customers", 403),
        (NORA, "/v1/partners/northwind/invitations", 403),
        (NORA, scope, 403),
        (GINA, "/v1/facts", 403),
    ] {
        let reply = desk.by(who, "GET", path).send();
        assert_eq!(reply.status, status, "{who} {path}: {}", reply.json);
        if status == 403 {
            reply.refused(403, "forbidden");
        }
    }
    // The partner's people do not see there whether it has privileges (A-DAP-07).
    let customers = desk
        .by(ADA, "GET", "/v1/partners/fabrikam/customers")
        .send();
    let wanted = json!([{"customer": "contoso"}, {"customer": "tailspin"}]);
    assert_eq!(customers.json["customers"], wanted);
}
