//! Malformed and hostile bytes: each is told what is wrong with it, none ends the
//! server or disturbs anybody, and nothing is left behind.

#[cfg(target_os = "linux")]
mod process;

use aobo::api::{Limits, Server};
use axum::Router;
use axum::routing::get;
use tokio::io::AsyncWriteExt;

use super::slow::{decisions, post, question};
use super::{call, server, settle};
use crate::support::{Rng, scaled};

/// How many ways there are to be malformed.
const WAYS: usize = 14;

/// A request that is malformed in one way.
fn malformed(rng: &mut Rng, way: usize) -> Vec<u8> {
    let whole = question();
    let swap = |from: &str, to: &str| whole.replacen(from, to, 1).into_bytes();
    match way {
        // Noise; the first byte begins no method.
        0 => {
            let length = rng.size(4_000);
            let mut noise: Vec<u8> = (0..length).map(|_| byte(rng)).collect();
            noise[0] |= 0x80;
            noise
        }
        1 => swap(
            "POST",
            rng.pick(&["PO ST", "P\0ST", "(POST)", "P\u{e9}ST", "\u{7f}"]),
        ),
        2 => swap(
            "HTTP/1.1",
            rng.pick(&["HTTP/9.9", "HTP/1.1", "HTTP/1", "", "HTTP/1.1 x"]),
        ),
        3 => swap(
            "Host:",
            rng.pick(&["Ho st:", "Host :", ":", "H\0st:", "(Host):", "\u{e9}:"]),
        ),
        4 => {
            let control = rng.pick(&[0, 1, 8, 11, 12, 14, 31, 127]);
            let host = format!("Host: he{}re", char::from(control));
            swap("Host: here", &host)
        }
        5 => {
            let length = rng.pick(&[
                "-1",
                "+5",
                "5,6",
                "99999999999999999999999",
                "abc",
                " ",
                "0x10",
                "1 2",
            ]);
            let cut = whole.find("Content-Length").unwrap();
            format!("{}Content-Length: {length}\r\n\r\n{{}}", &whole[..cut]).into_bytes()
        }
        6 => swap("Host: here", "Host: here\r\nContent-Length: 2"),
        9 => {
            let pad = "x".repeat(33_000 + rng.below(60_000));
            swap("Host: here", &format!("Host: here\r\nX-Pad: {pad}"))
        }
        10 => {
            let more: String = (0..101 + rng.below(300))
                .map(|n| format!("\r\nX-{n}: 1"))
                .collect();
            swap("Host: here", &format!("Host: here{more}"))
        }
        7 | 8 | 11 | 12 => malformed_body(rng, way, &whole),
        // HTTP/2, and then not.
        _ => {
            let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            let length = rng.size(4_000);
            bytes.extend((0..length).map(|_| byte(rng)));
            bytes
        }
    }
}

/// How a malformed request must end.
#[derive(Debug, PartialEq)]
enum End {
    /// By an answer with this status.
    Status(u16),
    /// By closing: what was sent is no request of HTTP/1 that could be answered. It is
    /// a head without an end, or an HTTP/2 connection that breaks the protocol, which
    /// is told so in its own frames.
    Closed,
}

impl End {
    fn of(way: usize, bytes: &[u8]) -> Self {
        let head_ends = bytes.windows(4).any(|four| four == b"\r\n\r\n");
        match way {
            9 | 10 => Self::Status(431),
            11 if !head_ends => Self::Closed,
            13 => Self::Closed,
            _ => Self::Status(400),
        }
    }

    /// Whether a caller that is at the end of what it has to say has to say so: a
    /// request that is cut off is told by nothing else. Of a caller that is gone no
    /// answer is waited for, so that the others stay.
    fn is_told_by_leaving(way: usize) -> bool {
        matches!(way, 11 | 13)
    }

    /// Whether a connection ended so: by this status, if by one, and what came after.
    fn is(&self, status: Option<u16>, rest: &[u8]) -> bool {
        let wanted = match self {
            Self::Status(status) => Some(*status),
            Self::Closed => None,
        };
        status == wanted && !rest.windows(7).any(|part| part == b"HTTP/1.")
    }
}

