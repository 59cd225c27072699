//! What is counted, and the calls that count it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use jiff::Timestamp;

use super::histogram::Histogram;
use crate::api::Pool;
use crate::api::openapi::{Row, admin_rows, decision_rows};
use crate::api::search::Sought;
use crate::engine::Decision;
use crate::node::Decided;

/// How a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Alone.
    Single,
    /// As an item of a batch.
    Batch,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Carried {
    /// An event was written.
    Written,
    /// It had been written before, under the same key.
    Repeated,
    /// The caller may not, or the command makes no sense.
    Refused,
    /// A fault here.
    Failed,
}

/// What somebody else measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hooked {
    /// Only grows; its name is told with `_total` behind it.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// Counts of everything that is answered, on both listeners.
#[derive(Debug)]
pub struct Metrics {
    pub(super) started: Timestamp,
    /// One for each route, by [`Counted`].
    slots: Vec<Slot>,
    other: Slot,
    pub(super) in_flight: [AtomicI64; POOLS.len()],
    /// By [`Asked`], then allow, deny, error.
    pub(super) decisions: [[AtomicU64; EFFECTS.len()]; ASKED.len()],
    pub(super) policies_failed: AtomicU64,
    pub(super) batches: Histogram,
    pub(super) searches: [Histogram; SOUGHT.len()],
    pub(super) commands: [AtomicU64; CARRIED.len()],
    hooks: Mutex<Vec<Hook>>,
}

/// Something that is read at each scrape.
pub(super) struct Hook {
    pub(super) kind: Hooked,
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) labels: &'static [(&'static str, &'static str)],
    pub(super) read: Box<dyn Fn() -> f64 + Send + Sync>,
}

/// Where a route is counted; looked up once, when routes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) struct Counted(usize);

impl Counted {
    /// With everything that is no route.
    pub(in crate::api) const OTHER: Self = Self(usize::MAX);
}

/// What is counted of a route.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pool: Pool,
    pub(super) statuses: [AtomicU64; STATUSES.len()],
    pub(super) durations: Histogram,
}

pub(super) const POOLS: [&str; 5] = ["free", "single", "batch", "search", "admin"];
pub(super) const ASKED: [&str; 2] = ["single", "batch"];
pub(super) const EFFECTS: [&str; 3] = ["allow", "deny", "error"];
pub(super) const SOUGHT: [&str; 3] = ["subject", "resource", "action"];
pub(super) const CARRIED: [&str; 4] = ["written", "repeated", "refused", "failed"];
/// `gone`: the caller went away before there was an answer.
pub(super) const STATUSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", "gone"];

/// A request that is being answered. Dropped without [`UnderWay::end`], it counts
/// as one whose caller went away.
#[derive(Debug)]
pub struct UnderWay<'m> {
    metrics: &'m Metrics,
    slot: &'m Slot,
    begun: Instant,
    /// How it ended: the place of its status, and how long it took.
    ended: Option<(usize, Duration)>,
}

