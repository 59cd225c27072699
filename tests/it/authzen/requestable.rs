//! The access request and approval profile, draft 1: each rule that binds a decision
//! point that offers, by the profile's words.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use aobo::api::{AccessRequestError, AccessRequests, AppState, OFFER_SECONDS};
use aobo::engine::parse_entities;
use aobo::node::{DecisionPoint, Point};
use aobo::policy::{Bundle, Source};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use super::past::with_past;
use super::{EVALUATION, EVALUATIONS, METADATA, Reply, Server, clock, fabrikam, question, with};
use crate::support;

const PDP: &str = "https://pdp.example";
const SERVICE: &str = "https://requests.example/access";
const KEYS: &str = "/access/v1/jwks";
const HUGO: (&str, &str) = ("PartnerUser", "hugo@fabrikam.example");
const LAB: (&str, &str) = ("Subscription", "/subscriptions/contoso-lab");

fn offering(state: AppState, passed: Arc<AtomicI64>) -> Server {
    state.publish(PDP.parse().unwrap());
    Server::of(state.requesting_at(support::access_requests()), passed)
}

fn over(point: Point) -> Server {
    let passed = Arc::new(AtomicI64::new(0));
    let state = AppState::new(DecisionPoint::new(point, clock(&passed)));
    offering(state, passed)
}

fn operation(name: &str) -> Value {
    let asked = question(HUGO, "AzureOperation", LAB);
    with(
        asked,
        json!({"context": {"operation": name, "ticket": "INC-7", "now": "2020-01-01"}}),
    )
}

/// Read by its helpdesk, and written by nobody there.
fn write() -> Value {
    operation("microsoft.compute/virtualmachines/write")
}

/// The claims of a reply's token, checked with the keys that the server publishes.
#[track_caller]
fn claims(server: &Server, reply: &Reply) -> Value {
    let token = &reply.json["context"]["access_request"]["binding_token"];
    let token = token.as_str().expect("a token");
    let header = decode_header(token).unwrap();
    let keys: JwkSet = serde_json::from_value(server.get(KEYS).json).unwrap();
    let key = keys.find(header.kid.as_deref().unwrap()).expect("its key");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[SERVICE]);
    validation.set_issuer(&[PDP]);
    // The test's clock is not this machine's.
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).unwrap();
    decode::<Value>(token, &key, &validation).unwrap().claims
}

fn offers(server: &Server, question: &Value) -> bool {
    let reply = server.post(EVALUATION, question);
    reply.json["context"].get("access_request").is_some()
}

#[test]
fn must_publish_the_endpoint_the_keys_and_should_the_capability() {
    let server = over(fabrikam());
    let told = server.get(METADATA).json;
    assert_eq!(told["access_request_endpoint"], SERVICE);
    assert_eq!(told["jwks_uri"], format!("{PDP}{KEYS}"));
    let capability = "urn:openid:authzen:capability:access-request";
    assert_eq!(told["capabilities"], json!([capability]));
    let keys = server.get(KEYS).json;
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["use"], &key["crv"]),
        (&json!("sig"), &json!("Ed25519"))
    );
    assert_eq!(key.get("d"), None, "the private key stays here");
}

