//! Evaluations and searches. Source: OpenID AuthZEN Authorization API 1.0; what
//! stands in `context` and `options` is aobo's own, within what AuthZEN leaves to
//! the decider.

use serde_json::{Map, Value, json};

use super::operation::{Body, Operation, list, object, schema, string};
use super::rows::Row;

const DECISIONS: &str = "Decisions";
const SEARCHES: &str = "Searches";
const ERRORS: &[u16] = &[400, 401, 403, 408, 413, 503];
const HEADERS: &[&str] = &["Aobo-At-Least", "Aobo-As-Of"];
const REVISION: &[&str] = &["Aobo-Revision", "Aobo-Bundle"];

/// The routes of AuthZEN.
pub(super) fn operation(row: &Row) -> Option<Operation> {
    let (id, tag, body, answer) = match row.path {
        "/access/v1/evaluation" => (
            "evaluation",
            DECISIONS,
            evaluation(),
            schema("EvaluationAnswer"),
        ),
        "/access/v1/evaluations" => (
            "evaluations",
            DECISIONS,
            evaluations(),
            schema("EvaluationsAnswer"),
        ),
        "/access/v1/search/subject" => (
            "searchSubject",
            SEARCHES,
            search("subject"),
            schema("EntitySearchAnswer"),
        ),
        "/access/v1/search/resource" => (
            "searchResource",
            SEARCHES,
            search("resource"),
            schema("EntitySearchAnswer"),
        ),
        "/access/v1/search/action" => (
            "searchAction",
            SEARCHES,
            search("action"),
            schema("ActionSearchAnswer"),
        ),
        "/access/v1/jwks" => {
            return Some(Operation {
                errors: &[404],
                ..Operation::new("jwks", DECISIONS, schema("KeySet"))
            });
        }
        "/.well-known/authzen-configuration" => {
            return Some(Operation {
                errors: &[404],
                ..Operation::new("configuration", DECISIONS, schema("Configuration"))
            });
        }
        _ => return None,
    };
    Some(Operation {
        body: Some(body),
        headers: HEADERS,
        answer_headers: REVISION,
        errors: ERRORS,
        ..Operation::new(id, tag, answer)
    })
}

fn question() -> Value {
    json!({
        "subject": {"type": "PartnerUser", "id": "hugo@fabrikam.example"},
        "action": {"name": "ResetPassword"},
        "resource": {"type": "CustomerUser", "id": "mia@contoso.example"},
        "context": {"customer": "contoso"},
    })
}

/// The same with other members in place of some, and without those that are null.
fn but(mut question: Value, others: Value) -> Value {
    if let (Value::Object(members), Value::Object(others)) = (&mut question, others) {
        members.extend(others);
        members.retain(|_, value| !value.is_null());
    }
    question
}

fn evaluation() -> Body {
    let explained = but(question(), json!({"options": {"explain": true}}));
    let examples = [("plain", question()), ("explained", explained)];
    Body::of(schema("EvaluationRequest"), &examples)
}

fn evaluations() -> Body {
    let items = json!([
        {"resource": {"type": "CustomerUser", "id": "mia@contoso.example"}},
        {"resource": {"type": "CustomerUser", "id": "mark@contoso.example"}},
    ]);
    let batch = but(question(), json!({"resource": null, "evaluations": items}));
    let stops = json!({"options": {"evaluations_semantic": "deny_on_first_deny"}});
    let until = but(batch.clone(), stops);
    let examples = [
        ("batch", batch),
        ("untilTheFirstDeny", until),
        ("single", question()),
    ];
    Body::of(schema("EvaluationsRequest"), &examples)
}

fn search(sought: &str) -> Body {
    let (name, asked) = match sought {
        "subject" => (
            "SubjectSearchRequest",
            json!({"subject": {"type": "PartnerUser"}}),
        ),
        "resource" => (
            "ResourceSearchRequest",
            json!({"resource": {"type": "CustomerUser"}}),
        ),
        _ => ("ActionSearchRequest", json!({"action": null})),
    };
    let asked = but(question(), asked);
    let paged = but(asked.clone(), json!({"page": {"limit": 10}}));
    Body::of(schema(name), &[("all", asked), ("paged", paged)])
}

