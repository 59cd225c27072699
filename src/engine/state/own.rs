//! Rows that only one query has.

use std::collections::BTreeSet;

use smallvec::SmallVec;

use super::eid::{Eid, TypeId};
use super::layout::Slot;
use super::lists::{Kind, Lists, entry};
use super::segment::{Row, Stored};
use super::table::{State, flag};
use super::within::{Narrow, SPILLED};
use super::write::{CELLS, Cells, Numbers, Refusal, fill, has_bit, set_bit, tags_of};
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
            *count = SPILLED;
        }
    }

    /// The row of an entity that has one attribute only and is only in stored ones.
    /// None if the schema has no place for that, or if the state knows more of the
    /// entity than links at it.
    pub(crate) fn placed(
        state: &State,
        (eid, ty): (Eid, TypeId),
        (name, value): (&str, Eid),
        above: &[Eid],
    ) -> Option<Self> {
        let layout = state.layouts().of(ty)?;
        let field = layout.record.field(name)?;
        let others = |bit: &usize| *bit != field.present;
        if layout.record.required.iter().any(others) {
            return None;
        }
        let mut cells = SmallVec::<[u32; CELLS]>::from_elem(0, layout.cells);
        set_bit(&mut cells, 0);
        set_bit(&mut cells, field.present);
        match field.slot {
            Slot::Entity(at, of) if state.type_of(value) == Some(of) => {
                *cells.get_mut(at)? = value.0;
            }
            _ => return None,
        }
        let mut lists = Lists::default();
        if let Some(row) = state.row(eid) {
            let more = flag::STORED | flag::PARENTS | flag::VIA | flag::WIDE;
            let children = [Kind::CHILD, Kind::WIDE_CHILD];
            if row.has_flag(more) || children.iter().any(|k| row.lists().of(*k).next().is_some()) {
                return None;
            }
            lists = row.lists().to_owned();
            *cells.first_mut()? |= row.cells.first()? & flag::LINKS;
        }
        let (at, room) = layout.nearest?;
        let (count, nearest) = cells.get_mut(at..)?.split_first_mut()?;
        if above.len() <= room {
            *count = u32::try_from(above.len()).ok()?;
            let cells = nearest.iter_mut().zip(above);
            cells.for_each(|(cell, eid)| *cell = eid.0);
        } else {
            *count = SPILLED;
            for eid in above {
                lists.insert(entry(Kind::ANCESTOR, *eid, 0));
            }
        }
        Some(Self(Stored::local(cells.as_slice().into(), lists)))
    }

    pub(crate) fn row(&self) -> Row<'_> {
        Row::alone(&self.0)
    }
}

impl State {
    /// The entity in an attribute of a stored one.
    pub(crate) fn inheritable(&self, eid: Eid, name: &str) -> Option<Eid> {
        let row = self.row(eid).filter(|row| row.has_flag(flag::STORED))?;
        let field = self.layout_of(eid)?.record.field(name)?;
        let Slot::Entity(at, _) = field.slot else {
            return None;
        };
        let number = row
            .cells
            .get(at)
            .filter(|_| has_bit(row.cells, field.present));
        number.map(|number| Eid(*number))
    }

    /// An entity and all that it is in; none if that is more than its row tells.
    pub(crate) fn with_ancestors(&self, eid: Eid) -> Option<impl Iterator<Item = Eid> + '_> {
        let nearest = self.layout_of(eid)?.nearest;
        let row = self.row(eid)?;
        let all = !self.is_below_wide(&self.lower(eid, row, nearest));
        all.then(|| std::iter::once(eid).chain(Narrow::of(row, nearest).iter()))
    }
}