#[test]
fn a_denial_that_a_grant_would_lift_is_requestable_and_remains_a_denial() {
    let server = over(fabrikam());
    let reply = server.post(EVALUATION, &write());
    assert_eq!(reply.json["decision"], false);
    let context = &reply.json["context"];
    let offer = &context["access_request"];
    assert_eq!(offer["endpoint"], SERVICE);
    assert_eq!(offer["template"], "azure-role-contributor");
    let said = offer["display"]["description"].as_str().unwrap();
    assert!(said.starts_with("Contributor of this scope"), "{said}");
    let expires: jiff::Timestamp = offer["expires_at"].as_str().unwrap().parse().unwrap();
    let now = support::NOW.as_second();
    assert_eq!(expires.as_second(), now + OFFER_SECONDS);
    let claims = claims(&server, &reply);
    assert_eq!(claims["evaluation_id"], context["evaluation_id"]);
    assert_eq!(claims["denial_expires_at"], offer["expires_at"]);
    assert_eq!(
        (&claims["iat"], &claims["exp"]),
        (&json!(now), &json!(expires.as_second()))
    );
    assert_eq!(claims["subject"], json!({"type": HUGO.0, "id": HUGO.1}));
    assert_eq!(claims["resource"], json!({"type": LAB.0, "id": LAB.1}));
    assert_eq!(claims["action"], json!({"name": "AzureOperation"}));
    // What no policy reads, and what the clock says, bind nothing.
    assert_eq!(claims["binding_context_members"], json!(["operation"]));
    assert_eq!(
        claims["context"],
        json!({"operation": "microsoft.compute/virtualmachines/write"})
    );
}

#[test]
fn properties_bind_and_the_actor_does_not() {
    let server = over(fabrikam());
    let mut asked = write();
    asked["subject"]["properties"] =
        json!({"act": {"sub": "bot"}, "team": "b", "team2": [1.5, null]});
    asked["action"]["properties"] = json!({"soft": true});
    let claims = claims(&server, &server.post(EVALUATION, &asked));
    let properties = json!({"team": "b", "team2": [1.5, null]});
    assert_eq!(claims["subject"]["properties"], properties);
    assert_eq!(claims["action"]["properties"], json!({"soft": true}));
}

#[test]
fn each_evaluation_has_an_id_of_its_own() {
    let server = over(fabrikam());
    let id = || server.post(EVALUATION, &write()).json["context"]["evaluation_id"].clone();
    let (one, other) = (id(), id());
    assert!(one.is_string() && one != other, "{one}");
}

#[test]
fn only_what_is_eligible_is_offered() {
    let server = over(fabrikam());
    assert!(offers(&server, &write()));
    // Allowed as it is.
    assert!(!offers(
        &server,
        &operation("microsoft.compute/virtualmachines/read")
    ));
    // Roles that give access to others are not on offer.
    assert!(!offers(
        &server,
        &operation("microsoft.authorization/roleassignments/write")
    ));
    // Nothing to grant it on, or nobody to grant it to.
    let mut elsewhere = write();
    elsewhere["resource"]["id"] = json!("/subscriptions/none");
    assert!(!offers(&server, &elsewhere));
    let mut nobody = write();
    nobody["subject"]["id"] = json!("nobody@fabrikam.example");
    assert!(!offers(&server, &nobody));
    // No role lifts it, and no question.
    assert!(!offers(
        &server,
        &question(HUGO, "SignInToCustomerTenant", ("Customer", "contoso"))
    ));
    assert!(!offers(&server, &question(HUGO, "NoSuchAction", LAB)));
    let mut mistyped = write();
    mistyped["context"]["operation"] = json!(7);
    assert!(!offers(&server, &mistyped));
}

#[test]
fn items_of_a_batch_say_nothing_but_their_decision() {
    let server = over(fabrikam());
    let reply = server.post(EVALUATIONS, &json!({"evaluations": [write(), write()]}));
    reply.is(&json!({"evaluations": [{"decision": false}, {"decision": false}]}));
}

#[test]
fn the_past_cannot_be_granted() {
    let passed = Arc::new(AtomicI64::new(0));
    let server = offering(with_past(&passed), passed);
    let ask = |headers: &[(&str, &str)]| {
        let reply = server.send(EVALUATION, headers, write().to_string());
        assert_eq!(reply.json["decision"], false);
        reply.json["context"].get("access_request").is_some()
    };
    assert!(ask(&[]));
    assert!(!ask(&[("Aobo-As-Of", "2")]));
}

