//! Everything above an entity, as cheaply as it can be had.

use std::collections::BTreeSet;

use crate::engine::eval::Machine;
use crate::engine::state::{Eid, Lower, Narrow};

/// Entities above another, borrowed from its row or collected.
#[derive(Debug, Clone)]
pub(crate) enum Above<'a> {
    Narrow(Narrow<'a>),
    All(Vec<Eid>),
}

impl Above<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Eid> + '_ {
        let (narrow, all): (_, &[Eid]) = match self {
            Self::Narrow(narrow) => (Some(narrow), &[]),
            Self::All(all) => (None, all),
        };
        let narrow = narrow.into_iter().flat_map(Narrow::iter);
        narrow.chain(all.iter().copied())
    }
}

impl<'a> Machine<'a> {
    /// All that an entity is in, itself left out.
    pub(crate) fn above(&self, eid: Eid) -> Above<'a> {
        let moved = match eid == self.query.principal {
            true => self.query.may_move_principal(),
            false => self.query.has_own(),
        };
        if moved {
            return Above::All(self.slowly_above(eid));
        }
        let state = self.state;
        let nearest = state.layout_of(eid).and_then(|layout| layout.nearest);
        self.above_lower(eid, &state.lower(eid, self.row(eid), nearest))
    }

    /// The same of the resource.
    #[inline]
    pub(crate) fn above_resource(&self) -> Above<'a> {
        let resource = self.query.resource;
        let nearest = self.environment.nearest_resource;
        if self.query.has_own() {
            return match self.query.placed_resource() {
                Some(row) => Above::Narrow(Narrow::of(row, nearest)),
                None => self.above(resource),
            };
        }
        let lower = self.state.lower(resource, self.resource(), nearest);
        self.above_lower(resource, &lower)
    }

    #[inline]
    fn above_lower(&self, eid: Eid, lower: &Lower<'a>) -> Above<'a> {
        // A wide edge on the way makes more ancestors than the row knows.
        match self.state.is_below_wide(lower) {
            false => Above::Narrow(lower.above),
            true => Above::All(self.state.all_ancestors(eid).into_iter().collect()),
        }
    }

    /// The same with the rows that the query brings.
    fn slowly_above(&self, from: Eid) -> Vec<Eid> {
        let mut found = BTreeSet::new();
        let mut open = vec![from];
        while let Some(eid) = open.pop() {
            let own = self.query.own_ancestors(self.state, eid);
            let own = own.filter(|_| !self.state.is_known(eid));
            let above = own.unwrap_or_else(|| self.state.all_ancestors(eid).into_iter().collect());
            open.extend(above.into_iter().filter(|eid| found.insert(*eid)));
        }
        found.remove(&from);
        found.into_iter().collect()
    }
}
