//! A histogram that many threads add to without waiting for each other.
//!
//! `prometheus_client`'s own takes a mutex for each value; this one is an array of
//! counts. A scrape that comes in the middle may see a value in the sum and not
//! yet in its bucket, which the next scrape mends.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of request durations, in seconds, inclusive.
pub(super) const SECONDS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];
/// Upper bounds of how many came together, inclusive.
pub(super) const SIZES: &[f64] = &[
    0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 1e4, 1e5, 1e6,
];

/// Counts by size. Values are whole numbers of the smallest unit; bounds and sum
/// are told in `unit`s, so many values each.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    per_unit: f64,
    /// One for each bound, and one for what is above them all.
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
}

impl Histogram {
    /// Of durations, added as nanoseconds and told in seconds.
    pub(super) fn of_durations() -> Self {
        Self::new(SECONDS, 1e9)
    }

    /// Of sizes.
    pub(super) fn of_sizes() -> Self {
        Self::new(SIZES, 1.0)
    }

    fn new(bounds: &'static [f64], per_unit: f64) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        let sum = AtomicU64::new(0);
        Self {
            bounds,
            per_unit,
            counts,
            sum,
        }
    }

    /// Adds a value.
    #[expect(clippy::cast_precision_loss, reason = "buckets are wider than that")]
    pub(super) fn add(&self, value: u64) {
        let told = value as f64 / self.per_unit;
        let at = self.bounds.partition_point(|bound| *bound < told);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Sum, count, and the count of each bucket by its upper bound, infinity last.
    #[expect(clippy::cast_precision_loss, reason = "sums are told as floats")]
    pub(super) fn told(&self) -> (f64, u64, Vec<(f64, u64)>) {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let sum = self.sum.load(Ordering::Relaxed) as f64 / self.per_unit;
        (sum, buckets.iter().map(|(_, count)| count).sum(), buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: u64, bound: f64) {
        let histogram = Histogram::of_durations();
        histogram.add(value);
        let (_, count, buckets) = histogram.told();
        let hit: Vec<f64> = buckets.iter().filter(|b| b.1 == 1).map(|b| b.0).collect();
        assert_eq!((count, hit), (1, vec![bound]), "{value}");
    }

    #[test]
    fn bounds_are_inclusive() {
        check(0, 0.000_05);
        check(50_000, 0.000_05);
        check(50_001, 0.000_1);
        check(10_000_000_000, 10.0);
        check(10_000_000_001, f64::INFINITY);
    }

    #[test]
    fn the_sum_is_in_units() {
        let sizes = Histogram::of_sizes();
        for size in [0, 1, 1_000, 1_001] {
            sizes.add(size);
        }
        assert_eq!(sizes.told().0, 2_002.0);
        let durations = Histogram::of_durations();
        for nanos in [500_000_000, 1_000_000_000] {
            durations.add(nanos);
        }
        assert_eq!(durations.told().0, 1.5);
    }
}
