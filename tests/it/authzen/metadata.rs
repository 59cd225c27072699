//! Metadata: whose URLs it tells.

use aobo::api::METADATA_CACHE_SECONDS;
use axum::body::Body;
use axum::http::Request;

use super::{METADATA, Server};

fn published(url: &str) -> Server {
    let server = Server::scenario();
    server.state.publish(url.parse().unwrap());
    server
}

#[test]
fn urls_never_come_from_the_request() {
    let server = published("https://pdp.example.com");
    let plain = server.get(METADATA);
    let request = Request::get(METADATA)
        .header("Host", "evil.example")
        .header("X-Forwarded-Host", "evil.example")
        .header("Forwarded", "host=evil.example;proto=https")
        .body(Body::empty());
    let asked = server.exchange(request.unwrap());
    assert_eq!(asked.json, plain.json);
    assert!(!asked.text.contains("evil"), "{}", asked.text);
}

#[test]
fn every_url_is_below_the_identifier() {
    for url in [
        "https://pdp.example.com",
        "https://pdp.example.com:8443/a/b",
        "http://127.0.0.1:8180",
    ] {
        let reply = published(url).get(METADATA);
        let members = reply.json.as_object().unwrap();
        assert_eq!(members.len(), 6);
        for (name, value) in members {
            let value = value.as_str().unwrap();
            assert!(value.starts_with(url), "{name}: {value}");
            assert_eq!(value == url, name == "policy_decision_point");
        }
    }
}

#[test]
fn the_first_url_that_is_said_counts() {
    let server = published("https://pdp.example.com");
    server
        .state
        .publish("http://127.0.0.1:8180".parse().unwrap());
    let said = &server.get(METADATA).json["policy_decision_point"];
    assert_eq!(said, "https://pdp.example.com");
}

#[test]
fn a_url_with_a_path_is_found_behind_the_well_known_one() {
    let server = published("https://pdp.example.com/a/b");
    let of = |path: &str| server.get(&format!("{METADATA}{path}"));
    assert_eq!(of("/a/b").json, of("").json);
    for other in ["/", "/a", "/a/b/c", "/b", "/a%2Fb/"] {
        of(other).is_refused(404, "not-found", METADATA);
    }
    published("https://pdp.example.com")
        .get(&format!("{METADATA}/a"))
        .is_refused(404, "not-found", "");
}

#[test]
fn metadata_may_be_kept_for_a_while() {
    let reply = published("https://pdp.example.com").get(METADATA);
    let kept = format!("max-age={METADATA_CACHE_SECONDS}");
    assert_eq!(reply.header("cache-control"), Some(kept.as_str()));
}

#[test]
fn nothing_is_told_before_a_url_is_said() {
    Server::scenario()
        .get(METADATA)
        .is_refused(404, "not-found", METADATA);
}
