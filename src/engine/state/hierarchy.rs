//! Membership: who is in what, kept as edges come and go.
//!
//! Every entity knows all its ancestors by narrow edges, so that `in` is a look
//! into one row. An entity with very many parents of one type (the group of a
//! partner with 100,000 customers is in 100,000 tenant roles) would hand all of
//! them down to each of its members; its edges to parents of that type are
//! *wide* instead and are not handed down. A wide edge is known at its upper
//! end: each entity at or above it keeps, as [`Kind::VIA`], the lower entities
//! that have wide children, and `in` goes from there to the few children by wide
//! edges. So the last hop is tested from the side where the numbers are small.
//!
//! INVARIANT (closure): the ancestors in a row are exactly those reached over one
//! or more narrow edges, and `q` is in the `VIA` list of `y` exactly if `q` has
//! wide children and is `y` or has `y` among its ancestors.
//! INVARIANT (no cycles): no entity is in itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use smallvec::SmallVec;

use super::eid::{Eid, TypeId};
use super::lists::{Kind, entity_of, more_of};
use super::segment::Row;
use super::table::State;
use super::within::{Narrow, SPILLED};
use crate::engine::EdgeKind;

/// Parents of one type above which an entity's edges to that type are wide.
const NARROW_MAX: usize = 16;

/// Why an edge was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EdgeRefused {
    /// The types do not go together.
    Types,
    /// The parent is in the child.
    Cycle,
}

/// A few entities.
type Eids = SmallVec<[Eid; 8]>;

