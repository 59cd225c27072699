//! Facts, keys and changes as JSON and back.

use std::collections::BTreeSet;

use aobo::directory::world_file::{change_from_json, change_to_json, fact_from_json, fact_to_json};
use aobo::directory::{Change, Fact};
use serde_json::{Value, json};

use crate::laws::facts;
use crate::support::{Rng, scaled};

/// A random fact as a world file can say it: membership of a built-in group is
/// the role, so it is not written as the group (D 14).
fn sayable(rng: &mut Rng) -> Fact {
    match facts::fact(rng) {
        Fact::PartnerUser(mut user) => {
            let built_in =
                |id: &String| id.ends_with("/AdminAgents") || id.ends_with("/HelpdeskAgents");
            user.groups.retain(|id| !built_in(id));
            Fact::PartnerUser(user)
        }
        fact => fact,
    }
}

#[test]
fn every_fact_and_key_reads_back() {
    let mut rng = Rng::new(4);
    let mut kinds = BTreeSet::new();
    for _ in 0..scaled(5_000) {
        let fact = sayable(&mut rng);
        let key = fact.key();
        kinds.insert(key.kind());
        for change in [Change::Put(fact), Change::Remove(key)] {
            let text = change_to_json(&change).to_string();
            let json: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(change_from_json(&json).expect("a change"), change, "{text}");
        }
    }
    assert_eq!(kinds.len(), 17, "every kind of fact: {kinds:?}");
}

/// The form is a promise to logs that are already written.
#[test]
fn the_form_stands() {
    let change = |json: Value| {
        let change = change_from_json(&json).expect("a change");
        assert_eq!(change_to_json(&change), json);
    };
    change(json!({"put": {"relationships": [
        {"partner": "p", "customer": "c", "status": "active", "dap": "none", "contract": "in-force"}]}}));
    change(
        json!({"put": {"seats": {"c": {"office": {"free": 2, "activated": "2020-09-01T09:00:00Z"}}}}}),
    );
    change(json!({"put": {"deny_assignments": [
        {"scope": "/subscriptions/s", "number": 7, "principals": ["*"], "actions": ["*"], "notActions": ["*/read"]}]}}));
    change(json!({"put": {"service_requests": {"q": {
        "partner": "p", "customer": "c", "channel": "admin-portal", "opened": "2020-09-01T09:00:00Z"}}}}));
    change(json!({"put": {"customer_users": {"mia": {
        "customer": "c", "state": "deleted", "deleted_at": "2020-09-01T09:00:00Z", "display_name": "Mia",
        "previous_licenses": ["office"], "role_assignable_group": true}}}}));
    change(json!({"remove": {"role_assignments": [
        {"principal": "a", "role": "Owner", "scope": "/subscriptions/s"}]}}));
    change(json!({"remove": {"seats": [{"customer": "c", "product": "office"}]}}));
    change(json!({"remove": {"deny_assignments": [{"scope": "/subscriptions/s", "number": 7}]}}));
}

#[test]
fn what_is_not_one_change_is_not_read() {
    for json in [
        json!({}),
        json!([]),
        json!({"put": {}}),
        json!({"put": {"groups": {"p/a": {}, "p/b": {}}}}),
        json!({"put": {"groups": {"p/a": {}}}, "remove": {"groups": ["p/b"]}}),
        json!({"remove": {"groups": []}}),
        json!({"patch": {"groups": {"p/a": {}}}}),
        json!({"put": {"deny_assignments": [{"scope": "/subscriptions/s", "principals": ["*"], "actions": ["*"]}]}}),
        json!({"put": {"service_requests": {"q": {"partner": "p", "customer": "c", "channel": "admin-portal", "opened": null}}}}),
    ] {
        assert!(change_from_json(&json).is_err(), "{json}");
    }
}

/// A world file without the new members says what it said.
#[test]
fn old_files_read_as_before() {
    let old = json!({"devices": {"d": {"customer": "c", "added_by": "customer", "channel": "intune-portal"}}});
    let fact = fact_from_json(&old).expect("a device");
    assert!(matches!(&fact, Fact::Device(device) if device.profile.is_none()));
    assert_eq!(fact_to_json(&fact), old);
}
