//! The revision that a caller wants its answer from.
//!
//! `Aobo-At-Least: N` asks for a state that is not older than one the caller has
//! seen; `Aobo-As-Of` for a past one. Nothing moves the revision of this form of
//! the server, so that there is nothing to wait for and nothing to look back to.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::error::ApiError;
use crate::engine::Revision;
use crate::node::{Facts, Point};

/// The response header that says at which revision a decision was made.
pub(super) const REVISION: HeaderName = HeaderName::from_static("aobo-revision");
const AT_LEAST: &str = "aobo-at-least";
const AS_OF: &str = "aobo-as-of";

/// What a request says about revisions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Position {
    at_least: u64,
    as_of: bool,
}

impl Position {
    /// Reads the headers of a request.
    ///
    /// # Errors
    /// [`ApiError::Header`] if `Aobo-At-Least` is not one whole number.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut given = headers.get_all(AT_LEAST).iter();
        let at_least = match (given.next(), given.next()) {
            (None, _) => Some(0),
            (Some(value), None) => whole_number(value),
            (Some(_), Some(_)) => None,
        };
        Ok(Self {
            at_least: at_least.ok_or_else(|| ApiError::Header {
                name: "Aobo-At-Least",
                message: "must be one revision: a whole number".to_owned(),
            })?,
            as_of: headers.contains_key(AS_OF),
        })
    }

    /// Whether a state is one that may answer.
    ///
    /// # Errors
    /// [`ApiError::AsOf`], since no past is kept, and [`ApiError::NotReached`] if
    /// the state is older than wanted.
    pub(super) fn check(&self, point: &Point) -> Result<(), ApiError> {
        if self.as_of {
            return Err(ApiError::AsOf(match point.facts() {
                Facts::Generic => {
                    "`Aobo-As-Of` needs a log, and generic mode has none; leave the header out"
                }
                Facts::Directory(_) => {
                    "`Aobo-As-Of` needs a log, and this server has none yet; leave the header out"
                }
            }));
        }
        let current = point.snapshot().revision();
        if Revision(self.at_least) > current {
            return Err(ApiError::NotReached {
                wanted: self.at_least,
                current,
            });
        }
        Ok(())
    }
}

/// Decimal digits and nothing else.
fn whole_number(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], at_least: Option<u64>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AT_LEAST, value.parse().unwrap());
        }
        let read = Position::read(&headers).ok().map(|p| p.at_least);
        assert_eq!(read, at_least, "{values:?}");
    }

    #[test]
    fn a_revision_is_one_whole_number() {
        check(&[], Some(0));
        check(&["7"], Some(7));
        check(&["18446744073709551615"], Some(u64::MAX));
        check(&["18446744073709551616"], None);
        for bad in ["", "-1", "+1", "1.0", " ", "0x1", "seven"] {
            check(&[bad], None);
        }
        check(&["1", "1"], None);
    }
}
