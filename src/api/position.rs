//! The revision that a caller wants its answer from.
//!
//! `Aobo-At-Least: N` asks for a state that is not older than one the caller has
//! seen, and waits for it a little; `Aobo-As-Of` for a past one, by revision or by
//! time. Without a log nothing moves the revision, so that there is nothing to
//! wait for and nothing to look back to.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use jiff::Timestamp;

use super::AppState;
use super::caller::CallerIdentity;
use super::error::ApiError;
use super::given::only;
use crate::node::{Facts, Ledger, Moment, Point, moment};

/// The response header that says at which revision a decision was made.
pub(super) const REVISION: HeaderName = HeaderName::from_static("aobo-revision");
/// The response header that says by which bundle a decision was made: its hash.
pub(super) const BUNDLE: HeaderName = HeaderName::from_static("aobo-bundle");
pub(super) const AT_LEAST: HeaderName = HeaderName::from_static("aobo-at-least");
pub(super) const AS_OF: HeaderName = HeaderName::from_static("aobo-as-of");

/// Seconds that a request waits for the revision of `Aobo-At-Least`. Our choice: a
/// write is in force in milliseconds, or something is wrong.
pub const AT_LEAST_SECONDS_MAX: u64 = 2;

/// What a request says about revisions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Position {
    at_least: u64,
    as_of: Option<Moment>,
}

/// The state that answers, and the `now` of its decisions.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) point: Arc<Point>,
    pub(super) now: Timestamp,
    /// Whether the state is one of the past.
    pub(super) past: bool,
    /// Who asks.
    pub(super) caller: Arc<CallerIdentity>,
    /// What counts and records decisions.
    pub(super) state: Arc<AppState>,
}

impl Placed {
    /// The headers of an answer from this state; the request's id is still to come.
    pub(super) fn headers(&self) -> HeaderMap {
        self.state.stamps().of(self.point.snapshot())
    }
}

impl Position {
    /// Reads the headers of a request.
    ///
    /// # Errors
    /// [`ApiError::Header`] if `Aobo-At-Least` is not one whole number, or
    /// `Aobo-As-Of` neither a revision nor a time.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        let at_least = only(headers, &AT_LEAST).map(|value| value.and_then(whole_number));
        let as_of =
            only(headers, &AS_OF).map(|value| value.and_then(|value| moment(value.to_str().ok()?)));
        let bad = |name: &'static str, message: &str| ApiError::Header {
            name,
            message: message.to_owned(),
        };
        if at_least.is_some() && as_of.is_some() {
            return Err(bad("Aobo-At-Least", "cannot stand beside `Aobo-As-Of`"));
        }
        Ok(Self {
            at_least: match at_least {
                None => 0,
                Some(Some(revision)) => revision,
                Some(None) => {
                    return Err(bad("Aobo-At-Least", "must be one revision: a whole number"));
                }
            },
            as_of: match as_of {
                None => None,
                Some(Some(moment)) => Some(moment),
                Some(None) => {
                    let message = "must be one revision, or one time: `2020-09-01T09:00:00Z`";
                    return Err(bad("Aobo-As-Of", message));
                }
            },
        })
    }

    /// Whether it asks for a past state.
    pub(super) fn is_past(&self) -> bool {
        self.as_of.is_some()
    }

    /// The header that asks for another state than that of a revision, decided on at
    /// a time (UTC seconds); none if there is none.
    pub(super) fn conflict(&self, revision: u64, second: i64) -> Option<&'static str> {
        let other = match self.as_of {
            None => false,
            Some(Moment::Revision(asked)) => asked != revision,
            Some(Moment::Time(asked)) => asked.as_second() != second,
        };
        match (other, self.at_least > revision) {
            (true, _) => Some("Aobo-As-Of"),
            (_, true) => Some("Aobo-At-Least"),
            _ => None,
        }
    }

    /// The state that the request is about.
    ///
    /// # Errors
    /// [`ApiError::AsOf`] if no past is kept, [`ApiError::Ledger`] for one that the
    /// log does not hold, and [`ApiError::NotReached`] if the wanted revision does
    /// not come in time.
    pub(super) async fn place(
        &self,
        state: &Arc<AppState>,
        caller: Arc<CallerIdentity>,
    ) -> Result<Placed, ApiError> {
        if let Some(moment) = self.as_of {
            // Apart, as few ask for it: a decision's future stays small.
            return Box::pin(past(moment, state, caller)).await;
        }
        let mut point = Arc::clone(&state.point().current());
        if self.at_least > point.snapshot().revision().0
            && let Ok(ledger) = state.ledger()
        {
            Box::pin(self.wait(&ledger)).await;
            point = Arc::clone(&state.point().current());
        }
        let current = point.snapshot().revision();
        if self.at_least > current.0 {
            return Err(ApiError::NotReached {
                wanted: self.at_least,
                current,
            });
        }
        let now = state.point().now();
        Ok(Placed {
            point,
            now,
            past: false,
            caller,
            state: Arc::clone(state),
        })
    }

    async fn wait(&self, ledger: &Ledger) {
        let mut applied = ledger.applied();
        let reached = applied.wait_for(|revision| *revision >= self.at_least);
        // What was reached is seen by looking again.
        let _ = tokio::time::timeout(Duration::from_secs(AT_LEAST_SECONDS_MAX), reached).await;
    }
}

/// A past state.
///
/// # Errors
/// As [`Position::place`].
async fn past(
    moment: Moment,
    state: &Arc<AppState>,
    caller: Arc<CallerIdentity>,
) -> Result<Placed, ApiError> {
    let ledger = state.ledger().ok();
    let Some(ledger) = ledger else {
        return Err(ApiError::AsOf(match state.point().current().facts() {
            Facts::Generic => {
                "`Aobo-As-Of` needs a log, and generic mode has none; leave the header out"
            }
            Facts::Directory(_) => {
                "`Aobo-As-Of` needs a log, and this server has none; start it with --data"
            }
        }));
    };
    let clock = state.point().now();
    if let Moment::Time(time) = moment
        && time > clock
    {
        return Err(ApiError::AsOf(
            "`Aobo-As-Of` names a time that is yet to come",
        ));
    }
    // An old state is replayed, which takes a while.
    let found = tokio::task::spawn_blocking(move || ledger.at(moment));
    let past = found.await.map_err(|error| ApiError::Internal {
        detail: error.to_string(),
    })??;
    Ok(Placed {
        point: past.point,
        now: moment.now(past.at),
        past: true,
        caller,
        state: Arc::clone(state),
    })
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
