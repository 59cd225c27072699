//! Durations and their medians.
//!
//! What is timed is long enough for the clock, and the median of many is what an
//! undisturbed machine would show.

use std::time::{Duration, Instant};

/// Runs work and says how long it took.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// Durations of like things.
#[derive(Debug, Clone, Default)]
pub(super) struct Times(Vec<f64>);

impl Times {
    /// Adds one that went on so many things.
    pub(super) fn add(&mut self, took: Duration, things: usize) {
        self.0.push(took.as_secs_f64() / things.max(1) as f64);
    }

    /// Adds all of others.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    /// The middle one, in seconds.
    pub(super) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// The one that so many of a hundred do not exceed, in seconds.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get(last * percent / 100).copied().unwrap_or(0.0)
    }

    pub(super) fn median_ns(&self) -> f64 {
        self.median() * 1e9
    }

    pub(super) fn median_us(&self) -> f64 {
        self.median() * 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_middle() {
        let mut times = Times::default();
        assert_eq!(times.median_ns(), 0.0);
        for seconds in [5, 1, 400, 2, 3] {
            times.add(Duration::from_secs(seconds * 2), 2);
        }
        assert_eq!(times.median(), 3.0);
        assert_eq!(times.percentile(99), 5.0);
        assert_eq!(times.percentile(100), 400.0);
    }
}
