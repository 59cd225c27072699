//! Each timer of a connection: how long exactly it waits, and for what.

use std::time::Duration;

use aobo::api::Limits;
use axum::Router;
use axum::routing::get;
use tokio::time::{Instant, advance};

use super::{Caller, GET, call, plain, server, settle};

/// The wheel of timers turns by whole milliseconds.
const TICK: Duration = Duration::from_millis(2);

fn limits() -> Limits {
    Limits {
        head: Duration::from_secs(5),
        idle: Duration::from_secs(75),
        crowded_idle: Duration::from_secs(3),
        stall: Duration::from_secs(10),
        busy: Duration::from_secs(40),
        age: Duration::from_secs(1_000),
        linger: Duration::from_secs(1),
        ..Limits::default()
    }
}

/// The connection ends, so long from now, without a further answer.
#[track_caller]
fn ends_after(
    caller: &mut Caller<tokio::io::DuplexStream>,
    limit: Duration,
) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let start = Instant::now();
        let rest = caller.rest().await;
        let took = start.elapsed();
        assert!(
            rest.is_empty(),
            "{place}: {}",
            String::from_utf8_lossy(&rest)
        );
        assert!((limit..=limit + TICK).contains(&took), "{place}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_head_has_its_time_from_the_start() {
    let server = server(plain(), limits());
    let mut silent = call(&server);
    ends_after(&mut silent, limits().head).await;
    let mut slow = call(&server);
    settle().await;
    for byte in ["G", "E", "T", " "] {
        slow.send(byte).await;
        advance(Duration::from_secs(1)).await;
    }
    ends_after(&mut slow, Duration::from_secs(1)).await;
    let mut just = call(&server);
    settle().await;
    just.send("GET /ok HTTP/1.1\r\n").await;
    advance(limits().head - Duration::from_millis(1)).await;
    let reply = just.ask("Host: here\r\n\r\n").await;
    assert_eq!(reply.status, 200);
    assert_eq!(server.counts().late, 2);
    drop(just);
    settle().await;
    assert_eq!(server.counts().open, 0);
}

#[tokio::test(start_paused = true)]
async fn a_later_head_has_its_time_from_its_first_byte() {
    let server = server(plain(), limits());
    let mut caller = call(&server);
    caller.is_fine().await;
    advance(Duration::from_secs(60)).await;
    caller.send("GET ").await;
    ends_after(&mut caller, limits().head).await;
    assert_eq!(server.counts().late, 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let server = server(plain(), limits());
    let mut caller = call(&server);
    caller.is_fine().await;
    advance(limits().idle - TICK).await;
    caller.is_fine().await;
    ends_after(&mut caller, limits().idle).await;
    assert_eq!(server.counts().late, 0, "nobody is late for idling");
}

#[tokio::test(start_paused = true)]
async fn idle_connections_give_way_where_it_is_crowded() {
    let few = Limits {
        connections: 4,
        ..limits()
    };
    let server = server(plain(), few);
    let mut callers = vec![call(&server), call(&server)];
    for caller in &mut callers {
        caller.is_fine().await;
    }
    // Half of the connections: everybody may stay.
    advance(limits().crowded_idle * 4).await;
    settle().await;
    assert_eq!(server.counts().open, 2);
    // One more, and one of those who idled so long goes within a short while.
    callers.push(call(&server));
    advance(limits().crowded_idle).await;
    settle().await;
    assert_eq!(server.counts().open, 2);
    drop(callers);
    settle().await;
    assert_eq!((server.counts().open, server.counts().late), (0, 0));
    let mut alone = call(&server);
    alone.is_fine().await;
    ends_after(&mut alone, limits().idle).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_taken_is_given_up() {
    let large = || async { "x".repeat(1 << 20) };
    let server = server(Router::new().route("/ok", get(large)), limits());
    let mut caller = call(&server);
    caller.send(GET).await;
    settle().await;
    advance(limits().stall - TICK).await;
    settle().await;
    assert_eq!(server.counts().open, 1);
    advance(TICK + TICK).await;
    settle().await;
    assert_eq!((server.counts().open, server.counts().late), (0, 1));
    // Whoever takes it slowly, but takes it, gets it whole.
    let mut slow = call(&server);
    slow.send(GET).await;
    for _ in 0..4 {
        settle().await;
        advance(limits().stall - TICK).await;
        let mut piece = vec![0; super::PIPE_BYTES];
        tokio::io::AsyncReadExt::read_exact(&mut slow.io, &mut piece)
            .await
            .unwrap();
        slow.got.extend(piece);
    }
    let reply = slow.reply().await.expect("the whole answer");
    assert_eq!(reply.body.len(), 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_does() {
    let never = || async { std::future::pending::<&str>().await };
    let server = server(Router::new().route("/ok", get(never)), limits());
    let mut caller = call(&server);
    caller.send(GET).await;
    ends_after(&mut caller, limits().busy).await;
    assert_eq!(server.counts().late, 1);
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_is_told_to_go() {
    let server = server(plain(), limits());
    let mut caller = call(&server);
    for _ in 0..19 {
        caller.is_fine().await;
        advance(Duration::from_secs(52)).await;
    }
    let reply = caller.ask(GET).await;
    assert!(!reply.head.contains("connection: close"), "{}", reply.head);
    advance(limits().age - Duration::from_secs(19 * 52)).await;
    settle().await;
    let reply = caller.ask(GET).await;
    assert!(reply.head.contains("connection: close"), "{}", reply.head);
    ends_after(&mut caller, Duration::ZERO).await;
}
