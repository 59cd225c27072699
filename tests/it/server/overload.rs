//! More than there is room for: connections here; the pools are tested beside their
//! code, where routes can be held.

use std::sync::Arc;

use aobo::api::{AppState, Limits, Listener, router};
use aobo::directory::Profile;
use aobo::node::DecisionPoint;
use serde_json::Value;

use super::{GET, call, plain, server, settle};
use crate::support;

#[tokio::test(start_paused = true)]
async fn connections_past_the_limit_are_told_so() {
    let limits = Limits {
        connections: 8,
        shedding: 2,
        ..Limits::default()
    };
    let server = server(plain(), limits);
    let mut callers: Vec<_> = (0..8).map(|_| call(&server)).collect();
    for caller in &mut callers {
        caller.is_fine().await;
    }
    let mut past = call(&server);
    let reply = past.ask(GET).await;
    assert_eq!(reply.status, 503);
    assert!(reply.head.contains("retry-after: 1") && reply.head.contains("connection: close"));
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(body["error"]["code"], "overloaded");
    assert!(past.rest().await.is_empty());
    for caller in &mut callers {
        caller.is_fine().await;
    }
    drop(callers.pop());
    settle().await;
    call(&server).is_fine().await;
    assert_eq!(server.counts().shed, 1);
}

#[tokio::test(start_paused = true)]
async fn telling_is_bounded_too() {
    let limits = Limits {
        connections: 1,
        shedding: 2,
        ..Limits::default()
    };
    let server = server(plain(), limits);
    let mut first = call(&server);
    first.is_fine().await;
    // They stay until they are told and the time for it is over; the third is closed.
    let (mut one, mut two, mut three) = (call(&server), call(&server), call(&server));
    assert!(three.rest().await.is_empty());
    assert!(one.rest().await.starts_with(b"HTTP/1.1 503 "));
    assert!(two.rest().await.starts_with(b"HTTP/1.1 503 "));
    first.is_fine().await;
    drop((one, two));
    settle().await;
    assert_eq!(call(&server).ask(GET).await.status, 503);
    assert_eq!(server.counts().shed, 4);
}

#[tokio::test(start_paused = true)]
async fn what_became_of_connections_is_on_the_page_of_metrics() {
    let point = support::point(Profile::Seed, "{}");
    let point = DecisionPoint::new(point, Arc::new(|| support::NOW));
    let state = Arc::new(AppState::new(point));
    let limits = Limits {
        connections: 1,
        shedding: 0,
        ..Limits::default()
    };
    let server = server(router(Arc::clone(&state)), limits);
    server.report(state.metrics(), Listener::Decisions);
    let mut scraper = call(&server);
    let scrape = "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n";
    assert_eq!(scraper.ask(scrape).await.status, 200);
    assert!(call(&server).rest().await.is_empty());
    let page = scraper.ask(scrape).await.body;
    for told in [
        "connections_open{listener=\"decisions\"} 1.0",
        "connections_taken_total{listener=\"decisions\"} 1.0",
        "connections_shed_total{listener=\"decisions\"} 1.0",
        "connections_late_total{listener=\"decisions\"} 0.0",
        "tls_handshakes_failed_total{listener=\"decisions\"} 0.0",
        "accept_errors_total{listener=\"decisions\"} 0.0",
    ] {
        assert!(page.contains(&format!("\naobo_{told}\n")), "{told}: {page}");
    }
}
