//! Past revisions: the recent ones from memory, older ones by replay.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use jiff::Timestamp;

use super::open::point_of;
use super::{Folded, LedgerError};
use crate::directory::world_file::change_to_json;
use crate::directory::{Change, Fact, Key};
use crate::log::Log;
use crate::node::{Facts, Point};

/// Points of the last revisions that are kept as they were published. Our choice;
/// they share almost everything.
const RECENT_MAX: usize = 256;
/// Points that were made by replay and are kept. Our choice: each is a whole state.
const REPLAYED_MAX: usize = 4;

/// A revision to decide at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A revision.
    Revision(u64),
    /// The last revision that was written at this time or before, UTC.
    Time(Timestamp),
}

impl Moment {
    /// The `now` of decisions at it; `at` is when its revision was written. Whole
    /// seconds count.
    #[must_use]
    pub fn now(self, at: Timestamp) -> Timestamp {
        let now = match self {
            Self::Revision(_) => at,
            Self::Time(time) => time,
        };
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

/// A moment as people write it: `17` or `2020-09-01T09:00:00Z`.
#[must_use]
pub fn moment(text: &str) -> Option<Moment> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok().map(Moment::Revision),
        false => text.parse().ok().map(Moment::Time),
    }
}

impl Folded {
    /// The state at a moment, and the point that decides there.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] if the log does not reach there, and whatever
    /// keeps it from being replayed.
    pub fn at(log: &dyn Log, moment: Moment) -> Result<(Self, Point), LedgerError> {
        let folded = Self::replay(log, revision_of(log, moment)?)?;
        let point = point_of(&folded)?;
        Ok((folded, point))
    }
}

/// The facts that two states do not share, as changes from the one to the other.
#[must_use]
pub fn changed_between(from: &Point, to: &Point) -> Vec<serde_json::Value> {
    let facts = |point: &Point| -> BTreeMap<Key, Fact> {
        match point.facts() {
            Facts::Directory(world) => world.facts().map(|fact| (fact.key(), fact)).collect(),
            Facts::Generic => BTreeMap::new(),
        }
    };
    let (from, to) = (facts(from), facts(to));
    let gone = from.keys().filter(|key| !to.contains_key(key));
    let gone = gone.map(|key| Change::Remove(key.clone()));
    let new = to.iter().filter(|(key, fact)| from.get(key) != Some(fact));
    let new = new.map(|(_, fact)| Change::Put(fact.clone()));
    gone.chain(new)
        .map(|change| change_to_json(&change))
        .collect()
}

/// A state of the past, and its time.
#[derive(Debug, Clone)]
pub struct PastPoint {
    /// The state.
    pub point: Arc<Point>,
    /// When its event was written: the `now` of decisions at it.
    pub at: Timestamp,
}

/// Past states that are at hand.
#[derive(Debug, Default)]
pub(super) struct Past {
    recent: Mutex<VecDeque<PastPoint>>,
    /// One replay at a time.
    replayed: Mutex<VecDeque<PastPoint>>,
}

fn find(points: &VecDeque<PastPoint>, revision: u64) -> Option<PastPoint> {
    let mut points = points.iter().rev();
    points
        .find(|past| past.point.snapshot().revision().0 == revision)
        .cloned()
}

impl Past {
    /// Keeps a state that was published.
    pub(super) fn keep(&self, point: Arc<Point>, at: Timestamp) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        // States of different bundles share little: of those before, the last one.
        let hash = point.snapshot().bundle().hash();
        let last = recent.back();
        if last.is_some_and(|last| last.point.snapshot().bundle().hash() != hash) {
            let others = recent.len() - 1;
            recent.drain(..others);
        }
        recent.push_back(PastPoint { point, at });
        if recent.len() > RECENT_MAX {
            recent.pop_front();
        }
    }

    /// The state at a moment.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] if the log does not reach there, and whatever
    /// keeps it from being replayed.
    pub(super) fn at(&self, log: &dyn Log, moment: Moment) -> Result<PastPoint, LedgerError> {
        let revision = revision_of(log, moment)?;
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = find(&recent, revision) {
            return Ok(found);
        }
        drop(recent);
        // A replay takes long; whoever comes meanwhile is asked to come again.
        let mut replayed = match self.replayed.try_lock() {
            Ok(replayed) => replayed,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(LedgerError::Busy),
        };
        if let Some(found) = find(&replayed, revision) {
            return Ok(found);
        }
        let (folded, point) = Folded::at(log, Moment::Revision(revision))?;
        let past = PastPoint {
            point: Arc::new(point),
            at: folded.at,
        };
        replayed.push_back(past.clone());
        if replayed.len() > REPLAYED_MAX {
            replayed.pop_front();
        }
        Ok(past)
    }
}

/// The revision of a moment, if the log has it and a decision can be made there:
/// the first event takes policies into use.
fn revision_of(log: &dyn Log, moment: Moment) -> Result<u64, LedgerError> {
    let (floor, head) = (log.floor().seq + 1, log.head().seq);
    let out_of_range = |wanted: String| LedgerError::OutOfRange {
        wanted,
        floor,
        head,
    };
    match moment {
        Moment::Revision(revision) if (floor..=head).contains(&revision) => Ok(revision),
        Moment::Revision(revision) => Err(out_of_range(format!("revision {revision}"))),
        Moment::Time(time) => {
            // Times never go back in the log, so halving finds the place.
            let (mut low, mut high) = (floor, head + 1);
            while low < high {
                let middle = low + (high - low) / 2;
                match at_of(log, middle)?.is_some_and(|at| at <= time) {
                    true => low = middle + 1,
                    false => high = middle,
                }
            }
            match low > floor {
                true => Ok(low - 1),
                false => Err(out_of_range(format!("a state at {time}"))),
            }
        }
    }
}

fn at_of(log: &dyn Log, seq: u64) -> Result<Option<Timestamp>, LedgerError> {
    let mut at = None;
    log.scan(seq - 1, &mut |record| {
        at = Some(record.at);
        ControlFlow::Break(())
    })?;
    Ok(at)
}
