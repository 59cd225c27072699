//! Standing policies of a snapshot, found by the scope they hold at.

use std::sync::Arc;

use foldhash::fast::RandomState;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;

use super::StandingPolicy;
use super::compile::StandingCode;
use super::state::{Eid, StandingPolicies};

/// Standing policies. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    policies: StandingPolicies,
    codes: imbl::OrdMap<String, Arc<StandingCode>>,
    /// Ids by the entity that the resource must be in; none: they may always apply.
    by_scope: ByScope,
}

type ByScope = GenericHashMap<Option<Eid>, imbl::OrdSet<String>, RandomState, DefaultSharedPtr>;

impl Standing {
    pub(super) fn put(&mut self, code: Arc<StandingCode>) {
        let id = code.policy.id.clone();
        self.remove(&id);
        self.policies
            .insert(id.clone(), Arc::new(StandingPolicy::clone(&code.policy)));
        self.by_scope
            .entry(code.scope)
            .or_default()
            .insert(id.clone());
        self.codes.insert(id, code);
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.policies.remove(id);
        let Some(code) = self.codes.remove(id) else {
            return;
        };
        if let Some(ids) = self.by_scope.get_mut(&code.scope) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_scope.remove(&code.scope);
            }
        }
    }

    pub(super) fn policies(&self) -> &StandingPolicies {
        &self.policies
    }

    pub(super) fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    pub(super) fn codes(&self) -> impl Iterator<Item = &Arc<StandingCode>> {
        self.codes.values()
    }

    /// Those that hold at a scope, or wherever.
    pub(super) fn at(&self, scope: Option<Eid>) -> impl Iterator<Item = &Arc<StandingCode>> {
        let ids = self.by_scope.get(&scope).into_iter().flatten();
        ids.filter_map(|id| self.codes.get(id))
    }
}
