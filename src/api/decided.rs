//! From a decision to its row in the decision log.
//!
//! A handler makes one [`Deciding`] for a request, begins and ends each question
//! with it, and waits for [`Deciding::recorded`] before it answers. Without a
//! decision log nothing is copied, nothing is timed and nothing is waited for.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::error::ApiError;
use super::position::Placed;
use super::request_id::RequestId;
use crate::engine::intake::Ask;
use crate::node::decision_log::{Decided, DecisionLog, Row};
use crate::node::{Answer, Point};

/// The decisions of one request.
pub(super) struct Deciding<'r> {
    log: Option<&'r Arc<DecisionLog>>,
    request_id: &'r RequestId,
    caller: &'r str,
    rows: Vec<Row>,
}

/// A question that is being decided; nothing if no row is wanted.
pub(super) struct Asked<'a>(Option<(Ask<'a>, Instant)>);

impl<'r> Deciding<'r> {
    /// For a request of this id.
    pub(super) fn of(placed: &'r Placed, request_id: &'r RequestId) -> Self {
        Self {
            log: placed.state.decision_log(),
            request_id,
            caller: placed.caller.name(),
            rows: Vec::new(),
        }
    }

    /// Whether rows are wanted, and so whole answers.
    pub(super) fn is_recording(&self) -> bool {
        self.log.is_some()
    }

    /// Before a question is decided, which takes it away.
    pub(super) fn begin<'a>(&self, ask: &Ask<'a>) -> Asked<'a> {
        Asked(self.log.map(|_| (ask.clone(), Instant::now())))
    }

    /// After it was decided. `item` is its place in a batch, from 0; `now` the time
    /// that it was decided at.
    pub(super) fn end(
        &mut self,
        asked: Asked<'_>,
        item: Option<u32>,
        (point, answer): (&Point, &Answer),
        now: Timestamp,
    ) {
        if let (Some(log), Some((ask, began))) = (self.log, asked.0) {
            self.rows.push(log.row(&Decided {
                ask: &ask,
                answer,
                point,
                now,
                request_id: &self.request_id.to_string(),
                caller: Some(self.caller),
                item,
                duration: began.elapsed(),
            }));
        }
    }

    /// Hands the rows over. What it returns must be looked at before any of the
    /// decisions is told.
    ///
    /// # Errors
    /// [`ApiError::NotRecorded`] in strict audit, if a row is not on disk.
    pub(super) async fn recorded(self) -> Result<(), ApiError> {
        match self.log {
            None => Ok(()),
            Some(log) => {
                let written = Box::pin(log.write(&self.rows)).await;
                written.map_err(|_| ApiError::NotRecorded)
            }
        }
    }
}
