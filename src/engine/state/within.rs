//! Whether one entity is in another: what decisions ask of the hierarchy.
//!
//! How memberships are kept so that this is a look into one row, and into one more
//! where an edge is wide, is in `hierarchy.rs`. Deliberately not here: any change.

use super::eid::{Eid, TypeId};
use super::lists::{Kind, ListsRef, entity_of};
use super::segment::Row;
use super::table::{State, flag};

/// Below so many entries an upper end is searched from itself.
const FEW: usize = 32;

/// Marks ancestors that did not fit into the row.
pub(super) const SPILLED: u32 = u32::MAX;

/// All that an entity is in by narrow edges, itself left out, as its row has them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Narrow<'a> {
    Row(&'a [u32]),
    /// Among the entries of the row, because they are too many.
    Listed(ListsRef<'a>),
}

/// An entity that may be in others, looked at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lower<'a> {
    eid: Eid,
    pub(crate) above: Narrow<'a>,
    /// A bit for it and for each of its ancestors by narrow edges: what has another
    /// bit is none of them. All bits if nobody counted.
    bits: u64,
    /// Whether it can have wide edges, of its own or above it.
    wide: bool,
}

impl<'a> Narrow<'a> {
    /// Of a row; `nearest` is where the layout of its type says that they stand.
    #[inline]
    pub(crate) fn of(row: Row<'a>, nearest: Option<(usize, usize)>) -> Self {
        let Some((at, _)) = nearest else {
            return Self::Row(&[]);
        };
        let Some((count, after)) = row.cells.get(at..).and_then(<[u32]>::split_first) else {
            return Self::Row(&[]);
        };
        match *count {
            SPILLED => Self::Listed(row.lists()),
            count => Self::Row(after.get(..count as usize).unwrap_or_default()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Eid> + use<'a> {
        let (few, many): (&'a [u32], _) = match self {
            Self::Row(numbers) => (numbers, None),
            Self::Listed(lists) => (&[], Some(lists.of(Kind::ANCESTOR))),
        };
        let many = many.into_iter().flatten().map(entity_of);
        few.iter().map(|number| Eid(*number)).chain(many)
    }

    #[inline]
    fn contains(&self, eid: Eid) -> bool {
        match self {
            Self::Row(numbers) => numbers.contains(&eid.0),
            Self::Listed(lists) => lists.has(Kind::ANCESTOR, eid),
        }
    }
}

impl<'a> Lower<'a> {
    /// The same, for many tests.
    #[inline]
    pub(crate) fn counted(mut self) -> Self {
        if let Narrow::Row(numbers) = self.above {
            let bits = numbers.iter().map(|number| bit(Eid(*number)));
            self.bits = bits.fold(bit(self.eid), |all, bit| all | bit);
        }
        self
    }

    /// Whether none of some entities with these bits is it or above it by narrow
    /// edges.
    #[inline]
    pub(crate) fn is_far_from(&self, bits: u64) -> bool {
        self.bits & bits == 0
    }

    /// Whether it is an entity, or in it by narrow edges.
    #[inline]
    pub(crate) fn is_near(&self, upper: Eid) -> bool {
        !self.is_far_from(bit(upper)) && (upper == self.eid || self.above.contains(upper))
    }
}

/// The bit of an entity.
#[inline]
pub(crate) fn bit(eid: Eid) -> u64 {
    1 << (eid.0 & 63)
}

impl State {
    /// An entity by its row; `nearest` is where its layout keeps ancestors.
    #[inline]
    pub(crate) fn lower<'a>(
        &self,
        eid: Eid,
        row: Row<'a>,
        nearest: Option<(usize, usize)>,
    ) -> Lower<'a> {
        Lower {
            eid,
            above: Narrow::of(row, nearest),
            bits: u64::MAX,
            wide: self.can_be_below_wide(eid),
        }
    }

    /// Whether one entity is the other or in it.
    pub(crate) fn is_in(&self, lower: Eid, upper: Eid) -> bool {
        if lower == upper {
            return true;
        }
        let (Some(row), Some(layout)) = (self.row(lower), self.layout_of(lower)) else {
            return false;
        };
        self.is_below(&self.lower(lower, row, layout.nearest), upper)
    }

    /// The same of an entity that was looked at.
    #[inline]
    pub(crate) fn is_below(&self, lower: &Lower<'_>, upper: Eid) -> bool {
        lower.is_near(upper) || self.is_below_widely(lower, upper)
    }

    /// Whether an entity is in another over some wide edge.
    #[inline]
    pub(crate) fn is_below_widely(&self, lower: &Lower<'_>, upper: Eid) -> bool {
        let above_wide = |ty| self.wide_types.above.contains(&ty);
        lower.wide && self.type_of(upper).is_some_and(above_wide) && self.look_widely(lower, upper)
    }

    fn look_widely(&self, lower: &Lower<'_>, upper: Eid) -> bool {
        let Some(row) = self.row(upper).filter(|row| row.has_flag(flag::VIA)) else {
            return false;
        };
        let lists = row.lists();
        if let Some(via) = lists.few(Kind::VIA, FEW) {
            return via.iter().any(|via| match entity_of(*via) {
                via if via == upper => self.reaches(lower, lists),
                via => {
                    let row = self.row(via);
                    row.is_some_and(|row| self.reaches(lower, row.lists()))
                }
            });
        }
        // Many ways lead up here: go up from the few wide entities below.
        let wide = lower.above.iter().chain([lower.eid]);
        let parents = wide.flat_map(|eid| self.entries(eid, Kind::WIDE_PARENT));
        parents
            .map(entity_of)
            .any(|parent| self.is_in(parent, upper))
    }

    /// Whether an entity is in some child by a wide edge of that whose lists these
    /// are.
    fn reaches(&self, lower: &Lower<'_>, lists: ListsRef<'_>) -> bool {
        if let Some(children) = lists.few(Kind::WIDE_CHILD, FEW) {
            let mut children = children.iter();
            return children.any(|child| self.is_below(lower, entity_of(*child)));
        }
        let is_child = |eid| lists.has(Kind::WIDE_CHILD, eid);
        if lower.above.iter().chain([lower.eid]).any(is_child) {
            return true;
        }
        // The child itself may be reached over another wide edge.
        let mut children = lists.of(Kind::WIDE_CHILD).map(entity_of);
        children.any(|child| self.is_below_widely(lower, child))
    }

    /// Whether entities of some of the types can be reached from one over a wide
    /// edge.
    #[inline]
    pub(crate) fn are_above_wide(&self, lower: &Lower<'_>, types: &[TypeId]) -> bool {
        lower.wide && types.iter().any(|ty| self.wide_types.above.contains(ty))
    }

    #[inline]
    fn can_be_below_wide(&self, eid: Eid) -> bool {
        let below_wide = |ty| self.wide_types.below.contains(&ty);
        !self.wide.is_empty() && self.type_of(eid).is_some_and(below_wide)
    }

    /// Whether an entity has a wide edge of its own or, by its narrow ancestors,
    /// above it.
    #[inline]
    pub(crate) fn is_below_wide(&self, lower: &Lower<'_>) -> bool {
        let has = |eid| self.row(eid).is_some_and(|row| row.has_flag(flag::WIDE));
        lower.wide && (has(lower.eid) || lower.above.iter().any(has))
    }
}
