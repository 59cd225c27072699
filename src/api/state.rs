//! What every request handler shares.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::access_request::AccessRequests;
use super::caller::Callers;
use super::error::ApiError;
use super::metadata::PublicUrl;
use super::metrics::Metrics;
use super::otlp::Spans;
use super::request_id::RequestIds;
use super::search::{Pins, Tokens};
use super::stamp::Stamps;
use super::trace::TraceIds;
use crate::node::decision_log::DecisionLog;
use crate::node::{DecisionPoint, Ledger};

/// The decision point behind the routes, and whether it takes requests.
#[derive(Debug)]
pub struct AppState {
    point: Arc<DecisionPoint>,
    ledger: Option<Arc<Ledger>>,
    draining: AtomicBool,
    request_ids: RequestIds,
    page_tokens: Tokens,
    pins: Pins,
    public_url: OnceLock<PublicUrl>,
    callers: Callers,
    trace_ids: TraceIds,
    spans: Option<Arc<Spans>>,
    access_requests: Option<AccessRequests>,
    stamps: Stamps,
    metrics: Metrics,
    decisions: Option<Arc<DecisionLog>>,
}

impl AppState {
    /// Routes' state over a point that may answer: loaded and self-tested.
    #[must_use]
    pub fn new(point: impl Into<Arc<DecisionPoint>>) -> Self {
        Self::of(point.into(), None)
    }

    /// Routes' state over a point that is written through a log.
    #[must_use]
    pub fn with_ledger(ledger: Arc<Ledger>) -> Self {
        Self::of(Arc::clone(ledger.point()), Some(ledger))
    }

    fn of(point: Arc<DecisionPoint>, ledger: Option<Arc<Ledger>>) -> Self {
        Self {
            metrics: Metrics::new(point.now()),
            trace_ids: TraceIds::new(),
            spans: None,
            access_requests: None,
            stamps: Stamps::default(),
            point,
            ledger,
            draining: AtomicBool::new(false),
            request_ids: RequestIds::new(),
            page_tokens: Tokens::new(),
            pins: Pins::default(),
            public_url: OnceLock::new(),
            callers: Callers::default(),
            decisions: None,
        }
    }

    /// Who is let in; as on loopback if it is not said.
    #[must_use]
    pub fn admitting(mut self, callers: Callers) -> Self {
        self.callers = callers;
        self
    }

    pub(super) fn callers(&self) -> &Callers {
        &self.callers
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

    /// What is counted, on both listeners.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The same, telling denials that an Access Request Service could lift.
    #[must_use]
    pub fn requesting_at(mut self, access_requests: AccessRequests) -> Self {
        self.access_requests = Some(access_requests);
        self
    }

    pub(super) fn access_requests(&self) -> Option<&AccessRequests> {
        self.access_requests.as_ref()
    }

    /// The same, sending a span of each request that is recorded.
    #[must_use]
    pub fn exporting(mut self, spans: Arc<Spans>) -> Self {
        self.spans = Some(spans);
        self
    }

    pub(super) fn spans(&self) -> Option<&Arc<Spans>> {
        self.spans.as_ref()
    }

    pub(super) fn trace_ids(&self) -> &TraceIds {
        &self.trace_ids
    }

    pub(super) fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    pub(super) fn request_ids(&self) -> &RequestIds {
        &self.request_ids
    }

    pub(super) fn page_tokens(&self) -> &Tokens {
        &self.page_tokens
    }

    pub(super) fn pins(&self) -> &Pins {
        &self.pins
    }

    /// Says under which URL callers reach the decision routes. The first one that
    /// is said counts; until then there is no metadata.
    pub fn publish(&self, url: PublicUrl) {
        let _ = self.public_url.set(url);
    }

    /// Under which URL callers reach the decision routes, if that was said.
    #[must_use]
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.public_url.get()
    }
}
