//! The documents of `GET /openapi.json`: they name every route and no other, and
//! what the routes answer is what they say. The other modules' requests are held to
//! them too, by [`holds`].

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, OnceLock};

use aobo::api::{COMMANDS, DECISION_ROUTES, Listener, RouteSpec, admin_routes, document};
use axum::http::HeaderMap;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

fn documents() -> &'static [Value; 2] {
    static DOCUMENTS: OnceLock<[Value; 2]> = OnceLock::new();
    DOCUMENTS.get_or_init(|| [Listener::Decisions, Listener::Admin].map(document))
}

/// The document of a path: those of AuthZEN are the decision listener's.
fn document_of(path: &str) -> &'static Value {
    let [decisions, admin] = documents();
    match path.starts_with("/access/") || path.starts_with("/.well-known/") {
        true => decisions,
        false => admin,
    }
}

/// An answer is one that the document of its listener describes: its status, its
/// headers, and every member of its body.
#[track_caller]
pub(crate) fn holds(method: &str, path: &str, status: u16, headers: &HeaderMap, body: &Value) {
    let path = path.split('?').next().unwrap();
    let document = document_of(path);
    let place = format!("{method} {path}: {status} {body}");
    let Some(template) = template(document, path) else {
        assert_eq!(status, 404, "{place}");
        return described(document, "/components/responses/404", headers, body, &place);
    };
    let escaped = template.replace('~', "~0").replace('/', "~1");
    let method = method.to_ascii_lowercase();
    let operation = format!("/paths/{escaped}/{method}");
    if document.pointer(&operation).is_none() {
        assert_eq!(status, 405, "{place}");
        return described(document, "/components/responses/404", headers, body, &place);
    }
    let response = format!("{operation}/responses/{status}");
    let told = document.pointer(&response);
    let told = told.unwrap_or_else(|| panic!("no such status is described of {place}"));
    match told["$ref"].as_str() {
        Some(shared) => described(document, &shared[1..], headers, body, &place),
        None => described(document, &response, headers, body, &place),
    }
}

/// The template that a path is of: the one that spells most of it out.
fn template<'d>(document: &'d Value, path: &str) -> Option<&'d str> {
    let fits = |template: &str| {
        let (parts, given) = (template.split('/'), path.split('/'));
        template.split('/').count() == path.split('/').count()
            && parts.zip(given).all(|(part, given)| match part {
                part if part.starts_with('{') => !given.is_empty(),
                part => part == given,
            })
    };
    let paths = document["paths"].as_object().unwrap().keys();
    let fitting = paths.filter(|template| fits(template));
    fitting
        .map(String::as_str)
        .min_by_key(|t| t.matches('{').count())
}

#[track_caller]
fn described(document: &Value, pointer: &str, headers: &HeaderMap, body: &Value, place: &str) {
    let told = document.pointer(pointer).expect("a response");
    for name in told["headers"].as_object().into_iter().flat_map(Map::keys) {
        assert!(headers.contains_key(name), "no {name}: {place}");
    }
    let content = told["content"].as_object().expect("a response with a body");
    let schema = &content.values().next().expect("one media type")["schema"];
    static KNOWN: Mutex<Option<HashMap<String, Validator>>> = Mutex::new(None);
    let mut known = KNOWN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let name = format!("{}{pointer}", document["info"]["title"]);
    let validator = known
        .get_or_insert_default()
        .entry(name)
        .or_insert_with(|| {
            let mut whole = json!({"allOf": [schema], "components": document["components"]});
            close(&mut whole);
            jsonschema::draft202012::new(&whole).expect("a schema")
        });
    let wrong: Vec<String> = validator
        .iter_errors(body)
        .map(|e| format!("{e} at {}", e.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{place}: {wrong:?}");
}

/// Documents leave room for members to come; here an undescribed one is an error.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let open = members.get("properties").is_some_and(Value::is_object);
            members.values_mut().for_each(close);
            if open && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Method and path of every operation of a document.
fn described_routes(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(|method| (method.to_ascii_uppercase(), path.clone()))
    });
    all.collect()
}

#[test]
fn documents_name_every_route_and_no_other() {
    let owned = |(method, path): (&str, &str)| (method.to_owned(), path.to_owned());
    let [decisions, admin] = documents();
    // A path that is any path has no form in OpenAPI.
    let formed = |row: &RouteSpec| !row.path.contains("{*");
    let of = |row: RouteSpec| owned((row.method, row.path));
    let table = DECISION_ROUTES.iter().copied().filter(formed).map(of);
    assert_eq!(described_routes(decisions), table.collect());
    assert_eq!(described_routes(admin), admin_routes().map(of).collect());
}

#[test]
fn everything_is_named_once_and_what_is_named_is_there() {
    for document in documents() {
        let mut ids = BTreeSet::new();
        walk(document, &mut |members| {
            if let Some(id) = members.get("operationId") {
                assert!(ids.insert(id.to_string()), "{id} comes twice");
                let said = |name: &str| members[name].as_str().is_some_and(|text| !text.is_empty());
                assert!(said("summary"), "{id} says nothing");
                assert!(
                    !id.as_str().unwrap().contains('_'),
                    "{id} has a description of its own"
                );
            }
            if let Some(place) = members.get("$ref") {
                let place = place.as_str().unwrap().strip_prefix('#').unwrap();
                assert!(document.pointer(place).is_some(), "{place} is not there");
            }
        });
        assert_eq!(ids.len(), described_routes(document).len());
    }
}

#[test]
fn examples_fit_their_schemas() {
    let mut count = 0;
    for document in documents() {
        walk(document, &mut |members| {
            let (Some(schema), Some(examples)) = (members.get("schema"), members.get("examples"))
            else {
                return;
            };
            let whole = json!({"allOf": [schema], "components": document["components"]});
            let validator = jsonschema::draft202012::new(&whole).expect("a schema");
            for example in examples.as_object().unwrap().values() {
                let wrong: Vec<String> = validator
                    .iter_errors(&example["value"])
                    .map(|e| e.to_string())
                    .collect();
                assert!(wrong.is_empty(), "{example}: {wrong:?}");
                count += 1;
            }
        });
    }
    assert!(count >= COMMANDS.len());
}

#[test]
fn the_documents_are_served_and_printed() {
    let printed = |listener: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aobo"));
        let output = command.args(["openapi", listener]).output().unwrap();
        assert!(output.status.success());
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let [decisions, admin] = documents();
    assert_eq!(&printed("decisions"), decisions);
    assert_eq!(&printed("admin"), admin);
}

fn walk(value: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(members);
            members.values().for_each(|member| walk(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}
