//! Requests that are not answered with a decision.

use std::io;

use aobo::api::BODY_BYTES_MAX;
use aobo::engine::JSON_DEPTH_MAX;
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};

use super::{EVALUATION, Server, allowed, with};

#[test]
fn bodies_that_are_no_evaluation() {
    let server = Server::start();
    let check = |body: &str, code: &str, message: &str| {
        server
            .post(&[], body.to_owned())
            .is_refused(400, code, message);
    };
    check("", "empty-body", "the body is empty");
    check(" \r\n\t", "empty-body", "the body is empty");
    for text in [
        "{",
        "nul",
        "{'a': 1}",
        "{\"a\": 1,}",
        "\u{feff}{}",
        "\"\\ud800\"",
    ] {
        check(text, "invalid-json", "not valid JSON");
    }
    check("{} {}", "invalid-json", "trailing");
    for (text, kind) in [
        ("[]", "an array"),
        ("\"x\"", "a string"),
        ("7", "a whole number"),
        ("null", "null"),
        ("true", "a boolean"),
    ] {
        let message = format!("the body must be an object, not {kind}");
        check(text, "invalid-request", &message);
    }
}

#[test]
fn a_member_that_comes_twice_is_refused_at_any_depth() {
    let server = Server::start();
    let good = allowed().to_string();
    let check = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        let reply = server.post(&[], good.replacen(from, to, 1));
        reply.is_refused(400, "invalid-json", "comes twice");
    };
    check("{", "{\"action\":{\"name\":\"x\"},");
    check("\"id\":\"ada\"", "\"id\":\"nora\",\"id\":\"ada\"");
    check("\"id\":\"ada\"", "\"id\":\"nora\",\"\\u0069d\":\"ada\"");
    check("{", "{\"context\":{\"x\":[{\"a\":1,\"a\":1}]},");
    check("{", "{\"unknown\":{\"a\":1,\"a\":1},");
}

#[test]
fn members_that_are_missing() {
    let server = Server::start();
    for (pointer, wanted) in [
        ("subject", "an object"),
        ("action", "an object"),
        ("resource", "an object"),
        ("subject.type", "a string"),
        ("subject.id", "a string"),
        ("action.name", "a string"),
        ("resource.type", "a string"),
        ("resource.id", "a string"),
    ] {
        let mut body = allowed();
        let (outer, name) = pointer.rsplit_once('.').unwrap_or(("", pointer));
        let outer = match outer {
            "" => &mut body,
            outer => &mut body[outer],
        };
        outer.as_object_mut().unwrap().remove(name).unwrap();
        let message = format!("`{pointer}` must be {wanted}, and is missing");
        let reply = server.evaluate(&body);
        reply.is_refused(400, "invalid-request", &message);
    }
}

#[test]
fn members_of_the_wrong_type() {
    let server = Server::start();
    let kinds = [
        (Value::Null, "null"),
        (json!(true), "a boolean"),
        (json!(1), "a whole number"),
        (json!(1.5), "a number that is not whole, or too large"),
        (json!("x"), "a string"),
        (json!(["x"]), "an array"),
        (json!({"x": 1}), "an object"),
    ];
    for (pointer, wanted) in [
        ("/subject", "an object"),
        ("/action", "an object"),
        ("/resource", "an object"),
        ("/context", "an object"),
        ("/options", "an object"),
        ("/options/explain", "a boolean"),
        ("/subject/type", "a string"),
        ("/subject/id", "a string"),
        ("/subject/properties", "an object"),
        ("/action/name", "a string"),
        ("/action/properties", "an object"),
        ("/resource/type", "a string"),
        ("/resource/id", "a string"),
        ("/resource/properties", "an object"),
    ] {
        for (value, kind) in kinds.iter().filter(|(_, kind)| *kind != wanted) {
            let mut body = with(allowed(), json!({"options": {}}));
            let (outer, name) = pointer.rsplit_once('/').unwrap();
            body.pointer_mut(outer).unwrap()[name] = value.clone();
            let place = pointer.trim_start_matches('/').replace('/', ".");
            let message = format!("`{place}` must be {wanted}, not {kind}");
            let reply = server.evaluate(&body);
            reply.is_refused(400, "invalid-request", &message);
        }
    }
}

