//! What deciding will need, asked for before it is needed.
//!
//! A question comes from row to row: from principal and resource to those that
//! these name and to the scopes above, and from there to lists. Which rows these
//! are, the environment knows before any policy is run, so that what would be
//! waited for one after the other comes beside each other; in a batch, for some
//! questions at a time. Deliberately not here: any answer.

use super::compile::Environment;
use super::compile::graph::{Cell, Row as At};
use super::state::{Eid, Narrow, Row, State};
use super::{Query, Snapshot};

/// What is asked for together. Each stage waits for the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The rows of principal and resource.
    Rows,
    /// The rows that those name and policies read, and of the scopes above.
    Named,
    /// The lists of those, and the rows that they name again.
    Lists,
}

impl Stage {
    pub(super) const ALL: [Self; 3] = [Self::Rows, Self::Named, Self::Lists];
}

impl Query {
    /// Asks for what deciding it will need.
    pub(super) fn ask_ahead(&self, snapshot: &Snapshot, stage: Stage) {
        let state = snapshot.state();
        if stage == Stage::Rows {
            state.ask_for_row(self.principal);
            state.ask_for_row(self.resource);
        } else if let Some(environment) = snapshot.program().environment(self.environment) {
            let row = |eid| state.row(eid).unwrap_or(Row::bare(&[]));
            let resource = self.placed_resource();
            let rows = [
                row(self.principal),
                resource.unwrap_or_else(|| row(self.resource)),
            ];
            environment.ask_ahead(state, rows, stage);
        }
    }
}

impl Environment {
    /// The same from the rows of principal and resource on. It may be for some more
    /// than deciding comes to, where an attribute is not there.
    #[inline]
    pub(super) fn ask_ahead(&self, state: &State, rows: [Row<'_>; 2], stage: Stage) {
        let ask = |row: Option<Row<'_>>| match (stage, row) {
            (Stage::Lists, Some(row)) => row.ask_for_lists(),
            (_, Some(row)) => row.ask(),
            (_, None) => {}
        };
        let [_, resource] = rows;
        if self.has_templates
            && let Narrow::Row(above) = Narrow::of(resource, self.nearest_resource)
        {
            above.iter().for_each(|scope| ask(state.row(Eid(*scope))));
        }
        if stage == Stage::Lists {
            for (cell, at) in &self.further {
                let named = come_to(state, rows, *cell);
                let number = named.and_then(|row| row.cells.get(usize::from(*at)));
                number.inspect(|number| state.ask_for_row(Eid(**number)));
            }
        } else {
            self.hops
                .iter()
                .for_each(|cell| ask(come_to(state, rows, *cell)));
        }
    }
}

/// The row that a cell of principal or resource leads to.
#[inline]
fn come_to<'s>(
    state: &'s State,
    [principal, resource]: [Row<'_>; 2],
    cell: Cell,
) -> Option<Row<'s>> {
    let row = match cell.of {
        At::Principal => principal,
        At::Resource => resource,
        At::Context => return None,
    };
    state.row(Eid(*row.cells.get(usize::from(cell.at))?))
}
