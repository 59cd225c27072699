//! Everything above an entity, as cheaply as it can be had.

use std::collections::BTreeSet;

use crate::engine::eval::Machine;
use crate::engine::state::{Eid, Row, State};

/// Entities above another, borrowed from its row or collected.
#[derive(Debug, Clone)]
pub(crate) enum Above<'a> {
    Row(&'a [u32]),
    All(Vec<Eid>),
}

impl Above<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Eid> + '_ {
        let (numbers, eids): (&[u32], &[Eid]) = match self {
            Self::Row(numbers) => (numbers, &[]),
            Self::All(eids) => (&[], eids),
        };
        numbers.iter().map(|n| Eid(*n)).chain(eids.iter().copied())
    }
}

impl<'a> Machine<'a> {
    /// All that an entity is in, itself left out.
    pub(crate) fn above(&self, eid: Eid) -> Above<'a> {
        if self.query.has_own() {
            return Above::All(self.slowly_above(eid));
        }
        let (state, row) = (self.state, self.row(eid));
        let nearest = state.layout_of(eid).and_then(|layout| layout.nearest);
        self.above_row(eid, row, nearest)
    }

    /// The same of the resource.
    pub(crate) fn above_resource(&self) -> Above<'a> {
        match self.query.has_own() {
            true => self.above(self.query.resource),
            false => self.above_row(self.query.resource, self.resource, self.nearest_resource),
        }
    }

    #[inline]
    fn above_row(
        &self,
        eid: Eid,
        row: Option<Row<'a>>,
        nearest: Option<(usize, usize)>,
    ) -> Above<'a> {
        let state = self.state;
        // A wide edge on the way makes more ancestors than the row knows.
        match State::row_ancestors(row, nearest) {
            Some(numbers) if !state.is_below_wide(eid, numbers) => Above::Row(numbers),
            _ => Above::All(state.all_ancestors(eid).into_iter().collect()),
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
