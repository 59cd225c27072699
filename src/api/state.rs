//! What every request handler shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::ApiError;
use super::request_id::RequestIds;
use crate::node::decision_log::DecisionLog;
use crate::node::{DecisionPoint, Ledger};

/// The decision point behind the routes, and whether it takes requests.
#[derive(Debug)]
pub struct AppState {
    point: Arc<DecisionPoint>,
    ledger: Option<Arc<Ledger>>,
    draining: AtomicBool,
    request_ids: RequestIds,
    decisions: Option<Arc<DecisionLog>>,
}

impl AppState {
    /// Routes' state over a point that may answer: loaded and self-tested.
    #[must_use]
    pub fn new(point: DecisionPoint) -> Self {
        Self::of(Arc::new(point), None)
    }

    /// Routes' state over a point that is written through a log.
    #[must_use]
    pub fn with_ledger(ledger: Arc<Ledger>) -> Self {
        Self::of(Arc::clone(ledger.point()), Some(ledger))
    }

    fn of(point: Arc<DecisionPoint>, ledger: Option<Arc<Ledger>>) -> Self {
        Self {
            point,
            ledger,
            draining: AtomicBool::new(false),
            request_ids: RequestIds::new(),
            decisions: None,
        }
    }

    /// The same, writing a row for every decision.
    #[must_use]
    pub fn with_decision_log(self, log: Arc<DecisionLog>) -> Self {
        Self {
            decisions: Some(log),
            ..self
        }
    }

    /// The decision log, if one is kept.
    #[must_use]
    pub fn decision_log(&self) -> Option<&Arc<DecisionLog>> {
        self.decisions.as_ref()
    }

    /// The decision point.
    #[must_use]
    pub fn point(&self) -> &DecisionPoint {
        &self.point
    }

    /// The ledger behind the point.
    ///
    /// # Errors
    /// [`ApiError::NoLog`] where there is none.
    pub(super) fn ledger(&self) -> Result<Arc<Ledger>, ApiError> {
        self.ledger.clone().ok_or(ApiError::NoLog)
    }

    /// Says from now on that the server is not ready: it is going away. Requests
    /// that come all the same are answered.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why no further requests should be sent here; none if they should.
    pub(super) fn unready(&self) -> Vec<&'static str> {
        let draining = self.draining.load(Ordering::Relaxed);
        let log = self.ledger.as_ref().map(|ledger| ledger.log().writable());
        let gone = self.ledger.as_ref().is_some_and(|ledger| !ledger.writes());
        let read_only = gone || matches!(log, Some(Err(_)));
        let withheld = self.decisions.as_ref().is_some_and(|log| log.withholds());
        let reasons = [
            draining.then_some("shutting down"),
            read_only.then_some("the log takes no writes; decisions go on"),
            withheld.then_some("the decision log takes no rows; decisions are withheld"),
        ];
        reasons.into_iter().flatten().collect()
    }

    pub(super) fn request_ids(&self) -> &RequestIds {
        &self.request_ids
    }
}
