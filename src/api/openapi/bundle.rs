//! The policies in use, and others in their place.

use serde_json::{Value, json};

use super::operation::{Body, Operation, list, object, revision, string};
use super::rows::Row;

const POLICIES: &str = "Policies";

/// The routes of the bundle.
pub(super) fn operation(row: &Row) -> Option<Operation> {
    match (row.method, row.path) {
        ("GET", "/v1/bundle") => Some(Operation {
            summary: "The bundle in use, by text.",
            answer_headers: &["Aobo-Revision"],
            errors: &[401, 403, 503],
            ..Operation::new("getBundle", POLICIES, in_use())
        }),
        ("POST", "/v1/bundle") => Some(Operation {
            summary: "Takes another bundle into use, whole, or says what stands against it.",
            body: Some(body()),
            headers: &["Idempotency-Key", "If-Match", "Aobo-Principal"],
            answer_headers: &["Aobo-Revision"],
            errors: &[400, 401, 403, 408, 409, 412, 413, 503],
            ..Operation::new("takeBundle", POLICIES, taken())
        }),
        _ => None,
    }
}

fn hash() -> Value {
    json!({"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "The hash of the policies' content."})
}

fn text() -> Value {
    object(json!({"name": string(), "text": string()}))
}

fn in_use() -> Value {
    object(json!({
        "revision": revision(),
        "hash": hash(),
        "profile": {"type": ["string", "null"], "description": "The built-in profile that it is, if it is one."},
        "schema": text(),
        "policies": list(text()),
    }))
}

fn taken() -> Value {
    object(json!({
        "revision": revision(),
        "bundle": hash(),
        "taken": {"type": "boolean", "description": "False if it was in use already; nothing is written then."},
        "repeated": {"type": "boolean", "description": "Whether it had been done before, under the same idempotency key."},
    }))
}

fn body() -> Body {
    let closed = |members: Value, required: &[&str]| json!({"type": "object", "additionalProperties": false, "required": required, "properties": members});
    let named = || {
        closed(
            json!({"name": string(), "text": string()}),
            &["name", "text"],
        )
    };
    let profile = closed(json!({"profile": string()}), &["profile"]);
    let texts = closed(
        json!({"policies": {"type": "array", "minItems": 1, "items": named()}, "schema": named()}),
        &["policies"],
    );
    Body::of(
        json!({"oneOf": [profile, texts]}),
        &[("profile", json!({"profile": "seed"}))],
    )
}
