//! What every route has in common, and the routes of both listeners.

use serde_json::{Map, Value, json};

use super::operation::{Operation, list, object, revision, schema, string};
use super::rows::Row;

const OPERATIONS: &str = "Operations";

/// The routes that both listeners have.
pub(super) fn operation(row: &Row) -> Option<Operation> {
    let told = match row.path {
        "/livez" => Operation::new(
            "livez",
            OPERATIONS,
            object(json!({"status": {"const": "alive"}})),
        ),
        "/readyz" => Operation {
            errors: &[503],
            ..Operation::new("readyz", OPERATIONS, schema("Ready"))
        },
        "/metrics" => Operation {
            media: "application/openmetrics-text",
            errors: &[401, 403],
            ..Operation::new("metrics", OPERATIONS, string())
        },
        "/openapi.json" => Operation::new("openapi", OPERATIONS, json!({"type": "object"})),
        _ => return None,
    };
    Some(told)
}

/// What is said about a route that nothing here knows: its path and its errors.
pub(super) fn unknown(row: &Row) -> Operation {
    let words = row.path.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let id = format!("{}_{}", row.method.to_ascii_lowercase(), words.join("_"));
    Operation {
        errors: &[400, 401, 403, 404, 408, 409, 412, 413, 503],
        ..Operation::new(id, "Other", json!(true))
    }
}

/// Schemas of both documents.
pub(super) fn schemas() -> Map<String, Value> {
    let error = json!({
        "type": "object",
        "required": ["status", "code", "message"],
        "properties": {
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {"type": "string", "pattern": "^[a-z0-9-]+$", "description": "A word to act on; it does not change between releases."},
            "message": {"type": "string", "minLength": 1, "description": "For people."},
            "nextStep": {"type": "string", "description": "What to do about it."},
            "rules": list(string()),
            "state": {"type": "string", "description": "Of a thing that is in no state for this."},
            "legal": {"type": "array", "description": "What is possible in that state."},
            "findings": {"type": "array", "items": {"type": "object"}, "description": "What stands against a bundle, each with place, message and help."},
            "more": {"type": "integer", "minimum": 0, "description": "How many findings are not told."},
            "cells": {"type": "array", "items": {"type": "object"}, "description": "Cells of an imported file that cannot be taken."},
        },
    });
    let mut ready = object(json!({
        "status": {"const": "ready"},
        "revision": revision(),
        "bundle": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "The hash of the policies' content."},
    }));
    if let Some(Value::Object(members)) = ready.get_mut("properties") {
        let about = "What somebody should look at although it decides.";
        let warnings = json!({"type": "array", "items": string(), "description": about});
        members.insert("warnings".to_owned(), warnings);
    }
    let not_ready = object(json!({"status": {"const": "not ready"}, "reasons": list(string())}));
    Map::from_iter([
        ("Error".to_owned(), object(json!({ "error": error }))),
        ("Ready".to_owned(), ready),
        ("NotReady".to_owned(), not_ready),
    ])
}

/// The parameters that operations name.
pub(super) fn parameters() -> Value {
    let header = |name: &str, schema: Value, about: &str| json!({"name": name, "in": "header", "required": false, "schema": schema, "description": about});
    let at_most = i64::MAX;
    let revision = json!({"type": "integer", "minimum": 0, "maximum": at_most});
    let moment = json!({"anyOf": [revision, {"type": "string", "format": "date-time"}]});
    let all = [
        header(
            "X-Request-ID",
            string(),
            "Echoed if it is 1 to 128 visible ASCII characters, else replaced.",
        ),
        header(
            "traceparent",
            string(),
            "W3C Trace Context: the trace that this request is part of; one that is not to the letter is replaced.",
        ),
        header(
            "tracestate",
            string(),
            "W3C Trace Context: what goes with it.",
        ),
        header(
            "Aobo-At-Least",
            revision,
            "Waits, a little, until this revision is applied.",
        ),
        header(
            "Aobo-As-Of",
            moment,
            "Answers as it was at a past revision or time; not beside `Aobo-At-Least`.",
        ),
        header(
            "Idempotency-Key",
            json!({"type": "string", "pattern": "^[!-~]{1,255}$"}),
            "The same key again gives the same answer and does nothing.",
        ),
        header(
            "If-Match",
            json!({"type": "string", "pattern": "^(\\*|\"[0-9]{1,18}\"|[0-9]{1,18})$"}),
            "Only if this is still the revision.",
        ),
        header(
            "Aobo-Principal",
            json!({"type": "string", "examples": ["PartnerUser::\"ada@fabrikam.example\""]}),
            "As whom a key without a principal of its own acts.",
        ),
    ];
    let named = all.into_iter().filter_map(|parameter| {
        let name = parameter.get("name")?.as_str()?.to_owned();
        Some((name, parameter))
    });
    Value::Object(named.collect())
}

/// The headers that answers name.
pub(super) fn headers() -> Value {
    let header = |schema: Value, about: &str| json!({"schema": schema, "required": true, "description": about});
    json!({
        "X-Request-ID": header(string(), "The id of the request, echoed or made."),
        "Aobo-Revision": header(revision(), "The revision that answered, or that was made."),
        "Aobo-Bundle": header(string(), "The hash of the policies that answered."),
        "Retry-After": header(json!({"type": "integer", "minimum": 0}), "Seconds after which to ask again."),
        "WWW-Authenticate": header(string(), "How to show a key: `Bearer realm=\"aobo\"`."),
    })
}

/// The answers of failure, by status.
pub(super) fn responses() -> Value {
    let all = [
        (
            400,
            "The request is wrong: its error says where, and what to write instead.",
        ),
        (401, "No key was shown, or none that is known."),
        (403, "The caller is known and may not."),
        (404, "There is no such thing."),
        (408, "The body did not arrive in time."),
        (
            409,
            "Not now: the error says what stands in the way, and what is possible.",
        ),
        (412, "`If-Match` names another revision."),
        (413, "The body is larger than is taken here."),
        (500, "A fault here, not in the request."),
        (
            503,
            "Not now, and not because of the request: ask again after `Retry-After`.",
        ),
    ];
    let told = all.iter().map(|(status, about)| {
        let error = match status {
            // Readiness says why in words of its own.
            503 => json!({"anyOf": [schema("Error"), schema("NotReady")]}),
            _ => schema("Error"),
        };
        let mut headers = json!({"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}});
        if *status == 401 {
            headers = json!({
                "X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"},
                "WWW-Authenticate": {"$ref": "#/components/headers/WWW-Authenticate"},
            });
        }
        let response = json!({
            "description": about,
            "headers": headers,
            "content": {"application/json": {"schema": error}},
        });
        (status.to_string(), response)
    });
    Value::Object(told.collect())
}
