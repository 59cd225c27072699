//! The history of a thing, of a relationship, and of what somebody did.

use serde_json::{Value, json};

use super::{ADA, Desk, FIRST, GINA, PRIVILEGES, SEEDED};

/// The revisions of the events that a query chooses.
#[track_caller]
fn chosen(desk: &Desk, query: &str) -> Vec<u64> {
    let answer = desk.get(&format!("/v1/events?{query}"));
    assert_eq!(answer["next"], Value::Null, "{query}");
    let events = answer["events"].as_array().unwrap().iter();
    events.map(|e| e["revision"].as_u64().unwrap()).collect()
}

/// Contoso takes the privileges away, Ada gives Gina a role and takes it back in other
/// letters, and a subscription is suspended: four events after [`FIRST`].
fn played() -> Desk {
    let desk = Desk::start();
    desk.by(GINA, "DELETE", PRIVILEGES).send().written();
    let role = |scope: &str| json!({"principal": "gina", "role": "Reader", "scope": scope});
    let roles = "/v1/roleAssignments";
    let given = desk.by(ADA, "POST", roles).json(&role("/Subscriptions/S1"));
    given.send().written();
    let taken = desk.by(ADA, "DELETE", roles);
    taken.json(&role("/subscriptions/s1")).send().written();
    let suspended = desk.operator("POST", "/v1/subscriptions/s1/suspend");
    suspended.send().written();
    assert_eq!(desk.head().seq, FIRST + 4);
    desk
}

#[test]
fn a_thing_is_asked_for_by_its_whole_id() {
    let desk = played();
    let [removed, given, taken, suspended] = [1, 2, 3, 4].map(|n| FIRST + n);
    let scope = [SEEDED, given, taken, suspended];
    for id in ["s1", "S1", "/subscriptions/s1", "%2FSUBSCRIPTIONS%2Fs1"] {
        assert_eq!(chosen(&desk, &format!("about={id}")), scope, "{id}");
    }
    assert_eq!(chosen(&desk, "about=gina"), [SEEDED, given, taken]);
    assert_eq!(chosen(&desk, "about=gina&kind=world.seeded"), [SEEDED]);
    assert_eq!(chosen(&desk, "about=i1"), [SEEDED]);
    let contoso = chosen(&desk, "about=contoso");
    assert!(contoso.contains(&removed) && contoso.contains(&SEEDED));
    // Not within another text, nor the name of a member, nor in other letters.
    for none in [
        "s",
        "cont",
        "dmin",
        "customer",
        "scope",
        "Gina",
        "subscriptions",
    ] {
        assert_eq!(chosen(&desk, &format!("about={none}")), [0; 0], "{none}");
    }
}

#[test]
fn a_relationship_is_asked_for_by_both_parties() {
    let desk = played();
    let contoso = "partner=fabrikam&customer=contoso";
    assert_eq!(chosen(&desk, contoso), [SEEDED, FIRST + 1]);
    let tailspin = "partner=fabrikam&customer=tailspin";
    assert_eq!(chosen(&desk, tailspin), [SEEDED]);
    // There was only an invitation.
    assert_eq!(
        chosen(&desk, "partner=northwind&customer=contoso"),
        [SEEDED]
    );
    assert_eq!(chosen(&desk, "partner=northwind&customer=tailspin"), [0; 0]);
    for one in ["partner=fabrikam", "customer=contoso"] {
        let reply = desk.operator("GET", &format!("/v1/events?{one}")).send();
        reply.refused(400, "invalid-request");
    }
}

#[test]
fn an_actor_is_asked_for_whole_or_in_part() {
    let desk = played();
    let ada = [FIRST + 2, FIRST + 3];
    for actor in ["ada", "PartnerUser+ada", "PartnerUser%3A%3A%22ada%22"] {
        assert_eq!(chosen(&desk, &format!("actor={actor}")), ada, "{actor}");
    }
    assert_eq!(chosen(&desk, "actor=gina"), [FIRST + 1]);
    assert_eq!(chosen(&desk, "actor=ada&about=mia"), [0; 0]);
    let folded = desk.ledger.folded();
    let key = &folded.keys.values().next().unwrap().id;
    let by_key = [1, 2, 3, 4].map(|n| FIRST + n);
    assert_eq!(chosen(&desk, &format!("actor={key}")), by_key);
    assert_eq!(chosen(&desk, "actor=ad"), [0; 0]);
}

#[test]
fn pages_of_a_history_lose_nothing() {
    let desk = played();
    let (mut after, mut found) = (0, Vec::new());
    loop {
        let page = desk.get(&format!("/v1/events?about=s1&limit=1&after={after}"));
        let events = page["events"].as_array().unwrap();
        found.extend(
            events
                .iter()
                .map(|event| event["revision"].as_u64().unwrap()),
        );
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(found, chosen(&desk, "about=s1"));
}
