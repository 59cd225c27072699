//! The listener: limits of connections and requests, overload, the way out, TLS,
//! and what hostile callers send.
//!
//! Most of it in memory, on a clock that moves when everybody waits: how long
//! something took is exact, and takes no time.

mod descriptors;
mod heads;
mod hostile;
mod http2;
mod overload;
mod shutdown;
mod slow;
mod timers;
mod tls;

use aobo::api::{Limits, Server};
use axum::Router;
use axum::routing::{get, post};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};

/// Bytes that lie between a caller and the server.
const PIPE_BYTES: usize = 256 * 1024;

const GET: &str = "GET /ok HTTP/1.1\r\nHost: here\r\n\r\n";

/// Two routes: one that answers, one that gives back what it got.
fn plain() -> Router {
    Router::new()
        .route("/ok", get(async || "fine"))
        .route("/echo", post(async |body: String| body))
}

fn server(router: Router, limits: Limits) -> Server {
    Server::new(router, limits, None)
}

/// A caller on a connection in memory.
fn call(server: &Server) -> Caller<DuplexStream> {
    let (here, there) = duplex(PIPE_BYTES);
    server.attend(there);
    Caller::on(here)
}

/// Somebody who speaks HTTP/1.1 by hand.
struct Caller<I> {
    io: I,
    got: Vec<u8>,
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Caller<I> {
    fn on(io: I) -> Self {
        let got = Vec::new();
        Self { io, got }
    }

    async fn send(&mut self, text: &str) {
        self.io.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer; none if the connection ends before it is whole.
    async fn reply(&mut self) -> Option<Reply> {
        loop {
            if let Some(reply) = self.whole() {
                return Some(reply);
            }
            let mut piece = [0; 4096];
            match self.io.read(&mut piece).await {
                Ok(0) | Err(_) => return None,
                Ok(bytes) => self.got.extend_from_slice(&piece[..bytes]),
            }
        }
    }

    fn whole(&mut self) -> Option<Reply> {
        let end = self.got.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(self.got[..end].to_vec()).unwrap();
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1);
        let length = length.map_or(0, |rest| rest.split('\r').next().unwrap().parse().unwrap());
        let body = self.got.get(end..end + length)?.to_vec();
        self.got.drain(..end + length);
        Some(Reply {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: String::from_utf8(body).unwrap(),
        })
    }

    async fn ask(&mut self, text: &str) -> Reply {
        self.send(text).await;
        self.reply().await.expect("an answer")
    }

    async fn is_fine(&mut self) {
        let reply = self.ask(GET).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "fine"));
    }

    /// Everything until the connection ends.
    async fn rest(&mut self) -> Vec<u8> {
        // A connection that is cut ends as well.
        let _ = self.io.read_to_end(&mut self.got).await;
        std::mem::take(&mut self.got)
    }
}

/// Gives every task that can go on a turn.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
