//! The one place that knows how snapshots are made and changed.

use std::sync::Arc;

use aobo::engine::reference::{Evaluation, Reference};
use aobo::engine::{Change, EngineError, EntityData, Link, Problem, Request, Revision, Snapshot};
use aobo::policy::Bundle;

/// A snapshot of nothing but these changes.
pub(super) fn build(
    bundle: &Arc<Bundle>,
    changes: impl IntoIterator<Item = Change>,
) -> Result<Snapshot, EngineError> {
    Snapshot::build(Arc::clone(bundle), changes, Revision(0))
}

/// The snapshot after these changes; the one before stays as it is.
pub(super) fn next(snapshot: &Snapshot, changes: Vec<Change>) -> Result<Snapshot, EngineError> {
    snapshot.next(changes)
}

/// The same, written in place where no other snapshot is in the way.
pub(super) fn advanced(snapshot: Snapshot, changes: Vec<Change>) -> Result<Snapshot, EngineError> {
    snapshot.advanced(changes)
}

/// Other facts under the policies of a snapshot.
pub(super) fn rebuilt(snapshot: &Snapshot, changes: Vec<Change>) -> Result<Snapshot, EngineError> {
    snapshot.rebuilt(changes, Revision(0))
}

/// The same snapshot, packed.
pub(super) fn settled(snapshot: &Snapshot) -> Snapshot {
    snapshot.clone().settled()
}

/// cedar-policy over the facts of a snapshot.
pub(super) struct Oracle(Arc<Reference>);

impl Oracle {
    pub(super) fn of(snapshot: &Snapshot) -> Result<Self, EngineError> {
        Ok(Self(snapshot.reference()?))
    }

    pub(super) fn evaluate(&self, request: &Request) -> Result<Evaluation, Problem> {
        self.0.evaluate(request)
    }

    pub(super) fn entities(&self, request: &Request) -> cedar_policy::Entities {
        let entities = self.0.entities_for(request);
        entities.expect("entities that fit").into_owned()
    }
}

/// All that is known of entities, in order of their ids.
pub(super) fn entities(snapshot: &Snapshot) -> Vec<EntityData> {
    let mut entities: Vec<EntityData> = snapshot.facts().entities().collect();
    entities.sort_by(|a, b| a.uid.cmp(&b.uid));
    entities
}

/// All links, in order.
pub(super) fn links(snapshot: &Snapshot) -> Vec<Link> {
    let mut links: Vec<Link> = snapshot.facts().links().collect();
    links.sort();
    links
}

/// The ids of all standing policies, in order.
pub(super) fn standing(snapshot: &Snapshot) -> Vec<String> {
    let policies = snapshot.facts().policies();
    policies.map(|policy| policy.id.clone()).collect()
}
