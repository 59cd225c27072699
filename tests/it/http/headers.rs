//! Request ids, revisions, and what the health routes say.

use aobo::api::REQUEST_ID_BYTES_MAX;
use aobo::directory::Profile;
use aobo::node::Point;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::{ADA, Server, TAILSPIN, WORLD, allowed, generic, question};
use crate::support;

#[test]
fn a_request_id_is_echoed_or_made() {
    let server = Server::start();
    let long = "x".repeat(REQUEST_ID_BYTES_MAX + 1);
    for id in [
        "bfe9eb29-ab87-4ca3-be83-a1d5d8305716",
        "1",
        "two words",
        "naïve",
        long.as_str(),
    ] {
        let reply = server.post(&[("X-Request-ID", id)], allowed().to_string());
        assert_eq!(reply.headers["x-request-id"].as_bytes(), id.as_bytes());
        let reply = server.post(&[("x-request-id", id)], "not JSON");
        assert_eq!(reply.headers["x-request-id"].as_bytes(), id.as_bytes());
    }
    let reply = server.post(&[("X-Request-ID", "")], allowed().to_string());
    assert_ne!(reply.header("x-request-id"), Some(""));
    let made = |path: &str| server.get(path).header("x-request-id").unwrap().to_owned();
    assert_ne!(made("/livez"), made("/livez"));
    assert_ne!(made("/nowhere"), made("/nowhere"));
}

/// A state one revision later, in which Tailspin delegates again.
fn later(point: &Point) -> Point {
    let put = r#"{"relationships": [
        {"partner": "fabrikam", "customer": "tailspin", "status": "active", "dap": "active"}
    ]}"#;
    let put = serde_json::from_str(put).unwrap();
    point
        .changed(put, serde_json::from_str("{}").unwrap())
        .unwrap()
}

#[test]
fn a_decision_says_at_which_revision_it_was_made() {
    let server = Server::start();
    let asked = question(ADA, "SignInToCustomerTenant", TAILSPIN);
    let reply = server.evaluate(&asked);
    reply.is(&json!({"decision": false}));
    assert_eq!(reply.header("aobo-revision"), Some("0"));
    let bundle = support::bundle(Profile::Seed);
    assert_eq!(reply.header("aobo-bundle"), Some(bundle.hash().as_str()));
    assert_eq!(server.get("/nowhere").header("aobo-bundle"), None);
    let next = later(&server.state.point().current());
    server.state.point().replace(next);
    let reply = server.evaluate(&asked);
    reply.is(&json!({"decision": true}));
    assert_eq!(reply.header("aobo-revision"), Some("1"));
}

#[test]
fn at_least_takes_what_is_applied() {
    let server = Server::start();
    let at_least = |value: &str| server.post(&[("Aobo-At-Least", value)], allowed().to_string());
    at_least("0").is(&json!({"decision": true}));
    for ahead in ["1", "18446744073709551615"] {
        let reply = at_least(ahead);
        let message = format!("revision {ahead} is not applied here, this is 0");
        reply.is_refused(503, "revision-not-reached", &message);
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    for bad in [
        "",
        "-1",
        "one",
        "1.0",
        "+1",
        "18446744073709551616",
        "naïve",
    ] {
        at_least(bad).is_refused(
            400,
            "invalid-header",
            "`Aobo-At-Least` must be one revision",
        );
    }
    let next = later(&server.state.point().current());
    server.state.point().replace(next);
    at_least("1").is(&json!({"decision": true}));
    at_least("2").is_refused(503, "revision-not-reached", "this is 1");
}

#[test]
fn there_is_no_past_to_ask_about() {
    for (server, message) in [
        (
            Server::start(),
            "this server has none; start it with --data",
        ),
        (Server::over(generic::point()), "generic mode has none"),
    ] {
        for value in ["0", "2020-09-01T09:00:00Z"] {
            let reply = server.post(&[("Aobo-As-Of", value)], allowed().to_string());
            reply.is_refused(400, "as-of-unavailable", message);
        }
        let reply = server.post(&[("Aobo-As-Of", "nonsense")], allowed().to_string());
        reply.is_refused(
            400,
            "invalid-header",
            "`Aobo-As-Of` must be one revision, or one time",
        );
    }
}

#[test]
fn health_says_what_is_served() {
    let server = Server::start();
    server.get("/livez").is(&json!({"status": "alive"}));
    let bundle = support::bundle(Profile::Seed);
    let ready = |revision: u64| json!({"status": "ready", "revision": revision, "bundle": bundle.hash().as_str()});
    server.get("/readyz").is(&ready(0));
    let next = later(&support::point(Profile::Seed, WORLD));
    server.state.point().replace(next);
    server.get("/readyz").is(&ready(1));
    let head = Request::head("/readyz").body(Body::empty()).unwrap();
    assert_eq!(server.send(head).status, StatusCode::OK);
}

#[test]
fn a_server_that_goes_away_is_not_ready_and_answers_still() {
    let server = Server::start();
    server.state.drain();
    let reply = server.get("/readyz");
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    let expected = json!({"status": "not ready", "reasons": ["shutting down"]});
    assert_eq!(reply.json, expected);
    server.get("/livez").is(&json!({"status": "alive"}));
    server.evaluate(&allowed()).is(&json!({"decision": true}));
}
