//! What every request handler shares.

use std::sync::atomic::{AtomicBool, Ordering};

use super::request_id::RequestIds;
use crate::node::DecisionPoint;

/// The decision point behind the routes, and whether it takes requests.
#[derive(Debug)]
pub struct AppState {
    point: DecisionPoint,
    draining: AtomicBool,
    request_ids: RequestIds,
}

impl AppState {
    /// Routes' state over a point that may answer: loaded and self-tested.
    #[must_use]
    pub fn new(point: DecisionPoint) -> Self {
        Self {
            point,
            draining: AtomicBool::new(false),
            request_ids: RequestIds::new(),
        }
    }

    /// The decision point.
    #[must_use]
    pub fn point(&self) -> &DecisionPoint {
        &self.point
    }

    /// Says from now on that the server is not ready: it is going away. Requests
    /// that come all the same are answered.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why no further requests should be sent here; none if they should.
    pub(super) fn unready(&self) -> Vec<&'static str> {
        let draining = self.draining.load(Ordering::Relaxed);
        draining.then_some("shutting down").into_iter().collect()
    }

    pub(super) fn request_ids(&self) -> &RequestIds {
        &self.request_ids
    }
}
