//! One route as OpenAPI says it, and the parts that many routes share.

use serde_json::{Map, Value, json};

use super::rows::Row;
use super::samples::sample;

/// What is particular about a route.
#[derive(Debug)]
pub(super) struct Operation {
    /// `operationId`: what generated clients call it.
    pub(super) id: String,
    /// The area that it is listed under.
    pub(super) tag: &'static str,
    /// Said where the row has no sentence of its own.
    pub(super) summary: &'static str,
    /// Names of shared parameters: those of [`shared_parameters`].
    pub(super) headers: &'static [&'static str],
    /// Parameters of the query.
    pub(super) query: Vec<Value>,
    /// The body that it takes, if any.
    pub(super) body: Option<Body>,
    /// The status of success.
    pub(super) status: u16,
    /// The answer of success.
    pub(super) answer: Value,
    /// The media type of that answer.
    pub(super) media: &'static str,
    /// Names of shared headers in that answer, besides the request's id.
    pub(super) answer_headers: &'static [&'static str],
    /// Statuses of failure; 500 always is one.
    pub(super) errors: &'static [u16],
}

/// What a route takes.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) schema: Value,
    pub(super) required: bool,
    /// By name; each parses.
    pub(super) examples: Vec<(String, Value)>,
}

pub(super) const JSON: &str = "application/json";

impl Operation {
    /// An operation without parameters that answers 200 with JSON.
    pub(super) fn new(id: impl Into<String>, tag: &'static str, answer: Value) -> Self {
        Self {
            id: id.into(),
            tag,
            summary: "",
            headers: &[],
            query: Vec::new(),
            body: None,
            status: 200,
            answer,
            media: JSON,
            answer_headers: &[],
            errors: &[],
        }
    }

    /// The operation object of a route. `open` says that loopback callers need no
    /// key.
    pub(super) fn told(self, row: &Row, open: bool) -> Value {
        let summary = match row.summary {
            "" => self.summary,
            summary => summary,
        };
        let mut told = json!({
            "operationId": self.id,
            "summary": summary,
            "tags": [self.tag],
            "parameters": self.parameters(row.path),
            "responses": self.responses(),
            "security": match (row.needs, open) {
                (None, _) => json!([]),
                (Some(_), true) => json!([{"key": []}, {}]),
                (Some(_), false) => json!([{"key": []}]),
            },
        });
        let Value::Object(members) = &mut told else {
            return told;
        };
        if let Some(role) = row.needs {
            let role = serde_json::to_value(role).unwrap_or_default();
            let role = role.as_str().unwrap_or_default();
            members.insert(
                "description".to_owned(),
                format!("Needs a key with the role `{role}`.").into(),
            );
        }
        if let Some(body) = self.body {
            members.insert("requestBody".to_owned(), body.told());
        }
        told
    }

    fn parameters(&self, path: &str) -> Vec<Value> {
        let names = path.split(['{', '}']).skip(1).step_by(2);
        let of_path = names.map(|name| {
            let schema = match name {
                "from" | "to" => json!({"type": "integer", "minimum": 0, "maximum": i64::MAX}),
                _ => json!({"type": "string", "minLength": 1}),
            };
            json!({"name": name, "in": "path", "required": true, "schema": schema, "example": sample("", name)})
        });
        let shared = ["X-Request-ID", "traceparent", "tracestate"];
        let shared = shared.iter().chain(self.headers);
        let shared = shared.map(|name| json!({"$ref": format!("#/components/parameters/{name}")}));
        let query = self.query.iter().cloned();
        of_path.chain(query).chain(shared).collect()
    }

    fn responses(&self) -> Value {
        let header = |name: &&str| {
            let header = json!({"$ref": format!("#/components/headers/{name}")});
            ((*name).to_owned(), header)
        };
        let headers = ["X-Request-ID"].iter().chain(self.answer_headers);
        let headers: Map<String, Value> = headers.map(header).collect();
        let success = json!({
            "description": "As asked.",
            "headers": headers,
            "content": {self.media: {"schema": self.answer}},
        });
        let mut responses = Map::from_iter([(self.status.to_string(), success)]);
        for status in self.errors.iter().chain(&[500]) {
            let response = json!({"$ref": format!("#/components/responses/{status}")});
            responses.insert(status.to_string(), response);
        }
        Value::Object(responses)
    }
}

impl Body {
    /// A body that must be there, with an example of each kind.
    pub(super) fn of(schema: Value, examples: &[(&str, Value)]) -> Self {
        let examples = examples.iter();
        Self {
            schema,
            required: true,
            examples: examples
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        }
    }

    fn told(self) -> Value {
        let examples = self.examples.into_iter();
        let examples: Map<String, Value> = examples
            .map(|(name, value)| (name, json!({"value": value})))
            .collect();
        json!({
            "required": self.required,
            "content": {JSON: {"schema": self.schema, "examples": examples}},
        })
    }
}

/// A reference to a schema among the components.
pub(super) fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An object of which all members are always there.
pub(super) fn object(members: Value) -> Value {
    let required: Vec<&String> = members
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .collect();
    json!({"type": "object", "required": required, "properties": members})
}

/// A list.
pub(super) fn list(of: Value) -> Value {
    json!({"type": "array", "items": of})
}

/// A string.
pub(super) fn string() -> Value {
    json!({"type": "string"})
}

/// A revision.
pub(super) fn revision() -> Value {
    json!({"type": "integer", "minimum": 0, "description": "The position of an event: facts and policies as it left them."})
}

/// A parameter of the query that may be left out.
pub(super) fn query(name: &str, schema: Value, about: &str) -> Value {
    json!({"name": name, "in": "query", "required": false, "schema": schema, "description": about})
}