/// Schemas of the decision document.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    for (name, schema) in requests().into_iter().chain(answers()).chain(reasons()) {
        all.insert(name.to_owned(), schema);
    }
    all
}

fn requests() -> Vec<(&'static str, Value)> {
    let properties = json!({"type": "object", "description": "Count where the schema marks the attribute `@from_request`."});
    let party = |about: &str| {
        let members = json!({"type": string(), "id": string(), "properties": properties});
        json!({"type": "object", "required": ["type", "id"], "properties": members, "description": about})
    };
    let kind = json!({
        "type": "object",
        "required": ["type"],
        "properties": {"type": string(), "properties": properties},
        "description": "What is searched for: an `id` is ignored.",
    });
    let action = json!({
        "type": "object",
        "required": ["name"],
        "properties": {"name": string(), "properties": {"type": "object", "description": "Reach the policies as `context.action`."}},
    });
    let context = json!({"type": "object", "description": "Keys that the schema does not declare are dropped."});
    let explain = json!({"type": "boolean", "default": false, "description": "Say why."});
    let options = json!({"type": "object", "properties": {"explain": explain}});
    let (s, a, r) = (schema("Subject"), schema("Action"), schema("Resource"));
    let page = json!({"type": "object", "properties": {
        "token": {"type": "string", "description": "`next_token` of the page before; empty for the first."},
        "limit": {"type": "integer", "minimum": 1, "description": "Results, at most; absent: as on the page before, or all."},
    }});
    let semantic = json!({"enum": ["execute_all", "deny_on_first_deny", "permit_on_first_permit"], "default": "execute_all"});
    let batch_options = json!({"type": "object", "properties": {"explain": explain, "evaluations_semantic": semantic}});
    let request = |required: &[&str], members: Value| json!({"type": "object", "required": required, "properties": members});
    let item = json!({"type": "object", "properties": {"subject": s, "action": a, "resource": r, "context": context}});
    let items = json!({"type": "array", "maxItems": 1000, "items": item, "description": "Absent or empty: a single answer. What an item lacks is taken whole from above."});
    let searched = |required: &[&str], s: &Value, r: &Value| {
        request(
            required,
            json!({"subject": s, "action": a, "resource": r, "context": context, "page": page}),
        )
    };
    let question = ["subject", "action", "resource"];
    vec![
        ("Subject", party("Who asks.")),
        ("Resource", party("What it is about.")),
        ("Action", action.clone()),
        (
            "EvaluationRequest",
            request(
                &question,
                json!({"subject": s, "action": a, "resource": r, "context": context, "options": options}),
            ),
        ),
        (
            "EvaluationsRequest",
            request(
                &[],
                json!({"subject": s, "action": a, "resource": r, "context": context, "evaluations": items, "options": batch_options}),
            ),
        ),
        ("SubjectSearchRequest", searched(&question, &kind, &r)),
        ("ResourceSearchRequest", searched(&question, &s, &kind)),
        (
            "ActionSearchRequest",
            request(
                &["subject", "resource"],
                json!({"subject": s, "resource": r, "context": context, "page": page}),
            ),
        ),
    ]
}

