//! The states of a log one after the other, for whoever looks at many of them.
//!
//! A walk goes forward and folds each event once; only a step back begins again
//! from a checkpoint. With a candidate, all facts are taken in under its policies
//! instead of those of the log.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::open::point_of;
use super::{EventKind, Folded, LedgerError};
use crate::directory::world_file;
use crate::directory::{AzureRoles, Change};
use crate::log::{Log, Record};
use crate::node::{Facts, Point};
use crate::policy::Bundle;

/// A place in a log that moves.
pub struct Walk<'l> {
    log: &'l dyn Log,
    candidate: Option<Arc<Bundle>>,
    at: Option<Stand>,
}

/// The state at one position.
struct Stand {
    folded: Folded,
    /// None where it is yet to be built from what was folded.
    point: Option<Point>,
}

impl<'l> Walk<'l> {
    /// A walk through a log, under the log's own policies or a candidate's.
    #[must_use]
    pub fn new(log: &'l dyn Log, candidate: Option<Arc<Bundle>>) -> Self {
        Self {
            log,
            candidate,
            at: None,
        }
    }

    /// Whether policies other than the log's decide.
    #[must_use]
    pub fn has_candidate(&self) -> bool {
        self.candidate.is_some()
    }

    /// The first revision that the log still holds, and the last.
    #[must_use]
    pub fn reach(&self) -> (u64, u64) {
        (self.log.floor().seq + 1, self.log.head().seq)
    }

    /// Goes to a revision.
    ///
    /// # Errors
    /// [`LedgerError::Unbuilt`] if this program does not build the policies of then,
    /// and whatever keeps the log from being folded.
    pub fn to(&mut self, revision: u64) -> Result<&Point, LedgerError> {
        let stand = match self.at.take() {
            Some(stand) if stand.folded.head.seq <= revision => stand,
            _ => Stand {
                folded: Folded::replay(self.log, revision)?,
                point: None,
            },
        };
        let stand = self.forward(stand, revision)?;
        let Stand { folded, point } = self.at.insert(stand);
        match point {
            Some(point) => Ok(point),
            none => Ok(none.insert(built(folded, self.candidate.as_ref())?)),
        }
    }

    fn forward(&self, mut stand: Stand, to: u64) -> Result<Stand, LedgerError> {
        let mut failed = None;
        if stand.folded.head.seq >= to {
            return Ok(stand);
        }
        self.log.scan(stand.folded.head.seq, &mut |record| {
            if let Err(error) = stand.step(record, self.candidate.is_some()) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            match record.seq < to {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(stand),
        }
    }
}

impl Stand {
    /// Takes one event in. A point that is there goes along with it.
    fn step(&mut self, record: &Record, candidate: bool) -> Result<(), LedgerError> {
        let Some(point) = self.point.take() else {
            return self.folded.fold(record);
        };
        let changes = match EventKind::of(record)? {
            EventKind::Changed(changes) => changes,
            EventKind::WorldSeeded(seed) => seed.changes,
            EventKind::BundleTaken(_) if !candidate => return self.folded.fold(record),
            EventKind::BundleTaken(_) | EventKind::KeyCreated(_) | EventKind::KeyRevoked(_) => {
                self.folded.fold(record)?;
                let Facts::Directory(world) = point.facts() else {
                    return Ok(());
                };
                self.point = Some(point.after(world.as_ref().clone(), Vec::new())?);
                return Ok(());
            }
        };
        self.point = self.changed(&point, changes)?;
        self.folded.head = record.head();
        self.folded.at = record.at;
        Ok(())
    }

    fn changed(
        &mut self,
        point: &Point,
        changes: Vec<Change>,
    ) -> Result<Option<Point>, LedgerError> {
        let Facts::Directory(world) = point.facts() else {
            return Ok(None);
        };
        let mut world = world.as_ref().clone();
        let mut effects = Vec::new();
        for change in changes {
            effects.extend(world.apply(change)?);
        }
        let point = point.after(world.clone(), effects)?;
        self.folded.world = world;
        Ok(Some(point))
    }
}

fn built(folded: &Folded, candidate: Option<&Arc<Bundle>>) -> Result<Point, LedgerError> {
    let Some(bundle) = candidate else {
        return point_of(folded);
    };
    let (world, changes) = world_file::refold(&folded.world, AzureRoles::of(bundle))?;
    let revision = folded.head.seq;
    Ok(Point::directory_at(
        Arc::clone(bundle),
        world,
        changes,
        revision,
    )?)
}
