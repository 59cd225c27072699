//! Facts and bundle at one revision, and the answers from them.

use std::sync::Arc;

use jiff::Timestamp;

use super::NodeError;
use crate::directory::world_file::{self, Removals, WorldFile};
use crate::directory::{World, normalize, own_entities, placed};
use crate::engine::explain::{Explanation, explain};
use crate::engine::intake::{Ask, Placed, Prepared, prepare};
use crate::engine::{Change, Decision, EntityData, ErrorMode, Problem, Revision, Snapshot, decide};
use crate::policy::Bundle;

/// Where entities come from.
#[derive(Debug, Clone)]
pub enum Facts {
    /// The directory of delegated administration.
    Directory(Arc<World>),
    /// A file of entities; the CSP rules do not apply.
    Generic,
}

/// One immutable state that answers questions.
#[derive(Debug, Clone)]
pub struct Point {
    snapshot: Snapshot,
    facts: Facts,
    mode: ErrorMode,
}

/// A decision, and what of the question did not count.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The decision.
    pub decision: Decision,
    /// What was dropped from the question, each with the reason.
    pub ignored: Vec<String>,
}

impl Point {
    /// A point over a directory. `changes` are what the world's facts are to the
    /// engine, as folding them returned it.
    ///
    /// # Errors
    /// [`NodeError::Engine`] if the facts do not fit the bundle's schema.
    pub fn directory(
        bundle: Arc<Bundle>,
        world: World,
        changes: Vec<Change>,
    ) -> Result<Self, NodeError> {
        Self::directory_at(bundle, world, changes, 0)
    }

    /// The same at a position of a log.
    ///
    /// # Errors
    /// As [`Point::directory`].
    pub fn directory_at(
        bundle: Arc<Bundle>,
        world: World,
        changes: impl IntoIterator<Item = Change>,
        revision: u64,
    ) -> Result<Self, NodeError> {
        Ok(Self {
            snapshot: Snapshot::build(bundle, changes, Revision(revision))?.settled(),
            facts: Facts::Directory(Arc::new(world)),
            mode: ErrorMode::Strict,
        })
    }

    /// The state one revision on, over another world. `changes` are what became of
    /// this one's facts, to the engine. This state stays as it is.
    ///
    /// # Errors
    /// [`NodeError::Engine`] if a change does not fit the bundle's schema.
    pub fn after(&self, world: World, changes: Vec<Change>) -> Result<Self, NodeError> {
        Ok(Self {
            snapshot: self.snapshot.next(changes)?,
            facts: Facts::Directory(Arc::new(world)),
            mode: self.mode,
        })
    }

    /// [`Point::after`] of a state that nobody needs any more: where no other state
    /// has what is changed, it is written in place.
    ///
    /// # Errors
    /// As [`Point::after`]; but this state is gone, so that who may have to begin
    /// again keeps a clone of the one it began with.
    pub fn advanced(self, world: World, changes: Vec<Change>) -> Result<Self, NodeError> {
        Ok(Self {
            snapshot: self.snapshot.advanced(changes)?,
            facts: Facts::Directory(Arc::new(world)),
            mode: self.mode,
        })
    }

    /// The same policies over another world, without compiling them again.
    ///
    /// # Errors
    /// As [`Point::directory`].
    pub fn rebuilt(
        &self,
        world: World,
        changes: Vec<Change>,
        revision: u64,
    ) -> Result<Self, NodeError> {
        let snapshot = self.snapshot.rebuilt(changes, Revision(revision))?;
        Ok(Self {
            snapshot: snapshot.settled(),
            facts: Facts::Directory(Arc::new(world)),
            mode: self.mode,
        })
    }

    /// A point over entities of any schema.
    ///
    /// # Errors
    /// [`NodeError::Engine`] if an entity does not fit the schema.
    pub fn generic(bundle: Arc<Bundle>, entities: Vec<EntityData>) -> Result<Self, NodeError> {
        Self::generic_at(bundle, entities, 0)
    }

