//! What is a 400 on every route that takes a question. Source: contract, section 2.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{
    ALICE, EVALUATION, EVALUATIONS, POSTED, RECORD_1, RESOURCE, SEARCHES, SUBJECT, Server,
    question, with,
};

fn good() -> Value {
    question(ALICE, "read", RECORD_1)
}

#[test]
fn bodies_that_are_no_json_object() {
    let server = Server::scenario();
    for path in POSTED {
        let check = |body: &[u8], code: &str| {
            server
                .send(path, &[], body.to_vec())
                .is_refused(400, code, "");
        };
        check(b"", "empty-body");
        check(b" \r\n\t", "empty-body");
        check(b"{", "invalid-json");
        check(b"{} {}", "invalid-json");
        check(b"{'a': 1}", "invalid-json");
        check(b"\"\\ud800\"", "invalid-json");
        check(b"{\"subject\": \"\xff\"}", "not-utf-8");
        for body in ["[]", "null", "true", "7", "\"x\""] {
            check(body.as_bytes(), "invalid-request");
        }
        let twice =
            good()
                .to_string()
                .replacen('{', "{\"x\":{\"a\":[{\"b\":1,\"\\u0062\":1}]},", 1);
        check(twice.as_bytes(), "invalid-json");
    }
}

#[test]
fn media_types_that_are_not_json() {
    let server = Server::scenario();
    for path in POSTED {
        let send = |types: &[&str]| {
            let mut request = Request::post(path);
            for name in types {
                request = request.header("Content-Type", *name);
            }
            server.exchange(request.body(Body::from(good().to_string())).unwrap())
        };
        for types in [
            [].as_slice(),
            &["text/plain"],
            &["application/x-www-form-urlencoded"],
            &["application/jsonp"],
            &["application/json", "application/json"],
        ] {
            send(types).is_refused(400, "content-type", "must be `application/json`");
        }
        assert_eq!(
            send(&["Application/JSON; charset=utf-8"]).status,
            200,
            "{path}"
        );
    }
}

#[test]
fn members_of_the_wrong_type() {
    let server = Server::scenario();
    let wrong = [json!(null), json!(1), json!("x"), json!(["x"]), json!(true)];
    for (path, members) in [
        (
            EVALUATION,
            ["subject", "action", "resource", "context", "options"].as_slice(),
        ),
        (
            EVALUATIONS,
            &["subject", "action", "resource", "context", "options"],
        ),
        (
            SUBJECT,
            &[
                "subject", "action", "resource", "context", "options", "page",
            ],
        ),
        (
            RESOURCE,
            &[
                "subject", "action", "resource", "context", "options", "page",
            ],
        ),
        (
            super::ACTION,
            &["subject", "resource", "context", "options", "page"],
        ),
    ] {
        for member in members {
            for value in &wrong {
                let body = with(good(), json!({*member: value}));
                let message = format!("`{member}` must be an object");
                server
                    .post(path, &body)
                    .is_refused(400, "invalid-request", &message);
            }
        }
    }
    for bad in [json!(null), json!({}), json!("x"), json!(0)] {
        let body = with(good(), json!({"evaluations": bad}));
        let message = "`evaluations` must be an array";
        server
            .post(EVALUATIONS, &body)
            .is_refused(400, "invalid-request", message);
    }
    for path in POSTED {
        let body = with(good(), json!({"options": {"explain": "yes"}}));
        let message = "`options.explain` must be a boolean";
        server
            .post(path, &body)
            .is_refused(400, "invalid-request", message);
    }
    for path in SEARCHES {
        let body = with(good(), json!({"page": {"token": 7}}));
        let message = "`page.token` must be a string";
        server
            .post(path, &body)
            .is_refused(400, "invalid-request", message);
    }
}

/// A default that is none is the request's fault, whether an item takes it or not.
#[test]
fn a_top_level_that_is_wrong_refuses_the_batch() {
    let server = Server::scenario();
    for members in [
        json!({"subject": {"type": "user"}}),
        json!({"action": {}}),
        json!({"resource": {"id": "record-1"}}),
        json!({"subject": {"type": "user", "id": "alice", "properties": 1}}),
        json!({"context": []}),
    ] {
        let body = with(json!({"evaluations": [good()]}), members);
        server
            .post(EVALUATIONS, &body)
            .is_refused(400, "invalid-request", "must be");
    }
}

#[test]
fn headers_that_do_not_parse() {
    let server = Server::scenario();
    for path in POSTED {
        let send = |headers: &[(&str, &str)]| server.send(path, headers, good().to_string());
        send(&[("Aobo-At-Least", "x")]).is_refused(400, "invalid-header", "must be one revision");
        send(&[("Aobo-As-Of", "x")]).is_refused(400, "invalid-header", "must be one revision");
        send(&[("Aobo-As-Of", "1"), ("Aobo-At-Least", "1")]).is_refused(400, "invalid-header", "");
        send(&[("Aobo-As-Of", "0")]).is_refused(400, "as-of-unavailable", "generic mode has none");
    }
}

#[test]
fn other_methods_and_paths() {
    let server = Server::scenario();
    for path in POSTED {
        server.get(path).is_refused(405, "method-not-allowed", path);
        let below = format!("{path}/");
        server
            .send(&below, &[], good().to_string())
            .is_refused(404, "not-found", &below);
    }
}
