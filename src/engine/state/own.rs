//! Rows that only one query has.

use std::collections::BTreeSet;

use super::eid::{Eid, TypeId};
use super::lists::{Kind, Lists, entry};
use super::segment::{Row, Stored};
use super::table::{State, flag};
use super::write::{Cells, Numbers, Refusal, fill, set_bit, tags_of};
use crate::engine::EntityData;

/// An entity as a query brings it, in the place of the stored one.
#[derive(Debug, Clone)]
pub(crate) struct OwnRow(Stored);

impl OwnRow {
    /// Lays attributes and tags over what is stored. Memberships are those stored.
    pub(crate) fn new(
        state: &State,
        numbers: &mut impl Numbers,
        (eid, ty): (Eid, TypeId),
        entity: &EntityData,
    ) -> Result<Self, Refusal> {
        let layouts = state.layouts();
        let layout = layouts.of(ty).ok_or("the schema has no such entity type")?;
        let mut new = Cells::new(layout.cells);
        fill(
            layouts,
            numbers,
            &layout.record,
            &entity.attrs,
            false,
            &mut new,
        )?;
        if let Some(tags) = tags_of(layouts, numbers, layout, entity)? {
            let number = numbers.value_number(tags);
            set_bit(&mut new.cells, layout.tags_present);
            if let Some(cell) = layout
                .tags
                .as_ref()
                .and_then(|(at, _)| new.cells.get_mut(*at))
            {
                *cell = number;
            }
        }
        let stored = state.row(eid);
        let mut lists = match stored {
            Some(row) => row.lists().to_owned(),
            None => Lists::Array(Vec::new()),
        };
        let kept: Vec<u64> = lists.borrow().iter().collect();
        for set in kept
            .into_iter()
            .filter(|entry| super::write::is_set(super::lists::kind_of(*entry)))
        {
            lists.remove(set);
        }
        for (kind, item) in &new.sets {
            lists.insert(entry(*kind, *item, 0));
        }
        let flags = flag::VIA | flag::LINKS | flag::PARENTS | flag::WIDE;
        if let Some(row) = stored {
            let from = layout.nearest.map_or(layout.cells, |(at, _)| at);
            for (n, (cell, old)) in new.cells.iter_mut().zip(row.cells).enumerate() {
                match n {
                    0 => *cell |= old & flags,
                    n if n >= from => *cell = *old,
                    _ => {}
                }
            }
        }
        set_bit(&mut new.cells, 0);
        Ok(Self(Stored::local(new.cells.into_boxed_slice(), lists)))
    }

    /// Says what is above an entity that nobody stores.
    pub(crate) fn set_ancestors(&mut self, state: &State, ty: TypeId, all: &BTreeSet<Eid>) {
        let nearest = state.layouts().of(ty).and_then(|layout| layout.nearest);
        let Some((at, _)) = nearest else {
            return;
        };
        for eid in all {
            self.0.lists.insert(entry(Kind::ANCESTOR, *eid, 0));
        }
        if let Some(count) = self.0.cells.get_mut(at) {
            *count = super::within::SPILLED;
        }
    }

    pub(crate) fn row(&self) -> Row<'_> {
        Row::alone(&self.0)
    }
}