#[test]
fn without_a_service_nothing_is_offered_and_there_are_no_keys() {
    let server = Server::fabrikam();
    server.state.publish(PDP.parse().unwrap());
    server
        .post(EVALUATION, &write())
        .is(&json!({"decision": false}));
    assert_eq!(server.get(KEYS).status, 404);
    let told = server.get(METADATA).json;
    for name in ["access_request_endpoint", "jwks_uri", "capabilities"] {
        assert_eq!(told.get(name), None);
    }
}

const SCHEMA: &str = "
entity Team;
entity User in [Team];
entity Page { sealed: Bool };
action read, edit appliesTo { principal: User, resource: Page, context: { drill?: Bool } };
";

const POLICIES: &str = r#"
@id("editor") @access_request("editing")
permit (principal in ?principal, action, resource == ?resource);
@id("reader") @access_request("reading")
permit (principal in ?principal, action == Action::"read", resource == ?resource);
@id("hidden")
permit (principal == ?principal, action == Action::"read", resource);
@id("sealed")
forbid (principal, action, resource) when { resource.sealed };
@id("drill")
permit (principal, action, resource) when { context.drill };
"#;

const ENTITIES: &str = r#"[
  {"uid": {"type": "User", "id": "ann"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Page", "id": "open"}, "attrs": {"sealed": false}, "parents": []},
  {"uid": {"type": "Page", "id": "shut"}, "attrs": {"sealed": true}, "parents": []}
]"#;

/// The workflow that is offered for a question about any schema.
fn workflow(policies: &str, action: &str, page: &str) -> Option<String> {
    let policies = [Source::new(
        "p",
        policies.replace("context.drill", "context has drill && context.drill"),
    )];
    let bundle = Arc::new(Bundle::new(&Source::new("s", SCHEMA), &policies).unwrap());
    let entities = parse_entities(ENTITIES, bundle.shape()).unwrap();
    let server = over(Point::generic(bundle, entities).unwrap());
    let reply = server.post(
        EVALUATION,
        &question(("User", "ann"), action, ("Page", page)),
    );
    let offered = reply.json["context"]["access_request"]["template"].as_str();
    offered.map(str::to_owned)
}

#[test]
fn the_first_that_is_enough_is_offered_and_no_forbid_is_lifted() {
    assert_eq!(
        workflow(POLICIES, "read", "open").as_deref(),
        Some("editing")
    );
    assert_eq!(
        workflow(POLICIES, "edit", "open").as_deref(),
        Some("editing")
    );
    let (editor, rest) = POLICIES.split_once("@id(\"reader\")").unwrap();
    let turned = format!("@id(\"reader\"){rest}{editor}");
    assert_eq!(
        workflow(&turned, "read", "open").as_deref(),
        Some("reading")
    );
    assert_eq!(
        workflow(&turned, "edit", "open").as_deref(),
        Some("editing")
    );
    assert_eq!(workflow(POLICIES, "read", "shut"), None);
    let plain = POLICIES
        .replace("@access_request(\"editing\")", "")
        .replace("@access_request(\"reading\")", "");
    assert_eq!(workflow(&plain, "read", "open"), None);
}

#[test]
fn an_endpoint_is_https_and_a_key_signs() {
    let key = support::ed_pem();
    let refused =
        |endpoint: &str, key: &str| AccessRequests::new(endpoint, key.as_bytes()).unwrap_err();
    for endpoint in [
        "",
        "requests.example",
        "http://requests.example",
        "ftp://x",
        "/access",
    ] {
        let error = AccessRequestError::Endpoint(endpoint.to_owned());
        assert_eq!(refused(endpoint, &key), error);
    }
    let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .unwrap()
        .serialize_pem();
    for key in [&key, &p256] {
        assert!(AccessRequests::new("http://127.0.0.1:9000/x", key.as_bytes()).is_ok());
    }
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)
        .unwrap()
        .serialize_pem();
    for bad in ["", "no key", &p384, &key.replace("PRIVATE", "PUBLIC")] {
        assert_eq!(refused(SERVICE, bad), AccessRequestError::Key);
    }
    assert!(!format!("{:?}", support::access_requests()).contains("PRIVATE"));
}
