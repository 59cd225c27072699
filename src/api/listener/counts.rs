//! What became of connections, counted for whoever operates the server.

use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};

use super::server::Shared;
use super::service::Answers;
use crate::api::{Hooked, Listener, Metrics};

/// What is counted while a server runs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) taken: AtomicU64,
    pub(super) shed: AtomicU64,
    pub(super) late: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    pub(super) accept_errors: AtomicU64,
}

/// What became of connections since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Open now.
    pub open: usize,
    /// Taken, those that are open included.
    pub taken: u64,
    /// Told 503 or closed at once because too many were open.
    pub shed: u64,
    /// Closed because they outlasted a limit, idling aside.
    pub late: u64,
    /// TLS handshakes that failed or took too long.
    pub handshakes_failed: u64,
    /// Errors of accepting, such as too many open files.
    pub accept_errors: u64,
}

impl Tally {
    pub(super) fn counts(&self, open: usize) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            open,
            taken: read(&self.taken),
            shed: read(&self.shed),
            late: read(&self.late),
            handshakes_failed: read(&self.handshakes_failed),
            accept_errors: read(&self.accept_errors),
        }
    }
}

/// How the page of metrics reads one of the counts.
type Read = fn(&Counts) -> u64;

/// Every count but that of open connections, as the page of metrics tells it.
const COUNTERS: [(&str, &str, Read); 5] = [
    (
        "aobo_connections_taken",
        "Connections that were taken",
        |counts| counts.taken,
    ),
    (
        "aobo_connections_shed",
        "Connections that were turned away because too many were open",
        |counts| counts.shed,
    ),
    (
        "aobo_connections_late",
        "Connections that were closed because they outlasted a limit, idling aside",
        |counts| counts.late,
    ),
    (
        "aobo_tls_handshakes_failed",
        "TLS handshakes that failed or took too long",
        |counts| counts.handshakes_failed,
    ),
    (
        "aobo_accept_errors",
        "Errors of accepting connections, such as too many open files",
        |counts| counts.accept_errors,
    ),
];

/// Tells a server's counts on the page of metrics. The server may go before the page.
pub(super) fn report<A: Answers>(server: &Weak<Shared<A>>, metrics: &Metrics, listener: Listener) {
    let labels: &[(&str, &str)] = match listener {
        Listener::Decisions => &[("listener", "decisions")],
        Listener::Admin => &[("listener", "admin")],
    };
    let read = |read: Read| {
        let server = Weak::clone(server);
        move || {
            let counts = server.upgrade().map(|server| server.counts());
            as_float(read(&counts.unwrap_or_default()))
        }
    };
    let name = "aobo_connections_open";
    let help = "Connections that are open";
    let open = read(|counts| counts.open as u64);
    metrics.hook(Hooked::Gauge, name, help, labels, open);
    for (name, help, of) in COUNTERS {
        metrics.hook(Hooked::Counter, name, help, labels, read(of));
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "metrics are floats; above 2^53 the last digits go"
)]
fn as_float(count: u64) -> f64 {
    count as f64
}
