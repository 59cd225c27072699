//! The workload that measurements share is what it claims to be: the projection
//! of its facts, with questions whose answers are known.

mod changes;
mod questions;

use std::collections::{BTreeMap, BTreeSet};

use aobo::directory::Profile;
use aobo::engine::{Change, EdgeKind, EntityData, EntityUid, Link, Revision, Snapshot, Value};
use aobo::measure::Workload;

use crate::support;

/// Big enough for every kind of thing, small enough for the reference.
fn workload() -> Workload {
    Workload::new(1, 200)
}

fn snapshot(changes: impl IntoIterator<Item = Change>) -> Snapshot {
    let bundle = support::bundle(Profile::Seed);
    Snapshot::build(bundle, changes, Revision(0)).expect("a sound state")
}

/// What changes add up to.
#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    entities: BTreeMap<EntityUid, BTreeMap<String, Value>>,
    edges: BTreeMap<EntityUid, BTreeMap<EntityUid, EdgeKind>>,
    links: BTreeSet<Link>,
}

impl State {
    fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut state = Self::default();
        for change in changes {
            state.apply(change);
        }
        state
    }

    /// Takes a change that changes something; any other fails.
    #[track_caller]
    fn apply(&mut self, change: Change) {
        let what = format!("{change:?}");
        let changed = match change {
            Change::PutEntity(EntityData {
                uid,
                attrs,
                tags,
                parents,
            }) => {
                assert!(tags.is_empty(), "{what}");
                let edges = parents.into_iter().map(|(parent, kind)| {
                    let edges = self.edges.entry(uid.clone()).or_default();
                    edges.insert(parent, kind)
                });
                let added = edges.filter(Option::is_none).count();
                self.entities.insert(uid, attrs.clone()) != Some(attrs) || added > 0
            }
            Change::RemoveEntity(uid) => self.entities.remove(&uid).is_some(),
            Change::AddEdge {
                child,
                parent,
                kind,
            } => {
                let edges = self.edges.entry(child).or_default();
                edges.insert(parent, kind).is_none()
            }
            Change::RemoveEdge { child, parent } => {
                let edges = self.edges.entry(child.clone()).or_default();
                let removed = edges.remove(&parent).is_some();
                if edges.is_empty() {
                    self.edges.remove(&child);
                }
                removed
            }
            Change::AddLink(link) => self.links.insert(link),
            Change::RemoveLink(link) => self.links.remove(&link),
            Change::PutPolicy(_) | Change::RemovePolicy(_) => panic!("{what}"),
        };
        assert!(changed, "it changes nothing: {what}");
    }

    /// An entity and everything that it is in.
    fn ancestors(&self, uid: &EntityUid) -> BTreeSet<EntityUid> {
        let mut seen = BTreeSet::new();
        let mut open = vec![uid.clone()];
        while let Some(uid) = open.pop() {
            if seen.insert(uid.clone()) {
                let edges = self.edges.get(&uid).into_iter().flatten();
                open.extend(edges.map(|(parent, _)| parent.clone()));
            }
        }
        seen
    }
}

fn is_of(uid: &EntityUid, types: &[&str]) -> bool {
    types.contains(&uid.type_name().to_string().as_str())
}
