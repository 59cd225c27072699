//! What a connection is doing, as seen from its bytes and its requests.
//!
//! The socket and the service write it, the connection's timer reads it. On HTTP/2
//! requests run on tasks of their own, hence the atomics; each is a count or a flag
//! by itself, and a reading that is a moment old only moves a limit by that moment.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The rest of a request's head, or the first request.
    Head,
    /// The next request.
    Idle,
    /// The answer to a request under way.
    Busy,
    /// The caller, to take what was written.
    Stalled,
}

/// A phase, and a mark that is another whenever there was progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) phase: Phase,
    pub(super) mark: u64,
}

/// Counts and flags of one connection.
#[derive(Debug, Default)]
pub(super) struct Meter {
    begun: AtomicU64,
    ended: AtomicU64,
    written: AtomicU64,
    http2: AtomicBool,
    /// Bytes came since a request last began or ended. What comes in one piece
    /// with a request counts as part of it.
    heard: AtomicBool,
    blocked: AtomicBool,
    leaving: AtomicBool,
}

impl Meter {
    /// What the connection is doing.
    pub(super) fn standing(&self) -> Standing {
        // The end first: a request that begins and ends in between is not missed.
        let ended = self.ended.load(Ordering::Acquire);
        let begun = self.begun.load(Ordering::Acquire);
        let written = self.written.load(Ordering::Relaxed);
        let (phase, mark) = if self.blocked.load(Ordering::Relaxed) {
            (Phase::Stalled, written)
        } else if begun != ended {
            let moved = begun.wrapping_add(ended).wrapping_add(written);
            (Phase::Busy, moved)
        } else if begun == 0 || (self.heard.load(Ordering::Relaxed) && !self.is_http2()) {
            (Phase::Head, begun)
        } else {
            (Phase::Idle, begun)
        };
        Standing { phase, mark }
    }

    /// Whether a request came by HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.http2.load(Ordering::Relaxed)
    }

    /// Has answers on HTTP/1 say from now on that the connection closes.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether [`Meter::leave`] was called.
    pub(super) fn leaves(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }
}

/// A request from its head to the last byte of its answer's body.
#[derive(Debug)]
pub(super) struct Underway(Arc<Meter>);

impl Underway {
    /// A request begins.
    pub(super) fn begin(meter: &Arc<Meter>, http2: bool) -> Self {
        meter.http2.store(http2, Ordering::Relaxed);
        meter.heard.store(false, Ordering::Relaxed);
        meter.begun.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(meter))
    }

    /// Whether the answer must say that the connection closes.
    pub(super) fn closes(&self) -> bool {
        self.0.leaves() && !self.0.is_http2()
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.heard.store(false, Ordering::Relaxed);
        self.0.ended.fetch_add(1, Ordering::AcqRel);
    }
}

/// A stream that tells a meter what passes.
#[derive(Debug)]
pub(super) struct Metered<I> {
    inner: I,
    meter: Arc<Meter>,
}

impl<I> Metered<I> {
    pub(super) fn new(inner: I, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }

    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        self.meter
            .blocked
            .store(polled.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(Ok(bytes)) = polled {
            self.meter
                .written
                .fetch_add(*bytes as u64, Ordering::Relaxed);
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Metered<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.meter.heard.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Metered<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, pieces);
        self.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(context);
        self.meter
            .blocked
            .store(polled.is_pending(), Ordering::Relaxed);
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(context);
        self.meter
            .blocked
            .store(polled.is_pending(), Ordering::Relaxed);
        polled
    }
}
