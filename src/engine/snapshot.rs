//! Everything at one position: bundle, compiled policies, facts.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use cedar_policy::{EntityUid, PolicySet, ValidationMode, Validator};

use super::compile::{Program, StandingCode};
use super::error::chain;
use super::reference::Reference;
use super::standing::Standing;
use super::state::{Facts, State};
use super::{Change, EngineError, StandingPolicy};
use crate::policy::{Bundle, on_large_stack};

/// The position of a snapshot in the order of changes, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An immutable state to decide on. Cheap to clone, safe to keep.
///
/// INVARIANT (valid state): every entity conforms to the bundle's schema and
/// every link and standing policy to its template and the schema.
#[derive(Debug, Clone)]
pub struct Snapshot {
    bundle: Arc<Bundle>,
    program: Arc<Program>,
    /// What the policies alone name, before any fact.
    bare: Arc<State>,
    state: Arc<State>,
    standing: Standing,
    revision: Revision,
    /// Tells queries of one snapshot from those of another.
    id: u64,
    oracle: Arc<OnceLock<Result<Arc<Reference>, EngineError>>>,
}

impl Snapshot {
    /// Compiles a bundle and takes facts in, whole or not at all.
    ///
    /// # Errors
    /// [`EngineError`] naming the first entity, link or policy that does not fit
    /// the bundle.
    pub fn build(
        bundle: Arc<Bundle>,
        changes: impl IntoIterator<Item = Change>,
        revision: Revision,
    ) -> Result<Self, EngineError> {
        let (program, bare) = on_large_stack(|| Program::new(&bundle))?;
        let bare = Arc::new(bare);
        let empty = Self {
            bundle,
            program: Arc::new(program),
            state: Arc::clone(&bare),
            bare,
            standing: Standing::default(),
            revision,
            id: 0,
            oracle: Arc::default(),
        };
        empty.filled(changes, revision)
    }

    /// The same policies over other facts, as [`Snapshot::build`] makes them but
    /// without compiling again.
    ///
    /// # Errors
    /// As [`Snapshot::build`].
    pub fn rebuilt(
        &self,
        changes: impl IntoIterator<Item = Change>,
        revision: Revision,
    ) -> Result<Self, EngineError> {
        let empty = Self {
            state: Arc::clone(&self.bare),
            standing: Standing::default(),
            ..self.clone()
        };
        empty.filled(changes, revision)
    }

    /// What of some changes does not fit these policies, told by place and cause.
    /// Nothing is taken; a change is looked at as if those that do not fit were
    /// not there.
    pub fn misfits(&self, changes: impl IntoIterator<Item = Change>) -> Vec<(usize, EngineError)> {
        let mut state = State::clone(&self.bare);
        state.fill();
        let mut found = Vec::new();
        for (place, change) in changes.into_iter().enumerate() {
            let tried = match change {
                Change::PutPolicy(policy) => self
                    .compile_standing(&mut state, *policy)
                    .and_then(|code| self.validate(std::iter::once(&code.policy))),
                Change::RemovePolicy(_) => Ok(()),
                change => state.apply(change),
            };
            found.extend(tried.err().map(|error| (place, error)));
        }
        found
    }

    /// The state after some changes, one revision on. This one stays as it is.
    /// Memberships that end do so before others begin.
    ///
    /// # Errors
    /// [`EngineError`] naming the first change that does not fit; nothing is taken.
    pub fn next(&self, changes: Vec<Change>) -> Result<Self, EngineError> {
        self.clone().advanced(changes)
    }

    /// [`Snapshot::next`] of a snapshot that nobody needs any more: rows that no
    /// other snapshot holds are written where they stand, so that a group of writes
    /// copies what it touches once and not once a write.
    ///
    /// # Errors
    /// As [`Snapshot::next`]; but this snapshot is gone, so that who may have to
    /// begin again keeps a clone of the one it began with.
    pub fn advanced(self, mut changes: Vec<Change>) -> Result<Self, EngineError> {
        order(&mut changes);
        let revision = Revision(self.revision.0 + 1);
        self.with(changes, revision)
    }

    /// Takes very many changes in, and packs what they made.
    fn filled(
        mut self,
        changes: impl IntoIterator<Item = Change>,
        revision: Revision,
    ) -> Result<Self, EngineError> {
        Arc::make_mut(&mut self.state).fill();
        let mut filled = self.with(changes, revision)?;
        Arc::make_mut(&mut filled.state).settle();
        Ok(filled)
    }

