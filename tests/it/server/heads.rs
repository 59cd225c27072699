//! How large a head may be, at the limit and one past it.

use aobo::api::{HEADERS_MAX, Limits};

use super::{call, plain, server, settle};

/// A request whose head has so many bytes.
fn padded(bytes: usize) -> String {
    let (begin, end) = ("GET /ok HTTP/1.1\r\nHost: here\r\nX-Pad: ", "\r\n\r\n");
    format!(
        "{begin}{}{end}",
        "x".repeat(bytes - begin.len() - end.len())
    )
}

#[tokio::test(start_paused = true)]
async fn bytes() {
    let limits = Limits::default();
    let server = server(plain(), limits.clone());
    let largest = padded(limits.head_bytes);
    let mut caller = call(&server);
    assert_eq!(caller.ask(&largest).await.status, 200);
    // In two pieces as well: the end comes with the last byte that fits.
    caller.send(&largest[..largest.len() - 1]).await;
    settle().await;
    assert_eq!(caller.ask(&largest[largest.len() - 1..]).await.status, 200);
    let past = padded(limits.head_bytes + 1);
    assert_eq!(caller.ask(&past).await.status, 431);
    assert!(caller.rest().await.is_empty(), "and the connection ends");
}

#[tokio::test(start_paused = true)]
async fn lines() {
    let server = server(plain(), Limits::default());
    let with = |headers: usize| {
        let more: String = (1..headers).map(|n| format!("X-{n}: 1\r\n")).collect();
        format!("GET /ok HTTP/1.1\r\nHost: here\r\n{more}\r\n")
    };
    let mut caller = call(&server);
    assert_eq!(caller.ask(&with(HEADERS_MAX)).await.status, 200);
    assert_eq!(caller.ask(&with(HEADERS_MAX + 1)).await.status, 431);
}
