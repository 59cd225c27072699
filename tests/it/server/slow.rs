//! Thousands who hold connections, beside a few who ask.

use std::time::Duration;

use aobo::api::{Limits, router_within};
use aobo::directory::Profile;
use aobo::node::{DecisionPoint, Point};
use serde_json::Value;
use tokio::time::{Instant, advance};

use super::{Caller, call, plain, server, settle};
use crate::support::{self, scaled};

/// The decision routes over an empty world.
pub(super) fn decisions(limits: &Limits) -> axum::Router {
    let point: Point = support::point(Profile::Seed, "{}");
    let clock = std::sync::Arc::new(|| support::NOW);
    let state = aobo::api::AppState::new(DecisionPoint::new(point, clock));
    router_within(std::sync::Arc::new(state), limits)
}

/// A question as a whole request.
pub(super) fn question() -> String {
    let body = r#"{"subject":{"type":"PartnerUser","id":"ada"},"action":{"name":"CreateUser"},"resource":{"type":"Customer","id":"contoso"}}"#;
    post(body)
}

pub(super) fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nHost: here\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test(start_paused = true)]
async fn a_thousand_slow_and_a_thousand_idle_harm_nobody() {
    let many = scaled(1_000);
    let limits = Limits {
        connections: 4 * many + 40,
        ..Limits::default()
    };
    let server = server(plain(), limits.clone());
    let start = Instant::now();
    let mut slow: Vec<_> = (0..many).map(|_| call(&server)).collect();
    let mut idle: Vec<_> = (0..many).map(|_| call(&server)).collect();
    for caller in &mut slow {
        caller.send("GET /ok HT").await;
    }
    for caller in &mut idle {
        caller.is_fine().await;
    }
    let mut honest: Vec<_> = (0..10).map(|_| call(&server)).collect();
    assert_eq!(start.elapsed(), Duration::ZERO, "nobody waited so far");
    while start.elapsed() < limits.head {
        for caller in &mut honest {
            caller.is_fine().await;
        }
        advance(Duration::from_millis(500)).await;
    }
    for caller in &mut slow {
        assert!(caller.rest().await.is_empty());
    }
    assert!(start.elapsed() < limits.head + Duration::from_secs(1));
    assert_eq!(server.counts().late, many as u64);
    assert_eq!(server.counts().open, many + honest.len());
    while start.elapsed() < limits.idle {
        for caller in &mut honest {
            caller.is_fine().await;
        }
        advance(Duration::from_secs(1)).await;
    }
    for caller in &mut idle {
        assert!(caller.rest().await.is_empty());
    }
    for caller in &mut honest {
        caller.is_fine().await;
    }
    drop(honest);
    settle().await;
    assert_eq!(server.counts().open, 0);
    assert_eq!(server.counts().shed, 0);
}

#[tokio::test(start_paused = true)]
async fn slow_bodies_take_no_room_from_decisions() {
    // More of them than there is room for decisions.
    let limits = Limits {
        singles: 1,
        ..Limits::default()
    };
    let server = server(decisions(&limits), limits.clone());
    let whole = question();
    let cut = whole.len() - 10;
    let mut slow: Vec<_> = (0..scaled(1_000)).map(|_| call(&server)).collect();
    for caller in &mut slow {
        caller.send(&whole[..cut]).await;
    }
    settle().await;
    let start = Instant::now();
    let mut honest = call(&server);
    while start.elapsed() < limits.body - Duration::from_secs(1) {
        assert_eq!(honest.ask(&whole).await.body, r#"{"decision":false}"#);
        advance(Duration::from_millis(500)).await;
    }
    // One of them hurries up and is answered.
    let [last, others @ ..] = &mut slow[..] else {
        panic!("one at least");
    };
    assert_eq!(last.ask(&whole[cut..]).await.status, 200);
    for caller in others {
        is_late(caller).await;
    }
    let took = start.elapsed();
    assert!(took >= limits.body && took < limits.body + Duration::from_secs(1));
    assert_eq!(honest.ask(&whole).await.status, 200);
}

/// Told that the body took too long, and cut off.
async fn is_late<I>(caller: &mut Caller<I>)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let reply = caller.reply().await.expect("an answer");
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        (reply.status, &body["error"]["code"]),
        (408, &"body-late".into())
    );
    assert!(caller.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_body_has_its_time_from_the_head_on() {
    let limits = Limits::default();
    let server = server(decisions(&limits), limits.clone());
    let whole = question();
    let cut = whole.len() - 4;
    let mut just = call(&server);
    just.send(&whole[..cut]).await;
    settle().await;
    for at in cut..whole.len() {
        advance(limits.body / 5).await;
        just.send(&whole[at..=at]).await;
    }
    assert_eq!(just.reply().await.expect("an answer").status, 200);
    let mut late = call(&server);
    late.send(&whole[..cut]).await;
    settle().await;
    let start = Instant::now();
    is_late(&mut late).await;
    assert!((limits.body..limits.body + Duration::from_millis(3)).contains(&start.elapsed()));
}