fn answers() -> Vec<(&'static str, Value)> {
    let whole = |least: u64| json!({"type": "integer", "minimum": least});
    let failed = object(json!({"policy": string(), "message": string()}));
    let problem = object(json!({"status": {"type": "integer"}, "message": string()}));
    let context = json!({"type": "object", "properties": {
        "advice": {"type": "array", "items": string(), "description": "`@advice` of the determining policies."},
        "duty": {"type": "array", "items": string(), "description": "`@duty` of the determining policies."},
        "error": problem,
        "erroring": {"type": "array", "items": failed, "description": "Policies that failed, which denies. Of several answers explained ones only."},
        "ignored": {"type": "array", "items": string(), "description": "What of the question did not count. Explained answers only."},
        "reason": schema("Reason"),
        "access_request": schema("AccessRequest"),
        "evaluation_id": {"type": "string", "description": "What a request for access calls this evaluation."},
    }});
    let answer = json!({"type": "object", "required": ["decision"], "properties": {
        "decision": {"type": "boolean"},
        "context": context,
    }});
    let batch = object(json!({"evaluations": list(schema("EvaluationAnswer"))}));
    let page = json!({"type": "object", "properties": {"next_token": string(), "count": whole(0), "total": whole(0)}});
    let found = |item: Value| {
        json!({"type": "object", "required": ["results"], "properties": {
            "results": list(item),
            "page": page,
            "context": {"type": "object"},
        }})
    };
    let url = json!({"type": "string", "format": "uri"});
    let configuration = json!({"type": "object", "required": ["policy_decision_point", "access_evaluation_endpoint"], "properties": {
        "policy_decision_point": url,
        "access_evaluation_endpoint": url,
        "access_evaluations_endpoint": url,
        "search_subject_endpoint": url,
        "search_resource_endpoint": url,
        "search_action_endpoint": url,
        "access_request_endpoint": url,
        "jwks_uri": url,
        "capabilities": list(string()),
        "signed_metadata": string(),
    }});
    let access_request = json!({"type": "object", "required": ["endpoint", "template", "expires_at", "binding_token"], "properties": {
        "endpoint": url,
        "template": {"type": "string", "description": "The workflow that handles the request."},
        "expires_at": {"type": "string", "format": "date-time"},
        "binding_token": {"type": "string", "description": "A JWT by which the service knows that the deny is ours, and of what."},
        "display": object(json!({"description": string()})),
    }});
    let key = json!({"type": "object", "required": ["kty", "kid"], "properties": {"kty": string(), "kid": string()}});
    let keys = object(json!({"keys": list(key)}));
    vec![
        ("EvaluationAnswer", answer),
        (
            "EvaluationsAnswer",
            json!({"anyOf": [batch, schema("EvaluationAnswer")]}),
        ),
        ("Entity", object(json!({"type": string(), "id": string()}))),
        ("EntitySearchAnswer", found(schema("Entity"))),
        (
            "ActionSearchAnswer",
            found(object(json!({"name": string()}))),
        ),
        ("Configuration", configuration),
        ("AccessRequest", access_request),
        ("KeySet", keys),
    ]
}

fn reasons() -> Vec<(&'static str, Value)> {
    let hop = object(json!({"type": string(), "id": string(), "implicit": {"type": "boolean"}}));
    let clause = json!({"type": "object", "required": ["text", "outcome"], "properties": {
        "layer": string(),
        "text": string(),
        "outcome": {"enum": ["held", "not-held", "failed"]},
        "message": string(),
        "lacking": {"type": "string", "description": "What was missing, in words."},
        "path": {"type": "array", "items": hop, "description": "The facts that led there."},
    }});
    let policy = json!({"type": "object", "required": ["policy", "effect", "annotations", "clauses"], "properties": {
        "policy": string(),
        "effect": {"enum": ["permit", "forbid"]},
        "annotations": {"type": "object", "additionalProperties": string()},
        "place": string(),
        "clauses": list(clause),
    }});
    let unlinked = json!({"type": "object", "required": ["templates"], "properties": {
        "templates": list(string()),
        "layer": string(),
        "lacking": string(),
    }});
    let reason = json!({"type": "object", "required": ["determining"], "properties": {
        "determining": {"type": "array", "items": schema("PolicyReason"), "description": "The policies that made the decision; none for a deny by default."},
        "near": {"type": "array", "items": schema("PolicyReason"), "description": "Permits that came closest."},
        "unlinked": unlinked,
        "unknown": list(schema("Entity")),
        "message": string(),
    }});
    vec![("PolicyReason", policy), ("Reason", reason)]
}
