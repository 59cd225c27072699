//! What the events up to a position add up to.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::scan::each_event;
use super::{ApiKey, EventKind, LedgerError, TakenBundle, checkpoint, floor};
use crate::directory::{AzureRoles, Change, Profile, World};
use crate::log::{Head, Log, LogError, Record};
use crate::policy::Bundle;

/// A bundle of the log, or why this program does not build it: that matters only
/// where decisions are made by it.
pub type Built = Result<Arc<Bundle>, Arc<str>>;

/// The state of the directory, the policies and the keys at a position.
#[derive(Debug, Clone)]
pub struct Folded {
    /// The position.
    pub head: Head,
    /// When its event was written, UTC.
    pub at: Timestamp,
    /// The facts.
    pub world: World,
    /// The policies in use, and the form in which the log has them; none before
    /// the first were taken.
    pub bundle: Option<(Arc<TakenBundle>, Built)>,
    /// SHA-256 of the world file that the log began with, if it did with one.
    pub seed: Option<String>,
    /// API keys by the hash of the key.
    pub keys: Arc<BTreeMap<String, ApiKey>>,
}

impl Folded {
    /// Before the first event.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            head: Head::START,
            at: Timestamp::UNIX_EPOCH,
            world: World::new(AzureRoles::default()),
            bundle: None,
            seed: None,
            keys: Arc::default(),
        }
    }

    /// Folds the log up to a position, from the last checkpoint before it.
    ///
    /// # Errors
    /// [`LedgerError::Log`] if it cannot be read, or no longer holds what leads to
    /// the position; [`LedgerError::NoFloor`]; and whatever [`Folded::fold`] says of
    /// the first event that cannot be folded.
    pub fn replay(log: &dyn Log, to: u64) -> Result<Self, LedgerError> {
        match checkpoint::newest(log, to)? {
            Some(kept) => kept.go_on(log, to),
            None => Self::replay_all(log, to),
        }
    }

    /// Folds the log up to a position without any checkpoint: from its beginning, or
    /// from the state at its floor if it was compacted.
    ///
    /// # Errors
    /// As [`Folded::replay`].
    pub fn replay_all(log: &dyn Log, to: u64) -> Result<Self, LedgerError> {
        let floor = log.floor().seq;
        if to < floor {
            return Err(LogError::Archived { floor }.into());
        }
        let beginning = match floor {
            0 => Self::empty(),
            _ => floor::read(log)?.ok_or(LedgerError::NoFloor { floor })?,
        };
        beginning.go_on(log, to)
    }

    fn go_on(mut self, log: &dyn Log, to: u64) -> Result<Self, LedgerError> {
        let from = self.head.seq;
        each_event(log, (from, to), |record| self.fold(record))?;
        Ok(self)
    }

    /// Folds one event in.
    ///
    /// # Errors
    /// [`LedgerError::Event`] if it cannot be read, and
    /// [`LedgerError::Directory`] if the world does not take it. What was folded of
    /// it before that stays, so that the state is of no further use.
    pub fn fold(&mut self, record: &Record) -> Result<(), LedgerError> {
        match EventKind::of(record)? {
            EventKind::BundleTaken(taken) => self.take(taken),
            EventKind::WorldSeeded(seed) => {
                self.seed = Some(seed.sha256);
                self.replay_changes(seed.changes)?;
            }
            EventKind::KeyCreated(key) => {
                Arc::make_mut(&mut self.keys).insert(key.sha256.clone(), key);
            }
            EventKind::KeyRevoked(id) => {
                Arc::make_mut(&mut self.keys).retain(|_, key| key.id != id);
            }
            EventKind::Changed(changes) => self.replay_changes(changes)?,
        }
        self.head = record.head();
        self.at = record.at;
        Ok(())
    }

    /// Goes on by the policies of an event.
    pub(super) fn take(&mut self, taken: Box<TakenBundle>) {
        let built = taken.build().map_err(|error| error.to_string().into());
        self.adopt(Arc::from(taken), built);
    }

    /// Goes on by other policies.
    pub(super) fn adopt(&mut self, taken: Arc<TakenBundle>, built: Built) {
        // Facts that were taken by policies we cannot build name roles that ours have.
        let roles = match &built {
            Ok(bundle) => Ok(AzureRoles::of(bundle)),
            Err(_) => Profile::Seed.bundle().map(|bundle| AzureRoles::of(&bundle)),
        };
        if let Ok(roles) = roles {
            self.world = self.world.with_roles(roles);
        }
        self.bundle = Some((taken, built));
    }

    fn replay_changes(&mut self, changes: Vec<Change>) -> Result<(), LedgerError> {
        let mut changes = changes.into_iter();
        Ok(changes.try_for_each(|change| self.world.replay(change))?)
    }
}
