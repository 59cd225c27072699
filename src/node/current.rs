//! The current state, for many readers and one writer.

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use jiff::Timestamp;

use super::Point;

/// Where a decision point reads the time. Brought by the caller: nothing below
/// the command line knows a clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A decision point that runs: the current [`Point`] and a clock.
pub struct DecisionPoint {
    current: ArcSwap<Point>,
    warning: ArcSwapOption<String>,
    clock: Clock,
}

impl DecisionPoint {
    /// Starts from a state.
    #[must_use]
    pub fn new(point: Point, clock: Clock) -> Self {
        Self {
            current: ArcSwap::from_pointee(point),
            warning: ArcSwapOption::empty(),
            clock,
        }
    }

    /// The current state. It does not change under the reader, who takes it once
    /// for everything that must be answered alike.
    #[must_use]
    pub fn current(&self) -> Guard<Arc<Point>> {
        self.current.load()
    }

    /// Puts another state in its place; readers of the old one finish on it.
    pub fn replace(&self, point: Point) {
        self.current.store(Arc::new(point));
    }

    /// The same with a state that others hold too.
    pub fn replace_with(&self, point: Arc<Point>) {
        self.current.store(point);
    }

    /// Says what whoever runs this should look at, although it decides; none once it
    /// is settled.
    pub fn warn(&self, warning: Option<String>) {
        self.warning.store(warning.map(Arc::new));
    }

    /// What whoever runs this should look at.
    #[must_use]
    pub fn warning(&self) -> Option<Arc<String>> {
        self.warning.load_full()
    }

    /// The decider's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl fmt::Debug for DecisionPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let revision = self.current().snapshot().revision();
        f.debug_struct("DecisionPoint")
            .field("revision", &revision)
            .finish_non_exhaustive()
    }
}