impl Metrics {
    /// Nothing counted yet. `started` is when the server started.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        let mut slots: Vec<Slot> = Vec::new();
        for row in decision_rows().chain(admin_rows()) {
            if slots.iter().all(|slot| !slot.is_of(row.method, row.path)) {
                slots.push(Slot::of(&row));
            }
        }
        Self {
            started,
            slots,
            other: Slot::new("other", "other", Pool::Free),
            in_flight: Default::default(),
            decisions: Default::default(),
            policies_failed: AtomicU64::new(0),
            batches: Histogram::of_sizes(),
            searches: std::array::from_fn(|_| Histogram::of_sizes()),
            commands: Default::default(),
            hooks: Mutex::default(),
        }
    }

    /// Counts a request from here on. `path` is the route's template, if there is
    /// a route.
    pub fn begin<'m>(&'m self, method: &Method, path: Option<&str>) -> UnderWay<'m> {
        let method = match method.as_str() {
            "HEAD" => "GET",
            method => method,
        };
        self.begin_at(path.map_or(Counted::OTHER, |path| self.counted_at(method, path)))
    }

    /// Where a route is counted.
    pub(in crate::api) fn counted_at(&self, method: &str, path: &str) -> Counted {
        let place = self.slots.iter().position(|slot| slot.is_of(method, path));
        place.map_or(Counted::OTHER, Counted)
    }

    /// Counts a request of a route from here on.
    pub(in crate::api) fn begin_at(&self, counted: Counted) -> UnderWay<'_> {
        let slot = self.slots.get(counted.0).unwrap_or(&self.other);
        if let Some(in_flight) = self.in_flight.get(slot.pool as usize) {
            in_flight.fetch_add(1, Ordering::Relaxed);
        }
        UnderWay {
            metrics: self,
            slot,
            begun: Instant::now(),
            ended: None,
        }
    }

    /// Counts a decision. An error is a deny because the question could not be
    /// evaluated, or because a policy failed.
    pub fn decided(&self, asked: Asked, decision: &Decision) {
        let failed = !decision.is_sound();
        let mut effects = [0; EFFECTS.len()];
        if let Some(count) = effects.get_mut(effect(decision.allows(), failed)) {
            *count = 1;
        }
        self.counted(asked, effects, decision.erroring.len());
    }

    /// Counts decisions that came in one request.
    pub fn decided_all<'d>(&self, asked: Asked, decided: impl IntoIterator<Item = &'d Decided>) {
        let (mut effects, mut erroring) = ([0; EFFECTS.len()], 0);
        for item in decided {
            if let Some(count) = effects.get_mut(effect(item.allows(), item.failed())) {
                *count += 1;
            }
            erroring += item.erroring_count();
        }
        self.counted(asked, effects, erroring);
    }

    /// Adds decisions by effect, and how many policies failed on them.
    fn counted(&self, asked: Asked, effects: [u64; EFFECTS.len()], erroring: usize) {
        let counts = self.decisions.get(asked as usize).into_iter().flatten();
        for (count, more) in counts.zip(effects) {
            if more > 0 {
                count.fetch_add(more, Ordering::Relaxed);
            }
        }
        if erroring > 0 {
            let erroring = u64::try_from(erroring).unwrap_or(u64::MAX);
            self.policies_failed.fetch_add(erroring, Ordering::Relaxed);
        }
    }

    /// Counts a batch of so many items.
    pub fn batched(&self, items: usize) {
        self.batches.add(items as u64);
    }

    /// Counts a search that found so much, over all of its pages.
    pub fn searched(&self, sought: Sought, found: usize) {
        if let Some(searches) = self.searches.get(sought as usize) {
            searches.add(found as u64);
        }
    }

    /// Counts a command.
    pub(in crate::api) fn commanded(&self, carried: Carried) {
        if let Some(count) = self.commands.get(carried as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hangs in what somebody else measures: `read` is called at each scrape, from
    /// any thread. The name is whole: `aobo_connections_open`, unit included. Hooks
    /// of one name, each with labels of its own, are told together; labels are of a
    /// fixed number.
    pub fn hook(
        &self,
        kind: Hooked,
        name: &'static str,
        help: &'static str,
        labels: &'static [(&'static str, &'static str)],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let read = Box::new(read);
        let hook = Hook {
            kind,
            name,
            help,
            labels,
            read,
        };
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.push(hook);
    }

    /// Runs `work` on what was hung in.
    pub(super) fn hooked<T>(&self, work: impl FnOnce(&[Hook]) -> T) -> T {
        work(&self.hooks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Routes that were asked at least once, in the order of their paths.
    pub(super) fn asked(&self) -> Vec<&Slot> {
        let all = self.slots.iter().chain([&self.other]);
        let mut asked: Vec<&Slot> = all.filter(|slot| slot.was_asked()).collect();
        asked.sort_unstable_by_key(|slot| (slot.path, slot.method));
        asked
    }
}

impl Slot {
    fn of(row: &Row) -> Self {
        Self::new(row.method, row.path, row.pool)
    }

    fn new(method: &'static str, path: &'static str, pool: Pool) -> Self {
        Self {
            method,
            path,
            pool,
            statuses: Default::default(),
            durations: Histogram::of_durations(),
        }
    }

    fn is_of(&self, method: &str, path: &str) -> bool {
        self.path == path && self.method == method
    }

    fn was_asked(&self) -> bool {
        let mut statuses = self.statuses.iter();
        statuses.any(|count| count.load(Ordering::Relaxed) > 0)
    }
}

impl UnderWay<'_> {
    /// The request was answered; returns the microseconds that it took.
    pub fn end(mut self, status: StatusCode) -> u64 {
        let place = match status.as_u16() {
            ..300 => 0,
            300..400 => 1,
            400..500 => 2,
            500.. => 3,
        };
        let took = self.begun.elapsed();
        self.ended = Some((place, took));
        u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let gone = || (STATUSES.len() - 1, self.begun.elapsed());
        let (status, took) = self.ended.unwrap_or_else(gone);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.slot.durations.add(nanos);
        if let Some(count) = self.slot.statuses.get(status) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(in_flight) = self.metrics.in_flight.get(self.slot.pool as usize) {
            in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The place of an effect among [`EFFECTS`].
fn effect(allows: bool, failed: bool) -> usize {
    match (allows, failed) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    }
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}{:?}", self.name, self.labels)
    }
}
