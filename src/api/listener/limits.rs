//! Every bound of a listener and of the requests on it, in one place.
//!
//! The constants are what is served with; [`Limits`] is what the code reads, so
//! that tests can make each of them small. Each is our choice where no source is
//! named; the seconds for head and body are those of reliability, "The process".

use std::time::Duration;

/// Connections of one listener, at most; more are told 503 and closed.
pub const CONNECTIONS_MAX: usize = 8_192;
/// Connections that are told 503 at the same time, at most; more are just closed.
pub const SHEDDING_MAX: usize = 64;
/// Seconds for the first request's head since the connection opened, and for a
/// later one's since its first byte. On HTTP/2 the first only.
pub const HEAD_SECONDS_MAX: u64 = 5;
/// Seconds from the end of a request's head to the end of its body.
pub const BODY_SECONDS_MAX: u64 = 5;
/// Seconds for a decision, its body's included.
pub const REQUEST_SECONDS_MAX: u64 = 30;
/// Seconds for a batch, a search, a question about the past, or an admin request.
pub const LONG_REQUEST_SECONDS_MAX: u64 = 60;
/// Seconds for which a connection with a request under way may show no progress at
/// all: the net under the two above.
pub const BUSY_SECONDS_MAX: u64 = 75;
/// Seconds between requests on a connection.
pub const IDLE_SECONDS_MAX: u64 = 75;
/// The same while more than half of the connections are taken.
pub const CROWDED_IDLE_SECONDS_MAX: u64 = 5;
/// Seconds for which a caller may take nothing of an answer that waits for it.
pub const STALL_SECONDS_MAX: u64 = 10;
/// Seconds after which a connection is asked to go, so that load spreads again.
pub const AGE_SECONDS_MAX: u64 = 3_600;
/// Milliseconds for which an idle connection is still listened to once the server
/// stops: a request that was on its way is answered, with `Connection: close`.
pub const LINGER_MILLIS_MAX: u64 = 1_000;
/// Seconds that requests under way get to finish after the shutdown was asked for.
pub const DRAIN_SECONDS_MAX: u64 = 10;
/// Seconds for a TLS handshake, waiting for its turn included.
pub const HANDSHAKE_SECONDS_MAX: u64 = 5;
/// TLS handshakes of one listener at the same time; more wait for their turn.
pub const HANDSHAKES_MAX: usize = 256;
/// Milliseconds without accepting after an error such as too many open files.
pub const ACCEPT_PAUSE_MILLIS: u64 = 100;
/// Requests under way on one HTTP/2 connection, at most.
pub const STREAMS_MAX: u32 = 128;
/// Bytes of a request's head, at most. On HTTP/2 counted as RFC 9113, 6.5.2 says.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Headers of a request on HTTP/1, at most. hyper's own bound: setting it would
/// move them from the stack to the heap.
pub const HEADERS_MAX: usize = 100;
/// Single decisions under way at the same time, at most.
pub const SINGLES_MAX: usize = 1_024;
/// Single decisions that wait for a revision (`Aobo-At-Least`), at most.
pub const WAITING_MAX: usize = 256;
/// Batches, explanations and questions about the past, under way or waiting for a thread.
pub const BATCHES_MAX: usize = 64;
/// Searches under way or waiting for a thread, at most.
pub const SEARCHES_MAX: usize = 32;
/// Admin requests under way at the same time, at most.
pub const ADMINS_MAX: usize = 64;
/// Bytes of bodies held at the same time for the requests of one pool of a listener, at
/// most.
pub const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The bounds that a listener and its routes keep. [`Limits::default`] are the
/// constants of this module, under the same names.
#[derive(Debug, Clone)]
pub struct Limits {
    /// [`CONNECTIONS_MAX`].
    pub connections: usize,
    /// [`SHEDDING_MAX`].
    pub shedding: usize,
    /// [`HEAD_SECONDS_MAX`].
    pub head: Duration,
    /// [`BODY_SECONDS_MAX`].
    pub body: Duration,
    /// [`REQUEST_SECONDS_MAX`].
    pub request: Duration,
    /// [`LONG_REQUEST_SECONDS_MAX`].
    pub long_request: Duration,
    /// [`BUSY_SECONDS_MAX`].
    pub busy: Duration,
    /// [`IDLE_SECONDS_MAX`].
    pub idle: Duration,
    /// [`CROWDED_IDLE_SECONDS_MAX`].
    pub crowded_idle: Duration,
    /// [`STALL_SECONDS_MAX`].
    pub stall: Duration,
    /// [`AGE_SECONDS_MAX`].
    pub age: Duration,
    /// [`LINGER_MILLIS_MAX`].
    pub linger: Duration,
    /// [`DRAIN_SECONDS_MAX`].
    pub drain: Duration,
    /// [`HANDSHAKE_SECONDS_MAX`].
    pub handshake: Duration,
    /// [`HANDSHAKES_MAX`].
    pub handshakes: usize,
    /// [`ACCEPT_PAUSE_MILLIS`].
    pub accept_pause: Duration,
    /// [`STREAMS_MAX`].
    pub streams: u32,
    /// [`HEAD_BYTES_MAX`]; 8 KiB at least, which is hyper's own floor.
    pub head_bytes: usize,
    /// [`SINGLES_MAX`].
    pub singles: usize,
    /// [`WAITING_MAX`].
    pub waiting: usize,
    /// [`BATCHES_MAX`].
    pub batches: usize,
    /// [`SEARCHES_MAX`].
    pub searches: usize,
    /// [`ADMINS_MAX`].
    pub admins: usize,
    /// Threads that batches may use, and as many again that searches may: as many
    /// as there are cores, so that single decisions keep a share of each.
    pub heavy_threads: usize,
    /// [`BODIES_BYTES_MAX`].
    pub bodies_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            shedding: SHEDDING_MAX,
            head: Duration::from_secs(HEAD_SECONDS_MAX),
            body: Duration::from_secs(BODY_SECONDS_MAX),
            request: Duration::from_secs(REQUEST_SECONDS_MAX),
            long_request: Duration::from_secs(LONG_REQUEST_SECONDS_MAX),
            busy: Duration::from_secs(BUSY_SECONDS_MAX),
            idle: Duration::from_secs(IDLE_SECONDS_MAX),
            crowded_idle: Duration::from_secs(CROWDED_IDLE_SECONDS_MAX),
            stall: Duration::from_secs(STALL_SECONDS_MAX),
            age: Duration::from_secs(AGE_SECONDS_MAX),
            linger: Duration::from_millis(LINGER_MILLIS_MAX),
            drain: Duration::from_secs(DRAIN_SECONDS_MAX),
            handshake: Duration::from_secs(HANDSHAKE_SECONDS_MAX),
            handshakes: HANDSHAKES_MAX,
            accept_pause: Duration::from_millis(ACCEPT_PAUSE_MILLIS),
            streams: STREAMS_MAX,
            head_bytes: HEAD_BYTES_MAX,
            singles: SINGLES_MAX,
            waiting: WAITING_MAX,
            batches: BATCHES_MAX,
            searches: SEARCHES_MAX,
            admins: ADMINS_MAX,
            heavy_threads: std::thread::available_parallelism().map_or(1, usize::from),
            bodies_bytes: BODIES_BYTES_MAX,
        }
    }
}
