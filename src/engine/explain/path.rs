//! The path of memberships from one entity to another.

use std::collections::{BTreeMap, VecDeque};

use cedar_policy::EntityUid;

use super::ground::Ground;
use crate::engine::EdgeKind;
use crate::engine::state::Eid;

/// One entity on a path, and how it was come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The entity.
    pub entity: EntityUid,
    /// Whether the edge that leads here is implicit; `false` for the first.
    pub implicit: bool,
}

/// Where each entity was come to from; nothing for the first.
type Came = BTreeMap<Eid, Option<(Eid, EdgeKind)>>;

impl Ground<'_> {
    /// The shortest path of parents from `from` to any of `to`, both ends included. Of
    /// several the one through the ids that come first.
    pub(super) fn shortest(&self, from: &EntityUid, to: &[EntityUid]) -> Option<Vec<Hop>> {
        let Some(start) = self.eid(from) else {
            let alone = Hop {
                entity: from.clone(),
                implicit: false,
            };
            return to.contains(from).then(|| vec![alone]);
        };
        let to: Vec<Eid> = to.iter().filter_map(|uid| self.eid(uid)).collect();
        let mut came = Came::from([(start, None)]);
        let mut open = VecDeque::from([start]);
        while let Some(here) = open.pop_front() {
            if to.contains(&here) {
                return self.back(&came, here);
            }
            for (parent, kind) in self.parents_towards(here, &to) {
                came.entry(parent).or_insert_with(|| {
                    open.push_back(parent);
                    Some((here, kind))
                });
            }
        }
        None
    }

    /// Direct parents that lead to one of these, in order of their ids. Of very many
    /// parents few do.
    fn parents_towards(&self, eid: Eid, to: &[Eid]) -> Vec<(Eid, EdgeKind)> {
        let parents = self.parents(eid).into_iter();
        let leads = |parent: Eid| to.iter().any(|to| self.may_be_in(parent, *to));
        let leading = parents.filter(|(parent, _)| leads(*parent));
        let mut leading: Vec<(Eid, EdgeKind)> = leading.collect();
        leading.sort_by_cached_key(|(parent, _)| self.uid(*parent));
        leading
    }

    fn back(&self, came: &Came, mut here: Eid) -> Option<Vec<Hop>> {
        let mut path = Vec::new();
        loop {
            let edge = came.get(&here).copied().flatten();
            path.push(Hop {
                entity: self.uid(here)?,
                implicit: matches!(edge, Some((_, EdgeKind::Implicit))),
            });
            match edge {
                Some((before, _)) => here = before,
                None => break,
            }
        }
        path.reverse();
        Some(path)
    }
}
