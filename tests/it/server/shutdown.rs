//! The way out: nothing that was asked is left without an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aobo::api::{Limits, Server};
use axum::Router;
use axum::routing::get;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::http2::held;
use super::{Caller, GET, call, plain, server, settle};
use crate::support::scaled;

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_heard_out() {
    let limits = Limits::default();
    let server = server(plain(), limits.clone());
    let (mut quick, mut idle) = (call(&server), call(&server));
    quick.is_fine().await;
    idle.is_fine().await;
    let start = Instant::now();
    let draining = server.clone();
    let drained = tokio::spawn(async move { draining.drain().await });
    settle().await;
    // A request that was on its way is answered, and told that it was the last.
    let reply = quick.ask(GET).await;
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("connection: close"), "{}", reply.head);
    assert!(quick.rest().await.is_empty());
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(idle.rest().await.is_empty());
    drained.await.unwrap();
    let took = start.elapsed();
    assert!(
        took >= limits.linger && took < limits.linger + Duration::from_millis(3),
        "{took:?}"
    );
    assert_eq!((server.counts().open, server.counts().late), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_is_finished() {
    let (within, let_go) = (Arc::default(), Arc::new(Semaphore::new(0)));
    let server = server(held(&within, &let_go), Limits::default());
    let mut caller = call(&server);
    caller
        .send("GET /held HTTP/1.1\r\nHost: here\r\n\r\n")
        .await;
    settle().await;
    assert_eq!(within.load(Ordering::Relaxed), 1);
    let draining = server.clone();
    let drained = tokio::spawn(async move { draining.drain().await });
    tokio::time::advance(Duration::from_secs(5)).await;
    let_go.add_permits(1);
    let reply = caller.reply().await.expect("an answer");
    assert_eq!((reply.status, reply.body.as_str()), (200, "done"));
    assert!(reply.head.contains("connection: close"), "{}", reply.head);
    drained.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_finish_is_not_waited_for() {
    let limits = Limits::default();
    let (within, let_go) = (Arc::default(), Arc::new(Semaphore::new(0)));
    let server = server(held(&within, &let_go), limits.clone());
    let mut caller = call(&server);
    caller
        .send("GET /held HTTP/1.1\r\nHost: here\r\n\r\n")
        .await;
    settle().await;
    let start = Instant::now();
    server.drain().await;
    let took = start.elapsed();
    assert!(
        took >= limits.drain && took < limits.drain + Duration::from_millis(3),
        "{took:?}"
    );
    assert!(caller.rest().await.is_empty());
    settle().await;
    assert_eq!(server.counts().open, 0);
}

/// Asks until it is told that an answer was the last. Every request that was sent
/// whole must have been answered.
async fn keeps_asking(mut caller: Caller<TcpStream>, answered: Arc<AtomicUsize>) {
    loop {
        caller.send(GET).await;
        let reply = caller
            .reply()
            .await
            .expect("an answer to what was sent whole");
        assert_eq!(reply.status, 200);
        answered.fetch_add(1, Ordering::Relaxed);
        if reply.head.contains("connection: close") {
            return;
        }
    }
}

/// Real sockets and the real clock: what is tested are races.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_no_request_is_dropped() {
    for round in 0..scaled(10) {
        let callers = 64;
        let router = Router::new().route(
            "/ok",
            get(async || {
                tokio::task::yield_now().await;
                "fine"
            }),
        );
        let server = Server::new(router, Limits::default(), None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(Notify::new());
        let (serving, stopped) = (server.clone(), Arc::clone(&stop));
        let serving = tokio::spawn(async move {
            serving.serve(listener, stopped.notified()).await;
        });
        let answered = Arc::new(AtomicUsize::new(0));
        let mut asking = Vec::new();
        for _ in 0..callers {
            let mut caller = Caller::on(TcpStream::connect(address).await.unwrap());
            caller.is_fine().await;
            asking.push(tokio::spawn(keeps_asking(caller, Arc::clone(&answered))));
        }
        // At another moment of the load each time.
        while answered.load(Ordering::Relaxed) < 500 + 37 * round {
            tokio::task::yield_now().await;
        }
        stop.notify_one();
        for one in asking {
            one.await.unwrap();
        }
        serving.await.unwrap();
        assert!(answered.load(Ordering::Relaxed) >= callers);
        assert_eq!((server.counts().open, server.counts().late), (0, 0));
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
    }
}

/// A connection that nobody accepted yet has asked all the same.
#[tokio::test]
async fn who_waits_to_be_accepted_is_answered() {
    let server = server(plain(), Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut callers = Vec::new();
    for _ in 0..20 {
        let mut caller = Caller::on(TcpStream::connect(address).await.unwrap());
        caller.send(GET).await;
        callers.push(caller);
    }
    let serving = tokio::spawn(async move { server.serve(listener, async {}).await });
    for caller in &mut callers {
        assert_eq!(caller.reply().await.expect("an answer").status, 200);
    }
    serving.await.unwrap();
}