#[test]
fn an_end_is_one_answer_or_none() {
    let refused = End::Status(400);
    assert!(refused.is(Some(400), b"") && End::Closed.is(None, b"\0frames"));
    for other in [None, Some(500), Some(503), Some(200), Some(431)] {
        assert!(!refused.is(other, b""));
    }
    let more = b"HTTP/1.1 200 OK\r\n\r\n";
    assert!(!refused.is(Some(400), more) && !End::Closed.is(None, more));
    assert_eq!(End::of(11, b"POST / HTTP/1.1\r\n"), End::Closed);
    assert_eq!(End::of(11, b"POST / HTTP/1.1\r\n\r\n{"), refused);
}

/// A request whose head is sound, and whose body is not.
fn malformed_body(rng: &mut Rng, way: usize, whole: &str) -> Vec<u8> {
    match way {
        7 => {
            let coding = rng.pick(&["gzip", "chunked, gzip", "chunkedd", "identity", ""]);
            chunked(coding, "0\r\n\r\n")
        }
        8 => {
            let body = rng.pick(&[
                "xyz\r\n",
                "-1\r\n{}\r\n0\r\n\r\n",
                "FFFFFFFFFFFFFFFFF\r\n{}",
                "2\r\n{}x\r\n0\r\n\r\n",
                ";\r\n",
            ]);
            chunked("chunked", body)
        }
        // Cut off anywhere before the end.
        11 => whole.as_bytes()[..rng.below(whole.len() - 1) + 1].to_vec(),
        _ => {
            let body = &whole[whole.find("\r\n\r\n").unwrap() + 4..];
            let mut body = body[..rng.below(body.len() - 1) + 1].to_owned();
            body.extend(
                (0..rng.below(20))
                    .map(|_| char::from(byte(rng) & 0x7f))
                    .filter(|c| *c != '}'),
            );
            post(&body).into_bytes()
        }
    }
}

fn byte(rng: &mut Rng) -> u8 {
    u8::try_from(rng.below(256)).unwrap()
}

fn chunked(coding: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: {coding}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test(start_paused = true)]
async fn malformed_requests_are_refused_and_leave_nothing() {
    let limits = Limits::default();
    let server = server(decisions(&limits), limits);
    let mut rng = Rng::new(20);
    let mut honest = call(&server);
    let whole = question();
    let count = scaled(10_000);
    for n in 0..count {
        let bytes = malformed(&mut rng, n % WAYS);
        let mut caller = call(&server);
        let (way, end) = (n % WAYS, End::of(n % WAYS, &bytes));
        // Who is refused early is not read to the end.
        let _ = caller.io.write_all(&bytes).await;
        if End::is_told_by_leaving(way) {
            let _ = caller.io.shutdown().await;
        }
        let status = match end {
            End::Status(_) => caller.reply().await.map(|reply| reply.status),
            End::Closed => None,
        };
        let _ = caller.io.shutdown().await;
        let rest = caller.rest().await;
        let sent = String::from_utf8_lossy(&bytes);
        assert!(
            end.is(status, &rest),
            "{n}: {status:?}, not {end:?}\nto {sent:.400}"
        );
        if n % 50 == 0 {
            let reply = honest.ask(&whole).await;
            assert_eq!(
                (reply.status, reply.body.as_str()),
                (200, r#"{"decision":false}"#)
            );
        }
    }
    settle().await;
    assert_eq!(server.counts().open, 1, "the honest one");
    assert_eq!(server.counts().taken, count as u64 + 1);
    drop(honest);
    settle().await;
    assert_eq!(server.counts().open, 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_outside_of_any_net_is_a_500() {
    let panics = async || -> &'static str { panic!("a secret") };
    let router = Router::new()
        .route("/panics", get(panics))
        .route("/ok", get(async || "fine"));
    let server = Server::new(router, Limits::default(), None);
    let mut caller = call(&server);
    let reply = caller
        .ask("GET /panics HTTP/1.1\r\nHost: here\r\n\r\n")
        .await;
    assert_eq!(reply.status, 500);
    assert!(reply.body.contains("internal-error") && !reply.body.contains("secret"));
    caller.is_fine().await;
    drop(caller);
    settle().await;
    assert_eq!(server.counts().open, 0);
}
