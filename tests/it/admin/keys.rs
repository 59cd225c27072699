//! API keys over HTTP: in force and out of force at once, and never seen again.

use aobo::node::{KEY_PREFIX, Role};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{ADA, Desk, FIRST, GINA, USERS};

const KEYS: &str = "/v1/keys";

/// Makes a key over HTTP: its id and its secret.
#[track_caller]
fn created(desk: &Desk, body: &Value) -> (String, String) {
    let reply = desk.operator("POST", KEYS).json(body).send();
    assert_eq!(reply.status, 201, "{}", reply.json);
    let text = |member: &str| reply.json[member].as_str().expect("a text").to_owned();
    let (id, secret) = (text("id"), text("key"));
    assert!(secret.starts_with(KEY_PREFIX) && !secret.contains(&id));
    assert_eq!(reply.json["revision"], desk.head().seq);
    (id, secret)
}

/// The status of a read with a key.
fn reads(desk: &Desk, secret: &str) -> u16 {
    desk.call("GET", KEYS).key(secret).send().status
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn keys_come_into_force_and_go_at_once() {
    let desk = Desk::start();
    let reader = json!({"roles": ["admin-read"]});
    let keys: Vec<_> = (0..3).map(|_| created(&desk, &reader)).collect();
    assert_eq!(desk.head().seq, FIRST + 3);
    for (_, secret) in &keys {
        assert_eq!(reads(&desk, secret), 200);
    }
    let path = format!("{KEYS}/{}", keys[1].0);
    let revoked = desk.operator("DELETE", &path).send();
    assert_eq!(
        (revoked.status, &revoked.json["revision"]),
        (200, &json!(FIRST + 4))
    );
    let now: Vec<u16> = keys
        .iter()
        .map(|(_, secret)| reads(&desk, secret))
        .collect();
    assert_eq!(now, [200, 401, 200]);
    let after = desk.head();
    desk.operator("DELETE", &path)
        .send()
        .refused(404, "not-found");
    desk.operator("DELETE", "/v1/keys/x")
        .send()
        .refused(404, "not-found");
    desk.wrote_nothing_since(after);
    let listed = desk.get(KEYS);
    let listed = listed["keys"].as_array().unwrap();
    let mut ids: Vec<&str> = listed.iter().filter_map(|key| key["id"].as_str()).collect();
    ids.retain(|id| keys.iter().any(|(made, _)| made == id));
    ids.sort_unstable();
    let mut wanted = [keys[0].0.as_str(), keys[2].0.as_str()];
    wanted.sort_unstable();
    assert_eq!((ids, listed.len()), (wanted.to_vec(), 3));
}

#[test]
fn only_an_operator_makes_and_revokes_keys() {
    let desk = Desk::start();
    let writer = desk.key(&[Role::AdminWrite, Role::AdminRead], &[]);
    let (id, _) = created(&desk, &json!({"roles": ["decide"]}));
    let before = desk.head();
    let body = json!({"roles": ["operator"]});
    let makes = desk.call("POST", KEYS).key(&writer).json(&body);
    makes.send().refused(403, "forbidden");
    let revokes = desk.call("DELETE", &format!("{KEYS}/{id}")).key(&writer);
    revokes.send().refused(403, "forbidden");
    desk.wrote_nothing_since(before);
}

#[test]
fn what_is_no_key_writes_nothing() {
    let desk = Desk::start();
    let before = desk.head();
    let check = |body: &str, code| {
        let reply = desk.operator("POST", KEYS).text(body.to_owned()).send();
        reply.refused(400, code);
    };
    check("{}", "invalid-request");
    check(r#"{"roles": ["root"]}"#, "invalid-request");
    check(r#"{"roles": "decide"}"#, "invalid-request");
    check(r#"{"roles": ["decide"], "name": "x"}"#, "invalid-request");
    check(
        r#"{"roles": ["decide"], "roles": ["operator"]}"#,
        "invalid-json",
    );
    check(r#"[["decide"], null, null]"#, "invalid-request");
    check(" ", "empty-body");
    desk.operator("POST", KEYS)
        .send()
        .refused(400, "content-type");
    desk.wrote_nothing_since(before);
}

/// A key may be for one principal and nobody else.
#[test]
fn a_key_acts_as_its_own_principal() {
    let desk = Desk::start();
    let body = json!({"roles": ["admin-write"], "tenants": ["fabrikam"], "principal": ADA});
    let (id, secret) = created(&desk, &body);
    let user = |id: &str| json!({"user": id, "display_name": id});
    let call = || desk.call("POST", USERS).key(&secret);
    call().json(&user("u1")).send().written();
    let named = call().json(&user("u2")).header("Aobo-Principal", ADA);
    named.send().written();
    let other = call().json(&user("u3")).header("Aobo-Principal", GINA);
    other.send().refused(403, "forbidden");
    let events = desk.get("/v1/events?kind=user.created");
    let actor = format!("PartnerUser ada (key {id})");
    assert_eq!(events["events"][0]["actor"], actor);
    assert_eq!(events["events"].as_array().unwrap().len(), 2);
}

/// Neither a key nor its hash comes out of any route; the log has the hash, and
/// not the key.
#[test]
fn no_answer_shows_a_key_or_its_hash() {
    let desk = Desk::start();
    let (id, secret) = created(&desk, &json!({"roles": ["admin-read", "admin-write"]}));
    let hash = sha256(&secret);
    assert!(hash.starts_with(&id), "the id is the beginning of the hash");
    let records = desk.ledger.log().read(0, 100).unwrap();
    let holds = |text: &str| {
        records
            .iter()
            .filter(|record| record.payload.contains(text))
            .count()
    };
    assert_eq!((holds(&hash), holds(&secret)), (1, 0));

    let mut seen = String::new();
    for path in aobo::api::reads() {
        let path = path.replace("{from}", "3").replace("{to}", "4");
        let path = path
            .replace("{partner}", "fabrikam")
            .replace("{customer}", "contoso");
        let path = path.replace("{role}", "Global%20Administrator");
        let query = match path.rsplit('/').next() {
            Some("effectiveRoles") => "?partnerUser=ada",
            Some("roleAssignments") => "?scope=%2Fsubscriptions%2Fs1",
            _ => "",
        };
        seen += &desk.get(&format!("{path}{query}")).to_string();
    }
    for kind in ["key.created", "key.revoked"] {
        seen += &desk.get(&format!("/v1/events?kind={kind}")).to_string();
    }
    // Whoever has the hash finds no event by it that says more than the id.
    seen += &desk.get(&format!("/v1/events?about={id}")).to_string();
    let refusals = [
        desk.call("GET", KEYS).key(&secret[..20]),
        desk.call("POST", KEYS)
            .key(&secret)
            .json(&json!({"roles": ["operator"]})),
        desk.call("DELETE", &format!("{KEYS}/{id}")).key(&secret),
        desk.call("POST", USERS)
            .key(&secret)
            .text("{}")
            .header("Aobo-Principal", "x"),
    ];
    for refusal in refusals {
        let reply = refusal.send();
        assert!(reply.status >= 400, "{}", reply.json);
        seen += &reply.json.to_string();
    }
    assert!(seen.contains(&id), "the id is no secret");
    let master = sha256(&desk.master);
    let tail = &secret[KEY_PREFIX.len()..];
    for hidden in [secret.as_str(), tail, &hash, &desk.master, &master] {
        assert!(!seen.contains(hidden), "{hidden} was shown");
    }
}

#[test]
fn keys_are_written_once_and_at_the_revision_that_was_seen() {
    let desk = Desk::start();
    let reader = json!({"roles": ["admin-read"]});
    let makes = |name, value: &str| {
        let call = desk.operator("POST", KEYS).header(name, value);
        call.json(&reader).send()
    };
    let seen = desk.head().seq;
    let made = makes("Idempotency-Key", "k1");
    assert_eq!(made.status, 201, "{}", made.json);
    let after = desk.head();
    // Its secret was told once, and is not told again.
    makes("Idempotency-Key", "k1").refused(409, "idempotency-key-reused");
    makes("If-Match", &format!("\"{seen}\"")).refused(412, "precondition-failed");
    let path = format!("{KEYS}/{}", made.json["id"].as_str().unwrap());
    let revokes = |name, value: &str| desk.operator("DELETE", &path).header(name, value).send();
    revokes("If-Match", &format!("\"{seen}\"")).refused(412, "precondition-failed");
    desk.wrote_nothing_since(after);
    let first = revokes("Idempotency-Key", "k2");
    assert_eq!(
        (first.status, &first.json["repeated"]),
        (200, &json!(false))
    );
    let again = revokes("Idempotency-Key", "k2");
    let told = ["revision", "repeated"].map(|name| again.json[name].clone());
    assert_eq!(told, [first.json["revision"].clone(), json!(true)]);
}
