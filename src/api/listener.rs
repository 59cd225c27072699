//! From a socket to the routes.
//!
//! Everything about connections stands behind [`serve`]: today axum's own accept
//! loop, which sets no timers for slow callers; one with timers and bounds takes
//! its place without a change elsewhere.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Seconds that requests under way get to finish after the shutdown was asked for.
pub const DRAIN_SECONDS_MAX: u64 = 10;

/// Answers requests until `shutdown` is done, then takes no new connections and
/// returns when those that are open have finished, or after
/// [`DRAIN_SECONDS_MAX`].
///
/// # Errors
/// Whatever the socket reports.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let drain = Duration::from_secs(DRAIN_SECONDS_MAX);
    serve_within(listener, router, shutdown, drain).await
}

async fn serve_within(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
) -> io::Result<()> {
    // Answers are small and whole: waiting to fill a packet only delays them.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection without TCP_NODELAY");
        }
    });
    let (asked, was_asked) = oneshot::channel();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        // Nobody listens only if serving ended before, and then it does not matter.
        let _ = asked.send(());
    });
    let overdue = async {
        if was_asked.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        served = serving => served,
        () = overdue => {
            let drain_seconds = drain.as_secs();
            tracing::warn!(drain_seconds, "connections were still open; they are closed now");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;

    use axum::routing::get;
    use tokio::sync::Notify;

    use super::*;

    /// A route that tells when it is asked, and answers when it is let go.
    fn held(entered: Arc<Notify>, let_go: Arc<Notify>) -> Router {
        let answer = async move || {
            entered.notify_one();
            let_go.notified().await;
            "done"
        };
        Router::new().route("/held", get(answer))
    }

    async fn ask(listener: &TcpListener) -> TcpStream {
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream
            .write_all(b"GET /held HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            .unwrap();
        stream
    }

    #[tokio::test]
    async fn a_request_under_way_is_finished() {
        let (entered, let_go, stop) = <(Arc<Notify>, Arc<Notify>, Arc<Notify>)>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = ask(&listener).await;
        let router = held(Arc::clone(&entered), Arc::clone(&let_go));
        let stopped = Arc::clone(&stop);
        let serving = tokio::spawn(serve(listener, router, async move {
            stopped.notified().await;
        }));
        entered.notified().await;
        stop.notify_one();
        let_go.notify_one();
        serving.await.unwrap().unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(
            text.starts_with("HTTP/1.1 200") && text.ends_with("done"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn one_that_does_not_finish_is_not_waited_for() {
        let (entered, let_go, stop) = <(Arc<Notify>, Arc<Notify>, Arc<Notify>)>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _stream = ask(&listener).await;
        let router = held(Arc::clone(&entered), let_go);
        let stopped = Arc::clone(&stop);
        let shutdown = async move { stopped.notified().await };
        let serving = tokio::spawn(serve_within(listener, router, shutdown, Duration::ZERO));
        entered.notified().await;
        stop.notify_one();
        serving.await.unwrap().unwrap();
    }
}
