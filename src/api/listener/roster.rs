//! The connections that are open, so that all of them can be told to go.
//!
//! A connection leaves its waker here once; nothing is locked while requests run.
//!
//! INVARIANT (told): a connection that keeps its waker here before it looks at the
//! stage misses no change of the stage.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// How far the listener is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Connections come and stay.
    Open,
    /// Connections finish what they do, and go.
    Draining,
    /// Connections end as they are.
    Closing,
}

/// The wakers of open connections.
#[derive(Debug, Default)]
pub(super) struct Roster {
    stage: AtomicU8,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    wakers: HashMap<u64, Option<Waker>>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat<'r> {
    roster: &'r Roster,
    number: u64,
    kept: Option<Waker>,
}

impl Roster {
    /// A place for a connection.
    pub(super) fn seat(&self) -> Seat<'_> {
        let mut seats = self.seats();
        let number = seats.next;
        seats.next += 1;
        seats.wakers.insert(number, None);
        Seat {
            roster: self,
            number,
            kept: None,
        }
    }

    /// Where the listener is.
    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Open,
            1 => Stage::Draining,
            _ => Stage::Closing,
        }
    }

    /// Goes on to a later stage and tells every connection.
    pub(super) fn advance(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
        // The lock comes after the stage: whoever takes a seat later sees it.
        let wakers: Vec<Waker> = self.seats().wakers.values().flatten().cloned().collect();
        wakers.iter().for_each(Waker::wake_by_ref);
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat<'_> {
    /// Keeps the waker of the task; a lock only if it is another than before.
    pub(super) fn keep(&mut self, waker: &Waker) {
        if self.kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            return;
        }
        self.kept = Some(waker.clone());
        let kept = Some(waker.clone());
        self.roster.seats().wakers.insert(self.number, kept);
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.roster.seats().wakers.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    struct Told(AtomicUsize);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_sits_is_told() {
        let roster = Roster::default();
        let told = Arc::new(Told(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&told));
        let mut stays = roster.seat();
        let mut leaves = roster.seat();
        stays.keep(&waker);
        leaves.keep(&waker);
        drop(leaves);
        assert_eq!(roster.stage(), Stage::Open);
        roster.advance(Stage::Draining);
        assert_eq!(
            (roster.stage(), told.0.load(Ordering::Relaxed)),
            (Stage::Draining, 1)
        );
        roster.advance(Stage::Closing);
        roster.advance(Stage::Draining);
        assert_eq!(
            (roster.stage(), told.0.load(Ordering::Relaxed)),
            (Stage::Closing, 3)
        );
        drop(stays);
        assert!(roster.seats().wakers.is_empty());
    }
}
