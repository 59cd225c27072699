//! The whole document of a listener.

use serde_json::{Map, Value, json};

use super::operation::Operation;
use super::rows::{Row, admin_rows, decision_rows};
use super::{bundle, commands, common, decisions, reads};
use crate::api::Listener;
use crate::node::Role;

/// The routes of a listener as an OpenAPI 3.1 document.
///
/// Shape: `{"openapi": "3.1.0", "info": {…}, "paths": {…}, "components": {…}}`.
#[must_use]
pub fn document(listener: Listener) -> Value {
    let rows: Vec<Row> = match listener {
        // A path that is any path has no form in OpenAPI.
        Listener::Decisions => decision_rows()
            .filter(|row| !row.path.contains("{*"))
            .collect(),
        Listener::Admin => admin_rows().collect(),
    };
    let (title, about) = match listener {
        Listener::Decisions => ("aobo: decisions", DECISIONS),
        Listener::Admin => ("aobo: administration", ADMIN),
    };
    let mut schemas = common::schemas();
    schemas.extend(match listener {
        Listener::Decisions => decisions::schemas(),
        Listener::Admin => commands::schemas(),
    });
    let open = listener == Listener::Decisions;
    let key = json!({"type": "http", "scheme": "bearer", "description": "An API key: `aobo keys create` makes one."});
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": about,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags(&rows),
        "paths": paths(&rows, open),
        "components": {
            "schemas": schemas,
            "parameters": common::parameters(),
            "headers": common::headers(),
            "responses": common::responses(),
            "securitySchemes": {"key": key},
        },
    })
}

const DECISIONS: &str = "OpenID AuthZEN Authorization API 1.0: who may do what. \
An error is never an allow: whatever is not an answer with `\"decision\": true` denies.";
const ADMIN: &str = "Facts of delegated administration, and what is done to them. A write is one \
command; once it is answered it is durable and in force at the revision that the answer names.";

fn operation(row: &Row) -> Operation {
    let known = common::operation(row)
        .or_else(|| decisions::operation(row))
        .or_else(|| reads::operation(row))
        .or_else(|| commands::operation(row))
        .or_else(|| bundle::operation(row));
    known.unwrap_or_else(|| common::unknown(row))
}

fn paths(rows: &[Row], open: bool) -> Value {
    let mut paths = Map::new();
    for row in rows {
        let item = paths.entry(row.path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            // On loopback metrics are told to whoever asks, on either listener.
            let open = open || row.needs == Some(Role::Metrics);
            let told = operation(row).told(row, open);
            item.insert(row.method.to_ascii_lowercase(), told);
        }
    }
    Value::Object(paths)
}

fn tags(rows: &[Row]) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        let tag = operation(row).tag;
        if !names.contains(&tag) {
            names.push(tag);
        }
    }
    names
        .into_iter()
        .map(|name| json!({"name": name}))
        .collect()
}
