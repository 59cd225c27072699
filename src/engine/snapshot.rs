//! Everything at one position: bundle, entities, links, policies.

use std::fmt;
use std::sync::Arc;

use super::reference::Reference;
use super::{EngineError, Store};
use crate::policy::Bundle;

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
    store: Arc<Store>,
    reference: Arc<Reference>,
    revision: Revision,
}

impl Snapshot {
    /// Checks and freezes a state.
    ///
    /// # Errors
    /// [`EngineError`] naming the first entity, link or policy that does not fit
    /// the bundle. Nothing is half-taken.
    pub fn new(
        bundle: Arc<Bundle>,
        store: Arc<Store>,
        revision: Revision,
    ) -> Result<Self, EngineError> {
        let reference = Arc::new(Reference::new(&bundle, &store)?);
        Ok(Self {
            bundle,
            store,
            reference,
            revision,
        })
    }

    /// The bundle it decides by.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// The facts it decides on.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Its position.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The reference evaluator over this state.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }
}
