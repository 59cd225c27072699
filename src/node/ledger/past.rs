//! Past revisions: those that were published lately from memory, others by replay.
//!
//! A group of writes is published as one state. The revisions within it are made
//! again when somebody asks for them: from the state that was published before them,
//! a few events away, or from a checkpoint of the log.
//!
//! INVARIANT (near): a bundle that is taken into use is a group by itself (see `writer`),
//! so that between two states that follow each other here policies change only with
//! the last event, and the way from one to the other is short.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use jiff::Timestamp;

use super::open::point_of;
use super::stand::Stand;
use super::{Folded, LedgerError};
use crate::directory::world_file::change_to_json;
use crate::directory::{Change, Fact, Key};
use crate::log::Log;
use crate::node::{Facts, Point};

/// States that are kept as they were published, the last ones. Our choice; they
/// share almost everything.
const RECENT_MAX: usize = 256;
/// Points that were made by replay and are kept. Our choice: each may be a whole
/// state.
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
    /// In order of their revisions.
    recent: Mutex<VecDeque<Published>>,
    /// One long replay at a time.
    replayed: Mutex<VecDeque<PastPoint>>,
}

/// A state that was published, with what it takes to go on from it.
#[derive(Debug, Clone)]
struct Published {
    folded: Arc<Folded>,
    point: Arc<Point>,
}

impl Published {
    fn revision(&self) -> u64 {
        self.point.snapshot().revision().0
    }
}

impl Past {
    /// Keeps a state that was published, the newest there is.
    pub(super) fn keep(&self, folded: Arc<Folded>, point: Arc<Point>) {
        let mut recent = locked(&self.recent);
        // States of different bundles share little: of those before, the last one.
        let hash = point.snapshot().bundle().hash();
        let last = recent.back();
        let others = last.is_some_and(|last| last.point.snapshot().bundle().hash() != hash);
        let too_many = match others {
            true => recent.len() - 1,
            false => (recent.len() + 1).saturating_sub(RECENT_MAX),
        };
        let old: Vec<Published> = recent.drain(..too_many).collect();
        recent.push_back(Published { folded, point });
        drop(recent);
        // Letting a state go takes long; nobody waits for that.
        drop(old);
    }

    /// The state at a moment.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] if the log does not reach there,
    /// [`LedgerError::Busy`] while another is replayed that is as far away, and
    /// whatever keeps it from being replayed.
    pub(super) fn at(&self, log: &dyn Log, moment: Moment) -> Result<PastPoint, LedgerError> {
        let revision = revision_of(log, moment)?;
        let before = self.published_before(revision);
        if let Some(found) = before.as_ref().filter(|it| it.revision() == revision) {
            return Ok(PastPoint {
                point: Arc::clone(&found.point),
                at: found.folded.at,
            });
        }
        // A long replay holds the lock; whoever comes meanwhile is asked to come again,
        // or goes a short way by itself.
        let mut replayed = match self.replayed.try_lock() {
            Ok(replayed) => Some(replayed),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let at_hand = replayed.as_ref().and_then(|them| find(them, revision));
        if let Some(found) = at_hand {
            return Ok(found);
        }
        let past = match (before, &replayed) {
            (Some(before), _) => near(log, &before, revision)?,
            (None, Some(_)) => replayed_to(log, revision)?,
            (None, None) => return Err(LedgerError::Busy),
        };
        if let Some(replayed) = &mut replayed {
            replayed.push_back(past.clone());
            if replayed.len() > REPLAYED_MAX {
                replayed.pop_front();
            }
        }
        Ok(past)
    }

    /// The last state up to a revision that was published and is kept.
    fn published_before(&self, revision: u64) -> Option<Published> {
        let recent = locked(&self.recent);
        let after = recent.partition_point(|it| it.revision() <= revision);
        recent.get(after.checked_sub(1)?).cloned()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find(points: &VecDeque<PastPoint>, revision: u64) -> Option<PastPoint> {
    let mut points = points.iter().rev();
    points
        .find(|past| past.point.snapshot().revision().0 == revision)
        .cloned()
}

/// The state at a revision within the group that was written after a state.
// INVARIANT (near): no more than a group of events lies between.
fn near(log: &dyn Log, before: &Published, revision: u64) -> Result<PastPoint, LedgerError> {
    let (folded, point) = (Folded::clone(&before.folded), Point::clone(&before.point));
    let stand = Stand::at(folded, point).forward(log, revision, false)?;
    let (folded, point) = stand.into_parts()?;
    Ok(PastPoint {
        point: Arc::new(point),
        at: folded.at,
    })
}

fn replayed_to(log: &dyn Log, revision: u64) -> Result<PastPoint, LedgerError> {
    let (folded, point) = Folded::at(log, Moment::Revision(revision))?;
    Ok(PastPoint {
        point: Arc::new(point),
        at: folded.at,
    })
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
