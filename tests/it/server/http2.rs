//! HTTP/2: by prior knowledge here, by ALPN with TLS. The caller is h2 itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aobo::api::{Limits, Server};
use axum::Router;
use axum::body::Bytes;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use h2::client::SendRequest;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, duplex};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance};

use super::{PIPE_BYTES, plain, server, settle};

/// A caller, and the task that is its connection.
pub(super) struct Http2 {
    send: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    pub(super) async fn on(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (send, connection) = h2::client::handshake(io).await.unwrap();
        let connection = tokio::spawn(connection);
        Self { send, connection }
    }

    async fn to(server: &Server) -> Self {
        let (here, there) = duplex(PIPE_BYTES);
        server.attend(there);
        Self::on(here).await
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<Response<Vec<u8>>, h2::Error> {
        let uri = format!("http://here{path}");
        self.ask(Request::get(uri).body(()).unwrap()).await
    }

    async fn ask(&mut self, request: Request<()>) -> Result<Response<Vec<u8>>, h2::Error> {
        let mut send = self.send.clone().ready().await?;
        let (answer, _) = send.send_request(request, true)?;
        let (parts, mut body) = answer.await?.into_parts();
        let mut bytes = Vec::new();
        while let Some(piece) = body.data().await {
            let piece = piece?;
            body.flow_control().release_capacity(piece.len())?;
            bytes.extend_from_slice(&piece);
        }
        Ok(Response::from_parts(parts, bytes))
    }
}

/// A route that tells how many are within, and lets them go when it may.
pub(super) fn held(within: &Arc<AtomicUsize>, let_go: &Arc<Semaphore>) -> Router {
    let (within, let_go) = (Arc::clone(within), Arc::clone(let_go));
    let answer = async move || {
        within.fetch_add(1, Ordering::Relaxed);
        let_go.acquire().await.unwrap().forget();
        "done"
    };
    plain().route("/held", get(answer))
}

#[tokio::test(start_paused = true)]
async fn it_is_spoken_by_prior_knowledge() {
    let server = server(plain(), Limits::default());
    let mut caller = Http2::to(&server).await;
    for _ in 0..3 {
        let answer = caller.get("/ok").await.unwrap();
        assert_eq!(
            (answer.status(), answer.body().as_slice()),
            (StatusCode::OK, &b"fine"[..])
        );
    }
    drop(caller.send);
    caller.connection.await.unwrap().unwrap();
    settle().await;
    assert_eq!(server.counts().open, 0);
}

#[tokio::test(start_paused = true)]
async fn streams_are_bounded() {
    let limits = Limits {
        streams: 3,
        ..Limits::default()
    };
    let (within, let_go) = (Arc::default(), Arc::new(Semaphore::new(0)));
    let server = server(held(&within, &let_go), limits);
    let mut caller = Http2::to(&server).await;
    caller.get("/ok").await.unwrap();
    assert_eq!(caller.send.current_max_send_streams(), 3);
    let asking: Vec<_> = (0..5)
        .map(|_| {
            let mut one = Http2 {
                send: caller.send.clone(),
                connection: tokio::spawn(async { Ok(()) }),
            };
            tokio::spawn(async move { one.get("/held").await.unwrap().status() })
        })
        .collect();
    settle().await;
    assert_eq!(within.load(Ordering::Relaxed), 3, "the others wait");
    let_go.add_permits(5);
    for one in asking {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn heads_are_bounded() {
    let limits = Limits::default();
    let server = server(plain(), limits.clone());
    let mut caller = Http2::to(&server).await;
    caller.get("/ok").await.unwrap();
    // RFC 9113, 6.5.2: name, value and 32 bytes for each field.
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "here"),
        (":path", "/ok"),
        ("x", ""),
    ];
    let fixed: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + 32)
        .sum();
    let padded = |bytes: usize| {
        let pad = "x".repeat(bytes - fixed);
        Request::get("http://here/ok")
            .header("x", pad)
            .body(())
            .unwrap()
    };
    let at = caller.ask(padded(limits.head_bytes)).await.unwrap();
    assert_eq!(at.status(), StatusCode::OK);
    let past = caller.ask(padded(limits.head_bytes + 1)).await;
    let status = past.map(|answer| answer.status());
    assert_eq!(status.unwrap(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn an_idle_one_is_told_to_go() {
    let limits = Limits::default();
    let server = server(plain(), limits.clone());
    let mut caller = Http2::to(&server).await;
    caller.get("/ok").await.unwrap();
    let start = Instant::now();
    caller.connection.await.unwrap().unwrap();
    let took = start.elapsed();
    assert!(
        took >= limits.idle && took < limits.idle + Duration::from_millis(3),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_never_asks_is_cut() {
    let limits = Limits::default();
    let server = server(plain(), limits.clone());
    let caller = Http2::to(&server).await;
    let start = Instant::now();
    // Pings are answered all the while, and change nothing.
    let _ = caller.connection.await.unwrap();
    assert!(start.elapsed() <= limits.head + Duration::from_millis(3));
    assert_eq!(server.counts().late, 1);
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_outlive_the_drain() {
    let (within, let_go) = (Arc::default(), Arc::new(Semaphore::new(0)));
    let server = server(held(&within, &let_go), Limits::default());
    let mut caller = Http2::to(&server).await;
    caller.get("/ok").await.unwrap();
    let asked = tokio::spawn(async move { caller.get("/held").await.unwrap().status() });
    settle().await;
    assert_eq!(within.load(Ordering::Relaxed), 1);
    let draining = server.clone();
    let drained = tokio::spawn(async move { draining.drain().await });
    settle().await;
    advance(Duration::from_secs(2)).await;
    let_go.add_permits(1);
    assert_eq!(asked.await.unwrap(), StatusCode::OK);
    drained.await.unwrap();
    assert_eq!(server.counts().open, 0);
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Requests that are taken back before anybody looked at them (CVE-2023-44487).
#[tokio::test(start_paused = true)]
async fn rapid_resets_end_the_connection() {
    const HEADERS: u8 = 1;
    const RESET: u8 = 3;
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    let (within, let_go) = (Arc::default(), Arc::new(Semaphore::new(0)));
    let server = server(held(&within, &let_go), Limits::default());
    let mut attacker = super::call(&server);
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    // GET, http, and literals for path and authority.
    let head = b"\x82\x86\x44\x05/held\x41\x04here";
    for n in 0..1_000 {
        bytes.extend(frame(HEADERS, 0x5, 2 * n + 1, head));
        bytes.extend(frame(RESET, 0, 2 * n + 1, &8_u32.to_be_bytes()));
    }
    attacker.io.write_all(&bytes).await.unwrap();
    let told = attacker.rest().await;
    let (mut at, mut reason) = (0, None);
    while let Some(head) = told.get(at..at + 9) {
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        if head[3] == GOAWAY {
            reason = told.get(at + 13..at + 17).map(<[u8]>::to_vec);
        }
        at += 9 + length;
    }
    assert_eq!(
        reason.as_deref(),
        Some(&[0, 0, 0, 11][..]),
        "ENHANCE_YOUR_CALM"
    );
    assert!(within.load(Ordering::Relaxed) < 100, "few came through");
    let mut honest = Http2::to(&server).await;
    assert_eq!(honest.get("/ok").await.unwrap().status(), StatusCode::OK);
}
