//! The engine's state as it is being built: entities, edges, links, policies.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;

use super::{Change, EdgeKind, EntityData, Link, StandingPolicy};

/// State between two snapshots. Plain maps: correct first; the compiled core
/// brings its own layout.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Store {
    entities: BTreeMap<EntityUid, EntityData>,
    edges: BTreeMap<EntityUid, BTreeMap<EntityUid, EdgeKind>>,
    links: BTreeSet<Link>,
    policies: BTreeMap<String, StandingPolicy>,
}

impl Store {
    /// Applies one change. Changes are idempotent: adding what is there, or
    /// removing what is not, leaves the state as it is.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::PutEntity(mut entity) => {
                for (parent, kind) in std::mem::take(&mut entity.parents) {
                    self.add_edge(entity.uid.clone(), parent, kind);
                }
                self.entities.insert(entity.uid.clone(), entity);
            }
            Change::RemoveEntity(uid) => {
                self.entities.remove(&uid);
            }
            Change::AddEdge {
                child,
                parent,
                kind,
            } => self.add_edge(child, parent, kind),
            Change::RemoveEdge { child, parent } => {
                if let Some(parents) = self.edges.get_mut(&child) {
                    parents.remove(&parent);
                    if parents.is_empty() {
                        self.edges.remove(&child);
                    }
                }
            }
            Change::AddLink(link) => {
                self.links.insert(link);
            }
            Change::RemoveLink(link) => {
                self.links.remove(&link);
            }
            Change::PutPolicy(policy) => {
                self.policies.insert(policy.id.clone(), *policy);
            }
            Change::RemovePolicy(id) => {
                self.policies.remove(&id);
            }
        }
    }

    fn add_edge(&mut self, child: EntityUid, parent: EntityUid, kind: EdgeKind) {
        self.edges.entry(child).or_default().insert(parent, kind);
    }

    /// An entity with its parents, if it is stored or has parents.
    #[must_use]
    pub fn entity(&self, uid: &EntityUid) -> Option<EntityData> {
        let (stored, edges) = (self.entities.get(uid), self.edges.get(uid));
        if stored.is_none() && edges.is_none() {
            return None;
        }
        let mut entity = stored
            .cloned()
            .unwrap_or_else(|| EntityData::new(uid.clone()));
        entity.parents = edges.cloned().unwrap_or_default();
        Some(entity)
    }

    /// Whether anything is known of an entity.
    #[must_use]
    pub fn knows(&self, uid: &EntityUid) -> bool {
        self.entities.contains_key(uid) || self.edges.contains_key(uid)
    }

    /// All entities with their parents, in order of their ids.
    pub fn entities(&self) -> impl Iterator<Item = EntityData> + '_ {
        let ids: BTreeSet<&EntityUid> = self.entities.keys().chain(self.edges.keys()).collect();
        ids.into_iter().filter_map(|uid| self.entity(uid))
    }

    /// Direct parents of an entity.
    pub fn parents(&self, uid: &EntityUid) -> impl Iterator<Item = (&EntityUid, EdgeKind)> {
        let edges = self.edges.get(uid).into_iter().flatten();
        edges.map(|(parent, kind)| (parent, *kind))
    }

    /// All links, in order.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter()
    }

    /// All standing policies, by id.
    pub fn policies(&self) -> impl Iterator<Item = &StandingPolicy> {
        self.policies.values()
    }

    /// One standing policy by id.
    #[must_use]
    pub fn policy(&self, id: &str) -> Option<&StandingPolicy> {
        self.policies.get(id)
    }

    /// Members of an entity by explicit edges only (A-DAP-06).
    pub fn explicit_members<'a>(
        &'a self,
        parent: &'a EntityUid,
    ) -> impl Iterator<Item = &'a EntityUid> {
        self.edges
            .iter()
            .filter(move |(_, parents)| parents.get(parent) == Some(&EdgeKind::Explicit))
            .map(|(child, _)| child)
    }
}