    /// The same after so many changes since the start.
    ///
    /// # Errors
    /// As [`Point::generic`].
    pub fn generic_at(
        bundle: Arc<Bundle>,
        entities: Vec<EntityData>,
        revision: u64,
    ) -> Result<Self, NodeError> {
        let changes = entities.into_iter().map(Change::PutEntity);
        Ok(Self {
            snapshot: Snapshot::build(bundle, changes, Revision(revision))?,
            facts: Facts::Generic,
            mode: ErrorMode::Strict,
        })
    }

    /// The same state, deciding in another error mode.
    #[must_use]
    pub fn in_mode(mut self, mode: ErrorMode) -> Self {
        self.mode = mode;
        self
    }

    /// The state after some facts were put and others removed, one revision on.
    /// This state stays as it is.
    ///
    /// # Errors
    /// [`NodeError`] naming what is refused.
    pub fn changed(&self, put: WorldFile, removals: Removals) -> Result<Self, NodeError> {
        let Facts::Directory(world) = &self.facts else {
            return Err(NodeError::Generic);
        };
        let mut world = World::clone(world);
        let mut changes = world_file::fold(&mut world, put)?;
        changes.extend(world_file::remove(&mut world, removals)?);
        Ok(Self {
            snapshot: self.snapshot.next(changes)?,
            facts: Facts::Directory(Arc::new(world)),
            mode: self.mode,
        })
    }

    /// The engine's state.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(super) fn mode(&self) -> ErrorMode {
        self.mode
    }

    /// Where the entities come from.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Answers a question. `now` is the decider's clock.
    #[must_use]
    pub fn decide(&self, ask: Ask<'_>, now: Timestamp) -> Answer {
        match self.prepare(ask, now) {
            Ok(prepared) => self.answer(prepared).0,
            Err(problem) => self.refuse(problem),
        }
    }

    /// Answers a question and says why. There is no explanation of a request that
    /// cannot be evaluated: its decision carries the problem.
    #[must_use]
    pub fn explain(&self, ask: Ask<'_>, now: Timestamp) -> (Answer, Option<Explanation>) {
        let prepared = match self.prepare(ask, now) {
            Ok(prepared) => prepared,
            Err(problem) => return (self.refuse(problem), None),
        };
        let (answer, request) = self.answer(prepared);
        let explanation = explain(&self.snapshot, &request, &answer.decision);
        (answer, explanation.ok())
    }

    pub(super) fn prepare(&self, ask: Ask<'_>, now: Timestamp) -> Result<Prepared, Problem> {
        let ask = self.spelled(ask);
        prepare(&self.snapshot, &ask, self.own_entities(&ask), now)
    }

    /// A question with ids as the domain spells them.
    fn spelled<'a>(&self, ask: Ask<'a>) -> Ask<'a> {
        match &self.facts {
            Facts::Generic => ask,
            Facts::Directory(_) => normalize(ask),
        }
    }

    /// The same, and where its resource stands by its id: what the engine is asked.
    pub(super) fn normalized<'a>(&self, ask: Ask<'a>) -> (Ask<'a>, Option<Box<Placed>>) {
        let ask = self.spelled(ask);
        let placed = match &self.facts {
            Facts::Generic => None,
            Facts::Directory(_) => placed(&ask).map(Box::new),
        };
        (ask, placed)
    }

    /// The entities that the domain supplies for a normalized question.
    pub(super) fn own_entities(&self, ask: &Ask<'_>) -> Vec<EntityData> {
        match &self.facts {
            Facts::Generic => Vec::new(),
            Facts::Directory(world) => own_entities(world, ask),
        }
    }

    fn answer(&self, prepared: Prepared) -> (Answer, crate::engine::Request) {
        let Prepared { request, ignored } = prepared;
        let decision = decide(&self.snapshot, &request, self.mode);
        (Answer { decision, ignored }, request)
    }

    fn refuse(&self, problem: Problem) -> Answer {
        Answer {
            decision: Decision::refusing(&self.snapshot, problem),
            ignored: Vec::new(),
        }
    }
}
