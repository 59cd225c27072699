//! Examples of the documents are requests that are understood, and what comes back
//! is described.

use std::sync::Arc;

use aobo::api::{Listener, document};
use aobo::log::Memory;
use aobo::node::{Choice, Role};
use serde_json::Value;

use super::{Call, Desk, open};
use crate::support;

/// A desk over the world that examples are about.
fn fabrikam() -> Desk {
    let world = support::text("tests/corpus/worlds/fabrikam.json");
    let opened = open(Arc::new(Memory::new()), Choice::Last, Some(&world)).unwrap();
    let mut desk = Desk::over(opened, String::new());
    desk.master = desk.key(&Role::ALL.map(|(_, role)| role), &[]);
    desk
}

/// The path with the examples of its parameters, as the operation gives them.
fn filled(path: &str, operation: &Value) -> String {
    let mut filled = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().unwrap() {
        let (name, example) = (&parameter["name"], &parameter["example"]);
        let text = example.as_str().map_or(example.to_string(), str::to_owned);
        match parameter["in"].as_str() {
            Some("path") => {
                let text = text.replace(' ', "%20");
                filled = filled.replace(&format!("{{{}}}", name.as_str().unwrap()), &text);
            }
            Some("query") if !example.is_null() => {
                query.push(format!("{}={text}", name.as_str().unwrap()));
            }
            _ => {}
        }
    }
    match query.as_slice() {
        [] => filled,
        query => format!("{filled}?{}", query.join("&")),
    }
}

#[test]
fn examples_are_understood() {
    let desk = fabrikam();
    let (mut done, mut sent) = (0, 0);
    for (listener, router) in [
        (Listener::Decisions, &desk.decisions),
        (Listener::Admin, &desk.admin),
    ] {
        let document = document(listener);
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let content = operation.pointer("/requestBody/content/application~1json/examples");
                let bodies: Vec<Option<&Value>> = match content.and_then(Value::as_object) {
                    Some(examples) => examples
                        .values()
                        .map(|example| Some(&example["value"]))
                        .collect(),
                    None => vec![None],
                };
                if path == "/metrics" {
                    continue;
                }
                let asked = filled(path, operation);
                for body in bodies {
                    let call = |principal: Option<&str>| {
                        let call = Call::new(router, &method.to_ascii_uppercase(), &asked);
                        let call = principal
                            .into_iter()
                            .fold(call.key(&desk.master), |call, principal| {
                                call.header("Aobo-Principal", principal)
                            });
                        match body {
                            Some(body) => call.json(body).send(),
                            None => call.send(),
                        }
                    };
                    // Commands are for principals or for operators.
                    let mut reply = call(None);
                    if reply.status == 403 {
                        reply = call(Some(r#"PartnerUser::"ada@fabrikam.example""#));
                    }
                    // A file is held against the customer's domains, and roles are
                    // somebody's: these examples are understood and not enough.
                    let lacking = ["import", "effectiveRoles"]
                        .iter()
                        .any(|end| path.ends_with(end))
                        || body.is_some_and(|body| body["command"] == "import-users");
                    let place = format!("{method} {asked} {body:?}: {}", reply.json);
                    assert!(reply.status != 400 || lacking, "{place}");
                    (done, sent) = (done + usize::from(reply.status < 300), sent + 1);
                }
            }
        }
    }
    // Some take away what others name, or are no command of an operator.
    assert!(
        done * 2 > sent,
        "{done} of {sent} examples were carried out"
    );
}