#[test]
fn bytes_that_are_no_text() {
    let server = Server::start();
    let mut bytes = allowed().to_string().into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'a').unwrap();
    bytes[at] = 0xFF;
    let reply = server.post(&[], bytes);
    reply.is_refused(400, "not-utf-8", &format!("byte {at} "));
    let wide: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let reply = server.post(&[], wide);
    reply.is_refused(400, "invalid-json", "not valid JSON");
}

#[test]
fn other_media_types() {
    let server = Server::start();
    let post = |media_type: Option<&str>, body: String| {
        let mut request = Request::post(EVALUATION);
        if let Some(media_type) = media_type {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        server.send(request.body(Body::from(body)).unwrap())
    };
    for other in [
        "text/plain",
        "application/xml",
        "application/jsonx",
        "json",
        "",
        "*/*",
    ] {
        let reply = post(Some(other), allowed().to_string());
        reply.is_refused(400, "content-type", &format!("not `{other}`"));
    }
    let missing = post(None, allowed().to_string());
    missing.is_refused(400, "content-type", "and is missing");
    post(None, String::new()).is_refused(400, "content-type", "and is missing");
    for json in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        post(Some(json), allowed().to_string()).is(&json!({"decision": true}));
    }
}

#[test]
fn the_body_is_bounded_at_the_limit_and_one_past_it() {
    let server = Server::start();
    let padded = |bytes: usize| {
        let body = allowed().to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let reply = server.post(&[], padded(BODY_BYTES_MAX));
    reply.is(&json!({"decision": true}));
    for bytes in [BODY_BYTES_MAX + 1, 10 * BODY_BYTES_MAX] {
        let reply = server.post(&[], padded(bytes));
        reply.is_refused(413, "body-too-large", "262144 bytes");
    }
}

#[test]
fn the_depth_is_bounded_at_the_limit_and_one_past_it() {
    let server = Server::start();
    let nested = |levels: usize| {
        let list = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let body = with(allowed(), json!({"context": {"deep": "here"}}));
        body.to_string().replace("\"here\"", &list)
    };
    // The body and the context are two levels themselves.
    let reply = server.post(&[], nested(JSON_DEPTH_MAX - 2));
    reply.is(&json!({"decision": true}));
    for levels in [JSON_DEPTH_MAX - 1, 100_000] {
        let reply = server.post(&[], nested(levels));
        reply.is_refused(400, "invalid-json", "deeper than 32 levels");
    }
}

#[test]
fn a_body_that_ends_too_early() {
    let cut = Limited::new(Full::from(allowed().to_string()), 10);
    let cut = cut.map_err(|_| io::Error::other("connection reset by somebody"));
    let reply = Server::start().post(&[], Body::new(cut));
    reply.is_refused(400, "body-incomplete", "did not arrive whole");
    assert!(
        !reply.json.to_string().contains("somebody"),
        "{}",
        reply.json
    );
}

#[test]
fn paths_and_methods_that_there_are_not() {
    let server = Server::start();
    for path in [
        "/",
        "/access/v1/evaluation/",
        "/access/v1//evaluation",
        "/ACCESS/v1/evaluation",
        "/access/v1/nothing",
        "/livez/x",
        "/%2e%2e/etc/passwd",
    ] {
        let reply = server.get(path);
        reply.is_refused(404, "not-found", &format!("there is no `{path}` here"));
    }
    for (method, path, allow) in [
        (Method::GET, EVALUATION, "POST"),
        (Method::PUT, EVALUATION, "POST"),
        (Method::OPTIONS, EVALUATION, "POST"),
        (Method::POST, "/livez", "GET,HEAD"),
        (Method::DELETE, "/readyz", "GET,HEAD"),
    ] {
        let request = Request::builder().method(&method).uri(path);
        let reply = server.send(request.body(Body::empty()).unwrap());
        let message = format!("`{path}` does not take {method}");
        reply.is_refused(405, "method-not-allowed", &message);
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}
