//! A state that goes forward along a log, and with it the point that decides by it.
//!
//! The point is made when it is asked for and goes along from then on, changed in
//! place. Policies that come into use leave it behind: it is then made anew.

use std::sync::Arc;

use super::open::point_of;
use super::scan::each_event;
use super::{EventKind, Folded, LedgerError};
use crate::directory::world_file;
use crate::directory::{AzureRoles, Change, World};
use crate::engine;
use crate::log::{Log, Record};
use crate::node::{Facts, Point};
use crate::policy::Bundle;

/// The state at one position.
pub(super) struct Stand {
    pub(super) folded: Folded,
    /// None where it is yet to be built from what was folded.
    point: Option<Point>,
}

impl Stand {
    /// A state without a point so far.
    pub(super) fn of(folded: Folded) -> Self {
        let point = None;
        Self { folded, point }
    }

    /// A state and the point that decides by it.
    pub(super) fn at(folded: Folded, point: Point) -> Self {
        let point = Some(point);
        Self { folded, point }
    }

    /// Goes on to a position. A candidate's policies stay, whatever the log takes
    /// into use.
    ///
    /// # Errors
    /// Whatever keeps the log from being folded; the state is gone then.
    pub(super) fn forward(
        mut self,
        log: &dyn Log,
        to: u64,
        has_candidate: bool,
    ) -> Result<Self, LedgerError> {
        let from = self.folded.head.seq;
        each_event(log, (from, to), |record| self.step(record, has_candidate))?;
        Ok(self)
    }

    /// The point, by the log's policies or a candidate's.
    ///
    /// # Errors
    /// [`LedgerError::Unbuilt`] if this program does not build the log's policies,
    /// and facts that do not fit a candidate's.
    pub(super) fn point(&mut self, candidate: Option<&Arc<Bundle>>) -> Result<&Point, LedgerError> {
        let point = match self.point.take() {
            Some(point) => point,
            None => built(&self.folded, candidate)?,
        };
        Ok(self.point.insert(point))
    }

    /// The state, and the point by the log's policies.
    ///
    /// # Errors
    /// As [`Stand::point`].
    pub(super) fn into_parts(self) -> Result<(Folded, Point), LedgerError> {
        let point = match self.point {
            Some(point) => point,
            None => point_of(&self.folded)?,
        };
        Ok((self.folded, point))
    }

    /// Takes one event in. A point that is there goes along with it.
    fn step(&mut self, record: &Record, has_candidate: bool) -> Result<(), LedgerError> {
        let Some(point) = self.point.take() else {
            return self.folded.fold(record);
        };
        let Facts::Directory(world) = point.facts() else {
            return self.folded.fold(record);
        };
        let mut world = world.as_ref().clone();
        let mut effects = Vec::new();
        match EventKind::of(record)? {
            EventKind::BundleTaken(_) if !has_candidate => return self.folded.fold(record),
            EventKind::BundleTaken(_) | EventKind::KeyCreated(_) | EventKind::KeyRevoked(_) => {
                self.folded.fold(record)?;
            }
            EventKind::WorldSeeded(seed) => {
                self.folded.seed = Some(seed.sha256);
                effects = taken(&mut world, seed.changes)?;
                self.folded.world = world.clone();
            }
            EventKind::Changed(changes) => {
                effects = taken(&mut world, changes)?;
                self.folded.world = world.clone();
            }
        }
        self.point = Some(point.advanced(world, effects)?);
        self.folded.head = record.head();
        self.folded.at = record.at;
        Ok(())
    }
}

/// Takes changes into a world; what they are to the engine.
fn taken(world: &mut World, changes: Vec<Change>) -> Result<Vec<engine::Change>, LedgerError> {
    let mut effects = Vec::new();
    for change in changes {
        effects.extend(world.apply(change)?);
    }
    Ok(effects)
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