impl State {
    pub(crate) fn entries(&self, eid: Eid, kind: Kind) -> super::lists::Entries<'_> {
        let lists = self.row(eid).map(Row::lists);
        lists.unwrap_or(super::lists::ListsRef::Array(&[])).of(kind)
    }

    /// All ancestors, over wide edges too.
    pub(crate) fn all_ancestors(&self, eid: Eid) -> BTreeSet<Eid> {
        self.walk(eid, [Kind::PARENT, Kind::WIDE_PARENT])
    }

    /// All descendants.
    pub(crate) fn all_descendants(&self, eid: Eid) -> BTreeSet<Eid> {
        self.walk(eid, [Kind::CHILD, Kind::WIDE_CHILD])
    }

    fn walk(&self, from: Eid, kinds: [Kind; 2]) -> BTreeSet<Eid> {
        let mut found = BTreeSet::new();
        let mut open = vec![from];
        while let Some(eid) = open.pop() {
            for kind in kinds {
                for next in self.entries(eid, kind).map(entity_of) {
                    if found.insert(next) {
                        open.push(next);
                    }
                }
            }
        }
        found
    }

    /// Direct parents.
    pub(crate) fn parent_set(&self, eid: Eid) -> BTreeSet<Eid> {
        self.parents_of(eid).map(|(parent, _)| parent).collect()
    }

    /// Makes an action a member of a group; nothing else may call this.
    pub(crate) fn join(&mut self, action: Eid, group: Eid) {
        // The schema was checked for circles.
        let _ = self.add_edge(action, group, EdgeKind::Explicit);
    }

    /// Direct parents, and how each edge came to be.
    pub(crate) fn parents_of(&self, eid: Eid) -> impl Iterator<Item = (Eid, EdgeKind)> + '_ {
        let narrow = self.entries(eid, Kind::PARENT);
        let all = narrow.chain(self.entries(eid, Kind::WIDE_PARENT));
        all.map(|entry| (entity_of(entry), edge_kind(more_of(entry))))
    }

    /// Makes one entity a member of another.
    pub(super) fn add_edge(
        &mut self,
        child: Eid,
        parent: Eid,
        kind: EdgeKind,
    ) -> Result<(), EdgeRefused> {
        let (Some(layout), Some(above)) = (self.layout_of(child), self.type_of(parent)) else {
            return Err(EdgeRefused::Types);
        };
        if !layout.is_action && !layout.parents.contains(&above) {
            return Err(EdgeRefused::Types);
        }
        if self.set_edge_kind(child, parent, kind) {
            return Ok(());
        }
        if self.is_in(parent, child) {
            return Err(EdgeRefused::Cycle);
        }
        self.counts.edges += 1;
        if self.is_wide(child, above) || self.widens(child, above) {
            self.add_wide(child, parent, kind);
        } else {
            self.add(child, Kind::PARENT, parent, edge_number(kind));
            self.add(parent, Kind::CHILD, child, 0);
            self.hand_down(child, parent);
        }
        Ok(())
    }

    /// Ends a membership; one that is not there stays so.
    pub(super) fn remove_edge(&mut self, child: Eid, parent: Eid) {
        for kind in [EdgeKind::Explicit, EdgeKind::Implicit] {
            if self.take(child, Kind::PARENT, parent, edge_number(kind)) {
                self.counts.edges -= 1;
                self.take(parent, Kind::CHILD, child, 0);
                self.recompute(child);
            } else if self.take(child, Kind::WIDE_PARENT, parent, edge_number(kind)) {
                self.counts.edges -= 1;
                self.remove_wide_child(child, parent);
            }
        }
    }

    /// Whether the edge is there; its kind is then this one.
    fn set_edge_kind(&mut self, child: Eid, parent: Eid, kind: EdgeKind) -> bool {
        for list in [Kind::PARENT, Kind::WIDE_PARENT] {
            let lists = self.row(child).map(Row::lists);
            let held = lists.and_then(|lists| lists.at(list, parent).next());
            if let Some(held) = held {
                if more_of(held) != edge_number(kind) {
                    self.take(child, list, parent, more_of(held));
                    self.add(child, list, parent, edge_number(kind));
                }
                return true;
            }
        }
        false
    }

    /// Whether an entity's edges to parents of a type are wide.
    fn is_wide(&self, child: Eid, above: TypeId) -> bool {
        // Few types ever have a wide edge, and all of them are noted.
        let noted = |ty| self.wide_types.below.contains(&ty);
        self.type_of(child).is_some_and(noted) && self.wide.contains(&(child, above))
    }

    /// Turns the edges to a type wide if one more would be too many.
    fn widens(&mut self, child: Eid, above: TypeId) -> bool {
        let of_type = |entry: &u64| self.type_of(entity_of(*entry)) == Some(above);
        let parents = || self.entries(child, Kind::PARENT).filter(of_type);
        if parents().count() < NARROW_MAX {
            return false;
        }
        let held: Vec<u64> = parents().collect();
        self.wide.insert((child, above));
        self.note_wide_types(child, above);
        for entry in &held {
            self.take(child, Kind::PARENT, entity_of(*entry), more_of(*entry));
            self.take(entity_of(*entry), Kind::CHILD, child, 0);
        }
        self.recompute(child);
        for entry in held {
            self.add_wide(child, entity_of(entry), edge_kind(more_of(entry)));
        }
        true
    }

    /// Types only get more: what is noted of one that has no wide edge any more
    /// costs a look, never an answer.
    fn note_wide_types(&mut self, child: Eid, parent: TypeId) {
        let Some(child) = self.type_of(child) else {
            return;
        };
        let layouts = Arc::clone(&self.layouts);
        let types = Arc::make_mut(&mut self.wide_types);
        for (ty, layout) in layouts.types() {
            // Groups of actions are of no declared type.
            let both = layout.is_action;
            if both || ty == child || layout.ancestors.contains(&child) {
                types.below.insert(ty);
            }
            let upper = layouts
                .of(parent)
                .is_some_and(|l| l.ancestors.contains(&ty));
            if both || ty == parent || upper {
                types.above.insert(ty);
            }
        }
    }

    fn add_wide(&mut self, child: Eid, parent: Eid, kind: EdgeKind) {
        self.add(child, Kind::WIDE_PARENT, parent, edge_number(kind));
        let first = self.entries(parent, Kind::WIDE_CHILD).next().is_none();
        self.add(parent, Kind::WIDE_CHILD, child, 0);
        if first {
            for upper in self.narrow_ancestors(parent).into_iter().chain([parent]) {
                self.add(upper, Kind::VIA, parent, 0);
            }
        }
    }

    fn remove_wide_child(&mut self, child: Eid, parent: Eid) {
        self.take(parent, Kind::WIDE_CHILD, child, 0);
        if self.entries(parent, Kind::WIDE_CHILD).next().is_none() {
            for upper in self.narrow_ancestors(parent).into_iter().chain([parent]) {
                self.take(upper, Kind::VIA, parent, 0);
            }
        }
    }

    /// In order.
    fn narrow_ancestors(&self, eid: Eid) -> Eids {
        let row = self.row(eid).zip(self.layout_of(eid));
        let found = row.map(|(row, layout)| Narrow::of(row, layout.nearest));
        found.iter().flat_map(Narrow::iter).collect()
    }

    /// A new narrow edge: everything above goes to everything below.
    fn hand_down(&mut self, child: Eid, parent: Eid) {
        let mut added = self.narrow_ancestors(parent);
        added.push(parent);
        let vias: Eids = self.entries(child, Kind::VIA).map(entity_of).collect();
        for upper in &added {
            for via in &vias {
                self.add(*upper, Kind::VIA, *via, 0);
            }
        }
        for lower in self.narrow_below(child) {
            let mut all = self.narrow_ancestors(lower);
            let held = all.len();
            all.extend_from_slice(&added);
            let all = in_order(&mut all);
            if all.len() > held {
                self.set_ancestors(lower, all);
            }
        }
    }

    /// Computes the ancestors of an entity and of all below it anew.
    fn recompute(&mut self, from: Eid) {
        for lower in self.narrow_below(from) {
            let mut new = Eids::new();
            for parent in self.entries(lower, Kind::PARENT).map(entity_of) {
                new.extend(self.narrow_ancestors(parent));
                new.push(parent);
            }
            let new = in_order(&mut new);
            let old = self.narrow_ancestors(lower);
            if old.as_slice() == new {
                continue;
            }
            self.set_ancestors(lower, new);
            if self.entries(lower, Kind::WIDE_CHILD).next().is_some() {
                for gone in without(&old, new) {
                    self.take(gone, Kind::VIA, lower, 0);
                }
                for come in without(new, &old) {
                    self.add(come, Kind::VIA, lower, 0);
                }
            }
        }
    }

    /// An entity and all below it by narrow edges, each after its parents.
    fn narrow_below(&self, from: Eid) -> Eids {
        let mut order = Eids::new();
        if self.entries(from, Kind::CHILD).next().is_none() {
            order.push(from);
            return order;
        }
        let mut visited = BTreeSet::new();
        let mut open = vec![(from, false)];
        while let Some((eid, done)) = open.pop() {
            if done {
                order.push(eid);
                continue;
            }
            // Marked when it is come to, not when it is put on the list: it must
            // end up before all that is below it, on the longest way too.
            if !visited.insert(eid) {
                continue;
            }
            open.push((eid, true));
            let children = self.entries(eid, Kind::CHILD).map(entity_of);
            open.extend(
                children
                    .filter(|c| !visited.contains(c))
                    .map(|c| (c, false)),
            );
        }
        order.reverse();
        order
    }

    /// `all` is in order.
    fn set_ancestors(&mut self, eid: Eid, all: &[Eid]) {
        let Some((at, room)) = self.layout_of(eid).and_then(|layout| layout.nearest) else {
            return;
        };
        let few = all.len() <= room;
        let held = self.row(eid).and_then(|row| row.cells.get(at));
        // Otherwise there are no entries, and will be none.
        if !few || held == Some(&SPILLED) {
            let spilled: Eids = self.entries(eid, Kind::ANCESTOR).map(entity_of).collect();
            let listed = if few { &[] } else { all };
            for gone in without(&spilled, listed) {
                self.take(eid, Kind::ANCESTOR, gone, 0);
            }
            for come in without(listed, &spilled) {
                self.add(eid, Kind::ANCESTOR, come, 0);
            }
        }
        let count = if few {
            u32::try_from(all.len()).unwrap_or(SPILLED)
        } else {
            SPILLED
        };
        let row = self.edit(eid);
        let Some(cells) = row.and_then(|row| row.cells.get_mut(at..=at + room)) else {
            return;
        };
        let numbers = all.iter().map(|eid| eid.0).chain(std::iter::repeat(0));
        let numbers = if few {
            numbers.take(room)
        } else {
            numbers.take(0)
        };
        for (cell, number) in cells.iter_mut().zip([count].into_iter().chain(numbers)) {
            *cell = number;
        }
    }
}

fn in_order(eids: &mut Eids) -> &[Eid] {
    eids.sort_unstable();
    eids.dedup();
    eids
}

/// What of some entities is not among others; both are in order.
fn without<'e>(all: &'e [Eid], others: &'e [Eid]) -> impl Iterator<Item = Eid> + 'e {
    let mut others = others.iter().peekable();
    let gone = all.iter().filter(move |eid| {
        while others.next_if(|other| other < eid).is_some() {}
        others.peek() != Some(eid)
    });
    gone.copied()
}

fn edge_number(kind: EdgeKind) -> u16 {
    match kind {
        EdgeKind::Explicit => 0,
        EdgeKind::Implicit => 1,
    }
}

fn edge_kind(number: u16) -> EdgeKind {
    match number {
        0 => EdgeKind::Explicit,
        _ => EdgeKind::Implicit,
    }
}
