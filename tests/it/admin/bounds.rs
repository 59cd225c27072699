//! What a key, a header or a moment must not stretch to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aobo::log::{Log, Memory};
use aobo::node::{Choice, Role};
use serde_json::{Value, json};

use super::{ADA, Desk, USERS, facts, open, operate, question, sign_in};

#[track_caller]
fn no_key(desk: &Desk, wanted: &Value) {
    let before = desk.head();
    let reply = desk.operator("POST", "/v1/keys").json(wanted).send();
    reply.refused(400, "invalid-request");
    desk.wrote_nothing_since(before);
}

#[test]
fn a_key_that_makes_no_sense_is_not_made() {
    let desk = Desk::start();
    no_key(&desk, &json!({"roles": []}));
    no_key(&desk, &json!({"roles": ["decide"], "tenants": []}));
    no_key(&desk, &json!({"roles": ["decide"], "tenants": [""]}));
    no_key(&desk, &json!({"roles": ["decide"], "principal": "ada"}));
    // An operator may do everything, so no tenant holds it.
    no_key(
        &desk,
        &json!({"roles": ["operator"], "tenants": ["tailspin"]}),
    );
    let proper = json!({"roles": ["admin-write"], "tenants": ["fabrikam"], "principal": ADA});
    let made = desk.operator("POST", "/v1/keys").json(&proper).send();
    assert_eq!(made.status, 201, "{}", made.json);
}

#[test]
fn an_id_that_looks_like_a_tenant_opens_none() {
    let desk = Desk::start();
    let key = desk.key(&[Role::AdminWrite], &["fabrikam"]);
    let body = json!({"users": ["mia"]});
    let call = desk.call("POST", "/v1/licenses/office/assign").key(&key);
    let call = call.header("Aobo-Principal", r#"Publisher::"fabrikam""#);
    call.json(&body).send().refused(403, "forbidden");
}

#[test]
fn an_operator_alone_acts_as_nobody() {
    let desk = Desk::start();
    let key = desk.key(&[Role::Operator], &[]);
    let call = desk
        .call("POST", USERS)
        .key(&key)
        .header("Aobo-Principal", ADA);
    let user = json!({"user": "u1", "display_name": "U"});
    call.json(&user).send().refused(403, "forbidden");
}

#[test]
fn what_comes_twice_or_holds_a_tab_is_refused_alone() {
    let desk = Desk::start();
    let before = desk.head();
    for (name, value) in [
        ("Idempotency-Key", "k"),
        ("If-Match", "*"),
        ("Aobo-Principal", ADA),
    ] {
        let call = desk.creates("u1").header(name, value).header(name, value);
        call.send().refused(400, "invalid-header");
    }
    let tab = desk.creates("u1").header("Idempotency-Key", "a\tb");
    assert_eq!(tab.send().status, 400);
    desk.wrote_nothing_since(before);
    desk.creates("u1").send().written();
}

#[test]
fn a_path_that_does_not_read_is_told_as_json() {
    let desk = Desk::start();
    for path in ["/v1/revisions/x/diff/1", "/v1/partners/%ff/customers"] {
        let reply = desk.operator("GET", path).send();
        reply.refused(400, "invalid-request");
        desk.call("GET", path).send().refused(401, "unauthorized");
    }
}

#[test]
fn a_key_reads_of_its_own_people_only() {
    let desk = Desk::start();
    let key = desk.key(&[Role::AdminRead], &["contoso"]);
    let read = |query: &str| {
        let path = format!("/v1/customers/contoso/effectiveRoles?{query}");
        desk.call("GET", &path).key(&key).send()
    };
    assert_eq!(read("customerUser=gina").status, 200);
    read("partnerUser=ada").refused(403, "forbidden");
    read("partnerUser=nobody").refused(403, "forbidden");
    read("group=fabrikam/AdminAgents").refused(403, "forbidden");
}

/// Whoever was deleted can be restored for 30 days, also of the past.
#[test]
fn a_past_time_is_the_time_of_its_decisions() {
    let desk = Desk::start();
    desk.passed.store(40 * 86_400, Ordering::SeqCst);
    let restore = question("RestoreUser", ("CustomerUser", "rex"), json!({}));
    let as_of = |moment: &str| desk.ask(&restore).header("Aobo-As-Of", moment).send();
    assert!(as_of("2020-09-30T09:00:00Z").decision());
    assert!(!as_of("2020-09-30T09:00:01Z").decision());
    assert!(as_of("2").decision(), "at the time of the revision");
    as_of("2020-11-01T00:00:00Z").refused(400, "as-of-unavailable");
    let both = desk.ask(&restore).header("Aobo-As-Of", "2");
    both.header("Aobo-At-Least", "1")
        .send()
        .refused(400, "invalid-header");
}

/// A device names a profile: whatever order facts are kept in, a start finds both.
#[test]
fn a_log_opens_again_whatever_names_what() {
    let log: Arc<dyn Log> = Arc::new(Memory::new());
    let desk = Desk::on(Arc::clone(&log));
    let add = json!({"channel": "partner-center", "partner": "fabrikam", "devices": ["d1"]});
    let devices = desk.by(ADA, "POST", "/v1/customers/contoso/devices");
    devices.json(&add).send().written();
    let profile = json!({"profile": "p1", "partner": "fabrikam"});
    let profiles = desk.by(ADA, "POST", "/v1/customers/contoso/autopilotProfiles");
    profiles.json(&profile).send().written();
    let apply = desk.by(ADA, "PUT", "/v1/devices/d1/autopilotProfile/p1");
    apply.send().written();
    let (before, answers) = (
        facts(&desk.ledger),
        [desk.allows(&sign_in()), desk.allows(&operate())],
    );
    // Opened twice: from the events, and from the checkpoint that the first start left.
    for _ in 0..2 {
        let again = Desk::over(
            open(Arc::clone(&log), Choice::Last, None).unwrap(),
            String::new(),
        );
        assert_eq!(facts(&again.ledger), before);
        assert_eq!(
            [again.allows(&sign_in()), again.allows(&operate())],
            answers
        );
    }
}

#[test]
fn a_customer_gives_no_name_of_somebody_else() {
    let desk = Desk::start();
    desk.creates("nora").send().refused(409, "refused");
    let domains = json!({"fact": {"customers": {"contoso": {
        "country": "FR", "market": "Europe", "cloud": "public", "domains": ["contoso.example"]
    }}}});
    desk.operator("PUT", "/v1/facts")
        .json(&domains)
        .send()
        .written();
    desk.creates("ceo@tailspin.example")
        .send()
        .refused(409, "refused");
    desk.creates("new@contoso.example").send().written();
}
