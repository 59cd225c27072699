//! Headers of a request, by their names.
//!
//! A request has few headers, and is asked for many more that it does not have. A walk
//! over all of its names takes less time than one look-up in their table, which hashes
//! the name first.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// All values of a header, in the order in which they came.
pub(super) fn all<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h HeaderValue> {
    let named = headers.iter().filter(move |(given, _)| *given == name);
    named.map(|(_, value)| value)
}

/// The only value of a header: none if it is not given, `Some(None)` if it is given
/// more than once.
pub(super) fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Option<Option<&'h HeaderValue>> {
    let mut given = all(headers, name);
    let first = given.next()?;
    Some(given.next().is_none().then_some(first))
}

/// Whether a header is given.
pub(super) fn has(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.keys().any(|given| given == name)
}
