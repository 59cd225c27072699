//! Single evaluations over a schema that has nothing to do with directories.

use std::sync::Arc;

use aobo::engine::parse_entities;
use aobo::node::Point;
use aobo::policy::{Bundle, Source};
use serde_json::{Value, json};

use super::{Server, explained, question, with};

const SCHEMA: &str = r#"
namespace Photos {
  entity Group;
  entity User in [Group] = {
    @from_request
    "clearance"?: Long,
    @layer("account")
    @lacking("the account is suspended")
    "active": Bool,
  };
  entity Album = { "owner": User, "secrecy": Long };
  action view appliesTo {
    principal: [User], resource: [Album],
    context: { "ip"?: ipaddr, "action"?: { "method"?: String } },
  };
  action count appliesTo {
    principal: [User], resource: [Album], context: { "by": Long },
  };
}
"#;

const POLICIES: &str = r#"
@id("cleared") @reason("Who is cleared may look.")
permit (principal, action == Photos::Action::"view", resource)
when { principal.active }
when { principal has clearance && principal.clearance >= resource.secrecy };

@id("reads-only")
forbid (principal, action == Photos::Action::"view", resource)
when { context has action && context.action has method && context.action.method == "DELETE" };

@id("staff")
permit (principal in Photos::Group::"staff", action == Photos::Action::"count", resource);

@id("not-too-many")
forbid (principal, action == Photos::Action::"count", resource)
when { context.by + 1 > 100 };
"#;

const ENTITIES: &str = r#"[
  {"uid": {"type": "Photos::User", "id": "ana"}, "attrs": {"active": true, "clearance": 1},
   "parents": [{"type": "Photos::Group", "id": "staff"}]},
  {"uid": {"type": "Photos::User", "id": "bo"}, "attrs": {"active": false}},
  {"uid": {"type": "Photos::Album", "id": "a"},
   "attrs": {"owner": {"type": "Photos::User", "id": "ana"}, "secrecy": 2}}
]"#;

const ALBUM: (&str, &str) = ("Photos::Album", "a");
const ANA: (&str, &str) = ("Photos::User", "ana");

pub(super) fn point() -> Point {
    let schema = Source::new("photos.cedarschema", SCHEMA);
    let policies = [Source::new("photos.cedar", POLICIES)];
    let bundle = Arc::new(Bundle::new(&schema, &policies).unwrap());
    let entities = parse_entities(ENTITIES, bundle.shape()).unwrap();
    Point::generic(bundle, entities).unwrap()
}

fn server() -> Server {
    Server::over(point())
}

fn view(user: &str, properties: Value) -> Value {
    with(
        question(ANA, "view", ALBUM),
        json!({"subject": {"type": "Photos::User", "id": user, "properties": properties}}),
    )
}

#[test]
fn properties_count_where_the_schema_says_from_request() {
    let server = server();
    let decides = |asked: &Value, decision: bool| {
        server.evaluate(asked).is(&json!({"decision": decision}));
    };
    decides(&view("ana", json!({})), false);
    decides(&view("ana", json!({"clearance": 2})), true);
    decides(&view("ana", json!({"clearance": 1})), false);
    // Not annotated: the stored fact wins, and the caller is told if it asks.
    let active = view("bo", json!({"clearance": 2, "active": true}));
    decides(&active, false);
    let reply = server.evaluate(&explained(active));
    let ignored =
        json!(["subject.properties.active: the stored fact wins; it is not @from_request"]);
    assert_eq!(reply.json["context"]["ignored"], ignored);
}

#[test]
fn a_property_of_the_wrong_type_is_a_deny_with_an_error() {
    let reply = server().evaluate(&view("ana", json!({"clearance": "high"})));
    reply.is(&json!({
        "decision": false,
        "context": {"error": {
            "status": 400,
            "message": "`subject.properties.clearance` takes a whole number, not a string",
        }},
    }));
}

#[test]
fn the_action_s_properties_are_context_action() {
    let server = server();
    let asked = view("ana", json!({"clearance": 2}));
    let method = |method: &str| {
        with(
            asked.clone(),
            json!({"action": {"name": "view", "properties": {"method": method}}}),
        )
    };
    server
        .evaluate(&method("GET"))
        .is(&json!({"decision": true}));
    server
        .evaluate(&method("DELETE"))
        .is(&json!({"decision": false}));
    // A caller cannot put them into the context itself.
    let forged = with(
        method("GET"),
        json!({"context": {"action": {"method": "DELETE"}}}),
    );
    server.evaluate(&forged).is(&json!({"decision": true}));
}

#[test]
fn a_policy_that_fails_denies_and_is_named() {
    let server = server();
    let count = |by: i64| {
        with(
            question(ANA, "count", ALBUM),
            json!({"context": {"by": by}}),
        )
    };
    server.evaluate(&count(99)).is(&json!({"decision": true}));
    server.evaluate(&count(100)).is(&json!({"decision": false}));
    let reply = server.evaluate(&count(i64::MAX));
    assert_eq!(reply.json["decision"], false);
    let context = reply.json["context"].as_object().unwrap();
    assert_eq!(context.keys().collect::<Vec<_>>(), ["erroring"]);
    let erroring = context["erroring"].as_array().unwrap();
    assert_eq!(erroring.len(), 1);
    assert_eq!(erroring[0]["policy"], "not-too-many");
    assert!(
        erroring[0]["message"]
            .as_str()
            .unwrap()
            .contains("overflow")
    );
}

#[test]
fn extension_values_come_as_strings() {
    let server = server();
    let from = |ip: Value| {
        let asked = view("ana", json!({"clearance": 2}));
        server.evaluate(&with(asked, json!({"context": {"ip": ip}})))
    };
    from(json!("10.0.0.1")).is(&json!({"decision": true}));
    for bad in [json!("10.0.0.256"), json!(10)] {
        let reply = from(bad);
        assert_eq!(reply.json["decision"], false);
        assert_eq!(reply.json["context"]["error"]["status"], 400);
    }
}

#[test]
fn the_whole_of_an_explained_allow() {
    let asked = with(question(ANA, "count", ALBUM), json!({"context": {"by": 1}}));
    server().evaluate(&explained(asked)).is(&json!({
        "decision": true,
        "context": {"reason": {"determining": [{
            "policy": "staff",
            "effect": "permit",
            "annotations": {"id": "staff"},
            "place": "photos.cedar:11",
            "clauses": [{
                "text": "principal in Photos::Group::\"staff\"",
                "outcome": "held",
                "path": [
                    {"type": "Photos::User", "id": "ana", "implicit": false},
                    {"type": "Photos::Group", "id": "staff", "implicit": false},
                ],
            }],
        }]}},
    }));
}

#[test]
fn the_whole_of_an_explained_deny() {
    let reply = server().evaluate(&explained(view("bo", json!({}))));
    // By itself, a clause fails that another one guards.
    let failed = &reply.json["context"]["reason"]["near"][0]["clauses"][2]["message"];
    assert!(failed.to_string().contains("`clearance`"), "{}", reply.json);
    reply.is(&json!({
        "decision": false,
        "context": {"reason": {"determining": [], "near": [{
            "policy": "cleared",
            "effect": "permit",
            "annotations": {"id": "cleared", "reason": "Who is cleared may look."},
            "place": "photos.cedar:2",
            "clauses": [
                {"layer": "account", "text": "principal.active", "outcome": "not-held",
                 "lacking": "the account is suspended"},
                {"text": "principal has clearance", "outcome": "not-held"},
                {"text": "principal.clearance >= resource.secrecy", "outcome": "failed",
                 "message": failed},
            ],
        }]}},
    }));
}
