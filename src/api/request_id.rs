//! The id under which a request is spoken of: echoed, or made if there is none.
//!
//! Source: AuthZEN 1.0, "Request Identification". It takes any string, and wants the
//! same one back; that the log names a request with a long id, or one of invisible
//! characters, by an id of ours is our choice.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

use super::given::all;

/// The header, in requests and responses.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Bytes of an id that a caller brings, at most, for the log to speak of it so.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// Makes ids that no other process and no other request has: a random number of
/// this process and a count.
#[derive(Debug)]
pub(super) struct RequestIds {
    process: Process,
    next: AtomicU64,
}

impl RequestIds {
    /// Draws the number of this process.
    pub(super) fn new() -> Self {
        Self {
            // The keys of a `RandomState` come from the operating system.
            process: spelled_process(RandomState::new().hash_one(std::process::id())),
            next: AtomicU64::new(1),
        }
    }

    /// The id of a request.
    pub(super) fn id_for(&self, headers: &HeaderMap) -> RequestId {
        let brought = all(headers, &REQUEST_ID).next().filter(|id| !id.is_empty());
        match brought {
            Some(id) if is_plain(id) => RequestId::Brought(id.clone()),
            other => RequestId::Made {
                process: self.process,
                n: self.next.fetch_add(1, Ordering::Relaxed),
                echo: other.cloned(),
            },
        }
    }
}

/// The id of one request. Told in the log as it is displayed: the caller's if that is
/// 1 to [`REQUEST_ID_BYTES_MAX`] visible ASCII characters, else one of ours.
#[derive(Debug, Clone)]
pub(super) enum RequestId {
    /// The caller's.
    Brought(HeaderValue),
    /// One of ours, spelled out when somebody wants to read it.
    Made {
        process: Process,
        n: u64,
        /// What the caller brought all the same, which it gets back.
        echo: Option<HeaderValue>,
    },
}

impl RequestId {
    /// The id as the log has it, for a handler's request.
    pub(super) fn logged(&self) -> HeaderValue {
        match self {
            Self::Brought(id) => id.clone(),
            Self::Made { process, n, .. } => spelled(process, *n),
        }
    }

    /// The id that the response carries: the caller's as it was sent, else the one of
    /// the log.
    pub(super) fn echoed(self) -> HeaderValue {
        match self {
            Self::Brought(id) | Self::Made { echo: Some(id), .. } => id,
            Self::Made { process, n, .. } => spelled(&process, n),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It was looked at, or is made of digits.
        to.write_str(self.logged().to_str().unwrap_or_default())
    }
}

/// Hexadecimal digits of a 64-bit number, all of them.
const DIGITS: usize = 16;

/// The number of a process with all of its digits, and a hyphen.
type Process = [u8; DIGITS + 1];

fn spelled_process(number: u64) -> Process {
    let mut spelled = [b'-'; DIGITS + 1];
    for (at, digit) in spelled.iter_mut().zip(format!("{number:016x}").bytes()) {
        *at = digit;
    }
    spelled
}

/// Shape: `7fd9c31a3b952113-1`. By hand: this is done for every request, and takes a
/// tenth of what formatting does.
fn spelled(process: &Process, n: u64) -> HeaderValue {
    let mut id: SmallVec<[u8; 2 * DIGITS + 1]> = SmallVec::from_slice(process);
    let halves = (u64::BITS - n.leading_zeros()).div_ceil(4).max(1);
    for half in (0..halves).rev() {
        id.push(digit((n >> (4 * half) & 0xf) as u8));
    }
    // Hexadecimal digits and a hyphen are always a header's value.
    HeaderValue::from_bytes(&id).unwrap_or_else(|_| HeaderValue::from(n))
}

fn digit(half: u8) -> u8 {
    match half {
        0..=9 => b'0' + half,
        _ => b'a' + half - 10,
    }
}

fn is_plain(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &[u8], logged: bool) {
        let ids = RequestIds::new();
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
        let of_log = ids.id_for(&headers);
        assert_eq!(of_log.logged().as_bytes() == id, logged, "{id:?}");
        assert_eq!(of_log.to_string().as_bytes() == id, logged, "{id:?}");
        let echo = of_log.echoed();
        assert_eq!(echo.as_bytes() == id, !id.is_empty(), "{id:?}");
    }

    #[test]
    fn an_id_is_echoed_and_logged_if_its_characters_are_visible() {
        check(b"bfe9eb29-ab87-4ca3-be83-a1d5d8305716", true);
        check(b"!~", true);
        check(b"", false);
        check(b"two words", false);
        check("é".as_bytes(), false);
        check(&[b'x'; REQUEST_ID_BYTES_MAX], true);
        check(&[b'x'; REQUEST_ID_BYTES_MAX + 1], false);
    }

    #[test]
    fn a_made_id_is_spelled_as_it_is_formatted() {
        for (process, n) in [(0, 0), (1, 1), (0xab_cdef, 0x10), (u64::MAX, u64::MAX)] {
            let expected = format!("{process:016x}-{n:x}");
            assert_eq!(spelled(&spelled_process(process), n), expected.as_str());
        }
    }

    #[test]
    fn made_ids_differ() {
        let (one, other) = (RequestIds::new(), RequestIds::new());
        let none = HeaderMap::new();
        let made = [&one, &one, &other, &other].map(|ids| ids.id_for(&none).echoed());
        let distinct: std::collections::HashSet<_> = made.iter().collect();
        assert_eq!(distinct.len(), made.len(), "{made:?}");
    }
}
