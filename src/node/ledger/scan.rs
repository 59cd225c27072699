//! Events from one position to another, for whoever folds them.

use std::ops::ControlFlow;

use super::LedgerError;
use crate::log::{Log, Record};

/// Gives the events after one position up to another to `fold`, until it fails or
/// the log ends.
///
/// # Errors
/// [`LedgerError::Log`] if they cannot be read, and the first error of `fold`.
pub(super) fn each_event(
    log: &dyn Log,
    (after, to): (u64, u64),
    mut fold: impl FnMut(&Record) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    if to <= after {
        return Ok(());
    }
    let mut folded = Ok(());
    log.scan(after, &mut |record| {
        folded = fold(record);
        match folded.is_ok() && record.seq < to {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    folded
}
