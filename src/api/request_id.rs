//! The id under which a request is spoken of: echoed, or made if there is none.
//!
//! Source: AuthZEN 1.0, "Request Identification". It takes any string, and wants the
//! same one back; that the log names a request with a long id, or one of invisible
//! characters, by an id of ours is our choice.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header, in requests and responses.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Bytes of an id that a caller brings, at most, for the log to speak of it so.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// Makes ids that no other process and no other request has: a random number of
/// this process and a count.
#[derive(Debug)]
pub(super) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Draws the number of this process.
    pub(super) fn new() -> Self {
        Self {
            // The keys of a `RandomState` come from the operating system.
            process: RandomState::new().hash_one(std::process::id()),
            next: AtomicU64::new(1),
        }
    }

    /// The id of a request in the log: its own if that is 1 to [`REQUEST_ID_BYTES_MAX`]
    /// visible ASCII characters, else a new one.
    pub(super) fn id_for(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(REQUEST_ID) {
            Some(id) if is_plain(id) => id.clone(),
            _ => self.make(),
        }
    }

    fn make(&self) -> HeaderValue {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{n:x}", self.process);
        // Hexadecimal digits and a hyphen are always a header's value.
        HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from(n))
    }
}

/// The id that a response carries: the caller's as it was sent, else the one of
/// the log.
pub(super) fn echoed(headers: &HeaderMap, logged: &HeaderValue) -> HeaderValue {
    let brought = headers.get(REQUEST_ID).filter(|id| !id.is_empty());
    brought.unwrap_or(logged).clone()
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
        assert_eq!(of_log.as_bytes() == id, logged, "{id:?}");
        let echo = echoed(&headers, &of_log);
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
    fn made_ids_differ() {
        let (one, other) = (RequestIds::new(), RequestIds::new());
        let none = HeaderMap::new();
        let made = [&one, &one, &other, &other].map(|ids| ids.id_for(&none));
        let distinct: std::collections::HashSet<_> = made.iter().collect();
        assert_eq!(distinct.len(), made.len(), "{made:?}");
    }
}
