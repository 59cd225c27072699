//! Faults within a handler, and many requests at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aobo::directory::Profile;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::{
    ADA, CONTOSO, EVALUATION, NORA, Server, TAILSPIN, WORLD, allowed, exchange, explained, question,
};
use crate::support;

#[test]
fn a_panic_is_an_error_and_never_an_allow() {
    let asked = AtomicUsize::new(0);
    // Every other look at this clock fails; the first is that of the start.
    let clock = move || match asked.fetch_add(1, Ordering::Relaxed) % 2 {
        1 => panic!("the clock has a secret"),
        _ => support::NOW,
    };
    let server = Server::with_clock(support::point(Profile::Seed, WORLD), Arc::new(clock));
    for body in [allowed(), explained(allowed())] {
        let reply = server.post(&[("X-Request-ID", "r1")], body.to_string());
        reply.is_refused(500, "internal-error", "could not be answered");
        assert_eq!(reply.header("x-request-id"), Some("r1"));
        assert!(!reply.json.to_string().contains("secret"), "{}", reply.json);
        let reply = server.evaluate(&body);
        assert_eq!(reply.json["decision"], true, "the next one is answered");
    }
    server.get("/livez").is(&json!({"status": "alive"}));
}

/// Questions that look alike, and their decisions.
fn mixed() -> Vec<(Value, bool)> {
    let sign_in = |who, whom| question(who, "SignInToCustomerTenant", whom);
    vec![
        (sign_in(ADA, CONTOSO), true),
        (sign_in(ADA, TAILSPIN), false),
        (sign_in(NORA, CONTOSO), false),
        (sign_in(("PartnerUser", "Ada"), CONTOSO), false),
        (sign_in(("CustomerUser", "ada"), CONTOSO), false),
        (question(ADA, "CreateUser", CONTOSO), true),
        (question(ADA, "CreateUser", TAILSPIN), false),
        (explained(sign_in(ADA, CONTOSO)), true),
        (explained(sign_in(NORA, CONTOSO)), false),
        (sign_in(ADA, CONTOSO), true),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_at_once_are_each_answered_rightly() {
    const AT_ONCE: usize = 100;
    let server = Server::start();
    let start = Arc::new(Barrier::new(AT_ONCE));
    let mixed = mixed();
    let asking = (0..AT_ONCE).map(|n| {
        let (body, decision) = mixed[n % mixed.len()].clone();
        let (router, start) = (server.router.clone(), Arc::clone(&start));
        let request = Request::post(EVALUATION)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-request-id", n.to_string())
            .body(Body::from(body.to_string()))
            .unwrap();
        tokio::spawn(async move {
            start.wait().await;
            let (parts, bytes) = exchange(router, request).await;
            let answer: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(parts.status, StatusCode::OK);
            assert_eq!(parts.headers["x-request-id"], n.to_string());
            assert_eq!(answer["decision"], decision, "{body}");
        })
    });
    for asked in asking.collect::<Vec<_>>() {
        asked.await.unwrap();
    }
}