    /// Takes changes in as they come. The state is copied only while another
    /// snapshot has it.
    fn with(
        mut self,
        changes: impl IntoIterator<Item = Change>,
        revision: Revision,
    ) -> Result<Self, EngineError> {
        let mut put: Vec<Arc<StandingCode>> = Vec::new();
        let held = std::mem::replace(&mut self.state, Arc::clone(&self.bare));
        let mut state = Arc::unwrap_or_clone(held);
        for change in changes {
            match change {
                Change::PutPolicy(policy) => {
                    let code = self.compile_standing(&mut state, *policy)?;
                    self.standing.put(Arc::clone(&code));
                    put.push(code);
                }
                Change::RemovePolicy(id) => self.standing.remove(&id),
                change => state.apply(change)?,
            }
        }
        self.validate(put.iter().map(|code| &code.policy))?;
        Ok(Self {
            state: Arc::new(state),
            revision,
            id: new_id(),
            oracle: Arc::default(),
            ..self
        })
    }

    fn compile_standing(
        &self,
        state: &mut State,
        policy: StandingPolicy,
    ) -> Result<Arc<StandingCode>, EngineError> {
        let clash = self.bundle.policy(&policy.id).is_some();
        if clash {
            return Err(EngineError::Policy {
                id: policy.id,
                message: "the bundle has a policy of this id".to_owned(),
            });
        }
        let program = &self.program;
        on_large_stack(|| program.standing(&self.bundle, state, policy)).map(Arc::new)
    }

    fn validate<'p>(
        &self,
        policies: impl Iterator<Item = &'p StandingPolicy>,
    ) -> Result<(), EngineError> {
        let mut set = PolicySet::new();
        for policy in policies {
            // Put twice in one go: the later one counts.
            let _ = set.remove_static(policy.policy.id().clone());
            set.add(policy.policy.clone())
                .map_err(|error| EngineError::Policy {
                    id: policy.id.clone(),
                    message: chain(&error),
                })?;
        }
        if set.is_empty() {
            return Ok(());
        }
        let validator = Validator::new(self.bundle.schema().clone());
        let result = on_large_stack(|| validator.validate(&set, ValidationMode::Strict));
        match result.validation_errors().next() {
            Some(error) => Err(EngineError::Policy {
                id: error.policy_id().to_string(),
                message: chain(error),
            }),
            None => Ok(()),
        }
    }

    /// The bundle it decides by.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// The facts it decides on, as data.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts::new(&self.state, self.standing.policies())
    }

    /// Its position.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Ids of the policies that the reference evaluator runs because the compiler
    /// does not lower them, each with the reason.
    #[must_use]
    pub fn not_lowered(&self) -> &[(String, String)] {
        self.program.not_lowered()
    }

    /// cedar-policy over the same facts: the oracle. Built whole when it is first
    /// asked for, which takes seconds and gigabytes for a million entities.
    ///
    /// # Errors
    /// [`EngineError`] if cedar-policy refuses what the engine took; the tests
    /// hold that this does not come about.
    pub fn reference(&self) -> Result<Arc<Reference>, EngineError> {
        self.oracle
            .get_or_init(|| Reference::new(&self.bundle, self.facts()).map(Arc::new))
            .clone()
    }

    /// Whether the oracle was ever asked for.
    #[cfg(test)]
    pub(crate) fn has_reference(&self) -> bool {
        self.oracle.get().is_some()
    }

    /// Bytes of engine state, and bytes of the texts of ids besides.
    #[must_use]
    pub fn bytes(&self) -> (usize, usize) {
        self.state.bytes()
    }

    /// Packs what was written since it was packed. Answers stay the same; after a
    /// load, memory and decisions profit.
    #[must_use]
    pub fn settled(mut self) -> Self {
        Arc::make_mut(&mut self.state).settle();
        Self {
            id: new_id(),
            ..self
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

fn new_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Puts ending memberships first, unless a later change begins them again.
fn order(changes: &mut Vec<Change>) {
    let ends = |change: &Change| matches!(change, Change::RemoveEdge { .. });
    if !changes.iter().any(ends) {
        return;
    }
    let mut begun: HashSet<(&EntityUid, &EntityUid)> = HashSet::new();
    let mut early = vec![false; changes.len()];
    for (change, early) in changes.iter().zip(&mut early) {
        match change {
            Change::AddEdge { child, parent, .. } => {
                begun.insert((child, parent));
            }
            Change::PutEntity(entity) => {
                begun.extend(entity.parents.keys().map(|parent| (&entity.uid, parent)));
            }
            // One that was begun before it ends keeps its place after that.
            Change::RemoveEdge { child, parent } => *early = !begun.contains(&(child, parent)),
            _ => {}
        }
    }
    let mut marked: Vec<(bool, Change)> = early.into_iter().zip(changes.drain(..)).collect();
    marked.sort_by_key(|(early, _)| !early);
    changes.extend(marked.into_iter().map(|(_, change)| change));
}
