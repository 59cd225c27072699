//! The writes: bodies are what the commands' own types take, without the members
//! that stand in the path.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::operation::{Body, Operation, list, object, revision, schema, string};
use super::rows::Row;
use super::samples::sample;
use crate::directory::command::{Advice, Command, Output};
use crate::directory::world_file::{Removals, WorldFile};

/// Schemas of everything that commands take and return.
static GENERATED: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    generator.subschema_for::<Command>();
    generator.subschema_for::<Output>();
    generator.subschema_for::<Advice>();
    generator.subschema_for::<WorldFile>();
    generator.subschema_for::<Removals>();
    generator.take_definitions(true)
});

const ERRORS: &[u16] = &[400, 401, 403, 404, 408, 409, 412, 413, 503];
const HEADERS: &[&str] = &["Idempotency-Key", "If-Match", "Aobo-Principal"];
const KEYS: &str = "Keys";

/// Commands, and the writes of keys.
pub(super) fn operation(row: &Row) -> Option<Operation> {
    if let Some(command) = row.command {
        return Some(Operation {
            body: Some(body(command, row.path)),
            headers: HEADERS,
            answer_headers: &["Aobo-Revision"],
            errors: ERRORS,
            ..Operation::new(id(command), tag(row.path), schema("Written"))
        });
    }
    match (row.method, row.path) {
        ("POST", "/v1/keys") => Some(Operation {
            summary: "Makes a key; its secret is in the answer, and nowhere else.",
            status: 201,
            body: Some(key_body()),
            headers: HEADERS,
            errors: ERRORS,
            ..Operation::new("createKey", KEYS, made_key())
        }),
        ("DELETE", "/v1/keys/{id}") => Some(Operation {
            summary: "Revokes a key, at once.",
            headers: HEADERS,
            errors: ERRORS,
            ..Operation::new(
                "revokeKey",
                KEYS,
                object(json!({"revision": revision(), "repeated": {"type": "boolean"}})),
            )
        }),
        _ => None,
    }
}

/// The area of a path.
pub(super) fn tag(path: &str) -> &'static str {
    let areas: [(&[&str], &str); 7] = [
        (&["/keys"], KEYS),
        (&["/events", "/revisions"], "History"),
        (&["/facts", "/commands"], "Facts"),
        (
            &["ubscriptions", "managementGroups", "roleAssignments"],
            "Azure",
        ),
        (&["evices", "utopilot"], "Devices"),
        (
            &["sers", "icenses", "seats", "products", "Roles"],
            "Users and licences",
        ),
        (&[""], "Relationships"),
    ];
    let found = areas
        .iter()
        .find(|(words, _)| words.iter().any(|word| path.contains(word)));
    found.map_or("Other", |(_, area)| area)
}

/// Schemas of the admin document.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = GENERATED.clone();
    let written = json!({
        "type": "object",
        "required": ["revision", "repeated"],
        "properties": {
            "revision": revision(),
            "repeated": {"type": "boolean", "description": "Whether it had been done before, under the same idempotency key."},
            "duties": list(schema("Advice")),
            "output": schema("Output"),
        },
    });
    all.insert("Written".to_owned(), written);
    all
}

/// `delete-user` as `deleteUser`.
fn id(command: &str) -> String {
    let mut id = String::new();
    for word in command.split('-') {
        let (first, rest) = word.split_at(word.len().min(1));
        match id.is_empty() {
            true => id.push_str(first),
            false => id.push_str(&first.to_ascii_uppercase()),
        }
        id.push_str(rest);
    }
    match id.is_empty() {
        true => "giveCommand".to_owned(),
        false => id,
    }
}

fn body(command: &str, path: &str) -> Body {
    if command.is_empty() {
        let examples = variants().filter_map(|variant| {
            let name = name_of(variant)?;
            Some((name.to_owned(), example(name, variant)))
        });
        return Body {
            schema: schema("Command"),
            required: true,
            examples: examples.collect(),
        };
    }
    let variant = variants().find(|variant| name_of(variant) == Some(command));
    let schema = without(variant.unwrap_or(&Value::Null), command, path);
    let required = schema.get("required").is_some();
    let example = example(command, &schema);
    Body {
        schema,
        required,
        examples: vec![(command.to_owned(), example)],
    }
}

fn variants() -> impl Iterator<Item = &'static Value> {
    let command = GENERATED.get("Command").and_then(|all| all.get("oneOf"));
    command.and_then(Value::as_array).into_iter().flatten()
}

fn name_of(variant: &Value) -> Option<&str> {
    variant.pointer("/properties/command/const")?.as_str()
}

/// A command's schema without its name and without what is in the path.
fn without(variant: &Value, command: &str, path: &str) -> Value {
    let elsewhere = |name: &str| name == "command" || path.contains(&format!("{{{name}}}"));
    let mut schema = variant.clone();
    let Value::Object(members) = &mut schema else {
        return json!({"type": "object"});
    };
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        properties.retain(|name, _| !elsewhere(name));
        for (name, property) in properties {
            if let Value::Object(property) = property {
                property.insert("examples".to_owned(), json!([sample(command, name)]));
            }
        }
    }
    if let Some(Value::Array(required)) = members.get_mut("required") {
        required.retain(|name| !name.as_str().is_some_and(elsewhere));
        if required.is_empty() {
            members.remove("required");
        }
    }
    schema
}

/// An object with every member that a schema has.
fn example(command: &str, schema: &Value) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let members = properties.into_iter().flatten().map(|(name, _)| {
        let value = match name.as_str() {
            "command" => command.into(),
            name => sample(command, name),
        };
        (name.clone(), value)
    });
    Value::Object(members.collect())
}

fn key_body() -> Body {
    let roles: Vec<&str> = crate::node::Role::ALL
        .iter()
        .map(|(name, _)| *name)
        .collect();
    let wanted = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["roles"],
        "properties": {
            "roles": {"type": "array", "minItems": 1, "items": {"enum": roles}},
            "tenants": {"type": ["array", "null"], "items": {"type": "string", "minLength": 1}, "description": "Partners and customers that it is for; absent: all."},
            "principal": {"type": ["string", "null"], "description": "As whom it acts, and as nobody else."},
        },
    });
    let reader = json!({"roles": ["admin-read"], "tenants": ["fabrikam"]});
    let writer =
        json!({"roles": ["admin-write"], "principal": "PartnerUser::\"ada@fabrikam.example\""});
    Body::of(wanted, &[("reader", reader), ("writer", writer)])
}

fn made_key() -> Value {
    let secret = json!({"type": "string", "description": "The secret, told this once."});
    object(json!({"id": string(), "key": secret, "revision": revision()}))
}
