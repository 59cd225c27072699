//! The accept loop, and the way out of it.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Limits;
use super::connection::{End, drive};
use super::counts::{Counts, Tally, report};
use super::roster::{Roster, Stage};
use super::service::Answers;
use super::shed::turn_away;
use crate::api::tls::{ClientCertificate, Tls};
use crate::api::{Listener, Metrics};

/// Bytes of request bodies that one HTTP/2 stream may have in flight.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// The same for all streams of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Seconds between pings on an HTTP/2 connection; one that does not answer within
/// [`Limits::stall`] is closed.
const PING_SECONDS: u64 = 20;

/// What answers requests, and the bounds within which connections reach it.
///
/// Clones are the same server.
#[derive(Debug, Clone)]
pub struct Server<A = Router> {
    shared: Arc<Shared<A>>,
}

/// What every connection of a server looks at.
#[derive(Debug)]
pub(super) struct Shared<A> {
    answers: A,
    limits: Limits,
    tls: Option<Arc<Tls>>,
    protocol: auto::Builder<TokioExecutor>,
    roster: Roster,
    connections: Arc<Semaphore>,
    shedding: Arc<Semaphore>,
    handshakes: Semaphore,
    tally: Tally,
}

impl<A: Answers> Server<A> {
    /// A server that speaks plain HTTP, or TLS where it is given.
    #[must_use]
    pub fn new(answers: A, limits: Limits, tls: Option<Arc<Tls>>) -> Self {
        let permits = |count: usize| count.min(Semaphore::MAX_PERMITS);
        let shared = Shared {
            answers,
            protocol: protocol(&limits),
            roster: Roster::default(),
            connections: Arc::new(Semaphore::new(permits(limits.connections))),
            shedding: Arc::new(Semaphore::new(permits(limits.shedding))),
            handshakes: Semaphore::new(permits(limits.handshakes)),
            tally: Tally::default(),
            tls,
            limits,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Answers requests until `shutdown` is done, then takes no new connections and
    /// returns when those that are open have finished, or after [`Limits::drain`].
    /// Errors of accepting are logged and survived.
    pub async fn serve(&self, socket: TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = socket.accept() => match accepted {
                    Ok((stream, _)) => self.take(stream),
                    Err(error) if is_the_callers(&error) => {}
                    Err(error) => tokio::select! {
                        () = self.pause(&error) => {}
                        () = &mut shutdown => break,
                    },
                },
            }
        }
        // Those that the kernel already took have asked.
        while let Poll::Ready(Ok((stream, _))) = poll_once(socket.accept()).await {
            self.take(stream);
        }
        drop(socket);
        self.drain().await;
    }

    /// Serves one connection that was accepted elsewhere, as [`Server::serve`] does.
    pub fn attend<I>(&self, io: I)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let Ok(permit) = Arc::clone(&shared.connections).try_acquire_owned() else {
            return shared.shed(io);
        };
        shared.tally.taken.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(shared.attend(io, permit));
    }

    /// Counts of this server's connections.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Tells these counts on the page of metrics, as those of a listener.
    pub fn report(&self, metrics: &Metrics, listener: Listener) {
        report(&Arc::downgrade(&self.shared), metrics, listener);
    }

    /// Has connections finish what they do and go; returns when all are gone, or
    /// after [`Limits::drain`], when what is left is cut.
    pub async fn drain(&self) {
        let Shared { roster, limits, .. } = &*self.shared;
        roster.advance(Stage::Draining);
        let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        let gone = self.shared.connections.acquire_many(all);
        if timeout(limits.drain, gone).await.is_err() {
            let open = self.shared.open();
            let drain_seconds = limits.drain.as_secs();
            tracing::warn!(
                open,
                drain_seconds,
                "connections were still open; they are closed now"
            );
            roster.advance(Stage::Closing);
        }
    }

    fn take(&self, stream: TcpStream) {
        // Answers are small and whole: waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection without TCP_NODELAY");
        }
        self.attend(stream);
    }

    async fn pause(&self, error: &io::Error) {
        let errors = &self.shared.tally.accept_errors;
        let count = errors.fetch_add(1, Ordering::Relaxed) + 1;
        // It may go on for long, ten times a second.
        if count.is_power_of_two() {
            tracing::warn!(%error, count, "no connection can be accepted; trying again shortly");
        }
        tokio::time::sleep(self.shared.limits.accept_pause).await;
    }
}

impl<A: Answers> Shared<A> {
    pub(super) fn answers(&self) -> &A {
        &self.answers
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }

    pub(super) fn protocol(&self) -> &auto::Builder<TokioExecutor> {
        &self.protocol
    }

    /// Whether more than half of the connections are taken.
    pub(super) fn is_crowded(&self) -> bool {
        self.connections.available_permits() < self.limits.connections / 2
    }

    pub(super) fn counts(&self) -> Counts {
        self.tally.counts(self.open())
    }

    fn open(&self) -> usize {
        let free = self.connections.available_permits();
        self.limits.connections.saturating_sub(free)
    }

    fn shed<I>(&self, io: I)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.tally.shed.fetch_add(1, Ordering::Relaxed);
        // Telling by TLS takes a handshake, the most costly thing there is here.
        if self.tls.is_some() {
            return;
        }
        if let Ok(permit) = Arc::clone(&self.shedding).try_acquire_owned() {
            let linger = self.limits.linger;
            tokio::spawn(async move {
                let _ = timeout(linger, turn_away(io)).await;
                drop(permit);
            });
        }
    }

    async fn attend<I>(self: Arc<Self>, io: I, permit: OwnedSemaphorePermit)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let end = match &self.tls {
            None => drive(&self, io, None).await,
            Some(tls) => match self.shake(tls, io).await {
                Some((io, caller)) => drive(&self, io, caller).await,
                None => End::Finished,
            },
        };
        if let End::Late(phase) = end {
            self.tally.late.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(?phase, "a connection outlasted its limit");
        }
        drop(permit);
    }

    /// The TLS handshake, bounded in time and in number.
    async fn shake<I>(
        &self,
        tls: &Tls,
        io: I,
    ) -> Option<(
        impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        Option<ClientCertificate>,
    )>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shaking = async {
            // The semaphore is never closed.
            let _turn = self.handshakes.acquire().await;
            tls.accept(io).await
        };
        let reason = match timeout(self.limits.handshake, shaking).await {
            Ok(Ok(shaken)) => return Some(shaken),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        self.tally.handshakes_failed.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(reason, "a TLS handshake failed");
        None
    }
}

/// Both versions of HTTP within the limits. The protections that hyper and h2 have
/// by default stay: 20 streams reset before they were accepted, 1,024 reset for the
/// caller's errors.
fn protocol(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Answers are small: one piece costs less than telling the system of two.
    builder
        .http1()
        .max_buf_size(limits.head_bytes)
        .writev(false);
    // h2 takes what is below its bound.
    let list = u32::try_from(limits.head_bytes).unwrap_or(u32::MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(list.saturating_add(1))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(Duration::from_secs(PING_SECONDS))
        .keep_alive_timeout(limits.stall);
    builder
}

/// Whether an error of accepting is about one caller that is gone again.
fn is_the_callers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// What a future says when it is asked once.
async fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}
